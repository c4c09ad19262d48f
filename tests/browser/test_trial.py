"""A draft on trial: its shadow counts live, its canary shows both sides and is taken back by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import httpx
import msgspec
import pytest
from playwright.sync_api import Page, expect

from openiwd.domain.errors import OpenIwdError
from openiwd.domain.lifecycle import Action
from openiwd.domain.work_item import Ext, WorkItem
from openiwd.usecases import canary, category
from openiwd.usecases.command import Command
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set_edit import How
from openiwd.usecases.rule_set_object import RULES
from openiwd.usecases.work_item import apply
from tests.browser.accessibility import in_the_dark, violations, violations_in_both_themes
from tests.browser.conftest import Open, Watch, go
from tests.browser.drafts import Drafts
from tests.browser.site import CALLER, Site
from tests.servers.until import until

pytestmark = [pytest.mark.usefixtures("agents_out"), pytest.mark.timeout(300)]
Shot = Callable[[Page, str], None]
SLOW = 30_000
"""Counts are written once a second and read again every two."""


class Traffic:
    """Items that come in while a draft is on trial; they are gone afterwards, for the other tests' sake."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._made: list[WorkItem] = []

    def come(self, count: int, subject: str, product: str, segment: str | None = None) -> None:
        ext = None if segment is None else Ext(customer_segment=segment)
        self._made += [self._site.add_one(subject, product, ext=ext) for _ in range(count)]

    def close(self) -> None:
        async def cancel() -> None:
            runtime = (await self._site.services()).runtime
            await apply(
                runtime, [Command(action=Action.CANCEL, caller=CALLER, item_id=i.id) for i in self._made]
            )

        self._site.run(cancel())


@pytest.fixture
def traffic(site: Site) -> Iterator[Traffic]:
    made = Traffic(site)
    yield made
    made.close()


async def ask_for_more(site: Site, draft: UUID) -> None:
    editor = Editor(site.platform, await site.services(), CALLER, site.holidays)
    _, theft = await category.get(editor, "theft", draft)
    read_only = {"path", "level", "effectiveSchema", "effectiveQueue", "children"}
    body = {k: v for k, v in msgspec.to_builtins(theft).items() if k not in read_only}
    body["requirement"] = {"skills": [{"skill": "motor_claims", "level": 7}]}
    await category.put(editor, "theft", body, How(draft=draft))


@pytest.fixture
def draft(site: Site, drafts: Drafts) -> Iterator[UUID]:
    """A draft that values VIPs more and asks for more skill at thefts; its canary ends with the test."""
    made = drafts.begin("Storm season")
    drafts.put(made, RULES, "vip", then=[{"raiseBusinessValue": 400}])
    site.run(ask_for_more(site, made))
    yield made

    async def stop() -> None:
        editor = Editor(site.platform, await site.services(), CALLER, site.holidays)
        try:
            await canary.stop(editor, made)
        except OpenIwdError:
            return

    site.run(stop())


def shadow_runs(site: Site) -> None:
    async def running() -> None:
        services = await site.services()
        await until(lambda: services.shadows.is_running)

    site.run(running())


def test_a_shadow_shows_live_what_would_be_different(
    site: Site, open_as: Open, shot: Shot, draft: UUID, traffic: Traffic
) -> None:
    page = open_as("bea", f"/configuration/drafts/{draft}")
    page.get_by_role("navigation", name="The draft's trials").get_by_role("link", name="Shadow").click()
    expect(page.get_by_text("No shadow has run yet")).to_be_visible()
    assert violations_in_both_themes(page) == []
    page.get_by_role("button", name="Start shadow").click()
    expect(page.get_by_text("Nothing has come in yet").first).to_be_visible()
    assert violations_in_both_themes(page) == []
    shot(page, "shadow-begun")
    with in_the_dark(page):
        shot(page, "shadow-begun-dark")
    shadow_runs(site)
    traffic.come(3, "Question about the deductible", "question")
    traffic.come(
        2, "Car stolen in Lerchenstraße, keys in hand, police informed, replacement wanted", "theft", "vip"
    )
    traffic.come(2, "Windscreen", "glass")
    expect(page.locator("#shadow-looked")).to_have_text("7", timeout=SLOW)
    expect(page.locator("#shadow-diverged")).to_have_text("2")
    rows = page.locator("#divergences tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Requirement")
    expect(rows.first).to_contain_text("motor_claims 7")
    expect(rows.first.locator("td").nth(2)).to_contain_text("vip")
    assert violations_in_both_themes(page) == []
    shot(page, "shadow")
    with in_the_dark(page):
        shot(page, "shadow-dark")
    page.get_by_role("link", name="Business value").click()
    page.wait_for_url("**/shadow?kind=businessValue")
    expect(rows).to_have_count(2)
    page.get_by_role("link", name="Due date").click()
    expect(page.get_by_text("No difference")).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    rows.first.get_by_role("link").click()
    expect(page.locator("#drawer")).to_contain_text("Car stolen")
    go(page, f"/configuration/drafts/{draft}/shadow")
    page.set_viewport_size({"width": 900, "height": 1100})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    shot(page, "shadow-tablet")
    with in_the_dark(page):
        shot(page, "shadow-tablet-dark")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("stopped")).to_be_visible()
    expect(page.locator("#shadow-looked")).to_have_text("7")


