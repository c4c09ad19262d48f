"""Reports by email: a schedule is made from a report's page, refused with a reason, listed with what came of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from openiwd.domain.report_schedule import LastRun, Outcome
from tests.browser.accessibility import faults
from tests.browser.conftest import Open, Watch, go
from tests.browser.mail import Mail
from tests.browser.site import Site

pytestmark = pytest.mark.browser
Shot = Callable[[Page, str], None]
DETAIL = "the data mart of this tenant is away"


def came_of(site: Site, schedule_id: str, outcome: Outcome, detail: str | None = None) -> None:
    """What the deciding process would note."""

    async def save() -> None:
        now = datetime.now(UTC)
        run = LastRun(schedule_id=schedule_id, due_at=now, at=now, outcome=outcome, detail=detail)
        async with (await site.services()).runtime.store.writing() as tx:
            await tx.save_report_run(run)

    site.run(save())


def test_a_report_is_scheduled_from_its_page_listed_and_removed(
    site: Site, open_as: Open, shot: Shot, watch: Watch
) -> None:
    watch.expect("status of 422")
    page = open_as("ines", "/reports/schedules")
    expect(page.locator(".empty")).to_contain_text("No report goes out by email yet")
    assert faults(page) == []
    go(page, "/reports/schedules/-/new")
    expect(page.locator(".note.bad")).to_contain_text("No mailbox sends")
    Mail(site)
    go(page, "/reports/schedules/-/new?report=intraday-process&queue=motor")
    expect(page.locator("[name=report]")).to_have_value("intraday-process")
    expect(page.locator("[name=name]")).to_have_value("Intraday process")
    expect(page.locator("[name=queue]")).to_have_value("motor")
    expect(page.locator("[name=text]")).to_have_value(
        "The report for {{report.period}} is attached.\nData as of {{report.dataAsOf}}."
    )
    expect(page.locator("[name=weekday]")).to_be_hidden()
    page.select_option("[name=rhythm]", "monthly")
    expect(page.locator("[name=day]")).to_be_visible()
    page.select_option("[name=rhythm]", "weekly")
    expect(page.locator("[name=weekday]")).to_be_visible()
    expect(page.locator("[name=day]")).to_be_hidden()
    far = datetime.now(UTC) + timedelta(days=3)
    page.select_option("[name=weekday]", str(far.isoweekday()))
    page.fill("[name=time]", "12:30")
    page.fill("[name=id]", "claims-week")
    page.fill("[name=recipients]", "ines@nordhaven.example\notto")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("[role=alert]")).to_contain_text("'otto' is no email address")
    expect(page.locator("[name=recipients]")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[name=time]")).to_have_value("12:30")
    expect(page.locator("[name=queue]")).to_have_value("motor")
    shot(page, "report-schedule-refused")
    assert faults(page) == []
    page.fill("[name=recipients]", "ines@nordhaven.example\notto@nordhaven.example, bea@nordhaven.example")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".note.ok")).to_contain_text("Saved")
    expect(page.locator("[name=recipients]")).to_have_value(
        "ines@nordhaven.example\notto@nordhaven.example\nbea@nordhaven.example"
    )
    expect(page.locator("[name=queue]")).to_have_value("motor")
    shot(page, "report-schedule-edit")
    assert faults(page) == []

    came_of(site, "claims-week", Outcome.FAILED, DETAIL)
    go(page, "/reports/schedules")
    line = page.locator("[data-schedule=claims-week]")
    expect(line).to_contain_text("12:30")
    expect(line).to_contain_text("The day before, XLSX")
    expect(line).to_contain_text("and one more")
    expect(line).to_contain_text("Not made")
    expect(line).to_contain_text(DETAIL)
    shot(page, "report-schedules")
    assert faults(page) == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 900, "height": 1000})
    shot(page, "report-schedules-dark-900")
    assert faults(page) == []

    page.get_by_role("link", name="Intraday process").click()
    expect(page.locator("h1")).to_have_text("Intraday process")
    assert faults(page) == []
    shot(page, "report-schedule-edit-dark-900")
    page.get_by_role("checkbox", name="Sends").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".note.ok")).to_contain_text("Saved")
    page.click("#delete-schedule")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It sends nothing any more")
    dialog.locator(".confirm").click()
    expect(page.locator(".empty")).to_contain_text("No report goes out by email yet")


def test_those_who_may_not_send_see_no_schedules(site: Site, open_as: Open, watch: Watch) -> None:
    watch.expect("status of 403")
    page = open_as("vera", "/reports")
    expect(page.locator("h1")).to_have_text("Reports")
    expect(page.get_by_role("link", name="Reports by email")).to_have_count(0)
    answer = page.goto("/reports/schedules")
    assert answer is not None
    assert answer.status == 403
