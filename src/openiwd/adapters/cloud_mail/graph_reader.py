"""Reads a mailbox by Microsoft Graph: the delta of a folder, from its beginning where that has run out."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from openiwd.adapters.cloud_mail.cloud_http import CloudError, CloudHttp, failed
from openiwd.adapters.cloud_mail.graph_folder import HEADERS, GraphFolders, user_path
from openiwd.adapters.cloud_mail.place import OVERLAP, RECENT, Place, place_of
from openiwd.domain.email.mailbox import AfterStoring, Mailbox
from openiwd.ports.mail_provider import Fetched, FolderState, MailProviderError, Room

BEGINNING: Final = 256 * 1024
FIRST_BYTES: Final = 256 * 1024
HELD_TWICE: Final = 2
"""While it is read, and as what was read."""
_PAGED: Final = {"Prefer": 'IdType="ImmutableId", odata.maxpagesize=100'}


class _Found(NamedTuple):
    id: str
    received_at: datetime | None


class GraphReader:
    """Implements `openiwd.ports.mail_provider.MailReader`."""

    by_token = True
    sent_folder = "sentitems"

    def __init__(self, mailbox: Mailbox, http: CloudHttp) -> None:
        self._http = http
        self._user = user_path(mailbox)
        self._folders = GraphFolders(http, self._user)
        self._of = f"graph:{mailbox.cloud_user}"
        self._found: list[_Found] = []

    async def open(self) -> None:
        await self._json("GET", f"{self._user}/mailFolders/inbox", params={"$select": "id"}, headers=HEADERS)

    async def look(self, folder: str, first_uid: int | None, token: str | None = None) -> FolderState:
        path = f"{self._user}/mailFolders/{quote(await self._folders.id_of(folder))}/messages/delta"
        place = place_of(token, self._of)
        if place is None:
            since = 0 if first_uid == 1 else int(time.time() - RECENT.total_seconds())
            place = Place(mark="", since=since, page="first", of=self._of)
        try:
            return await self._look(path, place)
        except CloudError as error:
            if error.status != 410:
                raise failed(self._http.name, error) from error
        # The delta has run out: all of it again, of which only what came since then is taken.
        since = max(0, place.since - int(OVERLAP.total_seconds()))
        try:
            return await self._look(path, Place(mark="", since=since, page="first", of=self._of))
        except CloudError as error:
            raise failed(self._http.name, error) from error

    async def _look(self, path: str, place: Place) -> FolderState:
        if place.page == "first":
            query = {"changeType": "created", "$select": "id,isRead,receivedDateTime"}
            told = await self._http.json("GET", path, params=query, headers=_PAGED)
        else:
            told = await self._http.json("GET", place.page or place.mark, headers=_PAGED)
        found = [m for m in told.get("value", []) if "@removed" not in m]
        if place.page:
            found = [m for m in found if not m.get("isRead") or _epoch(m) >= place.since]
        following, done = told.get("@odata.nextLink"), told.get("@odata.deltaLink")
        if following:
            place = Place(mark=place.mark, since=place.since, page=str(following), of=self._of)
        elif done and str(done) != place.mark:
            place = Place(mark=str(done), since=int(time.time()), of=self._of)
        elif not done:
            raise MailProviderError("Microsoft Graph answers without a link to go on by", field="provider")
        found.sort(key=_epoch)
        self._found = [_Found(str(m["id"]), _instant(m)) for m in found]
        count = len(found)
        return FolderState(
            uid_validity=1, uid_next=count + 1, uids=list(range(1, count + 1)), token=place.token()
        )

    async def unread(self, folder: str) -> int:
        path = f"{self._user}/mailFolders/{quote(await self._folders.id_of(folder))}"
        told = await self._json("GET", path, params={"$select": "unreadItemCount"}, headers=HEADERS)
        count = told.get("unreadItemCount")
        return count if isinstance(count, int) else 0

    async def fetch(self, folder: str, uid: int, max_bytes: int, room: Room) -> Fetched | None:
        """Most messages are small. A larger one is read anew, with room for its size where Graph tells it."""
        del folder
        found = self._found[uid - 1]
        most = min(FIRST_BYTES, max_bytes)
        try:
            await room.ask(HELD_TWICE * most)
            raw, size = await self._read(uid, most)
            if size is not None and most < max_bytes and size <= max_bytes:
                expected = max_bytes if size == len(raw) else size
                del raw
                await room.ask(HELD_TWICE * expected)
                raw, size = await self._read(uid, max_bytes)
        except CloudError as error:
            if error.status == 404:
                return None
            raise failed(self._http.name, error) from error
        raw = raw if size is None else raw[: min(BEGINNING, max_bytes)]
        return Fetched(uid=uid, raw=raw, received_at=found.received_at, full_size=size)

    async def _read(self, uid: int, most: int) -> tuple[bytes, int | None]:
        """The message; of a larger one what there is so far, and how large it is at least."""
        body = bytearray()
        async with self._http.stream(f"{self._path(uid)}/$value") as answer:
            told = answer.headers.get("content-length", "")
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > most:
                    return bytes(body), max(int(told) if told.isdigit() else 0, len(body))
        return bytes(body), None

    async def settle(self, folder: str, uid: int, after: AfterStoring, move_to: str) -> None:
        del folder
        match after:
            case AfterStoring.KEEP:
                return
            case AfterStoring.MARK_SEEN:
                await self._change("PATCH", self._path(uid), json={"isRead": True})
            case AfterStoring.MOVE:
                target = await self._folders.id_of(move_to)
                await self._change("POST", f"{self._path(uid)}/move", json={"destinationId": target})
            case AfterStoring.DELETE:
                await self._change("DELETE", self._path(uid))

    async def _change(self, method: str, path: str, **more: Any) -> None:
        """A message that is gone meanwhile needs no change."""
        try:
            await self._http.ask(method, path, headers=HEADERS, **more)
        except CloudError as error:
            if error.status != 404:
                raise failed(self._http.name, error) from error

    async def wait(self, folder: str, seconds: float) -> None:
        del folder
        await asyncio.sleep(seconds)

    async def find(self, folder: str, message_id: str) -> bool:
        path = f"{self._user}/mailFolders/{quote(await self._folders.id_of(folder))}/messages"
        named = message_id.replace("'", "''")
        query = {"$filter": f"internetMessageId eq '<{named}>'", "$select": "id", "$top": "1"}
        return bool((await self._json("GET", path, params=query, headers=HEADERS)).get("value"))

    async def file(self, folder: str, raw: bytes) -> None:
        """Microsoft 365 files by itself what it sends."""

    async def close(self) -> None:
        await self._http.close()

    def _path(self, uid: int) -> str:
        return f"{self._user}/messages/{quote(self._found[uid - 1].id, safe='')}"

    async def _json(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        try:
            return await self._http.json(method, path, **more)
        except CloudError as error:
            raise failed(self._http.name, error) from error


def _instant(message: dict[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(str(message.get("receivedDateTime", ""))).astimezone(UTC)
    except ValueError:
        return None


def _epoch(message: dict[str, Any]) -> float:
    at = _instant(message)
    return at.timestamp() if at is not None else 0.0
