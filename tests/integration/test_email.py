"""Emails by the API on a real database: in once, tied on evidence, out once, moved and moved back."""

from __future__ import annotations

import asyncio
import uuid
from random import Random
from typing import Any

import pytest

from openiwd.domain.email.token import reply_tag
from openiwd.domain.privilege import Role
from tests.data.nasty_mail import CORPUS
from tests.data.nasty_mail_mended import MENDED
from tests.data.nasty_mail_more import MORE
from tests.factories.api import World, problem
from tests.factories.mail import ServiceCalls, mailbox, raw_email, set_up_mailbox


@pytest.fixture
async def care(api: World) -> ServiceCalls:
    calls = ServiceCalls(api)
    await calls.set_up(category="Claims/Motor")
    return calls


async def _item(api: World, item_id: str) -> dict[str, Any]:
    answer = await api.get(f"/items/{item_id}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def _emails(api: World, item_id: str) -> list[dict[str, Any]]:
    answer = await api.get(f"/items/{item_id}/emails")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["emails"])


async def _reply(api: World, item_id: str, key: str = "t", **draft: Any) -> dict[str, Any]:
    answer = await api.post(f"/items/{item_id}/emails", {"text": "It is on its way.\n", **draft}, key)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def _events(api: World, item_id: str) -> list[str]:
    return [e["type"] for e in (await api.get(f"/items/{item_id}/history")).json()["events"]]


async def test_a_new_email_becomes_an_item(care: ServiceCalls) -> None:
    raw = raw_email("Hello,\nwhere is it?\n\n-- \nAda\n")
    got = await care.received(raw)
    assert (got["outcome"], got["kind"]) == ("created", "InboundNew")
    item = await _item(care.api, got["itemId"])
    assert (item["mediaType"], item["subject"], item["status"]) == ("email", "My parcel", "queued")
    assert item["description"] == "Hello,\nwhere is it?"
    assert item["contact"]["emails"] == ["ada@example.org"]
    assert item["data"]["email"]["mailbox"] == "care"
    (email,) = await _emails(care.api, got["itemId"])
    assert (email["text"].strip(), email["signature"]) == ("Hello,\nwhere is it?", "-- \nAda\n")
    original = await care.api.get(f"/items/{got['itemId']}/emails/{email['id']}/original")
    assert original.content == raw


async def test_the_same_message_again_is_answered_as_before(care: ServiceCalls) -> None:
    raw = raw_email()
    first = await care.received(raw)
    again = await care.received(raw)
    assert (again["id"], again["outcome"]) == (first["id"], "duplicate")
    assert len(await _emails(care.api, first["itemId"])) == 1


async def test_the_same_message_at_once_is_stored_once(care: ServiceCalls) -> None:
    raw = raw_email()
    answers = await asyncio.gather(*(care.received(raw) for _ in range(6)))
    assert len({a["id"] for a in answers}) == 1
    assert sorted(a["outcome"] for a in answers) == ["created", *["duplicate"] * 5]


async def test_another_message_of_the_same_id_goes_into_quarantine(care: ServiceCalls) -> None:
    first = await care.received(raw_email("one", message_id="same@example.org"))
    second = await care.received(raw_email("two", message_id="same@example.org"))
    assert second["outcome"] == "quarantined"
    (aside,) = (await care.api.get("/emails/aside?status=quarantined")).json()["emails"]
    assert (aside["id"], aside["duplicateOf"]) == (second["id"], first["id"])


async def test_nothing_blocks_the_box(care: ServiceCalls) -> None:
    small = [nasty.raw for nasty in (CORPUS | MORE | MENDED).values() if len(nasty.raw) < 20_000]
    assert len(small) > 100
    at_once = asyncio.Semaphore(8)

    async def received(raw: bytes) -> str:
        async with at_once:
            return str((await care.received(raw))["outcome"])

    assert {*await asyncio.gather(*map(received, small))} == {"created"}
    async with (await care.api.services()).runtime.store.reading() as reading:
        assert sum((await reading.status_counts()).values()) == len(small)


