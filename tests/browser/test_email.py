"""Emails in real Chromium: the thread, the editor with its drafts, sending once, and what people decide."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from openiwd.domain.email.outbound import SendingState
from openiwd.domain.work_item import Status
from tests.browser.accessibility import faults
from tests.browser.conftest import Open, Watch, go
from tests.browser.mail import Mail
from tests.browser.site import Site
from tests.factories.mail import raw_email

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("agents_out")]
Shot = Callable[[Page, str], None]
KATRIN = "Katrin Vogel <katrin.vogel@example.com>"
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def mail(site: Site) -> Mail:
    return Mail(site)


def letter(subject: str, text: str = "Hello,\n\nthe car was gone this morning.\n\nKatrin Vogel\n") -> bytes:
    return raw_email(text, sender=KATRIN, to="claims@nordhaven.example", subject=subject)


def rich_letter(subject: str) -> bytes:
    """HTML with a picture inside, one from elsewhere, a script, and two files."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = KATRIN, "claims@nordhaven.example", subject
    message["Message-ID"] = f"<{uuid.uuid4().hex}@example.com>"
    message.set_content(
        "Please find the police report attached.\n\nWhen will I hear about a replacement car?\n"
    )
    message.add_alternative(
        "<h1>Police report</h1><p>Please find <b>it</b> attached.</p><img src='cid:logo@x' alt='logo' width='40'>"
        "<img src='http://127.0.0.1:9/track.png' alt='tracker'><script>parent.document.title = 'bad'</script>",
        subtype="html",
    )
    html = message.get_payload()[1]  # type: ignore[index]
    html.add_related(PIXEL, "image", "png", cid="<logo@x>", disposition="inline")  # type: ignore[union-attr]
    message.add_attachment(
        b"%PDF-1.4 report", maintype="application", subtype="pdf", filename="police report.pdf"
    )
    message.add_attachment(b"MZ", maintype="application", subtype="octet-stream", filename="viewer.exe")
    return message.as_bytes()


WRITTEN = ["Dear Katrin Vogel,", "", "please send us the key, .", "Thank you."]


def _lines(text: Locator) -> list[str]:
    """What stands in the editor, line by line."""
    return text.inner_text().rstrip("\n").split("\n")


def test_a_thread_shows_what_came_and_nothing_runs_in_it(
    site: Site, mail: Mail, open_as: Open, shot: Shot
) -> None:
    item_id = mail.in_hand(rich_letter("Theft VW Golf, police report attached"))
    page = open_as("amara", f"/workspace?item={item_id}")
    card = page.locator(".mail").last
    expect(card.locator(".text").first).to_contain_text("Please find the police report attached.")
    with page.expect_download() as download:
        card.get_by_role("link", name="police report.pdf").click()
    assert download.value.suggested_filename == "police report.pdf"
    assert Path(download.value.path()).read_bytes() == b"%PDF-1.4 report"
    expect(card.get_by_text("viewer.exe")).to_be_visible()
    expect(card.get_by_role("link", name="viewer.exe")).to_have_count(0)
    card.get_by_text("Show with formatting").click()
    frame = card.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="Police report")).to_be_visible()
    assert frame.get_by_alt_text("logo").evaluate("picture => picture.naturalWidth") == 1
    assert frame.get_by_alt_text("tracker").get_attribute("src") is None
    assert "bad" not in page.title()
    shot(page, "email-thread")
    assert faults(page) == []
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.route("**/track.png", lambda route: route.fulfill(body=PIXEL, content_type="image/png"))
    card.get_by_role("button", name="Load pictures").click()
    expect(frame.get_by_alt_text("tracker")).to_have_attribute("src", "http://127.0.0.1:9/track.png")
    assert any(url.endswith("/track.png") for url in asked)


