"""One tenant's index: written in bulk by revision, asked for the numbers of items, built anew beside the live one.

How far of the log an index shows lies in the index itself, so that both are lost, restored or replaced together. It is
noted after a refresh of all copies: whoever reads it finds everything up to there, on whichever copy.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from hashlib import blake2b
from typing import Any, Final, Protocol

import msgspec

from openiwd.adapters.search.document import document, fields_of, form_of, mapping
from openiwd.adapters.search.item_query import SortKey, not_before, reach_of, sort_keys
from openiwd.adapters.search.reach import ALL, NONE, Query, Reach
from openiwd.domain.attribute import AttributeConfig
from openiwd.domain.search_mark import Mark
from openiwd.domain.work_item import WorkItem
from openiwd.ports.search_index import (
    Fields,
    IndexGoneError,
    IndexState,
    Nearest,
    SearchAwayError,
    SearchBusyError,
)
from openiwd.ports.tenant_store import Cursor, SearchQuery

PLACE: Final = "place"
"""The document that tells how far the index shows the log."""
EVERY: Final = 10_000
"""So many numbers are handed over whole; the server's own limit of a page."""
COUNTED: Final = 10_000
SPARE: Final = 60
"""Beyond a page, for rows that have just changed and for those that sort alike at its end."""
WRITE_SECONDS: Final = 30
_SAFE: Final = re.compile(r"[a-z0-9]([a-z0-9_-]{0,60})")
BUSY_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0)
"""Between tries of a write that the server has no room for: building an index must not begin anew over it."""
_CONFLICT: Final = 409
_NOT_FOUND: Final = 404
_BUSY: Final = 429


class Calling(Protocol):
    """The server's client; errors come out as ours."""

    def call(self) -> AbstractAsyncContextManager[Any]: ...