def _long_ones() -> dict[str, bytes]:
    """What comes in sizes that nobody means; letters at random, so that nothing makes them shorter."""
    chance = Random(7)

    def letters(count: int, alphabet: str = "abcdefghijklmnopqrstuvwxyz0123456789") -> str:
        return "".join(chance.choices(alphabet, k=count))

    people = ", ".join(f"{letters(200)} <{letters(300, 'äöüß€')}@{n}.example>" for n in range(120))
    ids = " ".join(f"<{letters(900)}@example.org>" for _ in range(60))
    return {
        "message id": raw_email("message id", message_id=f"{letters(5_000)}@example.org"),
        "bare message id": raw_email("bare id", message_id="").replace(
            b"\r\n\r\n", f"\r\nMessage-ID: {letters(4_000)}@x\r\n\r\n".encode(), 1
        ),
        "references": raw_email("references", References=ids, In_Reply_To=ids),
        "people": raw_email("people", to=people, Cc=people, Reply_To=people),
        "sender": raw_email("sender", sender=f"{letters(40_000, 'äöü')} <ada@example.org>"),
        "subject": raw_email("subject", subject=letters(60_000, "äöü€")),
        "list": raw_email("list", List_Id=letters(60_000), X_Mailer=letters(60_000)),
        "old": raw_email("old", Date="Thu, 1 Jan 1970 00:00:00 +0000"),
        "future": raw_email("future", Date="Thu, 1 Jan 2199 00:00:00 +0000"),
    }


async def test_nothing_long_or_large_blocks_the_box(care: ServiceCalls) -> None:
    large = [nasty.raw for nasty in (CORPUS | MORE | MENDED).values() if len(nasty.raw) >= 20_000]
    assert large
    for raw in (*_long_ones().values(), *large):
        await care.take()
        got = await care.submit(raw)
        assert got.status_code == 200, (raw[:200], got.text)
        assert got.json()["outcome"] == "created"


async def test_a_reply_joins_reopens_and_wakes(care: ServiceCalls) -> None:
    api = care.api
    got = await care.received(raw_email())
    item_id = got["itemId"]
    written = await _reply(api, item_id)
    assert [a["address"] for a in written["to"]] == ["ada@example.org"]
    assert (written["subject"], written["status"]) == ("Re: My parcel", "queued")
    await care.sent(written["id"])
    assert (
        await api.post(f"/items/{item_id}/hold", {"reason": "other", "wakesOn": "customerReply"})
    ).status_code == 200

    answer = raw_email("Thanks", In_Reply_To=f"<{written['messageId']}>")
    joined = await care.received(answer)
    assert (joined["outcome"], joined["kind"], joined["itemId"]) == (
        "joined",
        "InboundCustomerReply",
        item_id,
    )
    assert (await _item(api, item_id))["status"] == "queued"

    assert (await api.post(f"/items/{item_id}/complete", {"resultCode": "paid"})).status_code == 200
    more = await care.received(raw_email("One more thing", References=f"<{written['messageId']}>"))
    assert (more["outcome"], more["itemId"]) == ("joined", item_id)
    assert (await _item(api, item_id))["status"] == "queued"
    assert len(await _emails(api, item_id)) == 4
    assert (await _events(api, item_id))[-2:] == ["emailReceived", "reopened"]


async def test_a_reply_goes_to_an_address_in_letters_of_a_language(care: ServiceCalls) -> None:
    got = await care.received(raw_email(sender="Jörg <jörg@müller.example>"))
    await _reply(care.api, got["itemId"])
    (due,) = await care.outbound()
    assert due["recipients"] == ["jörg@xn--mller-kva.example"]
    typed = await _reply(care.api, got["itemId"], to=["Info <info@müller.example>"])
    (_, second) = await care.outbound()
    assert (second["id"], second["recipients"]) == (typed["id"], ["info@xn--mller-kva.example"])


async def test_a_late_reply_makes_a_linked_item(api: World) -> None:
    care = ServiceCalls(api)
    await care.set_up(category="Claims/Motor", reopenDays=0)
    got = await care.received(raw_email())
    written = await _reply(api, got["itemId"])
    assert (await api.post(f"/items/{got['itemId']}/complete", {"resultCode": "paid"})).status_code == 200
    late = await care.received(raw_email("Again", In_Reply_To=f"<{written['messageId']}>"))
    assert late["outcome"] == "linked"
    assert late["itemId"] != got["itemId"]
    (link,) = (await api.get(f"/items/{late['itemId']}/links")).json()["links"]
    assert (link["kind"], link["itemId"], link["incoming"]) == ("continues", got["itemId"], False)