@pytest.mark.parametrize("width", [1280, 900])
def test_long_lines_of_an_email_leave_the_workspace_its_columns(
    mail: Mail, open_as: Open, width: int
) -> None:
    """What is cut to one line is as long as its column is wide, whatever is written in it."""
    told = "Where is my letter about the broken window in the kitchen of the second floor? " * 4
    item_id = mail.in_hand(letter("A broken window", told))
    (known,) = mail.emails(item_id)
    again = {"subject": "Re: A broken window", "In_Reply_To": f"<{known.message_id}>"}
    mail.arrive(raw_email(told, sender=KATRIN, to="claims@nordhaven.example", **again))
    page = open_as("amara", f"/workspace?item={item_id}", width=width, height=800)
    expect(page.locator(".mail:not([open]) .preview")).to_contain_text("Where is my letter")
    page.keyboard.press("e")
    text = page.locator("#mailtext")
    expect(text).to_be_visible()
    sticks_out = """main => [...main.querySelectorAll('header, .thread, .mail, .composer, .composer > *')]
        .filter(part => part.getBoundingClientRect().right > main.getBoundingClientRect().right + 1)
        .map(part => part.className)"""
    assert page.locator("#main").evaluate(sticks_out) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    begins = text.evaluate("area => area.matches('.is-empty') && getComputedStyle(area).textAlign")
    assert begins in ("start", "left"), "the hint stands where the text will"


def test_a_reply_is_written_kept_filled_sent_and_taken_back(
    site: Site, mail: Mail, open_as: Open, shot: Shot, watch: Watch, tmp_path: Path
) -> None:
    watch.expect("status of 422")
    mail.respond_with(
        "theft", "What we need after a theft", "Dear {{contact.name}},\n\nplease send us the key, {{data.claim}}.",
        folder="Motor/Theft", language="en",
    )  # fmt: skip
    mail.respond_with("hello", "Greeting", "Kind regards, {{agent.name}}", folder="General")
    item_id = mail.in_hand(letter("Car stolen in Lerchenstraße"))
    page = open_as("amara", f"/workspace?item={item_id}")
    page.keyboard.press("e")
    editor = page.get_by_role("form", name="Reply")
    expect(editor.get_by_label("To", exact=True)).to_have_value(KATRIN)
    expect(editor.get_by_label("Subject")).to_have_value("Re: Car stolen in Lerchenstraße")
    page.click("#open-responses")
    page.get_by_label("Find a standard response").fill("key theft")
    expect(page.get_by_role("button", name="Greeting")).to_be_hidden()
    page.get_by_role("button", name="What we need after a theft").click()
    expect(page.locator("#response-text")).to_contain_text("Dear Katrin Vogel,")
    expect(page.locator("#response-preview")).to_contain_text("Nothing is known for: data.claim")
    shot(page, "email-responses")
    assert faults(page) == []
    page.get_by_role("button", name="Insert").click()
    text = page.locator("#mailtext")
    expect(text).to_contain_text("send us the key")
    assert _lines(text) == ["Dear Katrin Vogel,", "", "please send us the key, ."]
    text.press("Control+End")
    text.press_sequentially("\nThank you.")
    form = tmp_path / "form.txt"
    form.write_text("Please fill in")
    editor.get_by_label("Attach files").set_input_files(form)
    expect(editor.locator(".draftstate")).to_contain_text("Draft saved")
    shot(page, "email-editor")
    assert faults(page) == []
    page.reload()
    expect(text).to_contain_text("Thank you.")
    assert _lines(text) == WRITTEN
    expect(editor).to_contain_text("form.txt")
    editor.get_by_label("To", exact=True).fill("katrin.vogel at example.com")
    editor.get_by_role("button", name="Send, keep open").click()
    expect(editor.get_by_role("alert")).to_contain_text("'katrin.vogel at example.com' is no address")
    expect(editor.get_by_label("To", exact=True)).to_be_focused()
    expect(text).to_contain_text("Thank you.")
    assert _lines(text) == WRITTEN
    shot(page, "email-editor-error")
    editor.get_by_label("To", exact=True).fill(KATRIN)
    editor.get_by_role("button", name="Send, keep open").click()
    expect(editor).to_have_count(0)
    _, written = mail.emails(item_id)
    assert (written.state, written.recipients) == ("queued", ["katrin.vogel@example.com"])
    assert [f.file_name for f in written.files] == ["form.txt"]
    body = written.text_new
    assert body.index("Thank you.") < body.index("www.nordhaven.example") < body.index("> the car was gone")
    shot(page, "email-written")
    page.get_by_role("button", name="Take back").click()
    expect(text).to_contain_text("Thank you.")
    assert _lines(text) == WRITTEN
    expect(page.locator("#mailform")).to_contain_text("form.txt")
    assert [e.state for e in mail.emails(item_id)] == ["stored", "failed"]
    expect(page.locator(".mail.ours")).to_contain_text("Taken back")


