"""Asks other processes over HTTP: short time-outs, no redirects, no repeats. Decides nothing."""

from __future__ import annotations

from typing import Final

import httpx

from openiwd.ports.peer import PeerAnswer, PeerLostError, PeerRequest, PeerUnreachedError

TIMEOUT: Final = httpx.Timeout(5.0, connect=1.0, pool=1.0)
LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=2.0)
"""Connections are given up before the server does so: a request must not meet one that is just being closed."""
_OF_ONE_CONNECTION: Final = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade", "host", "content-length", "expect", "accept-encoding"),
        *("content-encoding", "date", "server"),
    }
)


class HttpPeers:
    """Implements `openiwd.ports.peer.Peers`."""

    def __init__(self) -> None:
        self._http: httpx.AsyncClient | None = None

    async def ask(self, address: str, request: PeerRequest) -> PeerAnswer:
        if self._http is None:
            self._http = httpx.AsyncClient(
                timeout=TIMEOUT, limits=LIMITS, trust_env=False, follow_redirects=False
            )
        try:
            answer = await self._http.request(
                request.method,
                address + request.target,
                headers=_end_to_end(request.headers),
                content=request.body,
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise PeerUnreachedError(f"{address} cannot be reached", retry_after=2) from error
        except httpx.HTTPError as error:
            raise PeerLostError(
                "the process that decides was lost before it answered",
                code="deciderLost",
                hint="look whether the item is yours already, then try again",
                retry_after=2,
            ) from error
        return PeerAnswer(
            status=answer.status_code,
            headers=_end_to_end(answer.headers.multi_items()),
            body=answer.content,
        )

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()


def _end_to_end(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in _OF_ONE_CONNECTION]
