"""One contract of mail providers, on Dovecot with Postfix, on Gmail and on Graph; and what is the cloud's own."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import AsyncIterator
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest
from aiosmtplib import SMTP as SMTP_CLIENT

from openiwd.adapters.imap import imap_reader
from openiwd.adapters.smtp import smtp_sender
from openiwd.domain.email.mailbox import AfterStoring
from openiwd.ports.mail_provider import MailProviderError, SendResult
from openiwd.usecases.byte_budget import ByteBudget
from openiwd.usecases.mail_transfer import Transfer
from tests.factories.mail_box import AnyBox, CloudBox, GmailBox, GraphBox, ImapBox, cloud_box
from tests.factories.mail_iwd import MemoryIwd
from tests.servers.gmail import GmailServer, read
from tests.servers.graph import GraphServer
from tests.servers.mail import MailServer
from tests.servers.until import until


def letter(text: str, **headers: str) -> bytes:
    lines = ["From: ada@example.org", "To: care@example.com", f"Subject: {text}"]
    lines.append(f"Message-ID: <{uuid.uuid4().hex}@example.org>")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", text, ""]).encode()


def answer(message_id: str, to: list[str], *, cc: str | None = None, content: bytes = b"") -> bytes:
    """As our own composition makes it."""
    message = EmailMessage(policy=SMTP)
    message["Message-ID"], message["From"], message["Subject"] = (
        f"<{message_id}>",
        "care@example.com",
        "Re: x",
    )
    message["To"] = ", ".join(to)
    if cc is not None:
        message["Cc"] = cc
    message.set_content("It is on its way.")
    if content:
        message.add_attachment(content, maintype="application", subtype="pdf", filename="big.pdf")
    return message.as_bytes()


async def _nothing() -> None:
    return


@pytest.fixture(params=["imap", "gmail", "graph"])
async def box(request: pytest.FixtureRequest) -> AsyncIterator[AnyBox]:
    if request.param == "imap":
        imap = ImapBox(request.getfixturevalue("mail_server"))
        await imap.start()
        yield imap
        return
    async with cloud_box(request.param) as made:
        yield made


@pytest.fixture(params=["gmail", "graph"])
async def cloud(request: pytest.FixtureRequest) -> AsyncIterator[GmailBox | GraphBox]:
    async with cloud_box(request.param) as made:
        yield made


class Life:
    """Readers that come and go, as processes do; IWD remembers."""

    def __init__(self, box: AnyBox) -> None:
        self.box = box
        self.iwd = MemoryIwd(box.mailbox, box.secrets)

    async def read(self, rounds: int = 3) -> list[bytes]:
        """What one process takes in, as it was handed to IWD."""
        before = len(self.iwd.submitted)
        self.iwd.mailbox = self.box.mailbox
        reader = self.box.reader()
        try:
            await reader.open()
            transfer = Transfer(self.iwd, self.iwd.served, self.iwd.lease)
            for _ in range(rounds):
                await transfer.read(reader)
        finally:
            await reader.close()
        return [m.raw for m in self.iwd.submitted[before:]]

    async def send(self) -> None:
        reader = self.box.reader()
        try:
            await reader.open()
            await Transfer(self.iwd, self.iwd.served, self.iwd.lease).send(self.box.sender(), reader)
        finally:
            await reader.close()


async def test_what_is_unread_is_counted(box: AnyBox) -> None:
    for text in ("one", "two"):
        await box.put(letter(text))
    await box.put(letter("three"), seen=True)
    reader = box.reader()
    try:
        await reader.open()
        assert await reader.unread("INBOX") == 2
        assert await reader.unread("Done") == 0
        with pytest.raises(MailProviderError):
            await reader.unread("Nowhere")
    finally:
        await reader.close()
    life = Life(box)
    await life.read()
    assert await box.unread() == 0


async def test_what_is_new_is_read_once_byte_by_byte(box: AnyBox) -> None:
    life = Life(box)
    first, second, third = letter("one"), letter("two \xe4", X_Long="x" * 300), letter("three")
    await box.put(first)
    assert await life.read() == [first]
    await box.put(second)
    assert [raw for raw in await life.read() if raw != first] == [second]
    await box.put(third)
    await life.read()
    assert list(life.iwd.stored) == [first, second, third]
    assert await box.unread() == 0
    assert (await life.read(1)) in ([], [third])


async def test_what_was_read_elsewhere_meanwhile_is_taken_in(box: AnyBox) -> None:
    """After the first look it counts what has come, not what is unread."""
    life = Life(box)
    await life.read()
    seen = letter("seen")
    await box.put(seen, seen=True)
    assert await life.read() == [seen]


@pytest.mark.parametrize("after", list(AfterStoring))
async def test_what_becomes_of_a_stored_message(box: AnyBox, after: AfterStoring) -> None:
    box.change(after_storing=after, move_to="Done" if after is AfterStoring.MOVE else "")
    raw = letter("x")
    await box.put(raw)
    life = Life(box)
    assert await life.read() == [raw]
    await life.read()  # once more changes nothing
    left = await box.folder("INBOX")
    assert left == ([raw] if after in (AfterStoring.KEEP, AfterStoring.MARK_SEEN) else [])
    assert await box.folder("Done") == ([raw] if after is AfterStoring.MOVE else [])
    assert await box.unread() == (1 if after is AfterStoring.KEEP else 0)


async def test_of_a_large_message_the_beginning_is_read(box: AnyBox) -> None:
    raw = letter("large") + b"0123456789\r\n" * 60_000
    await box.put(raw)
    reader = box.reader()
    await reader.open()
    state = await reader.look("INBOX", None)
    async with ByteBudget().room(box.address) as room:
        got = await reader.fetch("INBOX", state.uids[-1], 300_000, room)
    await reader.close()
    assert got is not None
    assert got.full_size is not None
    assert got.full_size > 300_000
    assert len(got.raw) > 100_000
    assert raw.startswith(got.raw)


async def test_a_folder_that_is_not_there_is_named(box: AnyBox) -> None:
    reader = box.reader()
    await reader.open()
    with pytest.raises(MailProviderError) as caught:
        await reader.look("No such folder", None)
    await reader.close()
    assert caught.value.field == "folder"


async def test_a_message_is_sent_to_all_and_found_again(box: AnyBox) -> None:
    life = Life(box)
    message_id = f"{uuid.uuid4().hex}@example.com"
    to, copy, hidden = (f"{n}-{uuid.uuid4().hex[:8]}@example.org" for n in ("to", "cc", "bcc"))
    life.iwd.queue(answer(message_id, [to], cc=copy), [to, copy, hidden], message_id, box.address)
    await life.send()
    assert life.iwd.told[-1][0].value == "sent"

    async def all_have_it() -> bool:
        return await box.recipients([to, copy, hidden]) == [to, copy, hidden]

    await until(all_have_it)
    (kept,) = await box.sent()
    assert read(kept)["Message-ID"] == f"<{message_id}>"
    reader = box.reader()
    await reader.open()
    assert await reader.find(reader.sent_folder or "Sent", message_id)
    assert not await reader.find(reader.sent_folder or "Sent", f"other-{message_id}")
    await reader.close()


async def test_a_holder_lost_while_handing_over_is_followed_by_proof(box: AnyBox) -> None:
    """What the copy proves is sent; what it does not is unknown, and nothing goes out again."""
    for goes_out in (True, False):
        life = Life(box)
        message_id = f"{uuid.uuid4().hex}@example.com"
        to = f"to-{uuid.uuid4().hex[:8]}@example.org"
        raw = answer(message_id, [to])
        email_id = life.iwd.queue(raw, [to], message_id, box.address)
        if goes_out:
            await box.sender().send(box.address, [to], raw, _nothing)
            reader = box.reader()
            await reader.open()
            if reader.sent_folder is None:
                await reader.file("Sent", raw)
            await reader.close()
        life.iwd.emails[email_id].state, life.iwd.emails[email_id].attempt_epoch = "handingOver", 0
        before = len(await box.sent())
        await life.send()
        assert life.iwd.emails[email_id].state == ("sent" if goes_out else "unknown")
        assert len(await box.sent()) == before


async def test_a_large_file_arrives(box: AnyBox) -> None:
    content = bytes(range(256)) * 16_000
    message_id = f"{uuid.uuid4().hex}@example.com"
    to = f"to-{uuid.uuid4().hex[:8]}@example.org"
    sent = await box.sender().send(box.address, [to], answer(message_id, [to], content=content), _nothing)
    assert sent.result is SendResult.SENT
    if isinstance(box, GraphBox):
        (message,) = box.server.in_folder("sentitems")
        assert message.files == [("big.pdf", content)]
        assert b"It is on its way." in message.raw
        return
    if isinstance(box, ImapBox):
        server = box.server
        await until(lambda: bool(server.messages(to)))
        (raw,) = server.messages(to)
    else:
        (raw,) = await box.sent()
    (file,) = read(raw).iter_attachments()
    assert file.get_content() == content


# --- the cloud's own ---------------------------------------------------------------------------------------------


async def test_pages_are_gone_through(cloud: GmailBox | GraphBox) -> None:
    cloud.server.page = 3
    raws = [letter(f"{n}") for n in range(8)]
    for raw in raws[:7]:
        await cloud.put(raw)
    life = Life(cloud)
    await life.read(rounds=4)
    assert sorted(life.iwd.stored) == sorted(raws[:7])
    assert len(life.iwd.submitted) == 7
    await cloud.put(raws[7])
    assert await life.read() == [raws[7]]


async def test_killed_in_the_middle_of_a_page_nothing_is_lost(cloud: GmailBox | GraphBox) -> None:
    raws = [letter(f"{n}") for n in range(4)]
    for raw in raws:
        await cloud.put(raw)
    life = Life(cloud)
    cloud.server.fail(r"/messages/[^/]+$" if isinstance(cloud, GmailBox) else r"/\$value$", 400)
    with pytest.raises(MailProviderError):
        await life.read()
    await life.read()
    assert sorted(life.iwd.stored) == sorted(raws)


async def test_a_mark_that_has_run_out_is_followed_by_a_listing(cloud: GmailBox | GraphBox) -> None:
    life = Life(cloud)
    first, missed, following = letter("first"), letter("missed"), letter("following")
    await cloud.put(first)
    await life.read()
    await cloud.put(missed, seen=True)
    if isinstance(cloud, GmailBox):
        cloud.server.history_from = cloud.server.history_id + 1
        cloud.server.history_id += 1
    else:
        cloud.server.delta_from += 1
    await life.read()
    assert list(life.iwd.stored) == [first, missed]
    await cloud.put(following)
    assert (await life.read())[-1] == following


async def test_what_lay_there_before_is_read_if_unread_or_new(cloud: GmailBox | GraphBox) -> None:
    old_seen, old_unread = letter("old seen"), letter("old unread")
    for raw, seen in ((old_seen, True), (old_unread, False)):
        await cloud.put(raw, seen=seen)
    for message in cloud.server.messages.values():
        message.at -= 40 * 86_400
    assert await Life(cloud).read() == [old_unread]
    cloud.change(from_beginning=True)
    assert sorted(await Life(cloud).read()) == sorted([old_seen, old_unread])


async def test_another_mailboxs_mark_is_not_gone_on_from(cloud: GmailBox | GraphBox) -> None:
    life = Life(cloud)
    raw = letter("x")
    await cloud.put(raw)
    await life.read()
    cursor = life.iwd.cursors["INBOX"]
    assert cursor.token is not None
    cursor.token = cursor.token.replace("care@example.com", "other@example.com")
    await life.read()
    assert len(life.iwd.submitted) == 2  # gone through anew, and known again
    assert list(life.iwd.stored) == [raw]


async def test_a_refused_token_is_followed_by_another(cloud: GmailBox | GraphBox) -> None:
    life = Life(cloud)
    await life.read()
    cloud.server.tokens.clear()
    raw = letter("x")
    await cloud.put(raw)
    assert await life.read() == [raw]
    cloud.server.tokens.clear()
    sent = await cloud.sender().send(
        cloud.address, ["a@example.org"], answer("m1@example.com", ["a@example.org"]), _nothing
    )
    assert sent.result is SendResult.SENT
    assert len(await cloud.sent()) == 1


async def test_without_any_token_it_is_told(cloud: GmailBox | GraphBox) -> None:
    cloud.server.fail("users", 401, times=2)
    reader = cloud.reader()
    with pytest.raises(MailProviderError) as caught:
        await reader.open()
    await reader.close()
    assert caught.value.field == "token"


@pytest.mark.parametrize(
    ("status", "more"),
    [
        (429, {"headers": {"retry-after": "0"}}),
        (403, {"body": {"error": {"code": 403, "errors": [{"reason": "userRateLimitExceeded"}]}}}),
        (500, {}),
        (503, {"headers": {"retry-after": "0"}}),
        (0, {}),
    ],
)
async def test_reading_goes_on_after_limits_and_failures(
    cloud: GmailBox | GraphBox, status: int, more: dict[str, object]
) -> None:
    raw = letter("x")
    await cloud.put(raw)
    path = "messages$" if isinstance(cloud, GmailBox) else "delta$"
    cloud.server.fail(path, status, times=1 if status == 0 else 2, **more)
    assert await Life(cloud).read() == [raw]
    assert cloud.server.faults == []


async def test_a_long_pause_is_told_instead_of_waited_for(cloud: GmailBox | GraphBox) -> None:
    cloud.server.fail("users", 429, headers={"retry-after": "3600"})
    reader = cloud.reader()
    with pytest.raises(MailProviderError, match="429"):
        await reader.open()
    await reader.close()
    assert len(cloud.server.requests) == 1


def _sending(cloud: CloudBox) -> str:
    return "/send$"


async def _send_one(
    cloud: GmailBox | GraphBox, message_id: str = "m1@example.com"
) -> tuple[SendResult, str | None]:
    to = ["ada@example.org"]
    outcome = await cloud.sender().send(cloud.address, to, answer(message_id, to), _nothing)
    return outcome.result, outcome.message_id


@pytest.mark.parametrize("status", [0, 500, 502, 504])
async def test_an_answer_that_is_lost_after_success_is_looked_up(
    cloud: GmailBox | GraphBox, status: int
) -> None:
    cloud.server.fail(_sending(cloud), status, after=True)
    assert await _send_one(cloud) == (SendResult.SENT, "m1@example.com")
    assert len(await cloud.sent()) == 1


@pytest.mark.parametrize("status", [0, 500])
async def test_what_cannot_be_proven_is_unknown_and_not_sent_again(
    cloud: GmailBox | GraphBox, status: int
) -> None:
    cloud.server.fail(_sending(cloud), status)
    assert (await _send_one(cloud))[0] is SendResult.UNKNOWN
    assert cloud.server.asked(_sending(cloud)) == 1
    assert await cloud.sent() == []


@pytest.mark.parametrize(
    ("status", "headers", "result"),
    [
        (429, {}, SendResult.PUT_OFF),
        (503, {"retry-after": "120"}, SendResult.PUT_OFF),
        (400, {}, SendResult.REFUSED),
        (413, {}, SendResult.REFUSED),
    ],
)
async def test_what_the_provider_did_not_do_is_told_apart(
    cloud: GmailBox | GraphBox, status: int, headers: dict[str, str], result: SendResult
) -> None:
    cloud.server.fail(_sending(cloud), status, headers=headers)
    assert (await _send_one(cloud))[0] is result
    assert await cloud.sent() == []
    assert not (isinstance(cloud, GraphBox) and cloud.server.in_folder("drafts"))


async def test_the_message_id_that_recipients_see_is_told(cloud: GmailBox | GraphBox) -> None:
    cloud.server.rewrites_message_ids = True
    _, message_id = await _send_one(cloud)
    expected = "CA+new@mail.gmail.com" if isinstance(cloud, GmailBox) else "new@outlook.example"
    assert message_id == expected


async def test_nothing_goes_out_where_the_step_before_it_fails(cloud: GmailBox | GraphBox) -> None:
    async def refuse() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await cloud.sender().send(cloud.address, ["a@b.c"], answer("m@x", ["a@b.c"]), refuse)
    assert cloud.server.asked(_sending(cloud)) == 0
    assert not (isinstance(cloud, GraphBox) and cloud.server.in_folder("drafts"))


async def test_a_draft_of_a_process_that_was_lost_is_removed_and_the_email_goes_out_once() -> None:
    raw = answer("lost@x", ["a@example.org"])
    async with cloud_box("graph") as box:
        assert isinstance(box, GraphBox)
        left, other = (
            box.server.put(raw, "drafts"),
            box.server.put(answer("other@x", ["a@example.org"]), "drafts"),
        )
        left.is_draft = other.is_draft = True
        outcome = await box.sender().send(box.address, ["a@example.org"], raw, _nothing)
        assert outcome.result is SendResult.SENT
        assert [m.id for m in box.server.in_folder("drafts")] == [other.id]
        assert left.id not in box.server.messages
        assert [m.message_id for m in box.server.in_folder("sentitems")] == ["lost@x"]


async def test_a_reply_joins_gmails_thread() -> None:
    server = GmailServer()
    await server.start()
    box = GmailBox(server)
    asked = letter("question")
    known = server.put(asked)
    message_id = str(read(asked)["Message-ID"])
    raw = b"In-Reply-To: " + message_id.encode() + b"\r\n" + answer("m2@example.com", ["ada@example.org"])
    await box.sender().send(box.address, ["ada@example.org"], raw, _nothing)
    (sent,) = server.in_label("SENT")
    await box.close()
    await server.stop()
    assert sent.thread_id == known.thread_id


async def test_links_that_lead_elsewhere_are_not_followed() -> None:
    """The token would go along."""
    server = GraphServer()
    await server.start()
    box = GraphBox(server)
    life = Life(box)
    await life.read()
    cursor = life.iwd.cursors["INBOX"]
    assert cursor.token is not None
    cursor.token = cursor.token.replace(server.url, "http://127.0.0.1:1")
    with pytest.raises(MailProviderError, match="elsewhere"):
        await life.read()
    await server.stop()


# --- SMTP's own --------------------------------------------------------------------------------------------------


async def test_an_address_in_letters_of_a_language_goes_where_it_is_taken(
    mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = ImapBox(mail_server)
    to = f"jörg-{uuid.uuid4().hex[:8]}@example.org"
    raw = answer("m1@example.com", ["care@example.com"])
    sent = await box.sender().send(box.address, [to], raw, _nothing)
    assert (sent.result, sent.reason) == (SendResult.SENT, None)

    real = SMTP_CLIENT.supports_extension
    monkeypatch.setattr(
        SMTP_CLIENT, "supports_extension", lambda self, name: name != "smtputf8" and real(self, name)
    )
    refused = await box.sender().send(box.address, [to], raw, _nothing)
    assert refused.result is SendResult.REFUSED
    assert "SMTPUTF8" in (refused.reason or "")
    assert to in (refused.reason or "")


# --- many mailboxes ----------------------------------------------------------------------------------------------


async def test_authorities_are_read_once_however_many_mailboxes_connect(
    mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading them takes as long as a connection does: a hundred mailboxes at once would lose their leases over it."""
    made: list[str] = []
    real = ssl.create_default_context

    def counted(*given: Any, **more: Any) -> ssl.SSLContext:
        made.append("")
        return real(*given, **more)

    monkeypatch.setattr(ssl, "create_default_context", counted)
    imap_reader.tls_context.cache_clear()
    smtp_sender.tls_context.cache_clear()
    for _ in range(4):
        box = ImapBox(mail_server)
        reader = box.reader()
        await reader.open()
        await reader.close()
        await box.sender().check()
    assert len(made) == 2, "one to read by, one to send by"
