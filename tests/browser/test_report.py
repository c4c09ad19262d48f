"""Reports: numbers of the mart that say what they count and lead to their items; prompts, files, roles, states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from openiwd.adapters.reporting_feed.http_feed import HttpReportingFeed
from openiwd.domain.privilege import Role
from openiwd.domain.report import REPORTS
from openiwd.domain.report_measure import MEASURES
from openiwd.processes.identity import new_id
from openiwd.processes.mart import MartLoop
from openiwd.processes.wiring import mart_database
from openiwd.usecases.mart_run import Chain, MartSource
from openiwd.web.shell.rendering import CATALOGUES
from tests.browser.accessibility import faults
from tests.browser.conftest import Open, go
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("agents_out")]
Shot = Callable[[Page, str], None]


class MartOfSite:
    """Runs the mart of the site's tenant, over HTTP."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._loop: MartLoop | None = None

    def load(self) -> None:
        self._site.run(self._load())

    async def _load(self) -> None:
        if self._loop is None:
            services = await self._site.services()
            tenant = services.tenant
            secret, _ = await self._site.platform.identities.create_key(
                new_id(), tenant.id, "mart", role=Role.ADMINISTRATOR
            )
            wiring = self._site._wiring
            source = MartSource(
                tenant_id=tenant.id,
                time_zone=tenant.time_zone,
                feed=HttpReportingFeed(self._site.url, secret),
            )
            self._loop = MartLoop(
                wiring.mart(tenant), source, lambda: wiring.control_dsn, mart_database(tenant)
            )
        result = await self._loop.run(Chain.INTRADAY)
        assert result.verdict.balanced, result.verdict.detail

    def close(self) -> None:
        if self._loop is not None:
            self._site.run(self._loop.stop())


@pytest.fixture(scope="module")
def mart(site: Site) -> Iterator[MartOfSite]:
    made = MartOfSite(site)
    yield made
    made.close()


@pytest.fixture(scope="module")
def loaded(site: Site, mart: MartOfSite) -> MartOfSite:
    site.work_on(site.add_one("Worked on", "theft").id, "rossi", focus_seconds=20)
    mart.load()
    return mart


def test_a_number_says_what_it_counts_and_opens_its_items(
    site: Site, mart: MartOfSite, open_as: Open, shot: Shot
) -> None:
    item = site.add_one("In time", "theft", due_date_time=datetime.now(UTC) + timedelta(hours=3))
    late = site.add_one("Too late", "glass", due_date_time=datetime.now(UTC) - timedelta(minutes=5))
    site.finish(item.id)
    site.finish(late.id)
    mart.load()
    page = open_as("ines", "/reports")
    expect(page.get_by_role("link", name="Reports").first).to_have_attribute("aria-current", "page")
    shot(page, "reports")
    assert faults(page) == []
    page.get_by_role("link", name="Intraday process dashboard").click()
    expect(page.locator("h1")).to_have_text("Intraday process dashboard")
    expect(page.locator("#report-as-of")).to_contain_text("Data as of")
    tile = page.locator("[data-tile=finished]")
    assert int(tile.locator(".v").inner_text().split()[0]) >= 2
    tile.locator(".hint button").focus()
    expect(tile.locator(".tip")).to_have_text(MEASURES["finished"].definition)
    page.get_by_text("What the numbers mean").click()
    expect(page.locator(".report-meaning")).to_contain_text(MEASURES["service_level"].definition)
    shot(page, "report-dashboard")
    assert faults(page) == []
    page.locator("[data-tile=finished] a.v").click()
    expect(page.locator("h1")).to_have_text("Finished")
    expect(page.locator("#report-items")).to_contain_text(item.capture_id)
    expect(page.locator("#report-items")).to_contain_text(late.capture_id)
    shot(page, "report-items")
    assert faults(page) == []
    go(page, "/reports/intraday-process-dashboard/items?measure=finished_overdue")
    expect(page.locator("#report-items")).to_contain_text(late.capture_id)
    expect(page.locator("#report-items")).not_to_contain_text(item.capture_id)
    page.get_by_role("link", name=late.capture_id).click()
    expect(page.locator("h1, h2").filter(has_text="Too late").first).to_be_visible()


@pytest.mark.parametrize("report", [r.id for r in REPORTS])
def test_every_report_in_light_and_in_german_dark_and_narrow(
    site: Site, loaded: MartOfSite, open_as: Open, shot: Shot, report: str
) -> None:
    page = open_as("ines", f"/reports/{report}?period=month")
    expect(page.locator("h1")).to_have_text(CATALOGUES["en"](f"report_title.{report}"))
    shot(page, f"report-{report}")
    assert faults(page) == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 900, "height": 1000})
    site.set_language("ines", "de")
    try:
        go(page, f"/reports/{report}?period=month")
        expect(page.locator("h1")).to_have_text(CATALOGUES["de"](f"report_title.{report}"))
        shot(page, f"report-{report}-de-dark-900")
        assert faults(page) == []
    finally:
        site.set_language("ines", "en")


def test_prompts_files_and_german(site: Site, loaded: MartOfSite, open_as: Open, shot: Shot) -> None:
    page = open_as("bea", "/reports/intraday-process")
    page.get_by_label("Period").select_option("week")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_label("Period")).to_have_value("week")
    expect(page.locator("#report-table tbody tr").first).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    assert waiting.value.suggested_filename.startswith("intraday-process-")
    assert waiting.value.suggested_filename.endswith(".csv")
    page.get_by_label("Period").select_option("custom")
    page.get_by_label("From").fill("2020-01-01")
    page.get_by_label("to", exact=True).fill("2020-01-02")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Nothing in this period")).to_be_visible()
    shot(page, "report-empty")
    assert faults(page) == []
    site.set_language("bea", "de")
    try:
        go(page, "/reports/item-age?period=month")
        expect(page.locator("h1")).to_have_text("Alter der Vorgänge")
        shot(page, "report-german")
        assert faults(page) == []
    finally:
        site.set_language("bea", "en")


def test_who_may_see_which(loaded: MartOfSite, open_as: Open) -> None:
    page = open_as("vera", "/reports")
    expect(page.get_by_role("link", name="Item age")).to_be_visible()
    expect(page.get_by_role("link", name="Resource performance")).to_have_count(0)
    page.get_by_role("link", name="Item age").click()
    expect(page.locator("h1")).to_have_text("Item age")
    expect(page.get_by_role("link", name="Send regularly")).to_have_count(0)
    page = open_as("ines", "/reports/item-age?period=week&queue=motor")
    page.get_by_role("link", name="Send regularly").click()
    expect(page.locator("[name=report]")).to_have_value("item-age")
    expect(page.locator("[name=queue]")).to_have_value("motor")
    page = open_as("amara", "/workspace")
    expect(page.get_by_role("link", name="Reports")).to_have_count(0)


def test_texts_say_what_the_dictionary_says() -> None:
    for measure in MEASURES.values():
        assert CATALOGUES["en"](f"measure_hint.{measure.name}") == measure.definition
        for language in ("en", "de"):
            assert f"measure.{measure.name}" in CATALOGUES[language].keys