def test_text_is_formatted_by_keys_and_toolbar_and_goes_out_as_html_and_text(
    site: Site, mail: Mail, open_as: Open, shot: Shot
) -> None:
    item_id = mail.in_hand(rich_letter("Formatted answer"))
    page = open_as("amara", f"/workspace?item={item_id}")
    page.keyboard.press("e")
    text = page.locator("#mailtext")
    bar = page.get_by_role("toolbar", name="Format")
    expect(text).to_be_focused()
    page.keyboard.type("Please bring ")
    page.keyboard.press("Control+b")
    expect(bar.get_by_role("button", name="Bold")).to_have_attribute("aria-pressed", "true")
    page.keyboard.type("both")
    page.keyboard.press("Control+b")
    page.keyboard.type(":\n")
    bar.get_by_role("button", name="Bulleted list").click()
    expect(text).to_be_focused()
    page.keyboard.type("the key\nthe papers\n\n")
    page.keyboard.type("See our site")
    page.keyboard.press("Shift+Control+ArrowLeft")
    page.keyboard.press("Control+k")
    page.get_by_label("Address of the link").fill("nordhaven")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Address of the link")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Address of the link").fill("www.nordhaven.example/theft")
    shot(page, "email-editor-link")
    assert faults(page) == []
    page.keyboard.press("Enter")
    expect(text.get_by_role("link", name="site")).to_have_attribute(
        "href", "https://www.nordhaven.example/theft"
    )
    text.evaluate(PASTE, "<p onclick='x()'>Pasted <i>words</i><script>bad()</script><img src=x></p>")
    expect(text.locator("i")).to_have_text("words")
    assert text.locator("img, script, [onclick], [style]").count() == 0
    shot(page, "email-editor-formatted")
    assert faults(page) == []
    expect(page.locator(".draftstate")).to_contain_text("Draft saved")
    page.reload()
    expect(text.locator("b")).to_have_text("both")
    expect(text.locator("li")).to_have_text(["the key", "the papers"])
    page.get_by_role("button", name="Send, keep open").click()
    expect(page.locator("#mailform")).to_have_count(0)
    written = mail.emails(item_id)[-1]
    assert written.html is not None
    assert "<b>both</b>" in written.html
    assert "<li>the key</li>" in written.html
    assert '<blockquote type="cite"><h1>Police report</h1>' in written.html
    assert "<img" not in written.html
    assert (
        written.html.index("the papers")
        < written.html.index("www.nordhaven.example<")
        < written.html.index("<blockquote")
    )
    plain = written.text_new.split("\n")
    assert plain[:3] == ["Please bring both:", "", "• the key"]
    assert any(line.startswith("> Please find the police report") for line in plain)
    page.get_by_role("button", name="Take back").click()
    expect(text.locator("b")).to_have_text("both")
    expect(text).not_to_contain_text("Police report")


PASTE = """(target, html) => {
  const data = new DataTransfer();
  data.setData("text/html", html);
  target.focus();
  getSelection().selectAllChildren(target);
  getSelection().collapseToEnd();
  const input = { inputType: "insertFromPaste", dataTransfer: data, bubbles: true, cancelable: true };
  target.dispatchEvent(new InputEvent("beforeinput", input));
}"""


def test_nothing_typed_is_lost_with_the_connection_and_one_email_goes_out(
    site: Site, mail: Mail, open_as: Open, watch: Watch
) -> None:
    watch.expect("Failed to load resource", "htmx:sendError", "htmx:afterRequest")
    item_id = mail.in_hand(letter("Line drops"))
    page = open_as("amara", f"/workspace?item={item_id}")
    page.get_by_role("button", name="Reply all").click()
    editor = page.locator("#mailform")
    editor.locator("#mailtext").fill("I write while the line drops.")
    page.context.set_offline(True)
    with page.expect_event("requestfailed", lambda request: request.method == "POST"):
        editor.get_by_role("button", name="Send, keep open").click()
    expect(page.locator(".toast.bad").last).to_be_visible()
    expect(editor.locator("#mailtext")).to_have_text("I write while the line drops.")
    page.context.set_offline(False)
    # The answer of the first sending gets lost: the author sends again.
    sent = "**/workspace/items/*/emails"
    page.route(sent, lambda route: (route.fetch(), route.abort()))
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/emails")):
        editor.get_by_role("button", name="Send, keep open").click()
    page.unroute(sent)
    expect(editor.get_by_role("button", name="Send, keep open")).to_be_enabled()
    editor.get_by_role("button", name="Send, keep open").click()
    expect(editor).to_have_count(0)
    assert [e.state for e in mail.emails(item_id)] == ["stored", "queued"]


