"""The contract server of Microsoft Graph: folders, delta with its end, drafts, uploads, sending, as documented."""

from __future__ import annotations

import base64
import re
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.servers.cloud import Answer, CloudServer, Request
from tests.servers.gmail import read

MAX_REQUEST = 4 * 1024 * 1024


@dataclass
class Message:
    id: str
    folder: str
    raw: bytes
    at: float
    is_read: bool = False
    is_draft: bool = False
    files: list[tuple[str, bytes]] = field(default_factory=list)
    message_id: str = ""


class GraphServer(CloudServer):
    """One user's mailbox. Every request must ask for immutable ids."""

    page = 100

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, Message] = {}
        self.folders = {n: n for n in ("inbox", "drafts", "sentitems", "deleteditems")} | {
            "Done": "AAMkFolder="
        }
        self.added: list[str] = []
        """Ids in the order in which they came into the inbox."""
        self.delta_from = 0
        """Earlier delta tokens have run out."""
        self.uploads: dict[str, tuple[str, str, bytearray, int]] = {}
        self.rewrites_message_ids = False
        base = r"/v1.0/users/[^/]+"
        self.routes = [
            (method, re.compile(base + path), handler)
            for method, path, handler in (
                ("GET", "/mailFolders", self._folders),
                ("GET", "/mailFolders/([^/]+)", self._folder),
                ("GET", "/mailFolders/([^/]+)/messages", self._list),
                ("GET", "/mailFolders/([^/]+)/messages/delta", self._delta),
                ("POST", "/messages", self._create),
                ("GET", r"/messages/([^/]+)/\$value", self._value),
                ("GET", "/messages/([^/]+)", self._get),
                ("PATCH", "/messages/([^/]+)", self._patch),
                ("DELETE", "/messages/([^/]+)", self._delete),
                ("POST", "/messages/([^/]+)/move", self._move),
                ("POST", "/messages/([^/]+)/send", self._send),
                ("POST", "/messages/([^/]+)/attachments", self._attach),
                ("POST", "/messages/([^/]+)/attachments/createUploadSession", self._upload_session),
            )
        ]
        self.routes.append(("PUT", re.compile("/upload/([^/]+)"), self._upload))

    def is_open(self, request: Request) -> bool:
        return request.path.startswith("/upload/")

    def _answer(self, request: Request) -> Answer:
        if request.path.startswith("/v1.0/"):
            if (
                'IdType="ImmutableId"' not in request.headers.get("prefer", "")
                and "$value" not in request.path
            ):
                return _problem(400, "ErrorInvalidRequest", "ids would change when messages are moved")
            if len(request.body) > MAX_REQUEST:
                return _problem(413, "RequestEntityTooLarge", "")
        return super()._answer(request)

    def put(
        self, raw: bytes, folder: str = "inbox", *, at: float | None = None, is_read: bool = False
    ) -> Message:
        made = Message(f"AAk{uuid.uuid4().hex}-_=", self.folders[folder], raw, at or time.time(), is_read)
        made.message_id = str(read(raw)["Message-ID"] or "").strip(" <>")
        self.messages[made.id] = made
        if folder == "inbox":
            self.added.append(made.id)
        return made

    def in_folder(self, name: str) -> list[Message]:
        return [m for m in self.messages.values() if m.folder == self.folders[name]]

    def _folders(self, request: Request) -> Answer:
        name = re.fullmatch(r"displayName eq '(.*)'", request.one("$filter"))
        assert name is not None
        found = [{"id": i} for n, i in self.folders.items() if n == name[1]]
        return Answer(200, {"value": found})

    def _folder(self, _: Request, folder: str) -> Answer:
        if folder not in self.folders.values():
            return _problem(404, "ErrorItemNotFound", "no such folder")
        unread = sum(1 for m in self.messages.values() if m.folder == folder and not m.is_read)
        return Answer(200, {"id": folder, "unreadItemCount": unread})

    def _list(self, request: Request, folder: str) -> Answer:
        name = re.fullmatch(r"internetMessageId eq '<(.*)>'", request.one("$filter"))
        assert name is not None
        found = [m for m in self.messages.values() if m.folder == folder and m.message_id == name[1]]
        return Answer(200, {"value": [{"id": m.id} for m in found]})

    def _delta(self, request: Request, folder: str) -> Answer:
        assert request.one("changeType", "created") == "created"
        token = request.one("$deltatoken") or request.one("$skiptoken")
        first, start = (int(n) for n in token.split("-")) if token else (0, 0)
        if token and first < self.delta_from:
            return _problem(410, "SyncStateNotFound", "The sync state generation is not found.")
        size = min(
            self.page, int((re.search(r"maxpagesize=(\d+)", request.headers["prefer"]) or ["", "10"])[1])
        )
        part = self.added[start : start + size]
        value = [
            _shown(self.messages[i]) for i in part if i in self.messages and self.messages[i].folder == folder
        ]
        value += [{"id": i, "@removed": {"reason": "deleted"}} for i in part if i not in self.messages]
        base = f"{self.url}{request.path}"
        if start + size < len(self.added):
            link = {"@odata.nextLink": f"{base}?$skiptoken={max(first, self.delta_from)}-{start + size}"}
        else:
            link = {"@odata.deltaLink": f"{base}?$deltatoken={max(first, self.delta_from)}-{len(self.added)}"}
        return Answer(200, {"value": value, **link})

    def _value(self, _: Request, id_: str) -> Answer:
        found = self.messages.get(id_)
        return _missing() if found is None else Answer(200, found.raw, content_type="text/plain")

    def _get(self, _: Request, id_: str) -> Answer:
        found = self.messages.get(id_)
        return _missing() if found is None else Answer(200, _shown(found))

    def _patch(self, request: Request, id_: str) -> Answer:
        if id_ not in self.messages:
            return _missing()
        self.messages[id_].is_read = bool(request.json["isRead"])
        return Answer(200, _shown(self.messages[id_]))

    def _delete(self, _: Request, id_: str) -> Answer:
        found = self.messages.get(id_)
        if found is None:
            return _missing()
        if found.is_draft:
            del self.messages[id_]
        else:
            found.folder = "deleteditems"
        return Answer(204)

    def _move(self, request: Request, id_: str) -> Answer:
        if id_ not in self.messages:
            return _missing()
        self.messages[id_].folder = str(request.json["destinationId"])
        return Answer(201, _shown(self.messages[id_]))

    def _create(self, request: Request) -> Answer:
        if request.headers.get("content-type") != "text/plain":
            return _problem(400, "ErrorMimeContentInvalid", "")
        draft = self.put(base64.b64decode(request.body), "drafts", is_read=True)
        draft.is_draft = True
        if self.rewrites_message_ids:
            draft.message_id = "new@outlook.example"
        return Answer(201, _shown(draft))

    def _send(self, _: Request, id_: str) -> Answer:
        found = self.messages.get(id_)
        if found is None:
            return _missing()
        message = read(found.raw)
        if not any(message.get_all(n) for n in ("To", "Cc", "Bcc")):
            return _problem(400, "ErrorInvalidRecipients", "At least one recipient is not valid")
        found.is_draft, found.folder = False, "sentitems"
        return Answer(202)

    def _attach(self, request: Request, id_: str) -> Answer:
        told = request.json
        assert told["@odata.type"] == "#microsoft.graph.fileAttachment"
        self.messages[id_].files.append((told["name"], base64.b64decode(told["contentBytes"])))
        return Answer(201, {"id": "a"})

    def _upload_session(self, request: Request, id_: str) -> Answer:
        item = request.json["AttachmentItem"]
        assert item["size"] > 3_000_000
        name = uuid.uuid4().hex
        self.uploads[name] = (id_, item["name"], bytearray(), item["size"])
        return Answer(201, {"uploadUrl": f"{self.url}/upload/{name}"})

    def _upload(self, request: Request, name: str) -> Answer:
        assert "authorization" not in request.headers
        id_, file_name, got, size = self.uploads[name]
        start, end, told = (int(n) for n in re.findall(r"\d+", request.headers["content-range"]))
        assert (start, end - start + 1, told) == (len(got), len(request.body), size)
        assert len(request.body) <= MAX_REQUEST
        got += request.body
        if len(got) < size:
            return Answer(200, {"nextExpectedRanges": [str(len(got))]})
        self.messages[id_].files.append((file_name, bytes(got)))
        return Answer(201)


def _shown(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "isRead": message.is_read,
        "isDraft": message.is_draft,
        "receivedDateTime": datetime.fromtimestamp(message.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "internetMessageId": f"<{message.message_id}>",
    }


def _problem(status: int, code: str, text: str) -> Answer:
    return Answer(status, {"error": {"code": code, "message": text}})


def _missing() -> Answer:
    return _problem(404, "ErrorItemNotFound", "The specified object was not found in the store.")
