"""Sends requests outside over HTTP. Connects only to the very address that was looked at: public, or allowed.

No redirects, no proxies, no repeats, all time-outs; decides nothing about trying again.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpcore
import httpx

from openiwd.domain.network_address import Address, Network, is_public, is_within, read_address
from openiwd.ports.outbound import OutboundAnswer, OutboundContent

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 10.0
TOTAL_SECONDS: Final = 15.0
"""For all of it: a receiver that sends a byte now and then would outlast any other time-out."""
ANSWER_BYTES: Final = 16_384
"""So much of an answer is read; what it says is of no interest."""
CONTENT_BYTES: Final = 512 * 1024
"""Of an answer that is wanted; whatever follows is cut off."""
KEEP_SECONDS: Final = 4.0
LONGEST_RETRY_AFTER: Final = 3_600.0


class AddressRefusedError(httpcore.ConnectError):
    """The name leads to an address that no request of ours may go to."""


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a name once, refuses what is not allowed, and connects to what it has looked at."""

    def __init__(self, allowed: Sequence[Network], *, only_allowed: bool) -> None:
        self._allowed = allowed
        self._only_allowed = only_allowed
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        deadline = time.monotonic() + (CONNECT_SECONDS if timeout is None else timeout)
        failure: Exception | None = None
        for address in await self._addresses(host, port, deadline - time.monotonic()):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            try:
                return await self._network.connect_tcp(
                    str(address), port, left, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectTimeout(f"{host} did not answer in time")

    async def _addresses(self, host: str, port: int, seconds: float) -> list[Address]:
        """Where the name leads. One address that is refused is enough to refuse the name."""
        given = read_address(host)
        if given is not None:
            found = [given]
        else:
            try:
                async with asyncio.timeout(seconds):
                    answers = await asyncio.get_running_loop().getaddrinfo(
                        host, port, type=socket.SOCK_STREAM
                    )
            except TimeoutError as error:
                raise httpcore.ConnectTimeout(f"the name {host} was not resolved in time") from error
            except (OSError, UnicodeError) as error:
                raise httpcore.ConnectError(f"the name {host} is not known") from error
            found = [a for a in (read_address(str(answer[4][0])) for answer in answers) if a is not None]
        for address in found:
            if not self._may(address):
                raise AddressRefusedError(refused(str(address), plain=self._only_allowed))
        return list(dict.fromkeys(found))

    def _may(self, address: Address) -> bool:
        return is_within(address, self._allowed) or (not self._only_allowed and is_public(address))

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


def refused(address: str, *, plain: bool) -> str:
    if plain:
        return f"{address} is no allowed inner address: http without encryption goes to those only"
    return f"{address} is not public: OPENIWD_OUTBOUND_ALLOW does not name it"


class HttpOutbound:
    """Implements `openiwd.ports.outbound.Outbound`."""

    def __init__(self, allowed: Sequence[Network] = (), *, trusted: ssl.SSLContext | None = None) -> None:
        self._allowed = tuple(allowed)
        self._trusted = trusted
        self._pools: dict[str, httpcore.AsyncConnectionPool] = {}

    def refusal(self, url: str) -> str | None:
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, ValueError):
            return "this is no address"
        if parsed.scheme not in ("https", "http") or not parsed.host:
            return "write the whole address, beginning with https://"
        if parsed.port is not None and not 0 < parsed.port < 65_536:
            return f"{parsed.port} is no port"
        if parsed.userinfo or parsed.fragment:
            return "leave out user, password and what follows a #"
        address = read_address(parsed.host)
        if parsed.scheme == "http" and (address is None or not is_within(address, self._allowed)):
            if not self._allowed or address is not None:
                return "use https: without encryption only allowed inner addresses are reached"
            return None  # a name is looked at when it is resolved
        if address is not None and not is_public(address) and not is_within(address, self._allowed):
            return refused(parsed.host, plain=False)
        return None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> OutboundAnswer:
        started = time.monotonic()
        content = await self.fetch("POST", url, headers, body, limit=ANSWER_BYTES)
        spent = round((time.monotonic() - started) * 1_000)
        if content.status is None:
            return OutboundAnswer(error=content.error, milliseconds=spent)
        return _answer(content.status, content.headers, spent)

    async def fetch(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        limit: int = CONTENT_BYTES,
    ) -> OutboundContent:
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                return await self._send(method, url, headers, body, limit)
        except TimeoutError:
            return OutboundContent(error=f"no complete answer within {TOTAL_SECONDS:.0f} seconds")
        except httpcore.ConnectTimeout:
            return OutboundContent(error="there was no connection in time")
        except httpcore.TimeoutException:
            return OutboundContent(error="the receiver did not answer in time")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            return OutboundContent(error=_said(error) or "the connection was lost")
        except (httpx.InvalidURL, ValueError, OSError) as error:
            return OutboundContent(error=_said(error) or "the request could not be sent")

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, limit: int
    ) -> OutboundContent:
        against = self.refusal(url)
        if against is not None:
            return OutboundContent(error=against)
        parsed = httpx.URL(url)
        default = 443 if parsed.scheme == "https" else 80
        target = httpcore.URL(
            scheme=parsed.raw_scheme,
            host=parsed.raw_host,
            port=parsed.port or default,
            target=parsed.raw_path or b"/",
        )
        sent = [(b"Host", parsed.netloc)]
        if body or method != "GET":
            sent.append((b"Content-Length", str(len(body)).encode()))
        sent += [(name.encode("ascii"), value.encode("utf-8")) for name, value in headers.items()]
        timeouts = {"connect": CONNECT_SECONDS, "read": READ_SECONDS, "write": READ_SECONDS, "pool": 1.0}
        request = self._pool(parsed.scheme).stream(
            method, target, headers=sent, content=body, extensions={"timeout": timeouts}
        )
        async with request as response:
            parts, size = [], 0
            async for chunk in response.aiter_stream():
                size += len(chunk)
                if size > limit:
                    break
                parts.append(chunk)
            return OutboundContent(
                status=response.status, headers=_texts(response.headers), body=b"".join(parts)
            )

    def _pool(self, scheme: str) -> httpcore.AsyncConnectionPool:
        """Without a limit of its own: whoever sends keeps one, for each receiver apart."""
        if scheme not in self._pools:
            self._pools[scheme] = httpcore.AsyncConnectionPool(
                ssl_context=(self._trusted or ssl.create_default_context()) if scheme == "https" else None,
                max_connections=None,
                keepalive_expiry=KEEP_SECONDS,
                network_backend=_GuardedBackend(self._allowed, only_allowed=scheme == "http"),
            )
        return self._pools[scheme]

    async def close(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()
        self._pools.clear()


def _texts(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """By lower-case name; of several of one name, the first."""
    found: dict[str, str] = {}
    for name, value in headers:
        found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return found


def _answer(status: int, headers: Mapping[str, str], milliseconds: int) -> OutboundAnswer:
    if 200 <= status < 300:
        return OutboundAnswer(status=status, milliseconds=milliseconds)
    text = "redirects are not followed" if 300 <= status < 400 else f"the receiver answered {status}"
    wait = _seconds(headers.get("retry-after"))
    return OutboundAnswer(status=status, error=text, retry_after=wait, milliseconds=milliseconds)


def _seconds(asked: str | None) -> float | None:
    """What `Retry-After` says, in seconds or as a date; nothing where it cannot be read."""
    if asked is None:
        return None
    text = asked.strip()
    if text.isascii() and text.isdigit() and len(text) < 9:
        return min(float(text), LONGEST_RETRY_AFTER)
    try:
        return min(max(0.0, parsedate_to_datetime(text).timestamp() - time.time()), LONGEST_RETRY_AFTER)
    except (ValueError, OverflowError):
        return None


def _said(error: BaseException) -> str:
    """What the error says, or what lies behind it."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, OSError) and at.strerror:
            return at.strerror[:300]
        if str(at).strip():
            return str(at).strip()[:300]
        at = at.__cause__ or at.__context__
    return ""
