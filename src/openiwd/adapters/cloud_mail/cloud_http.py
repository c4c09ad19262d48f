"""Calls of a mail provider's API: a token, another one when it is refused, back-off as asked, time-outs."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

import httpx
import msgspec

from openiwd.ports.mail_provider import AccessTokens, MailProviderError

TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
T = TypeVar("T")
TRIES: Final = 4
LOOKS: Final = 4
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
"""Who asks for a longer one gets it from the caller, who tells it as an error meanwhile."""
_LIMITED: Final = ("ratelimitexceeded", "userratelimitexceeded", "quotaexceeded", "toomanyrequests")


class CloudError(Exception):
    """The provider's answer that is no success; `status` 0: there was none."""

    def __init__(
        self, status: int, reason: str, *, retry_after: float | None = None, reached: bool = True
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
        self.reached = reached
        """Whether the request may have arrived."""
        self.is_limit = status == 429 or (
            status == 403 and any(word in reason.replace(" ", "").lower() for word in _LIMITED)
        )

    @property
    def was_put_off(self) -> bool:
        """The provider says that it did nothing, and that later it may."""
        return self.is_limit or (self.status == 503 and self.retry_after is not None) or not self.reached

    @property
    def did_nothing(self) -> bool:
        """Whether the provider certainly has not done what was asked for."""
        return self.was_put_off or 400 <= self.status < 500

    @property
    def waits(self) -> bool:
        """Of one that did nothing: whether that may change without another request, as rights and limits do."""
        return self.was_put_off or self.status in (401, 403, 408)

    @property
    def passes(self) -> bool:
        """Whether it is worth another try."""
        return self.was_put_off or self.status == 0 or self.status >= 500


class CloudHttp:
    """One mailbox's calls. `first_pause` is shorter in tests."""

    def __init__(
        self,
        name: str,
        base_url: str,
        tokens: AccessTokens,
        *,
        headers: dict[str, str] | None = None,
        first_pause: float = FIRST_PAUSE_SECONDS,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self._tokens = tokens
        self._first_pause = first_pause
        self._http = httpx.AsyncClient(
            headers=headers, timeout=timeout, trust_env=False, follow_redirects=False
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def ready(self) -> None:
        """Gets a token, if there is none."""
        await self._tokens(None)

    async def ask(self, method: str, url: str, *, once: bool = False, **more: Any) -> httpx.Response:
        """A success. What can be repeated is, a few times; `once`: only after a refused token."""
        for number in range(1, TRIES + 1):
            try:
                return await self._authorised(method, url, **more)
            except CloudError as error:
                if once or not error.passes or number == TRIES:
                    raise
                pause = self.pause(number) if error.retry_after is None else error.retry_after
                if pause > LONGEST_PAUSE_SECONDS:
                    raise
                await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def looked_up(self, look: Callable[[], Awaitable[T | None]]) -> T | None:
        """What an answer that was lost has left at the provider: looked for a few times, with pauses."""
        for number in range(1, LOOKS + 1):
            found = await look()
            if found is not None:
                return found
            if number < LOOKS:
                await asyncio.sleep(self.pause(number))
        return None

    async def json(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        """The answer's object."""
        answer = await self.ask(method, url, **more)
        try:
            return msgspec.json.decode(answer.content, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise CloudError(0, f"{self.name} answers {method} unexpectedly") from error

    @asynccontextmanager
    async def stream(self, url: str, **more: Any) -> AsyncIterator[httpx.Response]:
        """A success whose body is read bit by bit; not repeated but for a refused token."""
        answer = await self._opened(url, await self._tokens(None), **more)
        if answer.status_code == 401:
            await answer.aclose()
            refused = answer.request.headers["authorization"].removeprefix("Bearer ")
            answer = await self._opened(url, await self._tokens(refused), **more)
        try:
            if not answer.is_success:
                await answer.aread()
                raise _error_of(self.name, answer)
            yield answer
        except httpx.HTTPError as error:
            raise _lost(self.name, error) from error
        finally:
            await answer.aclose()

    async def _opened(self, url: str, token: str, **more: Any) -> httpx.Response:
        request = self._http.build_request("GET", self._url(url), headers=_bearer(token), **more)
        try:
            return await self._http.send(request, stream=True)
        except httpx.HTTPError as error:
            raise _lost(self.name, error) from error

    async def put_part(self, url: str, content: bytes, headers: dict[str, str]) -> None:
        """A part of a file, to an address that is a secret by itself: without the token."""
        try:
            answer = await self._http.put(url, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise _lost(self.name, error) from error
        if not answer.is_success:
            raise _error_of(self.name, answer)

    async def _authorised(self, method: str, url: str, **more: Any) -> httpx.Response:
        token = await self._tokens(None)
        for last in (False, True):
            headers = {**more.pop("headers", {}), **_bearer(token)}
            try:
                answer = await self._http.request(method, self._url(url), headers=headers, **more)
            except httpx.HTTPError as error:
                raise _lost(self.name, error) from error
            if answer.status_code == 401 and not last:
                token = await self._tokens(token)
                more["headers"] = headers
                continue
            if answer.is_success:
                return answer
            raise _error_of(self.name, answer)
        raise AssertionError("unreachable")

    def _url(self, url: str) -> str:
        """Links that the provider gave are followed to the provider only: the token goes along."""
        if url.startswith("/"):
            return self.base_url + url
        if not url.startswith(f"{self.base_url}/"):
            raise MailProviderError(
                f"{self.name}: a link leads elsewhere",
                field="provider",
                hint="see the installation's addresses",
            )
        return url

    def pause(self, number: int) -> float:
        return self._first_pause * 2.0 ** (number - 1) * random.uniform(0.75, 1.25)  # noqa: S311 - only spreads


def failed(name: str, error: CloudError, *, step: str = "provider") -> MailProviderError:
    """The same for people, with what can be done."""
    match error.status:
        case 401:
            step, hint = "token", "sign in again, or check client and secret"
        case 403 if not error.is_limit:
            step, hint = "token", "grant the rights to read and send the mailbox's mail"
        case 404:
            hint = "check the user and the folder"
        case 0:
            step, hint = "connection", "see whether the provider can be reached from here"
        case _:
            hint = "it is tried again; see the provider's own status"
    return MailProviderError(f"{name}: {error.reason}"[:1_000], field=step, hint=hint)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _lost(name: str, error: httpx.HTTPError) -> CloudError:
    never = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    said = str(error) or type(error).__name__
    return CloudError(0, f"no answer of {name}: {said}"[:500], reached=not never)


def _error_of(name: str, answer: httpx.Response) -> CloudError:
    try:
        told = msgspec.json.decode(answer.content, type=dict[str, Any]).get("error")
    except msgspec.MsgspecError:
        told = None
    text = f"{name} answers {answer.status_code}"
    if isinstance(told, dict):
        errors = told.get("errors")
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
        words = (told.get("code"), first.get("reason"), told.get("status"), told.get("message"))
        text += ": " + " ".join(str(w) for w in words if isinstance(w, str) and w)
    return CloudError(answer.status_code, text[:800], retry_after=_retry_after(answer))


def _retry_after(answer: httpx.Response) -> float | None:
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 9:
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time()) if text else None
    except (ValueError, OverflowError):
        return None
