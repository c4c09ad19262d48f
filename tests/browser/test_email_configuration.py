"""Mailboxes, standard responses and what was held back, in real Chromium."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from playwright.sync_api import Page, expect

from tests.browser.accessibility import faults
from tests.browser.conftest import Open, Watch, go
from tests.browser.mail import BOX, Mail
from tests.browser.site import Site
from tests.factories.mail import raw_email

pytestmark = pytest.mark.browser
Shot = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def mail(site: Site) -> Mail:
    return Mail(site)


def test_a_mailbox_is_made_and_its_password_never_shown(
    site: Site, mail: Mail, open_as: Open, shot: Shot, watch: Watch
) -> None:
    watch.expect("status of 422")
    page = open_as("bea", "/configuration/mailboxes")
    page.get_by_role("link", name="New mailbox").click()
    page.fill("[name=name]", "Complaints")
    page.fill("[name=id]", "complaints")
    page.fill("[name=address]", "claims@nordhaven.example")
    page.fill("[name='incoming.host']", "127.0.0.1")
    page.fill("[name='incoming.port']", "1")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("[role=alert]")).to_contain_text("IMAP needs a user")
    expect(page.locator("[name='incoming.user']")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[name='incoming.host']")).to_have_value("127.0.0.1")
    page.fill("[name='incoming.user']", "complaints")
    page.fill("[name=imapPassword]", "s3cret words")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("[role=alert]")).to_contain_text("claims@nordhaven.example already")
    page.fill("[name=address]", "complaints@nordhaven.example")
    page.fill("[name=imapPassword]", "s3cret words")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".note.ok")).to_contain_text("Saved")
    expect(page.locator(".field", has=page.locator("[name=imapPassword]"))).to_contain_text(
        "Set, and never shown"
    )
    assert "s3cret" not in page.content()
    shot(page, "email-mailbox")
    assert faults(page) == []
    page.click("#switch-mailbox")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Its connections are tested first")
    dialog.locator(".confirm").click()
    expect(dialog).to_contain_text("It does not work yet")
    dialog.get_by_role("button", name="Close").click()
    expect(page.locator(".pagehead")).to_contain_text("disabled")


def test_a_mailbox_whose_servers_want_tokens_is_set_up_and_signed_in(
    site: Site, mail: Mail, open_as: Open, shot: Shot
) -> None:
    page = open_as("bea", "/configuration/mailboxes/-/new?provider=imap")
    page.fill("[name=name]", "Invoices")
    page.fill("[name=id]", "invoices")
    page.fill("[name=address]", "invoices@nordhaven.example")
    page.select_option("[name='oauth.signIn']", "user")
    page.fill("[name='oauth.tokenUrl']", "https://sso.nordhaven.example/token")
    page.fill("[name='oauth.consentUrl']", "https://sso.nordhaven.example/authorize")
    page.fill("[name='oauth.clientId']", "openiwd")
    page.fill("[name='oauth.scope']", "mail offline_access")
    page.fill("[name=secretExpiresOn]", "2027-03-01")
    page.fill("[name='incoming.host']", "imap.nordhaven.example")
    page.fill("[name='incoming.user']", "invoices")
    page.fill("[name='retry.hours']", "24")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".note.ok")).to_contain_text("Test the connection")
    expect(page.locator("[name='oauth.signIn']")).to_have_value("user")
    expect(page.locator("[name='oauth.scope']")).to_have_value("mail offline_access")
    expect(page.locator("[name=secretExpiresOn]")).to_have_value("2027-03-01")
    expect(page.locator("[name='retry.hours']")).to_have_value("24")
    shot(page, "email-mailbox-tokens")
    assert faults(page) == []
    page.click("#sign-in-mailbox")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("sso.nordhaven.example asks whether OpenIWD may read and send there")
    dialog.locator("[data-close]").click()
    expect(dialog).to_have_count(0)
    page.select_option("[name='oauth.signIn']", "password")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".note.ok")).to_contain_text("Saved")
    expect(page.locator("#sign-in-mailbox")).to_have_count(0)


def test_other_connections_of_an_enabled_mailbox_disable_it_until_they_are_tested(
    site: Site, mail: Mail, open_as: Open, shot: Shot
) -> None:
    mail.put(replace(BOX, id="moving", address="moving@nordhaven.example", name="Moving"))
    page = open_as("bea", "/configuration/mailboxes/moving")
    page.fill("[name=signature]", "Moving house")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".note.ok")).to_contain_text("Saved")
    expect(page.locator("#switch-mailbox")).to_contain_text("Disable")
    page.fill("[name='incoming.host']", "imap2.nordhaven.example")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".note.warn")).to_contain_text("Saved and disabled")
    expect(page.locator("#switch-mailbox")).to_contain_text("Enable")
    shot(page, "email-mailbox-paused")
    assert faults(page) == []


def test_a_mailbox_at_a_provider_is_set_up_tried_and_signed_in(
    site: Site, mail: Mail, open_as: Open, shot: Shot, watch: Watch
) -> None:
    page = open_as("bea", "/configuration/mailboxes/-/new")
    page.get_by_role("navigation", name="How the mailbox is reached").get_by_role(
        "link", name="Gmail"
    ).click()
    expect(page.locator("[name='incoming.host']")).to_have_count(0)
    page.fill("[name=name]", "Loans")
    page.fill("[name=id]", "loans")
    page.fill("[name=address]", "loans@nordhaven.example")
    page.fill("[name='acknowledgement.text']", "Dear {{contact.name|customer}}, we have your email.")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".note.ok")).to_contain_text("Saved")
    expect(page.locator("#sign-in-mailbox")).to_have_count(0)
    page.get_by_role("button", name="Test connection").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It does not work yet")
    expect(dialog.locator(".tag.bad")).to_contain_text("Access")
    shot(page, "email-mailbox-test")
    assert faults(page) == []
    dialog.get_by_role("button", name="Close").click()
    page.select_option("[name='cloud.signIn']", "user")
    page.fill("[name='cloud.clientId']", "client.apps.example")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".note.ok")).to_contain_text("Saved")
    expect(page.locator("[name='acknowledgement.text']")).to_have_value(
        "Dear {{contact.name|customer}}, we have your email."
    )
    shot(page, "email-mailbox-gmail")
    page.click("#sign-in-mailbox")
    expect(dialog).to_contain_text("Sign in as loans@nordhaven.example?")
    assert faults(page) == []
    go(page, "/configuration/mailboxes/-/new?provider=microsoft365")
    expect(page.locator("[name='cloud.directory']")).to_be_visible()
    expect(page.locator("[name='incoming.folders']")).to_have_value("inbox")


def test_the_list_says_which_mailbox_fails_and_why(site: Site, mail: Mail, open_as: Open, shot: Shot) -> None:
    mail.report(incoming="535 Authentication failed for claims", outgoing=None)
    page = open_as("vera", "/configuration/mailboxes", scheme="dark", width=1280, height=800)
    row = page.locator("#mailbox-table tr", has_text="claims@nordhaven.example")
    expect(row).to_contain_text("failing")
    expect(row).to_contain_text("535 Authentication failed for claims")
    expect(page.get_by_role("link", name="New mailbox")).to_have_count(0)
    shot(page, "email-mailboxes-dark")
    assert faults(page) == []
    mail.report(incoming=None)
    row.get_by_role("link").click()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    expect(page.locator(".health")).to_contain_text("working")


def test_a_standard_response_is_checked_and_found(
    site: Site, open_as: Open, shot: Shot, watch: Watch
) -> None:
    watch.expect("status of 422")
    page = open_as("bea", "/configuration/standard-responses")
    expect(page.get_by_text("No standard responses yet")).to_be_visible()
    page.get_by_role("link", name="New standard response").first.click()
    page.fill("[name=name]", "Bestätigung")
    page.fill("[name=id]", "confirm_de")
    page.fill("[name=folder]", "Allgemein/Eingang")
    page.select_option("[name=language]", "de")
    page.fill("[name=text]", "Guten Tag {{contact.nmae}},\n\nvielen Dank.")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".error")).to_contain_text("{{contact.nmae}}")
    page.fill("[name=text]", "Guten Tag {{contact.name|Kunde}},\n\nvielen Dank.")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".note.ok")).to_contain_text("Saved")
    shot(page, "email-response-edit")
    assert faults(page) == []
    go(page, "/configuration/standard-responses?q=dank")
    expect(page.locator("#response-table")).to_contain_text("Allgemein › Eingang")
    shot(page, "email-response-list")
    assert faults(page) == []


def test_a_junk_filter_is_built_and_judges_the_next_email(
    site: Site, mail: Mail, open_as: Open, shot: Shot, watch: Watch
) -> None:
    watch.expect("status of 422")
    page = open_as("bea", "/configuration/filters")
    expect(page.get_by_text("No junk filters yet")).to_be_visible()
    page.get_by_role("link", name="New junk filter").first.click()
    page.fill("[name=name]", "Casino")
    page.fill("[name=id]", "casino")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".note.bad")).to_contain_text("A filter needs a condition.")
    expect(page.locator("[name=name]")).to_have_value("Casino")
    page.get_by_role("button", name="Condition", exact=True).click()
    condition = page.locator(".condition")
    condition.get_by_label("Attribute", exact=True).fill("subject")
    condition.get_by_label("Comparison").select_option("contains")
    condition.get_by_label("Value", exact=True).fill("casino")
    condition.get_by_role("button", name="Aa").click()
    expect(page.locator("[name=category]")).to_be_hidden()
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".note.ok")).to_contain_text("Saved")
    expect(condition.get_by_label("Value", exact=True)).to_have_value("casino")
    shot(page, "email-filter")
    assert faults(page) == []
    assert mail.arrive(raw_email(subject="The best CASINO in town")).outcome == "dropped"

    page.select_option("[name=action]", "category")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[name=category]")).to_have_attribute("aria-invalid", "true")
    page.fill("[name=category]", "Claims/Motor/Theft")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".note.ok")).to_contain_text("Saved")
    assert mail.arrive(raw_email(subject="Another casino")).outcome == "created"
    go(page, "/configuration/filters")
    expect(page.locator("#filter-table")).to_contain_text("into Claims › Motor › Theft")
    shot(page, "email-filters")
    assert faults(page) == []
    page.get_by_role("link", name="Casino").click()
    page.click("#delete-filter")
    page.locator("dialog .confirm").click()
    expect(page.get_by_text("No junk filters yet")).to_be_visible()


def test_what_was_held_back_is_released_or_discarded(
    site: Site, mail: Mail, open_as: Open, shot: Shot
) -> None:
    for text in ("the first", "a copy with other words", "and one more"):
        mail.arrive(raw_email(f"{text}\n", subject=f"Twice, {text}", message_id="twice@example.org"))
    page = open_as("ines", "/configuration/quarantine", width=1280, height=800)
    cards = page.locator(".aside .mail")
    expect(cards).to_have_count(2)
    cards.first.locator("summary").click()
    expect(cards.first).to_contain_text("A copy of an email that is here already")
    shot(page, "email-quarantine")
    assert faults(page) == []
    cards.first.get_by_role("button", name="Release").click()
    page.locator("dialog .confirm").click()
    expect(page.locator(".toast").last).to_contain_text("Released")
    expect(cards).to_have_count(1)
    cards.first.locator("summary").click()
    cards.first.get_by_role("button", name="Discard").click()
    page.locator("dialog .confirm").click()
    expect(page.get_by_text("Nothing is in quarantine")).to_be_visible()
    page.get_by_role("link", name="Dropped").click()
    discarded = cards.filter(has_text="Twice, ")
    expect(discarded).to_have_count(1)
    expect(discarded).to_contain_text("A person has discarded it")


def test_what_waits_for_review_is_approved_or_returned(
    site: Site, mail: Mail, open_as: Open, shot: Shot, watch: Watch
) -> None:
    item_id = mail.in_hand(raw_email("Is it insured?", sender="Lea Falk <lea.falk@example.com>"))
    good, bad = mail.for_review(item_id, "Yes, it is."), mail.for_review(item_id, "No idea.")
    page = open_as("ines", "/configuration/quarantine?state=inReview")
    page.locator(f"#aside-{bad.id} summary").click()
    shot(page, "email-review")
    assert faults(page) == []
    page.locator(f"#aside-{bad.id}").get_by_role("button", name="Return").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[name=comment]").fill("Ask the claims desk first.")
    dialog.get_by_role("button", name="Return").click()
    expect(page.locator(f"#aside-{bad.id}")).to_have_count(0)
    page.locator(f"#aside-{good.id} summary").click()
    page.locator(f"#aside-{good.id}").get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Nothing waits for review")).to_be_visible()
    states = {e.id: (e.state, e.error) for e in mail.emails(item_id)}
    assert states[good.id] == ("queued", None)
    assert states[bad.id] == ("returned", "Ask the claims desk first.")


def test_the_pages_speak_german(site: Site, mail: Mail, open_as: Open, shot: Shot) -> None:
    site.set_language("bea", "de")
    page = open_as("bea", "/configuration/mailboxes/claims", fresh=True, width=900, height=1100)
    expect(page.get_by_role("heading", name="Zustand")).to_be_visible()
    shot(page, "email-mailbox-de")
    assert faults(page) == []
    site.set_language("bea", "en")