async def test_a_stranger_is_suggested_never_merged(care: ServiceCalls) -> None:
    got = await care.received(raw_email())
    written = await _reply(care.api, got["itemId"])
    stranger = raw_email("Me too", sender="mallory@example.net", In_Reply_To=f"<{written['messageId']}>")
    other = await care.received(stranger)
    assert other["outcome"] == "created"
    assert other["itemId"] != got["itemId"]
    (email,) = await _emails(care.api, other["itemId"])
    assert [(s["itemId"], s["evidence"]) for s in email["suggestions"]] == [(got["itemId"], "stranger")]


async def test_a_token_alone_only_suggests(care: ServiceCalls) -> None:
    got = await care.received(raw_email())
    (email,) = await _emails(care.api, got["itemId"])
    services = await care.api.services()
    tag = reply_tag(uuid.UUID(email["threadId"]), await services.email_tools.mark_key(services.runtime))
    other = await care.received(raw_email(to=f"care+{tag}@example.com"))
    assert other["outcome"] == "created"
    (new,) = await _emails(care.api, other["itemId"])
    assert [s["evidence"] for s in new["suggestions"]] == ["replyAddress"]


def _bounce(message_id: str, *, action: str = "failed", code: str = "5.1.1") -> bytes:
    return f"""\
Return-Path: <>
From: MAILER-DAEMON@mx.example.net
Subject: Undelivered Mail Returned to Sender
Message-ID: <{uuid.uuid4().hex}@mx.example.net>
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B

Sorry.
--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; ada@example.org
Action: {action}
Status: {code}
Diagnostic-Code: smtp; 550 {code} no such user
--B
Content-Type: text/rfc822-headers

Message-ID: <{message_id}>
--B--
""".replace("\n", "\r\n").encode()


async def test_a_bounce_fails_the_email_and_reopens_its_item(care: ServiceCalls) -> None:
    api = care.api
    got = await care.received(raw_email())
    written = await _reply(api, got["itemId"])
    await care.sent(written["id"])
    assert (await api.post(f"/items/{got['itemId']}/complete", {"resultCode": "paid"})).status_code == 200
    bounced = await care.received(_bounce(written["messageId"]))
    assert (bounced["outcome"], bounced["kind"], bounced["itemId"]) == (
        "reported",
        "InboundNDR",
        got["itemId"],
    )
    sent = next(e for e in await _emails(api, got["itemId"]) if e["id"] == written["id"])
    assert (sent["status"], sent["reason"]) == ("failed", "550 5.1.1 no such user")
    assert [d["address"] for d in sent["deliveries"]] == ["ada@example.org"]
    assert (await _item(api, got["itemId"]))["status"] == "queued"


async def test_a_delay_is_only_noted_and_a_foreign_bounce_makes_no_item(care: ServiceCalls) -> None:
    got = await care.received(raw_email())
    written = await _reply(care.api, got["itemId"])
    await care.sent(written["id"])
    delayed = await care.received(_bounce(written["messageId"], action="delayed", code="4.4.1"))
    assert (delayed["outcome"], delayed["kind"]) == ("reported", "InboundReport")
    sent = next(e for e in await _emails(care.api, got["itemId"]) if e["id"] == written["id"])
    assert sent["status"] == "sent"
    foreign = await care.received(_bounce("nobody.knows@example.com"))
    assert foreign["outcome"] == "quarantined"
    assert "itemId" not in foreign or foreign["itemId"] is None


async def test_a_machines_answer_joins_and_reopens_nothing(care: ServiceCalls) -> None:
    got = await care.received(raw_email())
    written = await _reply(care.api, got["itemId"])
    assert (
        await care.api.post(f"/items/{got['itemId']}/complete", {"resultCode": "paid"})
    ).status_code == 200
    away = raw_email("I am away", In_Reply_To=f"<{written['messageId']}>", Auto_Submitted="auto-replied")
    joined = await care.received(away)
    assert (joined["outcome"], joined["kind"]) == ("joined", "InboundAutoReply")
    assert (await _item(care.api, got["itemId"]))["status"] == "completed"


