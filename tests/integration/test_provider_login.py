"""Logging in at a real OpenID Connect provider: who comes back as whom, and what lets nobody in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from msgspec.structs import replace

from openiwd.api.app import create_app
from openiwd.domain.login import LoginSettings, RoleRow
from openiwd.domain.privilege import Role
from openiwd.ports.control_store import StoredLoginSettings
from openiwd.usecases.login_settings import secret_context
from openiwd.web.app import create_web
from tests.factories.api import World, problem
from tests.servers.identity_provider import CLIENT_SECRET, IdentityProviderServer

ROWS = {"iwd-admins": "administrator", "claims-leads": "supervisor"}


class Site:
    """The UI without sockets, and a browser for it."""

    def __init__(self, api: World, server: IdentityProviderServer) -> None:
        self.api = api
        self.server = server
        app: Any = create_app(api.platform, holidays=api.wiring.holidays, web=create_web)
        self.app = app
        self.browser = self.new_browser()

    def new_browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app), base_url="http://iwd", timeout=30
        )

    async def save(self, settings: LoginSettings, secret: str = CLIENT_SECRET) -> None:
        sealed = self.api.platform.secrets.seal(secret, secret_context("t"))
        stored = StoredLoginSettings(settings=settings, client_secret=sealed)
        await self.api.wiring.control.save_login_settings("t", stored, revision=None)

    async def begin(self) -> str:
        """Where the browser is sent."""
        answer = await self.browser.get("/login/provider?tenant=t&next=/queues")
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    async def back(self, address: str, **changes: str) -> httpx.Response:
        """Follows the provider's answer, changed on the way."""
        parts = urlsplit(address)
        query = {k: v[0] for k, v in parse_qs(parts.query).items()} | changes
        return await self.browser.get(f"{parts.path}?{urlencode(query)}")

    async def log_in(self, login: str) -> httpx.Response:
        return await self.back(self.server.log_in(await self.begin(), login))

    async def me(self) -> dict[str, Any]:
        self.api.platform.identities.forget()
        return dict((await self.browser.get("/iwd/v3/users/me")).json())


@pytest.fixture
async def site(api: World, identity_provider: IdentityProviderServer) -> AsyncIterator[Site]:
    made = Site(api, identity_provider)
    await made.save(identity_provider.settings())
    yield made
    await made.browser.aclose()


async def test_the_first_log_in_makes_a_user_by_the_claims(site: Site) -> None:
    answer = await site.log_in("paula")
    assert (answer.status_code, answer.headers.get("location")) == (303, "/queues"), answer.text
    me = await site.me()
    assert (me["login"], me["name"], me["role"]) == ("paula", "Paula Provider", "supervisor")
    user = await site.api.wiring.control.user("t", "paula")
    assert user is not None
    assert user.subject == f"{site.server.url} paula"
    assert user.password_hash is None
    problem(await site.api.post("/sessions", {"login": "paula", "password": "any"}, None), 401, "wrongLogin")


