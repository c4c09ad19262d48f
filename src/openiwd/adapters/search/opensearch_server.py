"""The client of the search server, for Elasticsearch and OpenSearch alike: only calls that both know.

The client library is an extra: it is imported here alone.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from opensearchpy import AsyncOpenSearch
from opensearchpy.exceptions import NotFoundError, OpenSearchException

from openiwd.adapters.search.opensearch_index import OpenSearchIndex
from openiwd.ports.search_index import IndexGoneError, SearchAwayError, SearchBusyError

ASK_SECONDS: Final = 3.0
BUSY: Final = 429
# Every failure comes out of here as an error, which is logged where it matters.
logging.getLogger("opensearch").setLevel(logging.CRITICAL)


class Client:
    """One connection pool; every error of the library becomes ours."""

    def __init__(
        self, urls: Sequence[str], *, user: str | None, password: str | None, ca: str | None
    ) -> None:
        secured: dict[str, Any] = (
            {"verify_certs": True, "ssl_show_warn": False} if urls[0].startswith("https") else {}
        )
        if ca:
            secured["ca_certs"] = ca
        self._client = AsyncOpenSearch(
            hosts=list(urls),
            http_auth=(user, password or "") if user else None,
            timeout=ASK_SECONDS,
            max_retries=0 if len(urls) == 1 else 1,
            retry_on_timeout=False,
            http_compress=True,
            **secured,
        )

    @asynccontextmanager
    async def call(self) -> AsyncIterator[AsyncOpenSearch]:
        try:
            yield self._client
        except NotFoundError as error:
            raise IndexGoneError(
                "the index is not there", hint="it is built anew by itself; see docs/operations/search.md"
            ) from error
        except (OpenSearchException, OSError, TimeoutError) as error:
            kind = SearchBusyError if getattr(error, "status_code", None) == BUSY else SearchAwayError
            raise kind(
                f"the search server does not answer: {_told(error)}",
                hint="searches go to the database meanwhile; see docs/operations/search.md",
            ) from error

    async def close(self) -> None:
        await self._client.close()


def _told(error: Exception) -> str:
    status: Any = getattr(error, "status_code", None)
    return f"{type(error).__name__} {status or ''}".strip()


class OpenSearchServer:
    """Implements `openiwd.ports.search_index.SearchServer`. `prefix` keeps installations apart that share a server."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        prefix: str = "openiwd",
        user: str | None = None,
        password: str | None = None,
        ca: str | None = None,
        replicas: str = "0-1",
    ) -> None:
        self._client = Client(urls, user=user, password=password, ca=ca)
        self._prefix, self._replicas = prefix, replicas

    def index(self, tenant_id: str) -> OpenSearchIndex:
        return OpenSearchIndex(self._client, self._prefix, tenant_id, self._replicas)

    async def ping(self) -> None:
        async with self._client.call() as client:
            await client.cluster.health()

    async def close(self) -> None:
        await self._client.close()
