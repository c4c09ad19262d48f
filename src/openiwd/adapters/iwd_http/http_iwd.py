"""IWD over HTTP with an API key: short time-outs, no repeats by itself; problems become errors of the domain again.

However many mailboxes have mail, leases are renewed in time: they have connections of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

import httpx
import msgspec

from openiwd.domain.email.outbound import SendingState
from openiwd.domain.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    OpenIwdError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)
from openiwd.ports.email import MailboxLease, OutboundEmail
from openiwd.ports.iwd import AccessToken, MailboxReport, Served, Submitted
from openiwd.ports.mail_provider import Fetched, MailProviderError

TIMEOUT: Final = httpx.Timeout(10.0, connect=3.0)
LONG: Final = httpx.Timeout(60.0, connect=3.0)
HANDED_OVER: Final = 16
"""Messages that are handed over at the same time: a hundred mailboxes at once would only wait inside of IWD."""
_ERRORS: Final[dict[int, type[OpenIwdError]]] = {
    400: InvalidInputError,
    401: UnauthenticatedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    413: TooLargeError,
    422: InvalidInputError,
}
T = TypeVar("T")


class HttpIwd:
    """Implements `openiwd.ports.iwd.Iwd`."""

    def __init__(self, url: str, api_key: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        def client() -> httpx.AsyncClient:
            return httpx.AsyncClient(
                base_url=f"{url.rstrip('/')}/iwd/v3",
                headers={"x-api-key": api_key},
                timeout=TIMEOUT,
                trust_env=False,
                follow_redirects=False,
                transport=transport,
            )

        self._http = client()
        self._held = client()
        """For what must not wait behind mail."""
        self._handing_over = asyncio.Semaphore(HANDED_OVER)

    async def mailboxes(self) -> list[Served]:
        return await self._ask("GET", "/mailboxes?for=email", list[Served], "served", http=self._held)

    async def take_leases(self, holder: UUID, most: int) -> list[MailboxLease]:
        body = {"holder": str(holder), "most": most}
        return await self._ask(
            "POST", "/mailboxes/leases", list[MailboxLease], "leases", json=body, http=self._held
        )

    async def end_leases(self, holder: UUID) -> None:
        await self._send("DELETE", f"/mailboxes/leases/{holder}", http=self._held)

    async def report(self, reports: Sequence[MailboxReport]) -> None:
        await self._send("POST", "/mailboxes/status", json={"statuses": msgspec.to_builtins(list(reports))})

    async def submit(
        self, lease: MailboxLease, folder: str, uid_validity: int, message: Fetched
    ) -> Submitted:
        query: dict[str, Any] = {
            **_of(lease),
            "folder": folder,
            "uidValidity": uid_validity,
            "uid": message.uid,
        }
        if message.received_at is not None:
            query["receivedAt"] = message.received_at.isoformat()
        if message.full_size is not None:
            query["fullSize"] = message.full_size
        async with self._handing_over:
            return await self._ask(
                "POST",
                "/emails",
                Submitted,
                params=query,
                content=message.raw,
                headers={"content-type": "message/rfc822"},
                timeout=LONG,
            )

    async def access_token(self, lease: MailboxLease) -> AccessToken:
        body = {"holder": str(lease.holder), "epoch": lease.epoch}
        path = f"/mailboxes/{lease.mailbox_id}/token"
        return await self._ask("POST", path, AccessToken, json=body, timeout=LONG)

    async def save_cursor(
        self, lease: MailboxLease, folder: str, uid_validity: int, last_uid: int, *, token: str | None = None
    ) -> None:
        body = {
            "mailboxId": lease.mailbox_id,
            "folder": folder,
            "uidValidity": uid_validity,
            "lastUid": last_uid,
            "holder": str(lease.holder),
            "epoch": lease.epoch,
            "token": token,
        }
        await self._send("POST", "/mailboxes/cursors", json=body)

    async def outbound(self, lease: MailboxLease) -> list[OutboundEmail]:
        return await self._ask(
            "GET", "/emails/outbound", list[OutboundEmail], part="emails", params=_of(lease)
        )

    async def content(self, email_id: UUID) -> bytes:
        return (await self._send("GET", f"/emails/{email_id}/raw", timeout=LONG)).content

    async def tell(
        self,
        lease: MailboxLease,
        email_id: UUID,
        status: SendingState,
        reason: str | None = None,
        message_id: str | None = None,
    ) -> str:
        body: dict[str, Any] = {
            "status": status.value,
            "holder": str(lease.holder),
            "epoch": lease.epoch,
            "reason": reason,
            "messageId": message_id,
        }
        answer = await self._send("POST", f"/emails/{email_id}/sending-status", json=body)
        return str(answer.json()["status"])

    async def close(self) -> None:
        await self._http.aclose()
        await self._held.aclose()

    async def _ask(self, method: str, path: str, kind: type[T], part: str | None = None, **more: Any) -> T:
        answer = await self._send(method, path, **more)
        try:
            value = msgspec.json.decode(answer.content)
            found: T = msgspec.convert(value.get(part, []) if part is not None else value, kind)
        except (msgspec.MsgspecError, AttributeError) as error:
            raise UnavailableError(f"IWD answers {method} {path} unexpectedly") from error
        return found

    async def _send(
        self, method: str, path: str, *, http: httpx.AsyncClient | None = None, **more: Any
    ) -> httpx.Response:
        try:
            answer = await (http or self._http).request(method, path, **more)
        except httpx.HTTPError as error:
            raise UnavailableError(f"IWD cannot be reached: {type(error).__name__}", retry_after=2) from error
        if answer.is_success:
            return answer
        raise _error_of(answer)


def _of(lease: MailboxLease) -> dict[str, Any]:
    return {"mailbox": lease.mailbox_id, "holder": str(lease.holder), "epoch": lease.epoch}


def _error_of(answer: httpx.Response) -> OpenIwdError:
    try:
        problem = dict(answer.json())
    except ValueError:
        problem = {}
    kind = _ERRORS.get(answer.status_code, UnavailableError)
    if problem.get("code") == MailProviderError.code:
        kind = MailProviderError
    text = str(problem.get("detail") or f"IWD answers {answer.status_code}")
    return kind(text, code=problem.get("code"), field=problem.get("field"), hint=problem.get("hint"))
