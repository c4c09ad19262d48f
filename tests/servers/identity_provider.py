"""A real OpenID Connect provider (oidc-provider on Node.js, certified), one for a whole test run."""

from __future__ import annotations

import os
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from openiwd.domain.login import LoginSettings, Provider, RoleRow
from tests.servers.shared import ROOT, Starting, free_port, needed, shared

CLIENT_ID = "openiwd"
CLIENT_SECRET = "a secret between the two"
LIBRARY = ROOT / ".tools" / "oidc-provider" / "node_modules" / "oidc-provider" / "lib" / "index.js"
SCRIPT = Path(__file__).with_name("identity_provider.mjs")


def _start(starting: Starting) -> dict[str, Any]:
    port = free_port()
    node = needed("node", "nodejs")
    process = starting.spawn([node, SCRIPT, LIBRARY, str(port)], "log", {"NODE_ENV": "test"})
    url = f"http://127.0.0.1:{port}"

    def is_ready() -> bool:
        try:
            return httpx.get(f"{url}/.well-known/openid-configuration", timeout=5).status_code == 200
        except httpx.TransportError as error:
            raise ConnectionError(str(error)) from error

    starting.wait(process, is_ready, "log")
    return {"url": url}


class IdentityProviderServer:
    """Where it is, and how a person logs in there."""

    def __init__(self, url: str) -> None:
        self.url = url

    def rotate(self) -> None:
        """New keys; the old ones are gone."""
        httpx.post(f"{self.url}/rotate", timeout=10).raise_for_status()

    def settings(self, *rows: RoleRow, **fields: Any) -> LoginSettings:
        roles = list(rows) or [
            RoleRow(value="iwd-admins", role="administrator"),
            RoleRow(value="claims-leads", role="supervisor"),
        ]
        provider = Provider(issuer=self.url, client_id=CLIENT_ID, name="Example ID", roles=roles, **fields)
        return LoginSettings(provider=provider)

    def log_in(self, address: str, login: str) -> str:
        """Does what a browser does from the address on; where the provider sends the person back to."""
        with httpx.Client(timeout=10) as browser:
            answer = browser.get(address)
            for _ in range(12):
                location = answer.headers.get("location")
                if location is not None:
                    target = str(urljoin(str(answer.url), location))
                    if not target.startswith(self.url):
                        return target
                    answer = browser.get(target)
                    continue
                assert answer.status_code == 200, answer.text[:500]
                action = re.search(r'action="([^"]+)"', answer.text)
                assert action is not None, answer.text[:500]
                prompt = "login" if 'name="login"' in answer.text else "consent"
                form = {"prompt": prompt, "login": login, "password": "any"}
                answer = browser.post(urljoin(str(answer.url), unescape(action[1])), data=form)
        raise AssertionError("the provider goes round in circles")


@pytest.fixture
def identity_provider() -> IdentityProviderServer:
    """Without Node.js or the package: a failure in CI, a loud skip elsewhere."""
    if not LIBRARY.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("the identity provider is missing: .ci/oidc-provider")
        pytest.skip("the identity provider is not installed: run .ci/oidc-provider")
    return IdentityProviderServer(shared("identity_provider", _start)["url"])
