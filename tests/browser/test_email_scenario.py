"""Mail's whole way with a person in it: a customer's letter by Postfix and Dovecot becomes an item, an agent answers it
in real Chromium, the answer arrives by Postfix, and what the customer answers to that joins the same item.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from playwright.sync_api import Page, expect

from openiwd.domain.email.mailbox import Incoming, Mailbox, Outgoing
from openiwd.domain.email.reading import read_email
from openiwd.domain.privilege import Role
from openiwd.usecases import mailbox, mailbox_connection
from openiwd.usecases.configuration import Editor
from tests.browser.conftest import Open
from tests.browser.site import CALLER, Site
from tests.faults.installation import PREFIX, until
from tests.servers.mail import PASSWORD, MailServer

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("agents_out"), pytest.mark.timeout(500)]
PATIENCE_SECONDS = 150.0
"""Real mail systems take their time on a loaded machine."""
Shot = Callable[[Page, str], None]


class Way:
    """The mailbox on the real servers, a customer's own one, and the API as the tenant's administrator."""

    def __init__(self, site: Site, server: MailServer) -> None:
        self._site = site
        self.server = server
        self.care = server.account("care")
        self.customer = server.account("ada", "example.org")
        self.key = site.run(self._set_up())
        self.http = httpx.Client(
            base_url=site.url + PREFIX, headers={"x-api-key": self.key}, timeout=30, trust_env=False
        )

    async def _set_up(self) -> str:
        server, platform = self.server, self._site.platform
        box = Mailbox(
            id="care",
            name="Care",
            address=self.care,
            enabled=True,
            ca_certificate=server.certificate,
            category="Claims/Motor/Theft",
            incoming=Incoming(host=server.host, port=server.imaps, user=self.care, poll_seconds=1),
            outgoing=Outgoing(host=server.host, port=server.smtp, user=self.care),
        )
        editor = Editor(platform, await self._site.services(), CALLER, self._site.holidays)
        await mailbox.put(editor, replace(box, enabled=False), None)
        await mailbox.put_secrets(editor, box.id, {"imapPassword": PASSWORD, "smtpPassword": PASSWORD})
        tried = await mailbox_connection.try_out(editor, box.id)
        assert tried.ok, tried
        await mailbox.put(editor, box, None)
        key, _ = await platform.identities.create_key(
            uuid.uuid4(), "main", "email", role=Role.ADMINISTRATOR, privileges=["email.service"]
        )
        return key

    def writes(self, subject: str, text: str, answers: str | None = None) -> None:
        """The customer sends a letter."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.customer, self.care, subject
        message["Message-ID"] = f"<{uuid.uuid4().hex}@example.org>"
        if answers is not None:
            message["In-Reply-To"] = f"<{answers}>"
        message.set_content(text)
        self.server.send(message)

    def items(self) -> list[dict[str, Any]]:
        wanted = {"attribute": "subject", "operator": "endsWith", "value": "My stolen car"}
        answer = self.http.post("/items/search", json={"filter": wanted})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    def emails(self, item_id: str) -> list[dict[str, Any]]:
        return list(self.http.get(f"/items/{item_id}/emails").json()["emails"])


@pytest.fixture
def way(site: Site, mail_server: MailServer, tmp_path: Path) -> Iterator[Way]:
    """With the email service running: a process of its own."""
    made = Way(site, mail_server)
    environment = {**os.environ, "OPENIWD_URL": site.url, "OPENIWD_EMAIL_KEYS": made.key}
    with (tmp_path / "email.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "openiwd", "email"], env=environment, stdout=log, stderr=log
        )
    yield made
    made.http.close()
    process.terminate()
    process.wait(60)


def test_a_letter_is_answered_by_an_agent_and_the_answer_comes_home(
    way: Way, open_as: Open, shot: Shot
) -> None:
    way.writes("My stolen car", "Where is my claim?")
    (item,) = until("the letter is an item", way.items, PATIENCE_SECONDS)
    assert item["mediaType"] == "email"
    assert way.http.post(f"/items/{item['id']}/assign", json={"agent": "rossi"}).status_code == 200

    page = open_as("amara", f"/workspace?item={item['id']}")
    expect(page.locator(".mail").last).to_contain_text("Where is my claim?")
    page.keyboard.press("e")
    editor = page.get_by_role("form", name="Reply")
    expect(editor.get_by_label("To", exact=True)).to_have_value(way.customer)
    page.locator("#mailtext").press("Control+Home")
    page.locator("#mailtext").press_sequentially("It is being paid today. ")
    editor.get_by_role("button", name="Send, keep open").click()
    expect(editor).to_have_count(0)
    (raw,) = until("the answer is there", lambda: way.server.messages(way.customer), PATIENCE_SECONDS)
    answer = read_email(raw)
    assert answer.subject == "Re: My stolen car"
    assert answer.text.startswith("It is being paid today.")
    assert answer.message_id is not None

    way.writes("Re: My stolen car", "Thank you very much.", answers=answer.message_id)
    until("it has joined", lambda: len(way.emails(item["id"])) == 3, PATIENCE_SECONDS)
    assert [i["id"] for i in way.items()] == [item["id"]], "one item, whatever was written"
    expect(page.locator(".mail", has_text="Thank you very much.")).to_be_visible(timeout=60_000)
    shot(page, "email-scenario")
