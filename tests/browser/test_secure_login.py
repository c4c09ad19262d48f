"""Logging in at an identity provider and with a second factor, in a real browser; one's sessions, and the settings."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from openiwd.domain.login import LoginSettings
from openiwd.domain.one_time_code import code_at, step_of
from openiwd.ports.control_store import StoredLoginSettings
from openiwd.usecases.login_settings import secret_context
from tests.browser.accessibility import violations
from tests.browser.conftest import Open, Watch, go
from tests.browser.site import PASSWORD, Site
from tests.servers.identity_provider import CLIENT_SECRET, IdentityProviderServer

pytestmark = pytest.mark.browser
Shot = Callable[[Page, str], None]


def save(site: Site, settings: LoginSettings) -> None:
    sealed = site.platform.secrets.seal(CLIENT_SECRET, secret_context("main"))
    stored = StoredLoginSettings(settings=settings, client_secret=sealed)
    site.run(site.platform.control.save_login_settings("main", stored, revision=None))


@pytest.fixture
def restored(site: Site) -> Iterator[None]:
    yield
    save(site, LoginSettings())


def code(secret: str, ahead: int = 0) -> str:
    raw = base64.b32decode(secret + "=" * (-len(secret) % 8))
    return code_at(raw, step_of(time.time()) + ahead)


def test_somebody_logs_in_at_the_provider_and_out_again(
    site: Site,
    open_as: Open,
    shot: Shot,
    watch: Watch,
    restored: None,
    identity_provider: IdentityProviderServer,
) -> None:
    watch.expect("ERR_NAME_NOT_RESOLVED", "404")  # of the provider: fonts from elsewhere, no icon
    save(site, identity_provider.settings())
    page = open_as(None)
    assert violations(page) == []
    shot(page, "login-provider")
    page.get_by_role("link", name="Log in with Example ID").click()
    page.fill("[name=login]", "paula")
    page.fill("[name=password]", "any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_title("Universal Queue · OpenIWD")
    page.wait_for_selector("body[data-ready]")
    expect(page.locator("[data-menu=user-menu]")).to_contain_text("PP")
    page.click("[data-menu=user-menu]")
    page.get_by_role("menuitem", name="Log out").click()
    page.wait_for_url(f"{identity_provider.url}/**")
    page.get_by_role("button", name="Yes, sign me out").click()
    expect(page).to_have_title("Log in · OpenIWD")
    page.goto("/")
    expect(page).to_have_title("Log in · OpenIWD")


def test_a_second_factor_is_set_up_and_asked_for(open_as: Open, shot: Shot, watch: Watch) -> None:
    watch.expect("401", "422")
    page = open_as("tomasz", "/settings", fresh=True)
    assert violations(page) == []
    page.get_by_role("link", name="Set up").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    secret = page.locator(".secret-text").inner_text()
    assert violations(page) == []
    shot(page, "second-factor")
    page.fill("[name=code]", "000")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    page.fill("[name=code]", code(secret, -1))
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("#recovery-codes li")).to_have_count(10)
    recovery = page.locator("#recovery-codes li").first.inner_text()
    shot(page, "recovery-codes")
    page.get_by_role("link", name="I have kept them").click()
    expect(page.locator("#second-factor")).to_contain_text("10 recovery codes left")
    shot(page, "settings-security")
    for given in (code(secret), recovery):
        page = open_as(None)
        page.fill("[name=login]", "tomasz")
        page.fill("[name=password]", PASSWORD)
        page.click("main button")
        expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
        page.fill("[name=code]", "123")
        page.click("main button")
        expect(page.get_by_role("alert")).to_contain_text("wrong")
        shot(page, "login-code")
        page.fill("[name=code]", given)
        page.click("main button")
        expect(page).to_have_title(re.compile("Workspace"))
    go(page, "/settings")
    expect(page.locator("#sessions tbody tr")).to_have_count(3)
    page.get_by_role("button", name="End all others").click()
    expect(page.locator(".note.ok")).to_contain_text("other sessions have ended")
    expect(page.locator("#sessions tbody tr")).to_have_count(1)


def test_a_role_that_needs_a_second_factor_is_led_through(
    site: Site, open_as: Open, shot: Shot, restored: None
) -> None:
    save(site, LoginSettings(second_factor_roles=["business"]))
    page = open_as(None)
    page.fill("[name=login]", "bea")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    expect(page.get_by_role("heading", name="Set up the second factor")).to_be_visible()
    assert violations(page) == []
    shot(page, "login-enrol")
    page.goto("/")
    expect(page).to_have_title("Log in · OpenIWD")
    page.goto("/login/enrol")
    page.fill("[name=code]", code(page.locator(".secret-text").inner_text()))
    page.click("main button")
    page.get_by_role("link", name="I have kept them").click()
    expect(page).to_have_title("Universal Queue · OpenIWD")


def test_an_administrator_sets_up_the_provider(
    site: Site,
    open_as: Open,
    shot: Shot,
    watch: Watch,
    restored: None,
    identity_provider: IdentityProviderServer,
) -> None:
    watch.expect("422")
    page = open_as("ada", "/configuration/login")
    assert violations(page) == []
    page.fill("[name=issuer]", "http://10.0.0.1")
    page.fill("[name=clientId]", "openiwd")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("[name=clientId]")).to_have_value("openiwd")
    page.fill("[name=issuer]", identity_provider.url)
    page.fill("[name=clientSecret]", CLIENT_SECRET)
    page.fill("[name=roles]", "iwd-admins = administrator\nclaims-leads = supervisor")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".note.ok")).to_contain_text("Saved")
    page.click("#try-provider")
    expect(page.locator(".note.ok")).to_contain_text(f"{identity_provider.url}/auth")
    expect(page.locator("[name=clientSecret]")).to_have_value("")
    shot(page, "login-settings")
