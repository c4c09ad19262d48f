"""A contract server for GWS and Digital Channels: behaves as documented, keeps a ledger, and fails as it is told to.

It shares no code with the client. It runs in a thread of its own, so that tests may block and kill what speaks to it.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha1
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

CLIENT, SECRET, API_KEY, SERVICE, CCID = "iwd-client", "iwd-secret", "key-of-the-tenant", "workitems", "cc-1"
WEBHOOK_SECRET = "what both sides know"
USER, PASSWORD = "somebody", "of GWS"
HANG = "hang"
"""The request is not carried out and never answered."""
CUT_BEFORE = "cut before"
CUT_AFTER = "cut after"
"""Carried out; the connection ends instead of an answer."""
HANG_AFTER = "hang after"
"""Carried out, and never answered."""
LATE = "late"
"""Never answered, and carried out `late_seconds` later."""
HELD = "held"
"""Carried out, and answered, once `released` is set."""
CLOSED_STATES = ("Completed", "Canceled")


class Call(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: Any

    def is_a(self, kind: str) -> bool:
        return {
            "token": self.path.endswith("/oauth/token"),
            "submit": self.method == "POST" and self.path.endswith("/interactions"),
            "find": "/interactions/ext_" in self.path,
            "stop": self.path.endswith(("/cancel", "/complete")),
            "snapshot": "snapshot" in self.path,
        }.get(kind, False)


class Answer(NamedTuple):
    status: int
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()


Fault = str | Answer | None


class Gws:
    """Everything it knows is read and changed under `lock`, by tests too."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.calls: list[Call] = []
        self.interactions: dict[str, dict[str, Any]] = {}
        """By external id, gone ones too."""
        self.ledger: list[tuple[str, str]] = []
        """What happened to which external id, in order."""
        self.faults: deque[tuple[str, Fault]] = deque()
        """(kind of call, what it meets): the first of its kind is used up by the next such call."""
        self.judge: Callable[[Call], Fault] = lambda _: None
        """What every call meets beside that."""
        self.tokens: dict[str, float] = {}
        self.token_seconds: float | None = 3_600.0
        self.gives_refresh_tokens = False
        self.refresh_tokens: set[str] = set()
        """What is taken: the last one given, until a test takes it away."""
        self.accepts_only = False
        """Submissions are answered 202 without an id, and are there a moment later."""
        self.stops_later = False
        """Stops are answered `code` 1 and happen a moment later."""
        self.snapshots_by_notification = False
        self.late_seconds = 0.3
        self.released = threading.Event()
        self.shows_workflow_state_only = False
        """Snapshots name no `state`, as a simulator of the product does."""
        self.stop_code = 0
        """Beside 0 and 1: what stops are answered instead of being carried out."""
        self.settings = [{"location": "/", "name": "nexus.url", "shared": False, "value": "http://nexus"}]
        self.api_keys = {API_KEY}
        self.most_open = 0
        self.port = 0
        self._numbers = 0
        self._sessions: dict[str, dict[str, Any]] = {}
        self._snapshots: dict[str, list[dict[str, Any]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settings_body(self, **more: Any) -> dict[str, Any]:
        """What `PUT /integrations/gws` takes to connect to this server."""
        return {
            "enabled": True, "authUrl": self.url, "clientId": CLIENT, "clientSecret": SECRET, "apiKey": API_KEY,
            "contactCenterId": CCID, "service": SERVICE, "pullSeconds": 0.1, "timeoutSeconds": 1.0,
            "webhookSecret": WEBHOOK_SECRET, **more,
        }  # fmt: skip

    # What tests do and see

    def open(self) -> list[dict[str, Any]]:
        with self.lock:
            return [dict(i) for i in self.interactions.values() if i["state"] not in CLOSED_STATES]

    def of_item(self, capture_id: str) -> list[dict[str, Any]]:
        with self.lock:
            found = [
                i for i in self.interactions.values() if i["userData"].get("IWD_captureId") == capture_id
            ]
            return [dict(i) for i in found]

    def open_ids(self) -> set[str]:
        return {i["userData"]["IWD_captureId"] for i in self.open()}

    def change(self, capture_id: str, state: str, agent: str | None = None) -> None:
        """An agent or supervisor over there does something with what is open of an item."""
        with self.lock:
            for one in self.interactions.values():
                if one["userData"].get("IWD_captureId") == capture_id and one["state"] not in CLOSED_STATES:
                    one["state"], one["assignedTo"] = state, agent
                    self.ledger.append((state, one["externalId"]))

    def count(self, kind: str) -> int:
        with self.lock:
            return sum(call.is_a(kind) for call in self.calls)

    def created_twice(self) -> list[str]:
        with self.lock:
            created = [external for what, external in self.ledger if what == "created"]
            return sorted({e for e in created if created.count(e) > 1})

    def notification(
        self, capture_id: str, event: str, secret: str = WEBHOOK_SECRET
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of what Digital Channels sends."""
        (one, *_) = self.of_item(capture_id)
        entity = {"id": one["id"], "mediaType": "workitem"}
        told = {"operationId": "op", "data": {"entities": [{"event": event, "entity": entity}]}}
        body = json.dumps(told).encode()
        signature = "sha1=" + hmac.new(secret.encode(), body, sha1).hexdigest()
        return {"X-Hub-Signature": signature, "Content-Type": "application/json"}, body

    # What it does

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while (call := await _read(reader)) is not None:
                with self.lock:
                    self.calls.append(call)
                    fault = self._fault(call)
                if fault in (HANG, CUT_BEFORE):
                    if fault == HANG:
                        await reader.read()
                    return
                if fault == LATE:
                    asyncio.get_running_loop().call_later(self.late_seconds, self._carry_out, call)
                    await reader.read()
                    return
                if fault == HELD:
                    await asyncio.to_thread(self.released.wait)
                answer = fault if isinstance(fault, Answer) else await self._answered(call)
                if fault == HANG_AFTER:
                    await reader.read()
                    return
                if fault == CUT_AFTER:
                    return
                _write(writer, answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return  # the server ends, too
        finally:
            self._writers.discard(writer)
            writer.close()

    def _fault(self, call: Call) -> Fault:
        for number, (kind, fault) in enumerate(self.faults):
            if call.is_a(kind):
                del self.faults[number]
                return fault
        return self.judge(call)

    async def _answered(self, call: Call) -> Answer:
        if call.path.endswith("/notifications"):
            return await self._notifications(call)
        return self._carry_out(call)

    def _carry_out(self, call: Call) -> Answer:
        with self.lock:
            path = call.path
            if path == "/auth/v3/oauth/token":
                return self._token(call)
            if path.startswith("/nexus/v3/openmedia/"):
                return self._open_media(call)
            if not self._is_known(call):
                return _error(401, "Unauthorized")
            if path in ("/auth/v3/userinfo", "/auth/v3/openid/userinfo"):
                return Answer(200, {"sub": "1", "user_name": "iwd", "contact_center_id": CCID})
            if path.startswith("/workspace/v3/media-management/"):
                return self._media_management(call)
            if path == "/workspace/v3/initialize-workspace":
                return Answer(
                    200, {"status": {"code": 1}}, (("Set-Cookie", "WORKSPACE_SESSIONID=s1; Path=/"),)
                )
            if path == "/nexus/v3/apikeys" and call.method == "POST":
                return self._api_key(call)
            if path == f"/environment/v3/contact-centers/{CCID}/settings":
                return Answer(200, {"status": {"code": 0}, "data": {"settings": self.settings}})
            return _error(404, "not found")

    def _token(self, call: Call) -> Answer:
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if call.headers.get("authorization") != f"Basic {basic}":
            return _error(401, "Bad credentials")
        form = {name: values[0] for name, values in parse_qs(str(call.body)).items()}
        grant = form.get("grant_type")
        if grant == "refresh_token" and form.get("refresh_token") not in self.refresh_tokens:
            return Answer(400, {"error": "invalid_grant"})
        if grant not in ("client_credentials", "password", "refresh_token"):
            return Answer(400, {"error": "unsupported_grant_type"})
        if grant == "password" and (form.get("username"), form.get("password")) != (USER, PASSWORD):
            return Answer(400, {"error": "invalid_grant", "error_description": "Bad credentials"})
        token = f"token-{len(self.tokens) + 1}"
        self.tokens[token] = time.monotonic() + (self.token_seconds or 3_600.0)
        told: dict[str, Any] = {"access_token": token}
        if self.token_seconds is not None:
            told["expires_in"] = self.token_seconds
        if self.gives_refresh_tokens:
            told["refresh_token"] = f"refresh-{len(self.tokens)}"
            self.refresh_tokens = {told["refresh_token"]}
        return Answer(200, told)

    def _is_known(self, call: Call) -> bool:
        kind, _, token = call.headers.get("authorization", "").partition(" ")
        return kind == "bearer" and self.tokens.get(token, 0.0) > time.monotonic()

    def _open_media(self, call: Call) -> Answer:
        if call.headers.get("x-api-key") not in self.api_keys:
            return _error(403, "x-api-key is not valid")
        service, rest = call.path.removeprefix("/nexus/v3/openmedia/").split("/", 1)
        if unquote(service) != SERVICE:
            return _error(404, f"service {service} not found")
        if call.method == "GET" and rest.startswith("interactions/ext_"):
            found = self.interactions.get(unquote(rest.removeprefix("interactions/ext_")))
            if found is None or found.get("visible_at", 0.0) > time.monotonic():
                return _error(404, "interaction not found")
            return Answer(200, {"status": {"code": 0}, "data": _told(found)})
        if call.method != "POST" or rest != "interactions" or not isinstance(call.body, dict):
            return _error(404, "not found")
        return self._create(call.body.get("data") or {})

    def _create(self, data: dict[str, Any]) -> Answer:
        external = data.get("externalId")
        if not isinstance(external, str) or set(data) - {
            "externalId",
            "parentInteractionId",
            "receivedAt",
            "userData",
        }:
            return _error(400, "invalid request")
        if str(data["userData"].get("IWD_subject", "")).startswith("REFUSED"):
            return _error(400, "the subject is not allowed")
        if external in self.interactions:
            return _error(409, "externalId exists")
        self._numbers += 1
        made = {
            "id": f"00{self._numbers:06d}", "externalId": external, "mediatype": "workitem", "state": "Queued",
            "queue": "iwd/Queue", "assignedTo": None, "userData": data["userData"],
            "visible_at": time.monotonic() + (0.2 if self.accepts_only else 0.0),
        }  # fmt: skip
        self.interactions[external] = made
        self.ledger.append(("created", external))
        self.most_open = max(self.most_open, len(self.open()))
        if self.accepts_only:
            return Answer(202, {"status": {"code": 1}})
        return Answer(200, {"status": {"code": 0}, "data": {"id": made["id"]}})

    def _media_management(self, call: Call) -> Answer:
        act = call.path.removeprefix("/workspace/v3/media-management/")
        body = call.body if isinstance(call.body, dict) else {}
        operation, data = body.get("operationId"), body.get("data") or {}
        if not operation:
            return _error(400, "operationId is needed")
        if act in ("cancel", "complete") and self.stop_code > 1:
            told = {"code": self.stop_code, "message": "partly", "detail": "not all of them"}
            return Answer(200, {"status": told, "operationId": operation})
        if act in ("cancel", "complete"):
            state = "Canceled" if act == "cancel" else "Completed"
            for interaction_id in data["interactions"]:
                self._stop(str(interaction_id), state)
            return Answer(200, {"status": {"code": 1 if self.stops_later else 0}, "operationId": operation})
        if act.endswith("snapshot") and act != "get-snapshot":
            self._snapshots.pop(act.partition("/")[0], None)
            return Answer(200, {"status": {"code": 0}, "operationId": operation})
        if act == "get-snapshot":
            snapshot = f"S{len(self.calls)}"
            self._snapshots[snapshot] = [
                _pairs(i, with_state=not self.shows_workflow_state_only)
                for i in self.interactions.values()
                if i["state"] not in CLOSED_STATES
            ]
        else:
            snapshot = act.partition("/")[0]
        if snapshot not in self._snapshots:
            return Answer(500, "Internal Server Error")
        start, size = int(data.get("startIndex", 0)), min(int(data.get("size", 10)), 2)
        whole = self._snapshots[snapshot]
        page = {
            "snapshotId": snapshot, "startIndex": start, "size": size, "numberOfInteractions": len(whole),
            "interactions": whole[start : start + size],
        }  # fmt: skip
        if not self.snapshots_by_notification:
            return Answer(200, {"status": {"code": 0}, "operationId": operation, "data": page})
        message = {
            "notificationType": "SnapshotContent",
            "operationId": operation,
            "messageType": "SnapshotMessage",
        }
        for session in self._sessions.values():
            session["messages"].append({"channel": "/workspace/v3/media-management", "data": message | page})
            session["event"].set()
        return Answer(200, {"status": {"code": 1}, "operationId": operation})

    def _stop(self, interaction_id: str, state: str) -> None:
        found = next((i for i in self.interactions.values() if i["id"] == interaction_id), None)
        if found is None or found["state"] in CLOSED_STATES:
            return

        def done() -> None:
            with self.lock:
                if found["state"] not in CLOSED_STATES:
                    found["state"] = state
                    self.ledger.append(("stopped", found["externalId"]))

        if self.stops_later and self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.call_later, 0.15, done)
        else:
            done()

    def _api_key(self, call: Call) -> Answer:
        data = (call.body or {}).get("data") or {}
        if set(data) != {"enabled", "tenant", "name", "permissions"} or not data["permissions"]:
            return _error(400, "invalid request")
        key = f"made-{len(self.api_keys)}"
        self.api_keys.add(key)
        return Answer(200, {"status": {"code": 0}, "data": {"apiKey": key, "name": data["name"]}})

    async def _notifications(self, call: Call) -> Answer:
        if not self._is_known(call) or "WORKSPACE_SESSIONID" not in call.headers.get("cookie", ""):
            return _error(403, "no session")
        answers: list[dict[str, Any]] = []
        for message in call.body:
            channel, client = message["channel"], message.get("clientId")
            if channel == "/meta/handshake":
                client = f"c{len(self._sessions) + 1}"
                self._sessions[client] = {"messages": [], "event": asyncio.Event()}
            session = self._sessions[client]
            if channel == "/meta/connect":
                with suppress(TimeoutError):
                    await asyncio.wait_for(session["event"].wait(), 20)
                session["event"].clear()
                answers += session["messages"]
                session["messages"] = []
            answers.append({"channel": channel, "clientId": client, "successful": True})
        return Answer(200, answers)

    def run(self, ready: threading.Event, stopping: threading.Event) -> None:
        async def main() -> None:
            server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            self._loop = asyncio.get_running_loop()
            ready.set()
            await asyncio.to_thread(stopping.wait)
            server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            await server.wait_closed()

        asyncio.run(main())


def _told(one: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in one.items() if k != "visible_at" and v is not None}


def _pairs(one: dict[str, Any], *, with_state: bool) -> dict[str, Any]:
    """As snapshots have it: `mediaType`, user data as pairs, no external id of its own."""
    pairs = [{"key": k, "type": "str", "value": v} for k, v in one["userData"].items()]
    pairs.append({"key": "ExternalId", "type": "str", "value": one["externalId"]})
    hidden = ("mediatype", "externalId") if with_state else ("mediatype", "externalId", "state")
    told = {k: v for k, v in _told(one).items() if k not in hidden}
    workflow = "Queued" if with_state else one["state"]
    return {**told, "mediaType": "workitem", "workflowState": workflow, "userData": pairs}


def _error(status: int, message: str) -> Answer:
    return Answer(status, {"status": {"code": status, "message": message, "detail": ""}})


async def _read(reader: asyncio.StreamReader) -> Call | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode().split("\r\n")
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
    content = await reader.readexactly(int(headers.get("content-length", "0")))
    method, target, _ = first.split(" ")
    body: Any = content.decode()
    if "json" in headers.get("content-type", ""):
        body = json.loads(content) if content else None
    return Call(method, urlsplit(target).path, headers, body)


def _write(writer: asyncio.StreamWriter, answer: Answer) -> None:
    is_text = isinstance(answer.body, str)
    content = answer.body.encode() if is_text else json.dumps(answer.body).encode()
    lines = [f"HTTP/1.1 {answer.status} X", f"Content-Length: {len(content)}"]
    lines.append(f"Content-Type: {'text/plain' if is_text else 'application/json'}")
    lines += [f"{name}: {value}" for name, value in answer.headers]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


@contextmanager
def gws_server() -> Iterator[Gws]:
    """The server, for the length of a block."""
    server, ready, stopping = Gws(), threading.Event(), threading.Event()
    thread = threading.Thread(target=server.run, args=(ready, stopping), name="gws contract server")
    thread.start()
    try:
        assert ready.wait(20)
        yield server
    finally:
        server.released.set()
        stopping.set()
        thread.join(20)
