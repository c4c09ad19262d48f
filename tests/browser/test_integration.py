"""The connection to GWS and Digital Channels: made, tried with what exactly fails, followed, by role."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations
from tests.browser.conftest import Open, Watch, go
from tests.browser.site import Site
from tests.servers.gws import API_KEY, CCID, CLIENT, SECRET, SERVICE, Gws, gws_server

pytestmark = pytest.mark.browser
Shot = Callable[[Page, str], None]
PATH = "/configuration/integrations"


@pytest.fixture
def gws() -> Iterator[Gws]:
    with gws_server() as server:
        yield server


def fill(page: Page, **values: str) -> None:
    for name, value in values.items():
        page.locator(f"main [name={name}]").fill(value)


def save(page: Page) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name="Save").click()
    page.wait_for_selector("body[data-ready]")
    expect(page.get_by_text("It counts from now on")).to_be_visible()


def try_out(page: Page) -> None:
    page.click("#test-integration")
    expect(page.locator("#dialog-title")).to_be_visible()


def test_connected_tried_and_followed(site: Site, open_as: Open, shot: Shot, watch: Watch, gws: Gws) -> None:
    watch.expect("422")
    page = open_as("ada", PATH)
    expect(page.locator("[data-state=missing]")).to_be_visible()
    assert violations(page) == []
    shot(page, "integration-empty")
    page.locator("main [name=enabled]").check()
    fill(page, authUrl="https://10.0.0.1", service="kept as typed")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".field .error").first).to_be_visible()
    expect(page.locator("main [name=service]")).to_have_value("kept as typed")
    fill(
        page, authUrl=gws.url, clientId=CLIENT, clientSecret="wrong", apiKey="wrong", service=SERVICE,
        contactCenterId=CCID,
    )  # fmt: skip
    save(page)
    expect(page.locator("main [name=clientSecret]")).to_have_value("")
    try_out(page)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Look at this setting first: Client secret").first).to_be_visible()
    expect(dialog.get_by_text("Look at this setting first: API key")).to_be_visible()
    assert violations(page) == []
    shot(page, "integration-test-bad")
    page.keyboard.press("Escape")
    fill(page, clientSecret=SECRET, apiKey=API_KEY)
    save(page)
    try_out(page)
    expect(dialog.get_by_text("Signed in as iwd")).to_be_visible()
    expect(dialog.get_by_text("Every service answers")).to_be_visible()
    page.keyboard.press("Escape")
    page.click("#read-settings")
    expect(page.locator("#tenant-settings")).to_contain_text("nexus.url")
    page.click("#make-key")
    with page.expect_navigation():
        dialog.get_by_role("button", name="Make the key").click()
    page.wait_for_selector("body[data-ready]")
    assert len(gws.api_keys) == 2
    go(page, f"{PATH}?state=submitted")
    expect(page.get_by_role("link", name="Waiting at GWS")).to_have_attribute("aria-current", "page")
    assert violations(page) == []
    shot(page, "integration")

    page = open_as("ada", PATH, width=900, scheme="dark")
    expect(page.get_by_role("heading", name="GWS and Digital Channels")).to_be_visible()
    assert violations(page) == []
    shot(page, "integration-dark")


def test_who_may_not_see_webhooks_is_refused(site: Site, open_as: Open, watch: Watch) -> None:
    watch.expect("403")
    page = open_as("ines", "/")
    for status in (page.request.get(PATH).status, page.request.post(f"{PATH}/-/test").status):
        assert status == 403
