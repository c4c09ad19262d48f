"""Queues of the rule set: all settings in one form, faults at their fields, lists with what uses a queue."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from openiwd.domain.queue import Delivery, LastAgentConfig, QueueConfig
from openiwd.usecases.rule_set_object import QUEUES
from tests.browser.accessibility import violations
from tests.browser.conftest import Open, Watch, go
from tests.browser.drafts import Drafts

Shot = Callable[[Page, str], None]


def address(draft: UUID, queue: str = "motor_l2") -> str:
    return f"/configuration/queues/{queue}?draft={draft}"


def test_every_setting_of_a_queue_is_saved(drafts: Drafts, open_as: Open, shot: Shot) -> None:
    draft = drafts.begin()
    page = open_as("bea", address(draft), height=1060)
    page.get_by_role("region", name="Whom it serves").get_by_role("button", name="Add").click()
    page.get_by_label("Group 2", exact=True).select_option("service")
    page.get_by_label("Delay of group 2").fill("2:30")
    page.locator("[name=delivery]").select_option("both")
    page.locator("[name=hours]").select_option("office")
    for name, value in {
        "weight": "2", "offerTimeout": "45s", "wrapUp": "90s", "limit": "25", "segmentBy": "ext.customerSegment",
        "returnAfter": "2d", "reserveFor": "4h", "declineExclusion": "20m", "alarmAfterDeclines": "5",
    }.items():  # fmt: skip
        page.locator(f"[name={name}]").fill(value)
    page.get_by_label("Accept automatically").check()
    page.get_by_label("Not ready after an offer that timed out").uncheck()
    page.get_by_label("Prefer the last agent of the contact").check()
    page.locator("[name='preferLastAgent.within']").fill("14d")
    page.locator("[name='preferLastAgent.wait']").fill("5m")
    relaxation = page.get_by_role("region", name="Relaxation")
    relaxation.get_by_role("button", name="Add").click()
    page.get_by_label("Time of step 2").fill("4h")
    page.get_by_label("Kind of step 2").select_option("group")
    page.get_by_label("Skill or group of step 2").fill("service")
    attached = page.get_by_role("region", name="Attached data")
    attached.get_by_role("button", name="Add").click()
    page.get_by_label("Key 1").fill("skillGroup")
    page.get_by_label("Value 1").fill("Motor 2")
    shot(page, "configuration-queue")
    assert violations(page) == []
    page.get_by_role("button", name="Save to draft").click()
    expect(page.locator(".toast")).to_contain_text("Saved to")
    saved: QueueConfig = drafts.object(draft, QUEUES, "motor_l2")
    assert [(g.group, g.delay) for g in saved.groups] == [("motor", "0s"), ("service", "2h30m")]
    assert (saved.delivery, saved.hours, saved.weight, saved.limit) == (Delivery.BOTH, "office", 2, 25)
    assert (saved.offer_timeout, saved.wrap_up, saved.segment_by) == ("45s", "1m30s", "ext.customerSegment")
    assert (saved.return_after, saved.reserve_for, saved.decline_exclusion) == ("2d", "4h", "20m")
    assert (saved.auto_accept, saved.not_ready_on_timeout, saved.alarm_after_declines) == (True, False, 5)
    assert saved.prefer_last_agent == LastAgentConfig("14d", "5m")
    assert [(s.after, s.skill, s.group) for s in saved.relaxation] == [
        ("2h", "motor_claims", None),
        ("4h", None, "service"),
    ]
    assert saved.attached_data == {"skillGroup": "Motor 2"}
    expect(page.locator("[name=wrapUp]")).to_have_value("1m30s")
    page.get_by_role("button", name="Reset to live").click()
    expect(page.get_by_label("Group 2", exact=True)).to_have_count(0)
    expect(page.locator("[name=limit]")).to_have_value("")


def test_each_fault_stands_at_its_field(drafts: Drafts, open_as: Open, watch: Watch) -> None:
    watch.expect("422")
    page = open_as("bea", address(drafts.begin()))
    page.locator("[name=offerTimeout]").fill("soon")
    page.locator("[name=limit]").fill("0")
    page.get_by_role("region", name="Whom it serves").get_by_role("button", name="Add").click()
    save = page.get_by_role("button", name="Save to draft")
    save.click()
    field = page.locator("label", has=page.locator("[name=offerTimeout]"))
    expect(field).to_contain_text("'soon' is not an age")
    expect(page.locator("label", has=page.locator("[name=limit]"))).to_contain_text("use 1 or more")
    expect(page.get_by_role("region", name="Whom it serves")).to_contain_text("no group is chosen")
    page.locator("[name=offerTimeout]").fill("30s")
    expect(field).not_to_contain_text("is not an age")
    page.locator("[name=limit]").fill("")
    page.get_by_role("button", name="Remove group 2").click()
    page.locator("[name=segmentBy]").fill("colour")
    save.click()
    expect(page.locator("label", has=page.locator("[name=segmentBy]")).locator(".error")).to_be_visible()
    assert violations(page) == []


def test_queues_are_listed_with_what_leads_to_them(drafts: Drafts, open_as: Open, shot: Shot) -> None:
    draft = drafts.begin()
    page = open_as("bea", f"/configuration/queues?draft={draft}")
    line = page.locator("#motor_l2")
    expect(line).to_contain_text("2 categories")
    shot(page, "configuration-queues")
    assert violations(page) == []
    line.get_by_role("button", name="Duplicate").click()
    page.locator("dialog[open]").get_by_role("button", name="Duplicate").click()
    expect(page.locator("h1 input")).to_have_value("Motor L2, copy")
    go(page, f"/configuration/queues?draft={draft}")
    expect(page.locator("#motor_l2_copy")).to_contain_text("No category leads to it")
    page.locator("#motor_l2_copy").get_by_role("button", name="Delete").click()
    page.locator("dialog[open]").get_by_role("button", name="Delete").click()
    expect(page.locator("#motor_l2_copy")).to_have_count(0)
    line.get_by_role("button", name="Delete").click()
    expect(page.locator("dialog[open]").get_by_role("link", name="Collision")).to_be_visible()


@pytest.mark.parametrize("login", ["vera", "ines"])
def test_others_only_look(open_as: Open, login: str) -> None:
    page = open_as(login, "/configuration/queues")
    expect(page.get_by_role("button", name="Delete")).to_have_count(0)
    page.get_by_role("link", name="Motor L2").click()
    expect(page.locator("[name=offerTimeout]")).to_be_disabled()
    expect(page.get_by_role("button", name="Save to draft")).to_have_count(0)
    assert violations(page) == []


def test_dark_and_narrow(drafts: Drafts, open_as: Open, shot: Shot) -> None:
    page = open_as("bea", address(drafts.begin()), scheme="dark", width=900, height=1100)
    assert violations(page) == []
    shot(page, "configuration-queue-dark-narrow")