class OpenSearchIndex:
    """Implements `openiwd.ports.search_index.SearchIndex`."""

    def __init__(self, server: Calling, prefix: str, tenant_id: str, replicas: str) -> None:
        self._server, self._replicas = server, replicas
        safe = (
            tenant_id
            if _SAFE.fullmatch(tenant_id)
            else blake2b(tenant_id.encode(), digest_size=8).hexdigest()
        )
        self.alias = f"{prefix}-{safe}"
        """The live index. Its own name has a dot after this, so that no tenant's are another's."""

    def form(self, attributes: Sequence[AttributeConfig]) -> tuple[str, Fields]:
        fields = fields_of(attributes)
        return form_of(fields), fields

    async def state(self) -> IndexState | None:
        try:
            async with self._server.call() as client:
                found = await client.get(index=self.alias, id=PLACE)
        except IndexGoneError:
            return None
        place = found["_source"][PLACE]
        return IndexState(
            name=found["_index"],
            cursor=Cursor(place["generation"], place["pos"]),
            fields=msgspec.convert(place["fields"], Fields),
            form=place["form"],
        )

    # Asking ---------------------------------------------------------------------------------------------------------

    async def find(
        self, state: IndexState, query: SearchQuery, apart: Collection[int], mark: Mark | None
    ) -> Nearest | None:
        reach = reach_of(query, state.fields, mark)
        if reach.upper == ALL:
            return None
        keys = sort_keys(query.sort)
        body: dict[str, Any] = {"size": 0, "query": _items(reach.upper, apart)}
        ordered: dict[str, Any] = {}
        if keys:
            ordered = {"size": query.limit + SPARE, "sort": [key.clause for key in keys]}
        found = await self._search(state.name, body | ({} if mark else ordered))
        matches, hits = found["hits"]["total"]["value"], found["hits"]["hits"]
        if matches <= EVERY:
            return Nearest(await self._numbers(state.name, body, hits, matches), None, 0)
        if not keys:
            return None
        surely = await self._surely(state.name, reach, apart, matches) if query.with_count else 0
        if query.with_count and surely <= COUNTED:
            return None
        if mark is not None:
            after = not_before(keys, mark)
            if after is None:
                return None
            hits = (await self._search(state.name, body | ordered | {"post_filter": after}))["hits"]["hits"]
        return _nearest(hits, keys, ordered["size"], surely)

    async def _numbers(self, name: str, body: dict[str, Any], hits: list[Any], matches: int) -> list[int]:
        """All that match."""
        if len(hits) >= matches:
            return _read(hits)
        whole = {"size": EVERY, "query": body["query"], "sort": ["_doc"]}
        found = await self._search(name, whole)
        if found["hits"]["total"]["value"] > len(found["hits"]["hits"]):
            raise SearchAwayError("the index has grown meanwhile", code="searchGrown")
        return _read(found["hits"]["hits"])

    async def _surely(self, name: str, reach: Reach, apart: Collection[int], matches: int) -> int:
        if reach.lower in (reach.upper, NONE):
            return 0 if reach.lower == NONE else matches
        found = await self._search(name, {"size": 0, "query": _items(reach.lower, apart)})
        return int(found["hits"]["total"]["value"])

    async def _search(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        whole = {**body, "_source": False, "docvalue_fields": ["number"], "track_total_hits": COUNTED + 1}
        async with self._server.call() as client:
            found: dict[str, Any] = await client.search(
                index=name, body=whole, params={"allow_partial_search_results": "false"}
            )
        if found.get("timed_out") or found["_shards"]["failed"]:
            raise SearchAwayError("the search server answers for a part of the index only")
        return found

    # Writing --------------------------------------------------------------------------------------------------------

    async def begin(self, form: str, fields: Fields) -> str:
        name = f"{self.alias}.{form}-{secrets.token_hex(4)}"
        settings = {
            "number_of_shards": 1,
            "auto_expand_replicas": self._replicas,
            "refresh_interval": "-1",
        }
        body = {
            "settings": {"index": settings},
            "mappings": {**mapping(fields), "_meta": {"form": form}},
            # Writing goes through this name alone: where the index is lost it is lost too, and nothing makes another.
            "aliases": {_writing(name): {}},
        }
        async with self._server.call() as client:
            await client.indices.create(index=name, body=body, params={"request_timeout": WRITE_SECONDS})
        return name

    async def write(
        self, name: str, items: Sequence[WorkItem], gone: Mapping[int, int], fields: Fields
    ) -> None:
        actions: list[dict[str, Any]] = []
        for item in items:
            actions.append({"index": _action(item.number, item.revision)})
            actions.append(document(item, fields))
        actions += [{"delete": _action(number, revision)} for number, revision in gone.items()]
        if actions:
            body = b"\n".join([*(msgspec.json.encode(action) for action in actions), b""]).decode()
            await self._patiently(name, body)

    async def _patiently(self, name: str, body: str) -> None:
        for pause in BUSY_SECONDS:
            try:
                await self._bulk(name, body)
            except SearchBusyError:
                await asyncio.sleep(pause)
            else:
                return
        await self._bulk(name, body)

    async def _bulk(self, name: str, body: str) -> None:
        """Revisions tell what is newer: what was half done is done again without harm."""
        async with self._server.call() as client:
            answer = await client.bulk(
                body=body,
                index=_writing(name),
                params={"require_alias": "true", "request_timeout": WRITE_SECONDS},
            )
        if not answer["errors"]:
            return
        for entry in answer["items"]:
            ((kind, told),) = entry.items()
            if told["status"] == _CONFLICT or (kind == "delete" and told.get("result") == "not_found"):
                continue  # the index has it newer, or never had it
            if told["status"] == _NOT_FOUND:
                raise IndexGoneError("the index is not there")
            if told["status"] == _BUSY:
                raise SearchBusyError("the search server has no room for some items")
            if "error" in told:
                reason = told["error"].get("type", "error")
                raise SearchAwayError(f"the search server refuses an item: {told['status']} {reason}")

    async def reached(self, state: IndexState) -> None:
        slow = {"request_timeout": WRITE_SECONDS}
        place = {
            "generation": state.cursor.generation,
            "pos": state.cursor.pos,
            "form": state.form,
            "fields": msgspec.to_builtins(state.fields),
        }
        async with self._server.call() as client:
            told = await client.indices.refresh(index=state.name, params=slow)
            if told["_shards"]["failed"]:
                raise SearchAwayError("a copy of the index could not be refreshed")
            await client.index(
                index=_writing(state.name),
                id=PLACE,
                body={PLACE: place},
                params={"require_alias": "true", **slow},
            )

    async def go_live(self, name: str) -> None:
        async with self._server.call() as client:
            named = {"alias": self.alias}
            actions: list[dict[str, Any]] = [
                {"remove": {"index": f"{self.alias}.*", **named, "must_exist": False}},
                {"add": {"index": name, **named}},
            ]
            await client.indices.update_aliases(
                body={"actions": actions}, params={"request_timeout": WRITE_SECONDS}
            )

    async def tidy(self) -> None:
        state = await self.state()
        async with self._server.call() as client:
            async for name in self._all(client):
                if state is not None and name != state.name:
                    await client.indices.delete(index=name)

    async def drop(self) -> None:
        async with self._server.call() as client:
            async for name in self._all(client):
                await client.indices.delete(index=name)

    async def _all(self, client: Any) -> AsyncIterator[str]:
        found = await client.indices.get(
            index=f"{self.alias}.*", params={"allow_no_indices": "true", "expand_wildcards": "open"}
        )
        for name in found:
            yield name


def _writing(name: str) -> str:
    return f"{name}.w"


def _action(number: int, revision: int) -> dict[str, Any]:
    return {"_id": str(number), "version": revision, "version_type": "external_gte"}


def _items(query: Query, apart: Collection[int]) -> Query:
    """Items only, without those."""
    without = {"must_not": [{"terms": {"number": sorted(apart)}}]} if apart else {}
    return {"bool": {"filter": [{"exists": {"field": "number"}}, query], **without}}


def _nearest(hits: Sequence[dict[str, Any]], keys: Sequence[SortKey], size: int, surely: int) -> Nearest:
    """What is found of an order. Of those that sort alike at its end some may be missing: they are left out."""
    if len(hits) < size:
        return Nearest(_read(hits), None, surely)
    last = hits[-1]["sort"]
    kept = [hit for hit in hits if hit["sort"] != last]
    return Nearest(_read(kept), [k.told(v) for k, v in zip(keys, last, strict=True)], surely)


def _read(hits: Sequence[dict[str, Any]]) -> list[int]:
    return [int(hit["fields"]["number"][0]) for hit in hits]
