"""The contract server of the Gmail API: labels, messages, history with its end, sending, as documented."""

from __future__ import annotations

import base64
import email
import email.policy
import json
import re
import time
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from tests.servers.cloud import Answer, CloudServer, Request


@dataclass
class Message:
    id: str
    thread_id: str
    labels: set[str]
    raw: bytes
    at: float

    @property
    def message_id(self) -> str:
        return str(read(self.raw)["Message-ID"] or "").strip(" <>")


class GmailServer(CloudServer):
    """One user's mailbox: the address in the path may be any."""

    page = 500

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, Message] = {}
        self.labels = {n: n for n in ("INBOX", "SENT", "TRASH", "UNREAD")} | {"Done": "Label_1"}
        self.history: list[dict[str, Any]] = []
        self.history_id = 1_000
        self.history_from = 0
        """Earlier history is gone."""
        self.rewrites_message_ids = False
        base = r"(?:/upload)?/gmail/v1/users/[^/]+"
        self.routes = [
            (method, re.compile(base + path), handler)
            for method, path, handler in (
                ("GET", "/profile", self._profile),
                ("GET", "/labels", self._labels),
                ("GET", "/labels/([^/]+)", self._label),
                ("GET", "/messages", self._list),
                ("GET", "/history", self._history),
                ("POST", "/messages/send", self._send),
                ("GET", "/messages/([^/]+)", self._get),
                ("POST", "/messages/([^/]+)/modify", self._modify),
                ("POST", "/messages/([^/]+)/trash", self._trash),
            )
        ]

    def put(self, raw: bytes, *labels: str, at: float | None = None, thread_id: str | None = None) -> Message:
        self.history_id += 7
        id_ = f"{0x18C0000000000 + self.history_id:x}"
        made = Message(id_, thread_id or id_, set(labels or ("INBOX", "UNREAD")), raw, at or time.time())
        self.messages[id_] = made
        self._note("messagesAdded", {"message": _short(made)})
        return made

    def _note(self, kind: str, what: dict[str, Any]) -> None:
        self.history.append({"id": str(self.history_id), kind: [what]})

    def in_label(self, name: str) -> list[Message]:
        return [m for m in self.messages.values() if self.labels[name] in m.labels]

    def _profile(self, _: Request) -> Answer:
        return Answer(200, {"emailAddress": "care@example.com", "historyId": str(self.history_id)})

    def _labels(self, _: Request) -> Answer:
        return Answer(200, {"labels": [{"id": i, "name": n} for n, i in self.labels.items()]})

    def _label(self, _: Request, id_: str) -> Answer:
        found = next(((n, i) for n, i in self.labels.items() if i == id_), None)
        if found is None:
            return Answer(404, {"error": {"code": 404, "message": "Requested entity was not found."}})
        held = [m for m in self.messages.values() if id_ in m.labels]
        unread = sum(1 for m in held if "UNREAD" in m.labels)
        return Answer(
            200, {"id": id_, "name": found[0], "messagesTotal": len(held), "messagesUnread": unread}
        )

    def _list(self, request: Request) -> Answer:
        wanted = set(request.query.get("labelIds", []))
        query = request.one("q")
        found = [m for m in self.messages.values() if wanted <= m.labels and _matches(m, query)]
        found.sort(key=lambda m: m.id, reverse=True)
        return self._paged(request, "messages", [{"id": m.id, "threadId": m.thread_id} for m in found])

    def _paged(
        self, request: Request, name: str, found: list[Any], more: dict[str, Any] | None = None
    ) -> Answer:
        start = int(request.one("pageToken", "0"))
        size = min(self.page, int(request.one("maxResults", "100")))
        body: dict[str, Any] = dict(more or {})
        if found[start : start + size]:
            body[name] = found[start : start + size]
        if len(found) > start + size:
            body["nextPageToken"] = str(start + size)
        return Answer(200, body)

    def _history(self, request: Request) -> Answer:
        since = int(request.one("startHistoryId"))
        if since < self.history_from:
            return Answer(404, {"error": {"code": 404, "message": "Requested entity was not found."}})
        label, kinds = request.one("labelId"), request.query["historyTypes"]
        named = {"messageAdded": "messagesAdded", "labelAdded": "labelsAdded"}
        records = [
            r
            for r in self.history
            if int(r["id"]) > since
            and any(k in r for k in (named[k] for k in kinds))
            and any(label in c["message"]["labelIds"] for k in named.values() for c in r.get(k, []))
        ]
        return self._paged(request, "history", records, {"historyId": str(self.history_id)})

    def _get(self, request: Request, id_: str) -> Answer:
        found = self.messages.get(id_)
        if found is None:
            return Answer(404, {"error": {"code": 404, "message": "Requested entity was not found."}})
        body: dict[str, Any] = {
            **_short(found),
            "snippet": "…",
            "sizeEstimate": len(found.raw),
            "internalDate": str(int(found.at * 1_000)),
        }
        if request.one("format") == "raw":
            body["raw"] = base64.urlsafe_b64encode(found.raw).decode()
        if request.one("format") == "metadata":
            body["payload"] = {"headers": [{"name": "Message-Id", "value": f"<{found.message_id}>"}]}
        return Answer(200, body)

    def _modify(self, request: Request, id_: str) -> Answer:
        found = self.messages.get(id_)
        if found is None:
            return Answer(404, {"error": {"code": 404, "message": "Requested entity was not found."}})
        change = request.json
        added = set(change.get("addLabelIds", [])) - found.labels
        found.labels = (found.labels | added) - set(change.get("removeLabelIds", []))
        self.history_id += 7
        if added:
            self._note("labelsAdded", {"message": _short(found), "labelIds": sorted(added)})
        return Answer(200, _short(found))

    def _trash(self, _: Request, id_: str) -> Answer:
        self.messages[id_].labels = {"TRASH"}
        return Answer(200, _short(self.messages[id_]))

    def _send(self, request: Request) -> Answer:
        if request.path.startswith("/upload"):
            about, raw = _parts(request)
        else:
            about = request.json
            raw = base64.urlsafe_b64decode(about["raw"] + "==")
        message = read(raw)
        if not any(message.get_all(n) for n in ("To", "Cc", "Bcc")):
            return Answer(400, {"error": {"code": 400, "message": "Recipient address required"}})
        if self.rewrites_message_ids:
            raw = re.sub(rb"(?mi)^Message-ID:.*?$", b"Message-ID: <CA+new@mail.gmail.com>\r", raw, count=1)
        sent = self.put(raw, "SENT", thread_id=about.get("threadId"))
        return Answer(200, {"id": sent.id, "threadId": sent.thread_id, "labelIds": ["SENT"]})


def read(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.SMTP)
    assert isinstance(message, EmailMessage)
    return message


def _parts(request: Request) -> tuple[dict[str, Any], bytes]:
    """`uploadType=multipart`: what is known about it, and the message itself."""
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    _, about, message, _ = request.body.split(b"--" + boundary)
    return (
        dict(json.loads(about.partition(b"\r\n\r\n")[2])),
        message.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n"),
    )


def _short(message: Message) -> dict[str, Any]:
    return {"id": message.id, "threadId": message.thread_id, "labelIds": sorted(message.labels)}


def _matches(message: Message, query: str) -> bool:
    named = re.search(r"rfc822msgid:(\S+)", query)
    if named is not None:
        return message.message_id == named[1].strip("<>")
    after = re.fullmatch(r"\{is:unread after:(\d+)\}", query)
    assert after is not None or query == "", query
    return after is None or "UNREAD" in message.labels or message.at > int(after[1])