async def test_the_address_carries_what_the_answer_has_to_fit(site: Site) -> None:
    query = parse_qs(urlsplit(await site.begin()).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["response_type"] == ["code"]
    assert query["redirect_uri"] == ["http://iwd/login/callback"]
    again = parse_qs(urlsplit(await site.begin()).query)
    assert all(query[name] != again[name] for name in ("state", "nonce", "code_challenge"))


async def test_an_answer_to_another_log_in_or_browser_lets_nobody_in(site: Site) -> None:
    address = site.server.log_in(await site.begin(), "paula")
    for changes in ({"state": "guessed"}, {"code": "guessed"}, {"iss": "https://evil.example.com"}):
        refused = await site.back(address, **changes)
        assert refused.status_code == 401, changes
        assert "openiwd_session" not in refused.headers.get("set-cookie", "")
        address = site.server.log_in(await site.begin(), "paula")
    mine, site.browser = site.browser, site.new_browser()
    assert (await site.back(address)).status_code == 401, "the attacker's answer in the victim's browser"
    await site.begin()
    assert (await site.back(address)).status_code == 401
    await site.browser.aclose()
    site.browser = mine
    assert (await site.back(address)).status_code == 303
    assert (await site.back(address)).status_code == 401, "each answer is good once"


async def test_new_keys_of_the_provider_are_fetched(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from openiwd.adapters.oidc import openid_connect

    assert (await site.log_in("paula")).status_code == 303
    address = await site.begin()
    site.server.rotate()
    monkeypatch.setattr(openid_connect, "ASK_AGAIN_SECONDS", 0.0)
    assert (await site.back(site.server.log_in(address, "paula"))).status_code == 303


async def test_who_fits_no_row_is_refused_and_not_made(site: Site) -> None:
    refused = await site.log_in("nobody")
    assert refused.status_code == 401
    assert "None of your groups has a role here" in refused.text
    assert await site.api.wiring.control.user("t", "nobody") is None


async def test_a_user_made_here_is_not_taken_over(site: Site) -> None:
    await site.api.add_user("ada", Role.ADMINISTRATOR)
    refused = await site.log_in("ada")
    assert refused.status_code == 401
    assert "belongs to another user" in refused.text
    await site.save(site.server.settings(link_existing=True))
    assert (await site.log_in("ada")).status_code == 303
    user = await site.api.wiring.control.user("t", "ada")
    assert user is not None
    assert user.subject == f"{site.server.url} ada"


async def test_nobody_is_made_where_the_tenant_makes_its_users_itself(site: Site) -> None:
    await site.save(site.server.settings(create_users=False))
    assert "no user for you" in (await site.log_in("paula")).text


async def test_role_and_groups_follow_the_claims_at_every_log_in(site: Site) -> None:
    await site.log_in("paula")
    await site.api.add_access_group("north", categories=["claims"])
    row = RoleRow(value="claims-leads", role="viewer", access_groups=["north"])
    await site.save(site.server.settings(row))
    first, site.browser = site.browser, site.new_browser()
    assert (await site.log_in("paula")).status_code == 303
    me = await site.me()
    assert (me["role"], me["privileges"]["workitems.read"]) == ("viewer", "group")
    assert (await first.get("/iwd/v3/users/me")).status_code == 401, "opened with rights that are gone"
    await first.aclose()
    entries = (await site.api.get("/audit")).json()["entries"]
    assert {"created", "updated"} <= {e["action"] for e in entries if e["objectKind"] == "user"}


async def test_switched_off_users_stay_outside(site: Site) -> None:
    await site.log_in("paula")
    user = await site.api.wiring.control.user("t", "paula")
    assert user is not None
    await site.api.wiring.control.save_user(replace(user, active=False), revision=None)
    assert "switched off" in (await site.log_in("paula")).text


async def test_email_is_a_login_only_when_verified(site: Site) -> None:
    rows = RoleRow(value="cooks", role="viewer"), RoleRow(value="claims-leads", role="viewer")
    await site.save(site.server.settings(*rows, login_claim="email"))
    assert "not verified" in (await site.log_in("nobody")).text
    assert (await site.log_in("paula")).status_code == 303
    assert (await site.me())["login"] == "paula@example.com"


async def test_a_wrong_client_secret_and_a_provider_away_are_told(site: Site) -> None:
    await site.save(site.server.settings(), "wrong")
    assert (await site.log_in("paula")).status_code == 401
    settings = site.server.settings()
    assert settings.provider is not None
    settings.provider.issuer = "http://127.0.0.1:9"
    await site.save(settings)
    answer = await site.browser.get("/login/provider?tenant=t")
    assert answer.status_code == 401
    assert "cannot be reached" in answer.text


async def test_logging_out_ends_the_providers_session_as_well(site: Site) -> None:
    await site.log_in("paula")
    csrf = (await site.me())["csrfToken"]
    answer = await site.browser.post("/logout", headers={"x-csrf-token": csrf})
    assert answer.status_code == 200
    assert f"0;url={site.server.url}/session/end?id_token_hint=" in answer.text
    assert (await site.browser.get("/iwd/v3/users/me")).status_code == 401


async def test_passwords_may_be_refused_but_not_those_of_administrators(site: Site) -> None:
    await site.api.add_user("sue", Role.SUPERVISOR)
    await site.api.add_user("ada", Role.ADMINISTRATOR)
    settings = site.server.settings()
    settings.provider_only = True
    await site.save(settings)
    body = {"login": "sue", "password": "correct horse battery"}
    problem(await site.api.post("/sessions", body, None), 401, "providerOnly")
    assert (await site.api.post("/sessions", body | {"login": "ada"}, None)).status_code == 201


async def test_settings_are_changed_by_administrators_and_tell_no_secret(site: Site) -> None:
    api = site.api
    read = await api.get("/login-settings")
    assert read.json()["hasClientSecret"] is True
    assert CLIENT_SECRET not in read.text
    body = {k: v for k, v in read.json().items() if k not in ("hasClientSecret", "revision")}
    changed = await api.call("PUT", "/login-settings", json={**body, "idleMinutes": 60})
    assert changed.status_code == 200, changed.text
    assert changed.json()["hasClientSecret"] is True
    tried = await api.post("/login-settings/test")
    assert tried.json()["address"] == f"{site.server.url}/auth"
    stale = await api.call("PUT", "/login-settings", json=body, headers={"If-Match": '"1"'})
    problem(stale, 412)
    elsewhere = body | {"provider": {**body["provider"], "issuer": f"{site.server.url}/x"}}
    moved = await api.call("PUT", "/login-settings", json=elsewhere)
    assert moved.json()["hasClientSecret"] is False, "a secret is not sent to another issuer"
    inner = body | {"provider": {**body["provider"], "issuer": "http://169.254.169.254"}}
    problem(await api.call("PUT", "/login-settings", json=inner), 400)
    unknown = body | {"provider": {**body["provider"], "roles": [{"value": "x", "role": "king"}]}}
    problem(await api.call("PUT", "/login-settings", json=unknown), 400)
    await api.add_access_group("north", categories=["claims"])
    await api.add_key("limited", Role.ADMINISTRATOR, access_groups=["north"])
    problem(await api.call("PUT", "/login-settings", "limited", json=body), 403, "notGrantable")
    assert CLIENT_SECRET not in (await api.get("/audit")).text
