"""Webhooks: made with a secret shown once, tried, looked at, sent again; numbers follow what happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from openiwd.usecases import webhook as webhook_use
from tests.browser.accessibility import faults, violations
from tests.browser.conftest import Open, Watch, go
from tests.browser.people import editor
from tests.browser.site import Site
from tests.servers.receiver import Receiver

pytestmark = pytest.mark.browser
Shot = Callable[[Page, str], None]
SLOW = 20_000


@pytest.fixture
def receiver(site: Site) -> Iterator[Receiver]:
    made = Receiver()

    async def start() -> asyncio.Server:
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
        made.port = server.sockets[0].getsockname()[1]
        return server

    async def stop(server: asyncio.Server) -> None:
        server.close()
        made.hang_up()
        for record in await webhook_use.webhooks(await editor(site)):
            await webhook_use.delete(await editor(site), record.webhook.id)

    server = site.run(start())
    yield made
    site.run(stop(server))


def make(page: Page, url: str) -> str:
    name = f"Claims system {uuid4().hex[:5]}"
    page.get_by_role("link", name="New webhook").first.click()
    page.locator("main [name=name]").fill(name)
    page.locator("main [name=id]").fill(name.lower().replace(" ", "_"))
    page.locator("main [name=url]").fill(url)
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#secret")).to_be_visible()
    return name


def test_from_an_empty_list_to_deliveries_sent_again(
    site: Site, open_as: Open, shot: Shot, watch: Watch, receiver: Receiver
) -> None:
    watch.expect("422")
    page = open_as("ada", "/configuration/webhooks")
    expect(page.get_by_text("No webhooks yet")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="New webhook").first.click()
    page.locator("main [name=name]").fill("Claims system")
    page.locator("main [name=id]").fill("claims")
    page.locator("main [name=url]").fill("https://10.0.0.1/hook")
    page.get_by_label("Canceled").first.check()
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".field .error")).to_contain_text("not public")
    expect(page.locator("main [name=name]")).to_have_value("Claims system")
    assert violations(page) == []
    page.locator("main [name=url]").fill(receiver.url)
    page.get_by_role("button", name="Create").click()
    secret = page.locator("#secret").inner_text()
    assert secret.startswith("oiwh_")
    assert violations(page) == []
    shot(page, "webhook-made")
    page.click("#ping")
    expect(page.locator("#ping-result")).to_contain_text("answered 204")
    assert receiver.requests[0].is_from(secret)
    go(page, "/configuration/webhooks/claims")
    assert secret not in page.content()
    expect(page.get_by_label("Canceled").first).to_be_checked()
    page.locator("summary", has_text="Python").click()
    assert violations(page) == []
    shot(page, "webhook-edit")

    receiver.answer = lambda _: 410
    go(page, "/configuration/webhooks")
    item = site.add_one("Told outside", "theft")
    site.cancel(item.id)
    parked = page.locator("[data-count='claims:parked']")
    expect(parked).to_have_text("1", timeout=SLOW)
    expect(page.locator("#webhook-table")).to_contain_text("failing", timeout=SLOW)
    assert violations(page) == []
    shot(page, "webhooks")
    parked.click()
    row = page.locator("#delivery-table tbody tr")
    expect(row).to_contain_text("Canceled")
    expect(row).to_contain_text("answered 410")
    row.get_by_role("button", name="Show").click()
    expect(page.locator("dialog pre")).to_contain_text("Told outside")
    assert violations(page) == []
    shot(page, "webhook-delivery")
    page.keyboard.press("Escape")
    receiver.answer = lambda _: 200
    page.get_by_role("button", name="Send the parked one again").click()
    page.locator("dialog .confirm").click()
    expect(page.locator(".toast")).to_contain_text("1 delivery waits to be sent again")
    expect(page.locator("#state-parked .tn")).to_have_text("0", timeout=SLOW)
    expect(page.locator("#state-waiting .tn")).to_have_text("0", timeout=SLOW)
    page.locator("#state-delivered").click()
    expect(row).to_contain_text("200 in", timeout=SLOW)
    assert violations(page) == []
    shot(page, "webhook-deliveries")
    row.get_by_role("link").first.click()
    expect(page.locator("#drawer")).to_contain_text("Told outside")


def test_secret_replaced_and_webhook_deleted(
    open_as: Open, shot: Shot, watch: Watch, receiver: Receiver
) -> None:
    watch.expect("422")
    page = open_as("ada", "/configuration/webhooks")
    name = make(page, receiver.url)
    page.click("#rotate-secret")
    page.locator("dialog [name=overlapHours]").fill("999")
    page.locator("dialog .confirm").click()
    expect(page.locator("dialog .error")).to_contain_text("999")
    page.locator("dialog [name=overlapHours]").fill("2")
    page.locator("dialog .confirm").click()
    secret = page.locator("dialog #secret").inner_text()
    assert violations(page) == []
    page.get_by_role("link", name="I have copied it").click()
    expect(page.locator("main table tbody tr")).to_have_count(2)
    page.click("#ping")
    expect(page.locator("#ping-result")).to_contain_text("answered")
    assert receiver.requests[-1].is_from(secret)
    page.click("#delete-webhook")
    expect(page.locator("dialog[open]")).to_contain_text("Nothing is sent from here any more")
    page.locator("dialog .confirm").click()
    page.wait_for_url("**/configuration/webhooks")
    expect(page.locator("main")).not_to_contain_text(name)


def test_others_are_refused(open_as: Open, watch: Watch) -> None:
    watch.expect("403")
    page = open_as("bea", "/configuration/skills")
    expect(page.get_by_role("link", name="Webhooks")).to_have_count(0)
    page.goto("/configuration/webhooks")
    expect(page.get_by_role("alert")).to_contain_text("webhooks.view")


@pytest.mark.parametrize("width", [1280, 900])
def test_in_the_dark_and_on_a_tablet_nothing_breaks(
    site: Site, open_as: Open, shot: Shot, receiver: Receiver, width: int
) -> None:
    page = open_as("ada", "/configuration/webhooks", scheme="dark", width=width, height=800)
    make(page, receiver.url)
    here = page.url.partition("?")[0]
    site.add_one("A" * 200, "theft")
    go(page, f"{here}/deliveries")
    expect(page.locator("[data-count$=':waiting']").first).to_have_text("0", timeout=SLOW)
    for path in (here, f"{here}/deliveries", "/configuration/webhooks", "/configuration/webhooks/-/new"):
        go(page, path)
        assert faults(page) == [], path
        shot(page, f"webhook-{width}-{path.rpartition('/')[2]}")
