"""What the contract servers of Gmail and Microsoft Graph share: HTTP on a loopback port, tokens, consent, and faults.

They behave as the providers document; nothing of them is shipped.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import socket
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, unquote

import uvicorn
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.servers.until import until

CLIENT = "app-1"
SECRET = "app-secret"
ISSUER = "robot@project.example"


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def one(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[0]

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body or b"{}"))

    @property
    def form(self) -> dict[str, str]:
        return {k: v[0] for k, v in parse_qs(self.body.decode()).items()}


@dataclass
class Answer:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


@dataclass
class Fault:
    """The next request that fits gets this answer. `after`: it is carried out first; status 0: and never answered."""

    path: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    after: bool = False
    method: str | None = None


Handler = Callable[..., Answer]


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class CloudServer:
    """One provider. Its token endpoint answers at `/token`, and its data below `prefix`."""

    prefix = ""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.tokens: set[str] = set()
        self.refresh_tokens: dict[str, bool] = {}
        self.codes: dict[str, tuple[str, str]] = {}
        """Challenge and redirect_uri by code."""
        self.expires_in = 3_600
        self.rotates = False
        self.key = _key()
        self.routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._server: _Uvicorn | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(
            self._app,
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._server = _Uvicorn(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]))
        await until(lambda: self._server is not None and self._server.started)

    async def stop(self) -> None:
        assert self._server is not None
        assert self._serving is not None
        self._server.should_exit = True
        await self._serving

    @property
    def service_account_key(self) -> str:
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return json.dumps(
            {
                "type": "service_account",
                "client_email": ISSUER,
                "private_key_id": "k1",
                "private_key": pem.decode(),
            }
        )

    def new_token(self) -> str:
        token = uuid.uuid4().hex
        self.tokens.add(token)
        return token

    def consent(self, url: str) -> tuple[str, str]:
        """What the person's browser does: looks at the request, agrees; (state, code)."""
        query = {k: v[0] for k, v in parse_qs(url.partition("?")[2]).items()}
        assert query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256"
        assert query["response_type"] == "code"
        code = uuid.uuid4().hex
        self.codes[code] = (query["code_challenge"], query["redirect_uri"])
        return query["state"], code

    def fail(self, path: str, status: int, *, times: int = 1, **more: Any) -> None:
        self.faults += [Fault(path, status, **more) for _ in range(times)]

    def asked(self, path: str, method: str | None = None) -> int:
        """How often something was asked for."""
        return sum(
            1 for r in self.requests if re.search(path, r.path) and (method is None or r.method == method)
        )

    async def _app(self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if message["type"] == "http.disconnect" or not message.get("more_body"):
                break
        request = Request(
            scope["method"],
            unquote(scope["raw_path"].decode().partition("?")[0]),
            parse_qs(scope["query_string"].decode()),
            {k.decode(): v.decode() for k, v in scope["headers"]},
            bytes(body),
        )
        self.requests.append(request)
        fault = next((f for f in self.faults if _fits(f, request)), None)
        if fault is not None:
            self.faults.remove(fault)
        answer = None
        if fault is None or fault.after:
            answer = self._answer(request)
        if fault is not None:
            if fault.status == 0:
                while (await receive())["type"] != "http.disconnect":
                    pass
                return
            answer = Answer(fault.status, fault.body or {"error": {"code": "fault"}}, fault.headers)
        assert answer is not None
        content = answer.content
        headers = {"content-type": answer.content_type, "content-length": str(len(content)), **answer.headers}
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
            }
        )
        await send({"type": "http.response.body", "body": content})

    def _answer(self, request: Request) -> Answer:
        if request.path.endswith("/token"):
            return self._token(request)
        if not self.is_open(request):
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            if token not in self.tokens:
                return Answer(401, {"error": {"code": 401, "message": "Invalid Credentials"}})
        for method, pattern, handler in self.routes:
            match = pattern.fullmatch(request.path)
            if match is not None and method == request.method:
                return handler(request, *match.groups())
        return Answer(404, {"error": {"code": 404, "message": f"no {request.method} {request.path}"}})

    def is_open(self, request: Request) -> bool:
        """Whether it needs no token."""
        del request
        return False

    def _token(self, request: Request) -> Answer:
        form = request.form
        match form.get("grant_type"):
            case "urn:ietf:params:oauth:grant-type:jwt-bearer":
                problem = self._wrong_assertion(form["assertion"], self.url + request.path)
                if problem:
                    return Answer(400, {"error": "invalid_grant", "error_description": problem})
                return self._granted(None)
            case "client_credentials":
                if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
                    return Answer(401, {"error": "invalid_client", "error_description": "AADSTS7000215"})
                return self._granted(None)
            case "refresh_token":
                if not self.refresh_tokens.get(form["refresh_token"]):
                    return Answer(
                        400, {"error": "invalid_grant", "error_description": "Token has been revoked."}
                    )
                return self._granted(self._refresh() if self.rotates else None)
            case "authorization_code":
                challenge, redirect = self.codes.pop(form["code"], ("", ""))
                sent = base64.urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
                if sent.decode() != challenge or form["redirect_uri"] != redirect:
                    return Answer(400, {"error": "invalid_grant", "error_description": "Bad Request"})
                return self._granted(self._refresh())
            case other:
                return Answer(400, {"error": "unsupported_grant_type", "error_description": str(other)})

    def _refresh(self) -> str:
        fresh = f"refresh-{uuid.uuid4().hex}"
        self.refresh_tokens[fresh] = True
        return fresh

    def _granted(self, refresh: str | None) -> Answer:
        told = {"access_token": self.new_token(), "expires_in": self.expires_in, "token_type": "Bearer"}
        return Answer(200, {**told, **({"refresh_token": refresh} if refresh else {})})

    def _wrong_assertion(self, assertion: str, audience: str) -> str | None:
        head, claims, signature = assertion.split(".")
        try:
            self.key.public_key().verify(
                _unpadded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except Exception:  # noqa: BLE001 - whatever is wrong with it
            return "Invalid JWT Signature."
        told = json.loads(_unpadded(claims))
        now = time.time()
        if (told["iss"], told["aud"]) != (ISSUER, audience) or not told["iat"] - 60 <= now < told["exp"]:
            return "Invalid JWT"
        return None if "@" in told["sub"] else "Invalid email or User ID"


@cache
def _key() -> rsa.RSAPrivateKey:
    """Costly to make: one for all servers of a run."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def _fits(fault: Fault, request: Request) -> bool:
    return re.search(fault.path, request.path) is not None and fault.method in (None, request.method)


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