def test_a_canary_shows_both_sides_and_is_stopped(
    site: Site, open_as: Open, shot: Shot, draft: UUID, traffic: Traffic
) -> None:
    page = open_as("bea", f"/configuration/drafts/{draft}/canary")
    expect(page.get_by_role("heading", name="Start a canary")).to_be_visible()
    assert violations_in_both_themes(page) == []
    shot(page, "canary-start")
    with in_the_dark(page):
        shot(page, "canary-start-dark")
    page.get_by_label("Share of the new items").fill("50")
    page.get_by_role("button", name="Start canary").click()
    expect(page.get_by_text("50 % of the new items")).to_be_visible()
    traffic.come(12, "Car stolen", "theft")
    traffic.come(12, "Windscreen", "glass")
    traffic.come(6, "Question", "question", "vip")
    expect(page.locator(".trial-spread").first).to_contain_text("Motor L2", timeout=SLOW)
    assert violations_in_both_themes(page) == []
    shot(page, "canary")
    with in_the_dark(page):
        shot(page, "canary-dark")
    page.set_viewport_size({"width": 900, "height": 1100})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    shot(page, "canary-tablet")
    with in_the_dark(page):
        shot(page, "canary-tablet-dark")
    page.set_viewport_size({"width": 1440, "height": 900})
    judged = page.locator("#canary-items").inner_text().split()[0]
    page.locator("#canary-items").click()
    expect(page.locator("#rows tr, #queue tbody tr").filter(has_text="Car stolen").first).to_be_visible()
    assert judged.isdigit()
    page.go_back()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("dialog")).to_contain_text("The live rules judge everything again")
    page.locator("dialog").get_by_role("button", name="Stop canary").click()
    expect(page.get_by_text("have been judged again")).to_be_visible()
    assert violations_in_both_themes(page) == []


def test_a_bad_draft_is_taken_back_before_ones_eyes(
    site: Site, open_as: Open, shot: Shot, drafts: Drafts, draft: UUID, traffic: Traffic, watch: Watch
) -> None:
    watch.expect("409")
    failing = {"attribute": "data.product", "operator": "gt", "value": 3}
    drafts.put(draft, RULES, "vip", when=failing)
    page = open_as("bea", f"/configuration/drafts/{draft}/canary")
    page.get_by_label("Share of the new items").fill("120")
    page.get_by_role("button", name="Start canary").click()
    expect(page.get_by_text("a number from 0 to 100 is needed")).to_be_visible()
    expect(page.get_by_label("Share of the new items")).to_have_value("120")
    page.get_by_label("Share of the new items").fill("60")
    page.get_by_label("Least number of items").fill("5")
    page.get_by_role("button", name="Start canary").click()
    expect(page.get_by_text("60 % of the new items")).to_be_visible()
    traffic.come(30, "Car stolen", "theft")
    expect(page.get_by_text("Taken back by itself")).to_be_visible(timeout=SLOW)
    expect(page.locator("#canary-guards")).to_contain_text("passed")
    go(page, f"/configuration/drafts/{draft}/canary")
    expect(page.get_by_role("heading", name="Start another one")).to_be_visible()
    assert violations(page) == []
    shot(page, "canary-rolled-back")
    go(page, "/alarms")
    row = page.locator("#alarms tr", has_text="Storm season")
    expect(row).to_contain_text("Canary rolled back", timeout=SLOW)
    expect(row).to_contain_text("A rule failed")
    shot(page, "canary-alarm")


def test_who_may_not_publish_sees_and_does_nothing(site: Site, open_as: Open, draft: UUID) -> None:
    page = open_as("vera", f"/configuration/drafts/{draft}/canary")
    expect(page.get_by_text("Only those who may publish")).to_be_visible()
    expect(page.get_by_role("button", name="Start canary")).to_have_count(0)
    go(page, f"/configuration/drafts/{draft}/shadow")
    expect(page.get_by_role("button", name="Start shadow")).to_have_count(0)
    token = page.locator("[name=csrf_token]").first.get_attribute("value")
    cookies = {c["name"]: c["value"] for c in page.context.cookies()}
    for path in ("shadow", "canary"):
        answer = httpx.post(
            f"{site.url}/configuration/drafts/{draft}/{path}",
            data={"csrf_token": token, "on": "true", "share": "10"},
            cookies=cookies,
            trust_env=False,
        )
        assert answer.status_code in (403, 409), answer.text
