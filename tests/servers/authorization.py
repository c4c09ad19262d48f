"""The contract server of OAuth authorization servers: tokens, consent with PKCE, introspection (RFC 6749, 7636, 7662).

Answers in threads of its own, since Dovecot asks it while tests wait for Dovecot. Nothing of it is shipped.
"""

from __future__ import annotations

import base64
import json
import threading
import uuid
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

Form = dict[str, str]


class AuthorizationServer:
    """Each client acts for one account. Tokens hold until they are taken away."""

    def __init__(self) -> None:
        self.clients: dict[str, tuple[str, str]] = {}
        """Secret and account by client id."""
        self.tokens: dict[str, str] = {}
        self.refresh_tokens: dict[str, str] = {}
        self.codes: dict[str, tuple[str, str, str]] = {}
        """Challenge, redirect_uri and account by code."""
        self.asked: list[Form] = []
        """What the token endpoint was asked, in order."""
        self.rotates = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def client(self, account: str) -> tuple[str, str]:
        """A registered one that acts for an account; its id and secret."""
        name, secret = f"app-{uuid.uuid4().hex[:12]}", uuid.uuid4().hex
        self.clients[name] = (secret, account)
        return name, secret

    def token_of(self, account: str) -> str:
        token = uuid.uuid4().hex
        self.tokens[token] = account
        return token

    def revoke(self, account: str) -> None:
        """Its tokens are good no more."""
        self.tokens = {token: of for token, of in self.tokens.items() if of != account}

    def consent(self, url: str, account: str) -> tuple[str, str]:
        """What the person's browser does: looks at the request, agrees; (state, code)."""
        query = {k: v[0] for k, v in parse_qs(url.partition("?")[2]).items()}
        assert url.startswith(f"{self.url}/authorize?")
        assert query["client_id"] in self.clients
        assert query["code_challenge_method"] == "S256"
        assert query["response_type"] == "code"
        code = uuid.uuid4().hex
        self.codes[code] = (query["code_challenge"], query["redirect_uri"], account)
        return query["state"], code

    def answer(self, path: str, form: Form) -> tuple[int, dict[str, Any]]:
        if path == "/introspect":
            account = self.tokens.get(form.get("token", ""))
            return 200, {"active": account is not None, **({"username": account} if account else {})}
        if path != "/token":
            return 404, {"error": "not_found"}
        self.asked.append(form)
        secret, account = self.clients.get(form.get("client_id", ""), ("", ""))
        if not secret or form.get("client_secret") != secret:
            return 401, {"error": "invalid_client", "error_description": "no such client"}
        match form.get("grant_type"):
            case "client_credentials":
                return self._granted(account, None)
            case "refresh_token":
                owner = self.refresh_tokens.get(form["refresh_token"])
                if owner is None:
                    return 400, {"error": "invalid_grant", "error_description": "revoked"}
                return self._granted(owner, self._refresh(owner) if self.rotates else None)
            case "authorization_code":
                challenge, redirect, owner = self.codes.pop(form["code"], ("", "", ""))
                digest = sha256(form["code_verifier"].encode()).digest()
                if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != challenge:
                    return 400, {"error": "invalid_grant", "error_description": "wrong verifier"}
                if form["redirect_uri"] != redirect:
                    return 400, {"error": "invalid_grant", "error_description": "wrong redirect_uri"}
                return self._granted(owner, self._refresh(owner))
            case other:
                return 400, {"error": "unsupported_grant_type", "error_description": str(other)}

    def _refresh(self, account: str) -> str:
        fresh = f"refresh-{uuid.uuid4().hex}"
        self.refresh_tokens[fresh] = account
        return fresh

    def _granted(self, account: str, refresh: str | None) -> tuple[int, dict[str, Any]]:
        told = {"access_token": self.token_of(account), "expires_in": 3_600, "token_type": "Bearer"}
        return 200, {**told, **({"refresh_token": refresh} if refresh else {})}


def _handler_of(server: AuthorizationServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            form = {k: v[0] for k, v in parse_qs(body).items()}
            status, told = server.answer(self.path, form)
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
            """Says nothing."""

    return Handler