async def test_filters_drop_hold_and_sort(care: ServiceCalls) -> None:
    api = care.api
    for name, action, value in (
        ("casino", "drop", None),
        ("later", "hold", None),
        ("offer", "priority", "-50"),
    ):
        body = {
            "name": name,
            "action": action,
            "value": value,
            "when": {"attribute": "subject", "operator": "contains", "value": name, "ignoreCase": True},
        }
        assert (await api.call("PUT", f"/filters/{name}", json=body)).status_code == 201
    dropped = await care.received(raw_email(subject="Casino!"))
    assert dropped["outcome"] == "dropped"
    assert len((await api.get("/emails/aside?status=dropped")).json()["emails"]) == 1
    held = await care.received(raw_email(subject="later please"))
    assert (await _item(api, held["itemId"]))["status"] == "held"
    sorted_ = await care.received(raw_email(subject="an offer"))
    assert (await _item(api, sorted_["itemId"]))["priorityAdjustment"] == -50
    wrong = {"name": "x", "action": "drop", "when": {"attribute": "sbject", "operator": "isSet"}}
    problem(await api.call("PUT", "/filters/x", json=wrong), 422)


async def test_the_language_is_told_to_rules_and_filters(care: ServiceCalls) -> None:
    api = care.api
    body = {
        "name": "German",
        "action": "category",
        "value": "Lending",
        "when": {"attribute": "language", "operator": "eq", "value": "de"},
    }
    assert (await api.call("PUT", "/filters/german", json=body)).status_code == 201
    german = await care.received(raw_email("Ich habe am Montag bestellt und noch nichts bekommen.\n"))
    item = await _item(api, german["itemId"])
    assert (item["data"]["email"]["language"], item["category"]) == ("de", "Lending")
    (email,) = (await api.get(f"/items/{german['itemId']}/emails")).json()["emails"]
    assert email["language"] == "de"
    short = await care.received(raw_email("OK\n"))
    assert "language" not in (await _item(api, short["itemId"]))["data"]["email"]


async def test_only_the_holder_of_the_lease_writes(care: ServiceCalls) -> None:
    api = care.api
    other = ServiceCalls(api, holder=uuid.uuid4())
    answer = await api.post("/mailboxes/leases", {"holder": str(other.holder)})
    assert answer.json()["leases"] == []
    problem(await other.submit(raw_email(), epoch=care.epoch), 409, "leaseLost")
    problem(await care.submit(raw_email(), epoch=care.epoch + 1), 409, "leaseLost")
    assert (await api.call("DELETE", f"/mailboxes/leases/{care.holder}")).status_code == 204
    problem(await care.submit(raw_email()), 409, "leaseLost")
    await other.take()
    assert other.epoch == care.epoch + 1
    assert (await other.received(raw_email()))["outcome"] == "created"


async def test_mailboxes_are_shared_evenly(api: World) -> None:
    for n in range(5):
        body = mailbox(f"box{n}@example.com")
        assert (await set_up_mailbox(api, f"box{n}", body)).status_code == 200
    one, two = str(uuid.uuid4()), str(uuid.uuid4())
    first = (await api.post("/mailboxes/leases", {"holder": one, "most": 3})).json()["leases"]
    second = (await api.post("/mailboxes/leases", {"holder": two})).json()["leases"]
    assert (len(first), len(second)) == (3, 2)
    assert not {lease["mailboxId"] for lease in first} & {lease["mailboxId"] for lease in second}


async def test_the_place_of_a_folder_moves_with_the_email(care: ServiceCalls) -> None:
    await care.received(raw_email(), uid=41, uidValidity=7)
    await care.received(raw_email(), uid=0, uidValidity=7)
    (served,) = (await care.api.get("/mailboxes?for=email")).json()["served"]
    assert served["cursors"] == [{"mailboxId": "care", "folder": "INBOX", "uidValidity": 7, "lastUid": 41}]


async def test_secrets_are_sealed_and_never_shown(care: ServiceCalls) -> None:
    api = care.api
    answer = await api.call("PUT", "/mailboxes/care/secrets", json={"imapPassword": "s3cret-word"})
    assert answer.json() == {"secrets": ["imapPassword"]}
    for path in ("/mailboxes", "/mailboxes/care", "/audit"):
        assert "s3cret-word" not in (await api.get(path)).text
    (served,) = (await api.get("/mailboxes?for=email")).json()["served"]
    assert served["secrets"] == {"imapPassword": "s3cret-word"}
    await api.add_key("looker", Role.BUSINESS)
    problem(await api.get("/mailboxes?for=email", key="looker"), 403)
    services = await api.services()
    async with services.runtime.store.reading() as reading:
        (sealed,) = (await reading.mailbox_secrets()).values()
    assert b"s3cret-word" not in sealed


