"""The agent's workspace in real Chromium: from ready to completed, and what can go wrong."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from openiwd.domain.agent import AgentState
from openiwd.domain.work_item import ContactInput, Status
from tests.browser.accessibility import violations
from tests.browser.conftest import Open, Watch, go, log_in
from tests.browser.late import Held, handled, raise_in
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("agents_out")]
Shot = Callable[[Page, str], None]


def go_ready(page: Page) -> None:
    page.click("#state-button")
    page.get_by_role("menuitem", name="Ready", exact=True).click()
    expect(page.locator("#state-button")).to_contain_text("Ready")


def test_ready_offer_accept_complete(site: Site, open_as: Open, shot: Shot) -> None:
    item = site.add_urgent("Theft of a bicycle", "theft", hours=3, description="It was locked.")
    page = open_as("amara")
    shot(page, "workspace-logged-out")
    go_ready(page)
    offer = page.locator("[data-offer]")
    expect(offer).to_contain_text("Theft of a bicycle")
    expect(offer).to_contain_text("motor_claims 7 (needs 6)")
    expect(page).to_have_title("Offer: Theft of a bicycle")
    left = int(page.locator(".ring text").text_content() or "")
    expect(page.locator(".ring text")).not_to_have_text(str(left))
    shot(page, "workspace-offer")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Enter")
    expect(page.locator("#focus h1")).to_have_text("Theft of a bicycle")
    expect(page.locator("#focus")).to_contain_text("It was locked.")
    assert site.item(item.id).assigned_to == "rossi"
    shot(page, "workspace-focus")
    page.select_option("#focus [name=resultCode]", "Settled")
    with page.expect_request(lambda request: request.url.endswith("/act/complete")) as sent:
        page.click("#complete")
    # How long it was in focus goes along with what ends the assignment.
    assert re.search(r"\bfocusSeconds=\d+\b", sent.value.post_data or "")
    expect(page.locator(".toast").last).to_contain_text("Completed")
    done = site.item(item.id)
    assert (done.status, done.ext["resultCode"]) == (Status.COMPLETED, "Settled")


def test_an_offer_appears_by_itself_without_reload(site: Site, open_as: Open) -> None:
    site.set_state("nowak", AgentState.LOGGED_OUT)
    page = open_as("tomasz")
    expect(page.locator("#live")).to_have_text("Live")
    page.evaluate("window.notReloaded = true")
    go_ready(page)
    expect(page.locator("[data-offer]")).to_be_visible()
    page.click("#accept")
    expect(page.locator("[data-offer]")).to_be_visible()  # the next best one
    page.click("#state-button")
    page.get_by_role("menuitem", name="lunch").click()
    expect(page.locator("[data-offer]")).to_have_count(0)
    expect(page.locator("#state-button")).to_contain_text("Not ready, lunch")
    site.add_urgent("Quick one", "collision")
    site.set_state("nowak", AgentState.READY)
    expect(page.locator("[data-offer]")).to_contain_text("Quick one")
    assert page.evaluate("window.notReloaded")


def test_decline_needs_a_reason_and_the_item_stays_in_place(site: Site, open_as: Open) -> None:
    item = site.add_urgent("Not for me", "theft")
    page = open_as("amara")
    go_ready(page)
    expect(page.locator("[data-offer]")).to_contain_text("Not for me")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("d")
    page.fill("dialog [name=reason]", "I know the customer")
    page.click("dialog .confirm")
    expect(page.locator(".toast")).to_contain_text("Declined")
    now = site.item(item.id)
    assert now.status is Status.QUEUED
    assert [e.agent for e in now.excluded] == ["rossi"]


def test_a_key_pressed_the_moment_an_offer_appears_counts(site: Site, open_as: Open) -> None:
    page = open_as("amara")
    page.evaluate("""
        document.body.addEventListener("htmx:afterSwap", () => {
          if (document.querySelector("[data-offer]") === null || window.pressed) return;
          window.pressed = true;
          queueMicrotask(() => document.dispatchEvent(new KeyboardEvent("keydown", { key: "d" })));
        })
    """)
    go_ready(page)  # an item that waits already may be the first one
    site.add_urgent("At once", "theft")
    expect(page.locator("dialog h2")).to_be_visible()
    page.fill("dialog [name=reason]", "I know the customer")


def test_transfer_to_a_colleague_and_return(site: Site, open_as: Open) -> None:
    item = site.add_urgent("Pass it on", "collision")
    page = open_as("amara")
    go_ready(page)
    expect(page.locator("[data-offer]")).to_contain_text("Pass it on")
    page.click("#accept")
    expect(page.locator("#focus h1")).to_have_text("Pass it on")
    page.click("#focus [data-act=transfer]")
    page.select_option("dialog [name=agent]", "nowak")
    page.fill("dialog [name=comment]", "you know this one")
    page.click("dialog .confirm")
    expect(page.locator(".toast").last).to_contain_text("Transferred")
    now = site.item(item.id)
    assert (now.status, now.reserved_for, now.assigned_to) == (Status.QUEUED, "nowak", None)
    colleague = open_as("tomasz")
    go_ready(colleague)
    expect(colleague.locator("[data-offer]")).to_contain_text("Pass it on")
    colleague.click("#accept")
    expect(colleague.locator("#focus h1")).to_have_text("Pass it on")
    colleague.click("#focus [data-act=return]")
    colleague.click("dialog .confirm")
    expect(colleague.locator(".toast").last).to_contain_text("Returned")
    assert site.item(item.id).assigned_to is None


def test_a_supervisor_takes_an_item_away_and_the_screen_tells(site: Site, open_as: Open) -> None:
    item = site.add_urgent("Held from above", "collision")
    page = open_as("amara")
    go_ready(page)
    page.click("#accept")
    expect(page.locator("#focus h1")).to_have_text("Held from above")
    page.evaluate("document.activeElement.blur()")
    supervisor = open_as("ines")
    go(supervisor, f"/?item={item.id}")
    supervisor.click("#drawer [data-act=hold]")
    expect(supervisor.locator("dialog")).to_contain_text("taken from Amara Rossi")
    supervisor.click("dialog .confirm")
    expect(page.locator("#ws-left")).not_to_contain_text("Held from above")


def test_an_answer_is_heard_though_the_offer_has_left_the_page_meanwhile(site: Site, open_as: Open) -> None:
    site.add_urgent("Slow answer", "theft")
    page = open_as("amara")
    go_ready(page)
    expect(page.locator("[data-offer]")).to_contain_text("Slow answer")

    def late(route: Route) -> None:
        answer = route.fetch()
        page.evaluate("document.getElementById('offers').replaceChildren()")
        route.fulfill(response=answer)

    page.route("**/accept", late)
    page.click("#accept")
    expect(page.locator("#focus h1")).to_have_text("Slow answer")
    expect(page.locator(".toast")).to_have_count(1)


def test_an_accepted_item_comes_into_focus_while_a_refresh_is_under_way(site: Site, open_as: Open) -> None:
    site.add_urgent("In good time", "theft")
    page = open_as("amara")
    go_ready(page)
    expect(page.locator("[data-offer]")).to_contain_text("In good time")
    held = Held(page, "**/workspace/left*")
    raise_in(page, "deskChanged")
    held.wait()
    page.click("#accept")
    expect(page.locator("#focus h1")).to_have_text("In good time")
    held.release()
    expect(page.locator("#ws-left a[aria-current]")).to_contain_text("In good time")
    expect(page.locator("[data-offer]", has_text="In good time")).to_have_count(0)


def test_a_late_refresh_of_one_item_does_not_come_over_the_next(site: Site, open_as: Open) -> None:
    for subject in ("Wanted now", "Wanted before"):
        item = site.add_urgent(subject, "theft")
    page = open_as("amara")
    go_ready(page)
    for subject in ("Wanted before", "Wanted now"):
        expect(page.locator("[data-offer]")).to_contain_text(subject)
        page.click("#accept")
        expect(page.locator("#focus h1")).to_have_text(subject)
    page.click("#ws-left a:has-text('Wanted before')")
    expect(page.locator("#focus h1")).to_have_text("Wanted before")
    held = Held(page, f"**/workspace/items/{item.id}")
    raise_in(page, "itemChanged", id=str(item.id))
    held.wait()
    page.click("#ws-left a:has-text('Wanted now')")
    expect(page.locator("#focus h1")).to_have_text("Wanted now")
    with handled(page, f"/workspace/items/{item.id}"):
        held.release()
    expect(page.locator("#focus h1")).to_have_text("Wanted now")


def test_a_press_on_accept_counts_though_the_list_is_refreshed_before_the_release(
    site: Site, open_as: Open
) -> None:
    site.add_urgent("Pressed long", "theft")
    page = open_as("amara")
    go_ready(page)
    expect(page.locator("[data-offer]")).to_contain_text("Pressed long")
    page.hover("#accept")
    page.mouse.down()
    with handled(page, "/workspace/left"):
        raise_in(page, "deskChanged")
    page.mouse.up()
    expect(page.locator("#focus h1")).to_have_text("Pressed long")


@pytest.mark.parametrize("failure", ["refused", "lost"])
def test_a_failed_accept_is_told_though_the_offer_has_left_the_page_meanwhile(
    failure: str, site: Site, open_as: Open, watch: Watch
) -> None:
    watch.expect("status of 500", "Status Error Code 500", "ERR_FAILED", "htmx:")
    site.add_urgent("Will not be", "theft")
    page = open_as("amara")
    go_ready(page)
    expect(page.locator("[data-offer]")).to_contain_text("Will not be")

    def fail(route: Route) -> None:
        page.evaluate("document.getElementById('offers').replaceChildren()")
        if failure == "refused":
            route.fulfill(status=500, body="")
        else:
            route.abort()

    page.route("**/accept", fail)
    page.click("#accept")
    expect(page.locator(".toast.bad")).to_have_count(1)


def test_why_tells_of_the_open_offer(site: Site, open_as: Open) -> None:
    item = site.add_urgent("Offered right now", "theft")
    page = open_as("amara")
    go_ready(page)
    expect(page.locator("[data-offer]")).to_contain_text("Offered right now")
    supervisor = open_as("ines")
    go(supervisor, f"/?item={item.id}")
    supervisor.click("#tab-why")
    expect(supervisor.locator("#tab-panel")).to_contain_text("It is offered to Amara Rossi.")
    expect(supervisor.locator("#tab-panel .timeline")).to_contain_text("motor_claims 7 (needs 6)")


def test_next_best_pulls_and_says_when_there_is_nothing(site: Site, open_as: Open) -> None:
    page = open_as("amara")
    go_ready(page)
    expect(page.locator("[data-offer]")).to_be_visible()
    page.click("#state-button")
    page.get_by_role("menuitem", name="meeting").click()
    expect(page.locator("[data-offer]")).to_have_count(0)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("n")
    expect(page.locator(".toast").last).to_contain_text("There is nothing for you to pull")


def test_nothing_typed_is_lost_when_the_line_is_dead_for_a_minute(
    site: Site, open_as: Open, watch: Watch
) -> None:
    watch.expect("ERR_INTERNET_DISCONNECTED", "htmx:", "Failed to")
    item = site.add_urgent("Draft of mine", "theft")
    page = open_as("amara")
    go_ready(page)
    page.click("#accept")
    expect(page.locator("#focus h1")).to_have_text("Draft of mine")
    page.fill("#note", "half a thought")
    page.select_option("[name=resultCode]", "Settled")
    page.context.set_offline(True)
    expect(page.locator("#live")).to_have_attribute("data-state", "connecting")
    page.focus("#note")
    page.keyboard.press("End")
    page.keyboard.type(", and the rest without a line")
    site.lose("rossi")  # what the server does when it hears nothing for so long
    page.click("#focus form:has(#note) button")
    expect(page.locator(".toast.bad").first).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator("#live")).to_have_attribute("data-state", "on")
    expect(page.locator("#state-button")).to_contain_text("Not ready")
    expect(page.locator("#note")).to_have_value("half a thought, and the rest without a line")
    page.reload()
    expect(page.locator("#note")).to_have_value("half a thought, and the rest without a line")
    expect(page.locator("[name=resultCode]")).to_have_value("Settled")
    page.click("#focus form:has(#note) button")
    expect(page.locator("#focus .thread")).to_contain_text("and the rest without a line")
    expect(page.locator("#note")).to_have_value("")
    expect(page.locator("[name=resultCode]")).to_have_value("Settled")
    assert site.item(item.id).assigned_to == "rossi"


def test_another_act_leaves_what_is_typed(site: Site, open_as: Open) -> None:
    site.add_urgent("Held with a note", "collision")
    page = open_as("amara")
    go_ready(page)
    page.click("#accept")
    expect(page.locator("#focus h1")).to_have_text("Held with a note")
    page.fill("#note", "not sent yet")
    page.click("#focus [data-act=hold]")
    page.click("dialog .confirm")
    expect(page.locator(".toast").last).to_contain_text("Held")
    kept = page.evaluate("Object.entries(localStorage).filter(([key]) => key.includes('note-'))")
    assert [text for _, text in kept] == ["not sent yet"]


def test_an_offer_made_while_the_page_comes_is_there(site: Site, open_as: Open) -> None:
    page = open_as("amara")
    site.add_urgent("Between page and stream", "collision")

    def late(route: Route) -> None:
        site.set_state("rossi", AgentState.READY)
        site.wait_for_offer("rossi")
        route.continue_()

    page.route("**/iwd/v3/stream*", late, times=1)
    page.goto("/workspace")
    expect(page.locator("[data-offer]")).to_contain_text("Between page and stream")


def test_the_workspace_in_dark_and_in_german(site: Site, open_as: Open, shot: Shot) -> None:
    site.add_urgent("Kollision auf der A7, zwei Fahrzeuge, abgeschleppt", "theft", hours=9)
    site.add_urgent("Diebstahl eines Fahrrads", "theft", hours=3)
    site.set_language("amara", "de")
    try:
        page = open_as("amara", scheme="dark")
        page.click("#state-button")
        page.get_by_role("menuitem", name="Bereit", exact=True).click()
        expect(page.locator("[data-offer]")).to_contain_text("Diebstahl")
        page.click("#accept")
        expect(page.locator("#focus h1")).to_have_text("Diebstahl eines Fahrrads")
        expect(page.locator("[data-offer]")).to_contain_text("Kollision")
        assert violations(page) == []
        shot(page, "workspace-dark-german")
    finally:
        site.set_language("amara", "en")


def test_what_one_agent_typed_is_not_shown_to_the_next_at_the_same_place(site: Site, open_as: Open) -> None:
    site.add_urgent("Passed on", "collision")
    page = open_as("amara", fresh=True)
    go_ready(page)
    page.click("#accept")
    page.fill("#note", "only for me")
    page.click("#focus [data-act=transfer]")
    page.select_option("dialog [name=agent]", "nowak")
    page.click("dialog .confirm")
    expect(page.locator(".toast").last).to_contain_text("Transferred")
    # Left first: the page itself goes to the log-in as soon as it is told that its session has ended.
    page.goto("about:blank")
    page.context.clear_cookies()
    log_in(page, "tomasz", "/workspace")
    page.wait_for_selector("body[data-ready]")
    go_ready(page)
    page.click("#accept")
    expect(page.locator("#focus h1")).to_have_text("Passed on")
    expect(page.locator("#note")).to_have_value("")


def test_agents_do_not_get_the_pages_of_supervisors_piece_by_piece(open_as: Open, watch: Watch) -> None:
    watch.expect("403")
    page = open_as("amara")
    for path in ("/queue/rows?cursor=x", "/queue/refresh", "/queue/filter", "/queue/views", "/queue/columns"):
        assert page.request.get(path).status == 403, path


def test_logging_out_ends_the_readiness_and_keeps_the_items(site: Site, open_as: Open) -> None:
    item = site.add_urgent("Stays mine", "collision")
    page = open_as("amara", fresh=True)
    go_ready(page)
    page.click("#accept")
    expect(page.locator("#focus h1")).to_have_text("Stays mine")
    page.click("[data-menu=user-menu]")
    page.get_by_role("menuitem", name="Log out", exact=True).last.click()
    expect(page).to_have_title("Log in · OpenIWD")
    assert site.item(item.id).assigned_to == "rossi"


def test_ten_items_are_worked_by_keyboard_only(site: Site, open_as: Open) -> None:
    items = [site.add_urgent(f"By keyboard {n}", "theft") for n in range(10)]
    page = open_as("amara")
    page.keyboard.press("s")
    expect(page.get_by_role("menuitem", name="Ready", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    for item in reversed(items):
        expect(page.locator("[data-offer]")).to_contain_text(item.subject or "")
        page.keyboard.press("Enter")
        expect(page.locator("#focus h1")).to_have_text(item.subject or "")
        page.keyboard.press("c")  # the disposition is missing: the browser leads there
        expect(page.locator("[name=resultCode]")).to_be_focused()
        page.keyboard.press("S")
        expect(page.locator("[name=resultCode]")).to_have_value("Settled")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#focus h1")).not_to_have_text(item.subject or "")
    assert {site.item(i.id).status for i in items} == {Status.COMPLETED}
    assert {site.item(i.id).ext["resultCode"] for i in items} == {"Settled"}


def test_keys_are_listed_and_move_through_the_items(site: Site, open_as: Open) -> None:
    site.add_urgent("First", "collision")
    second = site.add_urgent("Second", "collision")
    page = open_as("amara")
    go_ready(page)
    for subject in ("Second", "First"):
        expect(page.locator("[data-offer]")).to_contain_text(subject)
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("Enter")
        expect(page.locator("#focus h1")).to_have_text(subject)
    page.keyboard.press("j")
    expect(page.locator("#focus h1")).to_have_text("Second")
    page.keyboard.press("k")
    expect(page.locator("#focus h1")).to_have_text("First")
    page.keyboard.press("j")
    expect(page.locator("#focus h1")).to_have_text("Second")
    page.keyboard.press("w")
    page.keyboard.type("j stays a letter here")
    expect(page.locator("#note")).to_have_value("j stays a letter here")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    expect(page.locator("dialog[open] .key-list")).to_contain_text("Next best")
    expect(page.locator("dialog[open] .key-list")).to_contain_text("Write a note")
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("h")
    expect(page.locator("dialog[open] h2")).to_have_text("Hold this item?")
    page.keyboard.press("Escape")
    assert site.item(second.id).status is Status.ASSIGNED


def test_an_agent_takes_from_the_workbin_of_the_team(
    site: Site, open_as: Open, watch: Watch, shot: Shot
) -> None:
    wanted = site.add_urgent("Refused twice, now in writing", "complaint")
    page = open_as("piet")
    page.get_by_role("link", name="service").click()
    expect(page.locator("#focus h1")).to_have_text("service")
    row = page.locator(f"#focus tr[data-id='{wanted.id}']")
    expect(row).to_contain_text("Complaints")
    assert page.locator("#focus tbody tr").first.get_attribute("data-id") == str(wanted.id)
    assert violations(page) == []
    shot(page, "workspace-workbin")
    watch.expect("409")
    row.get_by_role("button").click()
    expect(page.locator(".toast.bad")).to_contain_text("You are logged out")
    page.click("#state-button")
    page.get_by_role("menuitem", name="meeting").click()
    row.get_by_role("button").click()
    expect(page.locator("#focus h1")).to_have_text("Refused twice, now in writing")
    now = site.item(wanted.id)
    assert (now.status, now.assigned_to) == (Status.ASSIGNED, "brandt")


def test_an_agent_without_pull_queues_has_no_team_workbin(site: Site, open_as: Open) -> None:
    page = open_as("amara")
    with page.expect_response("**/workspace/bins") as answered:
        page.reload()
    assert answered.value.status == 200
    assert "data-bin" not in answered.value.text()


def test_an_offer_sounds_once_in_all_tabs_and_not_when_muted(site: Site, open_as: Open) -> None:
    page = open_as("amara")
    other = page.context.new_page()
    go(other, "/workspace")
    for tab in (page, other):
        tab.bring_to_front()
        tab.mouse.click(700, 500)
    site.add_urgent("Not heard", "collision")
    site.add_urgent("Heard", "collision")
    go_ready(page)
    for tab in (page, other):
        expect(tab.locator("[data-offer]")).to_contain_text("Heard")
    sounded = "() => Number(document.body.dataset.sounded ?? 0)"
    assert page.evaluate(sounded) + other.evaluate(sounded) == 1
    page.click("#sound")
    expect(page.locator("#sound")).to_have_attribute("aria-label", "Sound with each offer: off")
    expect(other.locator("#sound")).to_have_attribute("aria-pressed", "false")
    page.click("#accept")
    expect(page.locator("[data-offer]")).to_contain_text("Not heard")
    assert page.evaluate(sounded) + other.evaluate(sounded) == 1


def test_an_offer_is_notified_where_nobody_looks_and_accept_opens_the_source(
    site: Site, open_as: Open
) -> None:
    page = open_as("amara")
    page.evaluate("""() => {
        window.Notification = class { constructor(title) { document.body.dataset.notified = title; } };
        window.Notification.permission = "granted";
        Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
    }""")
    source = f"{site.url}/login"
    site.add_urgent("Opens its source", "collision", source_url=source)
    go_ready(page)
    expect(page.locator("[data-offer]")).to_contain_text("Opens its source")
    expect(page.locator("body")).to_have_attribute("data-notified", "Offer: Opens its source")
    with page.context.expect_page() as opened:
        page.click("#accept")
    opened.value.wait_for_load_state()
    assert opened.value.url.startswith(site.url)
    expect(page.locator("#focus h1")).to_have_text("Opens its source")
    expect(page.locator("#open-source")).to_have_attribute("href", source)


def test_what_else_the_contact_has_stands_beside_the_item(site: Site, open_as: Open, shot: Shot) -> None:
    contact = ContactInput(name="Ruth Adler", customer_id="C-77", emails=["ruth.adler@example.com"])
    site.add_one("Her first letter", "question", contact=contact)
    site.add_urgent("Her second letter", "collision", contact=contact)
    page = open_as("amara")
    go_ready(page)
    page.click("#accept")
    expect(page.locator(".related")).to_contain_text("Her first letter")
    expect(page.locator(".related")).not_to_contain_text("Her second letter")
    expect(page.locator("#focus")).to_contain_text("in hand 0:0")
    shot(page, "workspace-contact")
