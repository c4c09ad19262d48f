"""Business calendars: bars and fields follow each other, holidays are previewed, faults are told field by field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from playwright.sync_api import Page, expect

from openiwd.usecases.rule_set_object import CALENDARS
from tests.browser.accessibility import in_the_dark, violations, violations_in_both_themes
from tests.browser.conftest import Open, Watch, go
from tests.browser.drafts import Drafts

Shot = Callable[[Page, str], None]


def address(draft: UUID) -> str:
    return f"/configuration/calendars/office?draft={draft}"


def span(page: Page, day: str, n: int) -> Any:
    return page.get_by_role("textbox", name=f"{day}, span {n}", exact=True)


def bar(page: Page, day: str) -> Any:
    return page.get_by_role("group", name=f"Hours of {day}")


def pull(page: Page, day: str, start: float, end: float) -> None:
    """Along a day's bar, from one hour to another."""
    box = bar(page, day).bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * start / 24, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (start + end) / 48, y, steps=3)
    page.mouse.move(box["x"] + box["width"] * end / 24, y, steps=3)
    page.mouse.up()


def test_hours_are_drawn_moved_and_typed(drafts: Drafts, open_as: Open, shot: Shot) -> None:
    draft = drafts.begin()
    page = open_as("bea", address(draft), height=1060)
    pull(page, "Sat", 9, 12)
    expect(span(page, "Sat", 1)).to_have_value("09:00-12:00")
    pull(page, "Sat", 14, 16)
    expect(span(page, "Sat", 2)).to_have_value("14:00-16:00")
    pull(page, "Mon", 18, 20)
    expect(span(page, "Mon", 1)).to_have_value("08:00-20:00")
    span(page, "Tue", 1).fill("07:30-12:00")
    expect(bar(page, "Tue").locator(".open")).to_have_attribute("x", "450")
    page.get_by_role("button", name="Add a span on Tue").click()
    expect(span(page, "Tue", 2)).to_have_value("13:00-16:00")
    expect(page.locator("#preview")).to_contain_text("09:00–12:00, 14:00–16:00")
    shot(page, "configuration-calendar")
    page.get_by_role("button", name="Save to draft").click()
    expect(page.locator(".toast")).to_contain_text("Saved to")
    weekly = drafts.object(draft, CALENDARS, "office").weekly
    assert (weekly.monday, weekly.tuesday) == (("08:00-20:00",), ("07:30-12:00", "13:00-16:00"))
    assert weekly.saturday == ("09:00-12:00", "14:00-16:00")


def test_hours_are_changed_by_keys(drafts: Drafts, open_as: Open) -> None:
    page = open_as("bea", address(drafts.begin()))
    opening = page.get_by_role("slider", name="Wed, opening 1")
    opening.focus()
    page.keyboard.press("ArrowLeft")
    expect(span(page, "Wed", 1)).to_have_value("07:45-18:00")
    expect(opening).to_be_focused()
    page.keyboard.press("Shift+ArrowLeft")
    expect(span(page, "Wed", 1)).to_have_value("06:45-18:00")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(span(page, "Wed", 1)).to_have_value("06:45-18:15")
    page.keyboard.press("Delete")
    expect(bar(page, "Wed").locator(".open")).to_have_count(0)
    expect(page.locator("[data-day=wednesday]")).to_contain_text("closed")


def test_holidays_and_exceptions_are_previewed(drafts: Drafts, open_as: Open) -> None:
    draft = drafts.begin()
    page = open_as("bea", address(draft))
    expect(page.locator("#preview")).to_contain_text("Christmas Day")
    page.locator("[name='holidays.country']").select_option("AT")
    expect(page.locator("[name='holidays.region'] option")).to_contain_text(["whole country", "1", "9"])
    expect(page.locator("#preview")).to_contain_text("Immaculate Conception")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_label("Date of exception 1").fill("2026-12-24")
    page.get_by_label("Hours of exception 1").fill("08:00-12:00")
    page.get_by_label("Name of exception 1").fill("Christmas Eve")
    page.get_by_role("button", name="Save to draft").click()
    expect(page.locator(".toast")).to_contain_text("Saved to")
    saved = drafts.object(draft, CALENDARS, "office")
    assert (saved.holidays.country, saved.exceptions[0].hours) == ("AT", ("08:00-12:00",))


def test_each_fault_stands_at_its_field(drafts: Drafts, open_as: Open, watch: Watch) -> None:
    watch.expect("422")
    page = open_as("bea", address(drafts.begin()))
    span(page, "Thu", 1).fill("18:00-08:00")
    save = page.get_by_role("button", name="Save to draft")
    save.click()
    expect(page.locator("[data-day=thursday]")).to_contain_text("does not end after its start")
    expect(page.locator("#preview")).to_contain_text("The preview comes back")
    span(page, "Thu", 1).fill("08:00-18:00")
    page.locator("[name=timeZone]").fill("Europe/Hamburg")
    save.click()
    expect(page.locator("label", has=page.locator("[name=timeZone]"))).to_contain_text("is not a time zone")
    page.locator("[name=timeZone]").fill("Europe/Berlin")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_label("Name of exception 1").fill("Christmas Eve")
    save.click()
    expect(page.locator("[data-rows=exceptions]")).to_contain_text("the exception has no date")
    page.get_by_label("Date of exception 1").fill("2026-12-24")
    page.get_by_label("Hours of exception 1").fill("08:00")
    save.click()
    expect(page.locator("[data-rows=exceptions]")).to_contain_text("'08:00' is not a span of time")
    assert violations(page) == []


def test_a_calendar_in_use_is_not_deleted(drafts: Drafts, open_as: Open) -> None:
    draft = drafts.begin()
    page = open_as("bea", f"/configuration/calendars?draft={draft}")
    card = page.locator("#office")
    expect(card).to_contain_text("1 schema, 1 queue")
    expect(card).to_contain_text("49 h a week · holidays of DE-HH")
    card.get_by_role("button", name="Delete").click()
    expect(page.locator("dialog[open]").get_by_role("link", name="Complaints")).to_be_visible()
    page.locator("dialog[open]").get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Add calendar").click()
    page.fill("dialog[open] [name=name]", "Night desk")
    page.locator("dialog[open]").get_by_role("button", name="Add").click()
    expect(span(page, "Fri", 1)).to_have_value("08:00-17:00")


def test_calendars_are_accessible(drafts: Drafts, open_as: Open, shot: Shot) -> None:
    draft = drafts.begin()
    page = open_as("bea", address(draft))
    assert violations_in_both_themes(page) == []
    page.set_viewport_size({"width": 900, "height": 1100})
    shot(page, "configuration-calendar-narrow-light")
    with in_the_dark(page):
        shot(page, "configuration-calendar-narrow-dark")
    go(page, f"/configuration/calendars?draft={draft}")
    assert violations_in_both_themes(page) == []
    shot(page, "configuration-calendars-light")
    with in_the_dark(page):
        shot(page, "configuration-calendars-dark")


def test_a_viewer_only_looks(open_as: Open) -> None:
    page = open_as("vera", "/configuration/calendars/office")
    expect(span(page, "Mon", 1)).to_be_disabled()
    expect(page.get_by_role("slider")).to_have_count(0)
    expect(page.get_by_role("button", name="Save to draft")).to_have_count(0)
    assert violations(page) == []