async def test_sending_goes_step_by_step_and_never_twice(care: ServiceCalls) -> None:
    got = await care.received(raw_email())
    written = await _reply(care.api, got["itemId"], bcc=["boss@example.com"], cc=["Bob <bob@example.org>"])
    (queued,) = await care.outbound()
    assert queued["recipients"] == ["ada@example.org", "bob@example.org", "boss@example.com"]
    raw = (await care.api.get(f"/emails/{written['id']}/raw")).content
    assert b"boss@example.com" not in raw
    assert f"<{written['messageId']}>".encode() in raw
    problem(await care.tell(written["id"], "sent"), 409, "invalidSendingState")
    assert (await care.tell(written["id"], "sending")).status_code == 200
    assert await care.outbound() == []
    assert (await care.tell(written["id"], "handingOver")).status_code == 200
    problem(await care.tell(written["id"], "sending"), 409, "invalidSendingState")

    # The process is lost now; the next holder finds the email and cannot prove what became of it.
    later = ServiceCalls(care.api, holder=uuid.uuid4())
    await care.api.call("DELETE", f"/mailboxes/leases/{care.holder}")
    await later.take()
    problem(await care.tell(written["id"], "sent"), 409, "leaseLost")
    (left,) = await later.outbound()
    assert (left["state"], left["attemptEpoch"]) == ("handingOver", care.epoch)
    told = await later.tell(written["id"], "unknown", reason="lost")
    assert told.json()["status"] == "unknown"
    assert await later.outbound() == []
    (aside,) = (await care.api.get("/emails/aside?status=unknown")).json()["emails"]
    assert aside["id"] == written["id"]
    settled = await care.api.post(f"/emails/{written['id']}/settle", {"status": "queued"})
    assert settled.json()["status"] == "queued"
    assert len(await later.outbound()) == 1


async def test_what_was_put_off_is_tried_again_later(care: ServiceCalls) -> None:
    got = await care.received(raw_email())
    written = await _reply(care.api, got["itemId"])
    await care.tell(written["id"], "sending")
    told = (await care.tell(written["id"], "queued", reason="450 greylisted")).json()
    assert (told["status"], told["attempts"], told["reason"]) == ("queued", 1, "450 greylisted")
    assert told["nextTryAt"] is not None
    assert await care.outbound() == []


async def test_a_refused_email_reopens_its_item(care: ServiceCalls) -> None:
    got = await care.received(raw_email())
    written = await _reply(care.api, got["itemId"])
    assert (
        await care.api.post(f"/items/{got['itemId']}/complete", {"resultCode": "paid"})
    ).status_code == 200
    await care.tell(written["id"], "sending")
    told = (await care.tell(written["id"], "failed", reason="550 no such user")).json()
    assert told["status"] == "failed"
    assert (await _item(care.api, got["itemId"]))["status"] == "queued"
    assert (await _events(care.api, got["itemId"]))[-2:] == ["emailFailed", "reopened"]


async def test_merge_split_and_their_undoing(care: ServiceCalls) -> None:
    api = care.api
    one = (await care.received(raw_email("first")))["itemId"]
    two = (await care.received(raw_email("second", sender="bob@example.org")))["itemId"]
    (move,) = (await api.post(f"/items/{two}/emails/merge", {"into": one, "reason": "same case"})).json()[
        "moves"
    ]
    assert [e["text"] for e in await _emails(api, one)] == ["first", "second"]
    assert (await _item(api, two))["status"] == "canceled"
    assert await _emails(api, two) == []
    undone = await api.post(f"/emails/moves/{move['id']}/undo")
    assert undone.json()["undoneBy"] is not None
    assert [e["text"] for e in await _emails(api, one)] == ["first"]
    assert (await _item(api, two))["status"] == "queued"
    problem(await api.post(f"/emails/moves/{move['id']}/undo"), 409, "undoneAlready")

    written = await _reply(api, one)
    reply = await care.received(raw_email("other matter", In_Reply_To=f"<{written['messageId']}>"))
    split = (await api.post(f"/items/{one}/emails/split", {"emails": [reply["id"]]})).json()
    assert [e["text"] for e in await _emails(api, split["itemId"])] == ["other matter"]
    assert len(await _emails(api, one)) == 2
    assert (await api.post(f"/emails/moves/{split['move']['id']}/undo")).status_code == 200
    assert (await _item(api, split["itemId"]))["status"] == "canceled"
    assert len(await _emails(api, one)) == 3
    problem(
        await api.post(f"/items/{one}/emails/split", {"emails": [e["id"] for e in await _emails(api, one)]}),
        409,
    )


