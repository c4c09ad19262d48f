"""Reads a mailbox by the Gmail API: history where it reaches, else a listing of the label. Decides nothing."""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import msgspec

from openiwd.adapters.cloud_mail.cloud_http import CloudError, CloudHttp, failed
from openiwd.adapters.cloud_mail.place import OVERLAP, RECENT, Place, place_of
from openiwd.domain.email.mailbox import AfterStoring, Mailbox
from openiwd.ports.mail_provider import Fetched, FolderState, MailProviderError, Room

PAGE: Final = 500
BEGINNING: Final = 256 * 1024
FIRST_BYTES: Final = 256 * 1024
HELD_TIMES: Final = 5
"""An answer is held as it came, as what it says, and decoded; the first two are longer than the message by a third."""
OWN_LABELS: Final = frozenset({"INBOX", "SENT", "SPAM", "TRASH", "UNREAD", "STARRED", "IMPORTANT"})
_RAW: Final = re.compile(rb'"raw"\s*:\s*"([A-Za-z0-9_-]*)')


class GmailReader:
    """Implements `openiwd.ports.mail_provider.MailReader`."""

    by_token = True
    sent_folder = "SENT"

    def __init__(self, mailbox: Mailbox, http: CloudHttp) -> None:
        self._http = http
        self._user = f"/gmail/v1/users/{quote(mailbox.cloud_user, safe='@')}"
        self._of = f"gmail:{mailbox.cloud_user}"
        self._labels: dict[str, str] = {}
        self._ids: list[str] = []

    async def open(self) -> None:
        await self._json("GET", "/profile")
        told = await self._json("GET", "/labels")
        self._labels = {str(one.get("name")): str(one.get("id")) for one in told.get("labels", [])}

    async def look(self, folder: str, first_uid: int | None, token: str | None = None) -> FolderState:
        label = self._label(folder)
        place = place_of(token, self._of)
        if place is None:
            since = 0 if first_uid == 1 else int(time.time() - RECENT.total_seconds())
            place = await self._beginning(since)
        ids: Iterable[str]
        if not place.page:
            try:
                ids, after = await self._history(label, place)
                return self._state(ids, after)
            except CloudError as error:
                if error.status != 404:
                    raise failed(self._http.name, error) from error
            # The history no longer reaches so far back.
            place = await self._beginning(max(0, place.since - int(OVERLAP.total_seconds())))
        ids, after = await self._listing(label, place)
        return self._state(ids, after)

    async def _beginning(self, since: int) -> Place:
        """The history's present end, taken before the listing, so that nothing falls between the two."""
        profile = await self._json("GET", "/profile")
        return Place(mark=str(profile.get("historyId", "")), since=since, page="first", of=self._of)

    async def _listing(self, label: str, place: Place) -> tuple[list[str], Place]:
        """A page, newest first: turned round, since answers shall meet what they answer."""
        query: dict[str, Any] = {"labelIds": label, "maxResults": PAGE}
        if place.since:
            query["q"] = f"{{is:unread after:{place.since}}}"
        if place.page != "first":
            query["pageToken"] = place.page
        told = await self._json("GET", "/messages", params=query)
        ids = [str(m["id"]) for m in reversed(told.get("messages", []))]
        page = str(told.get("nextPageToken") or "")
        since = place.since if page else int(time.time())
        return ids, Place(mark=place.mark, since=since, page=page, of=self._of)

    async def _history(self, label: str, place: Place) -> tuple[list[str], Place]:
        query = {
            "startHistoryId": place.mark,
            "labelId": label,
            "historyTypes": ["messageAdded", "labelAdded"],
            "maxResults": PAGE,
        }
        told = await self._http.json("GET", f"{self._user}/history", params=query)
        records = told.get("history", [])
        ids = [i for record in records for i in _added(record, label)]
        if told.get("nextPageToken") and records:
            mark = str(records[-1]["id"])
        else:
            mark = str(told.get("historyId") or place.mark)
        after = place if mark == place.mark else Place(mark=mark, since=int(time.time()), of=self._of)
        return list(dict.fromkeys(ids)), after

    def _state(self, ids: Iterable[str], place: Place) -> FolderState:
        self._ids = list(ids)
        count = len(self._ids)
        return FolderState(
            uid_validity=1, uid_next=count + 1, uids=list(range(1, count + 1)), token=place.token()
        )

    async def unread(self, folder: str) -> int:
        told = await self._json("GET", f"/labels/{quote(self._label(folder), safe='')}")
        count = told.get("messagesUnread")
        return count if isinstance(count, int) else 0

    async def fetch(self, folder: str, uid: int, max_bytes: int, room: Room) -> Fetched | None:
        """Most messages are small. Of a larger one the size is asked for, and it is read anew."""
        del folder
        path = f"{self._user}/messages/{self._ids[uid - 1]}"
        most = min(FIRST_BYTES, max_bytes)
        size = 0
        try:
            await room.ask(HELD_TIMES * most)
            body, is_whole = await self._read(path, most)
            if not is_whole:
                told = await self._http.json("GET", path, params={"format": "minimal"})
                size = int(told.get("sizeEstimate") or 0)
            expected = size + size // 8  # it is an estimate
            if not is_whole and size <= max_bytes and most < max_bytes:
                del body
                await room.ask(HELD_TIMES * min(expected or max_bytes, max_bytes))
                body, is_whole = await self._read(path, max_bytes)
            if is_whole:
                told = msgspec.json.decode(body, type=dict[str, Any])
        except CloudError as error:
            if error.status == 404:
                return None
            raise failed(self._http.name, error) from error
        except msgspec.MsgspecError as error:
            raise MailProviderError("Gmail answers unexpectedly", field="provider") from error
        raw = _decoded(str(told.get("raw", "")).encode()) if is_whole else _beginning(body)
        is_large = not is_whole or len(raw) > max_bytes
        return Fetched(
            uid=uid,
            raw=raw[:BEGINNING] if is_large else raw,
            received_at=_instant(told.get("internalDate")),
            full_size=max(size, len(raw), max_bytes + 1) if is_large else None,
        )

    async def _read(self, path: str, most: int) -> tuple[bytes, bool]:
        """The answer with a message of at most so many bytes; of a larger one what there is so far."""
        limit = most * 4 // 3 + 16_384
        body = bytearray()
        async with self._http.stream(path, params={"format": "raw"}) as answer:
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > limit:
                    return bytes(body), False
        return bytes(body), True

    async def settle(self, folder: str, uid: int, after: AfterStoring, move_to: str) -> None:
        path = f"/messages/{self._ids[uid - 1]}"
        match after:
            case AfterStoring.KEEP:
                return
            case AfterStoring.MARK_SEEN:
                await self._change(f"{path}/modify", {"removeLabelIds": ["UNREAD"]})
            case AfterStoring.MOVE:
                gone = [self._label(folder), "UNREAD"]
                change = {"addLabelIds": [self._label(move_to)], "removeLabelIds": gone}
                await self._change(f"{path}/modify", change)
            case AfterStoring.DELETE:
                await self._change(f"{path}/trash", {})

    async def _change(self, path: str, change: dict[str, Any]) -> None:
        """A message that is gone meanwhile needs no change."""
        try:
            await self._http.json("POST", self._user + path, json=change)
        except CloudError as error:
            if error.status != 404:
                raise failed(self._http.name, error) from error

    async def wait(self, folder: str, seconds: float) -> None:
        del folder
        await asyncio.sleep(seconds)

    async def find(self, folder: str, message_id: str) -> bool:
        query = {"labelIds": self._label(folder), "q": f"rfc822msgid:{message_id}", "maxResults": 1}
        return bool((await self._json("GET", "/messages", params=query)).get("messages"))

    async def file(self, folder: str, raw: bytes) -> None:
        """Gmail files by itself what it sends."""

    async def close(self) -> None:
        await self._http.close()

    async def _json(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        try:
            return await self._http.json(method, self._user + path, **more)
        except CloudError as error:
            raise failed(self._http.name, error) from error

    def _label(self, folder: str) -> str:
        if folder.upper() in OWN_LABELS:
            return folder.upper()
        if folder not in self._labels:
            raise MailProviderError(
                f"Gmail: there is no label '{folder[:80]}'",
                field="folder",
                hint="make it, or name another one",
            )
        return self._labels[folder]


def _added(record: dict[str, Any], label: str) -> list[str]:
    """The messages that a step of history brought into the label."""
    new = [a["message"] for a in record.get("messagesAdded", [])]
    found = [str(m["id"]) for m in new if label in m.get("labelIds", [])]
    labelled = [a["message"] for a in record.get("labelsAdded", []) if label in a.get("labelIds", [])]
    return [*found, *(str(m["id"]) for m in labelled)]


def _beginning(body: bytes) -> bytes:
    """What there is of the message in an answer that was broken off."""
    match = _RAW.search(body)
    return b"" if match is None else _decoded(match[1])


def _decoded(text: bytes) -> bytes:
    text = text.rstrip(b"=")
    whole = text[: len(text) - 1] if len(text) % 4 == 1 else text
    return base64.urlsafe_b64decode(whole + b"=" * (-len(whole) % 4))


def _instant(milliseconds: object) -> datetime | None:
    text = str(milliseconds)
    return datetime.fromtimestamp(int(text) / 1_000, UTC) if text.isdigit() and len(text) < 15 else None