def test_send_and_complete_asks_for_the_disposition_first(site: Site, mail: Mail, open_as: Open) -> None:
    item_id = mail.in_hand(letter("Done with one answer"))
    page = open_as("amara", f"/workspace?item={item_id}")
    page.get_by_role("button", name="Forward").click()
    editor = page.locator("#mailform")
    expect(editor.get_by_label("Subject")).to_have_value("Fwd: Done with one answer")
    editor.get_by_label("To", exact=True).fill("shop@example.com, Hansa Mobil <rental@example.com>")
    editor.locator("#mailtext").fill("Please see below.")
    page.select_option("#focus [name=resultCode]", "Settled")
    editor.locator("#mailtext").press("Control+Enter")
    expect(page.locator(".toast").last).to_contain_text("item completed")
    done = site.item(item_id)
    assert (done.status, done.ext["resultCode"]) == (Status.COMPLETED, "Settled")
    _, forward = mail.emails(item_id)
    assert forward.recipients == ["shop@example.com", "rental@example.com"]
    assert "Forwarded message" in forward.text_new


def test_an_unknown_outcome_is_a_persons_to_decide(site: Site, mail: Mail, open_as: Open, shot: Shot) -> None:
    item_id = mail.in_hand(letter("Nobody knows"))
    page = open_as("amara", f"/workspace?item={item_id}")
    page.keyboard.press("e")
    page.locator("#mailtext").fill("On its way?")
    page.get_by_role("button", name="Send, keep open").click()
    expect(page.locator("#mailform")).to_have_count(0)
    written = mail.emails(item_id)[-1]
    mail.sending(written.id, SendingState.SENDING, SendingState.HANDING_OVER)
    mail.sending(written.id, SendingState.UNKNOWN, reason="the connection broke off after DATA")
    supervisor = open_as("ines", f"/items/{item_id}?tab=emails", scheme="dark")
    card = supervisor.locator(".mail.ours")
    expect(card).to_contain_text("Outcome unknown")
    expect(card).to_contain_text("the connection broke off after DATA")
    shot(supervisor, "email-unknown-dark")
    assert faults(supervisor) == []
    card.get_by_role("button", name="Send again").click()
    expect(supervisor.locator("dialog")).to_contain_text("it arrives twice")
    supervisor.keyboard.press("Escape")
    card.get_by_role("button", name="It has arrived").click()
    supervisor.locator("dialog .confirm").click()
    expect(supervisor.locator(".mail.ours")).to_contain_text("Sent")
    assert mail.emails(item_id)[-1].state == "sent"


def test_emails_are_split_off_merged_and_put_back(
    site: Site, mail: Mail, open_as: Open, shot: Shot, watch: Watch
) -> None:
    watch.expect("status of 422")
    first = mail.arrive(letter("One thread"))
    assert first.item_id is not None
    known = mail.emails(first.item_id)[0]
    mail.arrive(
        raw_email("And something else.\n", sender=KATRIN, to="claims@nordhaven.example", subject="Re: One thread",
                  In_Reply_To=f"<{known.message_id}>")
    )  # fmt: skip
    page = open_as("ines", f"/?item={first.item_id}", width=1280, height=800)
    go(page, f"/items/{first.item_id}?tab=emails")
    expect(page.locator(".mail")).to_have_count(2)
    page.locator(".mail").last.get_by_role("button", name="Split off").click()
    page.locator("dialog .confirm").click()
    expect(page.locator(".mail")).to_have_count(1)
    expect(page.locator(".moved")).to_contain_text("split off 1 email")
    shot(page, "email-split")
    assert faults(page) == []
    page.get_by_role("button", name="Undo").click()
    page.locator("dialog .confirm").click()
    expect(page.locator(".mail")).to_have_count(2)
    other = mail.arrive(letter("Another one"))
    page.get_by_role("button", name="Merge with another item").click()
    page.fill("dialog [name=into]", "nothing like it")
    page.locator("dialog .confirm").click()
    expect(page.locator("dialog .error")).to_contain_text("no such item")
    page.fill("dialog [name=into]", str(other.item_id))
    page.locator("dialog .confirm").click()
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert other.item_id is not None
    assert len(mail.emails(other.item_id)) == 3
    assert site.item(first.item_id).status is Status.CANCELED