async def test_agents_write_for_their_own_items_only(care: ServiceCalls) -> None:
    api = care.api
    await api.add_agent("amara")
    got = await care.received(raw_email())
    denied = await api.post(f"/items/{got['itemId']}/emails", {"text": "Hello"}, "amara")
    problem(denied, 404)
    services = await api.follow(decide=True)
    del services
    await api.ready("amara")
    assigned = await api.post(f"/items/{got['itemId']}/assign", {"agent": "amara"})
    assert assigned.status_code == 200, assigned.text
    written = await _reply(api, got["itemId"], "amara")
    assert written["author"] == "agent:amara"


async def test_files_are_handed_out_as_downloads_unless_blocked(care: ServiceCalls) -> None:
    raw = (
        b"From: ada@example.org\r\nMessage-ID: <f@example.org>\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
        b"--B\r\n\r\ntext\r\n--B\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n%PDF\r\n"
        b"--B\r\nContent-Type: application/x-msdownload; name=a.exe\r\n\r\nMZ\r\n--B--\r\n"
    )
    got = await care.received(raw)
    (email,) = await _emails(care.api, got["itemId"])
    base = f"/items/{got['itemId']}/emails/{email['id']}/files"
    pdf = await care.api.get(f"{base}/0")
    assert pdf.content == b"%PDF"
    assert pdf.headers["content-disposition"].startswith("attachment")
    problem(await care.api.get(f"{base}/1"), 403, "blockedFile")
    problem(await care.api.get(f"{base}/2"), 404)


async def test_html_is_harmless(care: ServiceCalls) -> None:
    raw = (
        b"From: ada@example.org\r\nMessage-ID: <h@example.org>\r\nContent-Type: text/html\r\n\r\n"
        b"<p onclick=x()>Hi <script>alert(1)</script><img src=http://x.org/p.gif><img src='cid:a'>"
        b"<a href='javascript:x()'>a</a><a href='https://x.org'>b</a><form><input></form><iframe src=x></iframe></p>"
    )
    got = await care.received(raw)
    (email,) = await _emails(care.api, got["itemId"])
    html = email["html"]
    for bad in ("script", "onclick", "http://x.org", "javascript", "<form", "<input", "iframe"):
        assert bad not in html, html
    assert 'src="cid:a"' in html
    assert 'href="https://x.org"' in html


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "x", "to": ["nobody"]}, "to[0]"),
        ({"text": "x", "to": ["a@b.c\r\nBcc: d@e.f"]}, "to[0]"),
        ({"text": "x", "mailbox": "other"}, "mailbox"),
        ({"text": "x", "kind": "OutboundAcknowledgement"}, "kind"),
        ({"text": "x", "files": [{"fileName": "a", "content": "*"}]}, "files[0].content"),
    ],
)
async def test_drafts_that_cannot_be_sent_are_refused(
    care: ServiceCalls, draft: dict[str, Any], field: str
) -> None:
    got = await care.received(raw_email())
    answer = problem(await care.api.post(f"/items/{got['itemId']}/emails", draft), 400)
    assert field in str(answer.get("field"))


@pytest.mark.parametrize(
    "fields",
    [
        {"address": "nonsense"},
        {"incoming": {"host": "x"}},
        {"incoming": {"host": "x", "user": "u", "afterStoring": "move"}},
        {"incoming": {"host": "x", "user": "u", "afterStoring": "move", "moveTo": "INBOX"}},
        {"incoming": {}, "outgoing": {}},
    ],
)
async def test_mailboxes_that_cannot_be_meant_so_are_refused(api: World, fields: dict[str, Any]) -> None:
    problem(await api.call("PUT", "/mailboxes/care", json={**mailbox(), **fields}), 400)


async def test_an_address_belongs_to_one_mailbox(care: ServiceCalls) -> None:
    body = mailbox("other@example.com", aliases=["CARE@example.com"])
    problem(await care.api.call("PUT", "/mailboxes/other", json=body), 409, "addressTaken")
