"""Emails by the API, beyond coming and going: acknowledged, reviewed, released, discarded, aged, erased."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest

from openiwd.domain.email.reading import read_email
from openiwd.domain.privilege import Role
from openiwd.usecases import email_aside
from openiwd.usecases.email_erasure import erase_emails
from tests.factories.api import World, problem
from tests.factories.mail import ServiceCalls, mailbox, raw_email, set_up_mailbox

THANKS = {"enabled": True, "text": "Dear {{contact.name|customer}},\nwe have got '{{item.subject}}'.\n"}


@pytest.fixture
async def care(api: World) -> ServiceCalls:
    calls = ServiceCalls(api)
    await calls.set_up(category="Claims/Motor", acknowledgement=THANKS)
    return calls


async def _emails(api: World, item_id: str) -> list[dict[str, Any]]:
    answer = await api.get(f"/items/{item_id}/emails")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["emails"])


async def _acknowledged(care: ServiceCalls, raw: bytes) -> bool:
    got = await care.received(raw)
    if not got.get("itemId"):
        return False
    return any(e["kind"] == "OutboundAcknowledgement" for e in await _emails(care.api, got["itemId"]))


async def test_new_mail_is_acknowledged(care: ServiceCalls) -> None:
    raw = raw_email()
    got = await care.received(raw)
    received, acknowledgement = await _emails(care.api, got["itemId"])
    assert (acknowledgement["kind"], acknowledgement["status"]) == ("OutboundAcknowledgement", "queued")
    (queued,) = await care.outbound()
    assert (queued["sender"], queued["recipients"]) == ("", ["ada@example.org"])
    sent = read_email((await care.api.get(f"/emails/{acknowledgement['id']}/raw")).content)
    assert sent.text.strip() == "Dear Ada,\nwe have got 'My parcel'."
    assert sent.headers["auto-submitted"] == "auto-replied"
    assert sent.in_reply_to == [received["messageId"]]
    events = [e["type"] for e in (await care.api.get(f"/items/{got['itemId']}/history")).json()["events"]]
    assert events.count("emailWritten") == 1
    assert (await care.received(raw))["outcome"] == "duplicate"
    assert len(await care.outbound()) == 1


async def test_an_acknowledgement_carries_the_reply_home(care: ServiceCalls) -> None:
    got = await care.received(raw_email())
    _, acknowledgement = await _emails(care.api, got["itemId"])
    joined = await care.received(raw_email("More", In_Reply_To=f"<{acknowledgement['messageId']}>"))
    assert (joined["outcome"], joined["itemId"]) == ("joined", got["itemId"])
    assert len(await care.outbound()) == 1


MACHINES: list[dict[str, str]] = [
    {"Auto_Submitted": "auto-generated"},
    {"Precedence": "bulk"},
    {"List_Id": "<news.example.org>"},
    {"X_OpenIWD_Loop": "6"},
    {"X_Auto_Response_Suppress": "All"},
    {"Return_Path": "<>"},
    {"sender": "noreply@example.org"},
    {"sender": "MAILER-DAEMON@example.org"},
    {"sender": "care@example.com"},
    {"subject": "Automatic reply: holiday"},
]


async def test_machines_and_ourselves_get_no_acknowledgement(care: ServiceCalls) -> None:
    for headers in MACHINES:
        assert not await _acknowledged(care, raw_email(**headers)), headers
    assert await care.outbound() == []


async def test_a_sender_gets_one_a_day(care: ServiceCalls) -> None:
    assert await _acknowledged(care, raw_email("one"))
    assert not await _acknowledged(care, raw_email("two"))
    assert await _acknowledged(care, raw_email("three", sender="bob@example.org"))
    many = [raw_email(f"{n}", sender="eve@example.org") for n in range(5)]
    answers = await asyncio.gather(*(_acknowledged(care, raw) for raw in many))
    assert answers.count(True) == 1
    services = await care.api.services()
    async with services.runtime.store.writing() as tx:
        now = services.runtime.now()
        later = now + timedelta(days=1, minutes=1)
        assert await tx.claim_automatic_mail("bob@example.org", later, later - timedelta(days=1))


async def test_why_there_was_none_is_noted(care: ServiceCalls) -> None:
    got = await care.received(raw_email(Precedence="bulk"))
    (email,) = await _emails(care.api, got["itemId"])
    assert "not acknowledged: a machine sent it" in email["notes"]


async def test_wrong_placeholders_are_refused(api: World) -> None:
    wrong = mailbox(acknowledgement={"enabled": True, "text": "Dear {{contact.nam}}"})
    told = problem(await api.call("PUT", "/mailboxes/care", json=wrong), 400)
    assert told["field"] == "acknowledgement.text"
    silent = mailbox(acknowledgement=THANKS, outgoing={"host": ""})
    assert (
        problem(await api.call("PUT", "/mailboxes/care", json=silent), 400)["field"]
        == "acknowledgement.enabled"
    )


# --- what lies aside ---------------------------------------------------------------------------------------------


async def _aside(care: ServiceCalls) -> tuple[str, str]:
    """An item with an email, and another message that claims its Message-ID."""
    first = await care.received(raw_email("one", message_id="same@example.org"))
    second = await care.received(raw_email("two", message_id="same@example.org"))
    assert second["outcome"] == "quarantined"
    return first["itemId"], second["id"]


async def test_what_lay_in_quarantine_becomes_an_item(care: ServiceCalls) -> None:
    api = care.api
    first, aside = await _aside(care)
    released = await api.post(f"/emails/{aside}/release", {})
    assert released.status_code == 200, released.text
    item_id = released.json()["itemId"]
    assert item_id != first
    (email,) = await _emails(api, item_id)
    assert (email["text"], email["status"], email["messageId"]) == ("two", "stored", None)
    assert (await api.get(f"/items/{item_id}")).json()["subject"] == "My parcel"
    problem(await api.post(f"/emails/{aside}/release", {}), 409, "notAside")
    assert (await api.get("/emails/aside?status=quarantined")).json()["emails"] == []
    written = await api.post(f"/items/{item_id}/emails", {"text": "Hello"})
    assert written.json()["to"][0]["address"] == "ada@example.org"


async def test_what_lay_aside_is_added_to_an_item(care: ServiceCalls) -> None:
    first, aside = await _aside(care)
    released = await care.api.post(f"/emails/{aside}/release", {"into": first})
    assert released.json() == {"itemId": first}
    assert [e["text"] for e in await _emails(care.api, first) if e["direction"] == "in"] == ["one", "two"]
    events = [e["type"] for e in (await care.api.get(f"/items/{first}/history")).json()["events"]]
    assert events.count("emailReceived") == 1


async def test_what_is_discarded_can_be_restored_until_it_is_old(care: ServiceCalls) -> None:
    api = care.api
    _, aside = await _aside(care)
    discarded = await api.post(f"/emails/{aside}/discard")
    assert discarded.json()["status"] == "dropped", discarded.text
    assert [e["id"] for e in (await api.get("/emails/aside?status=dropped")).json()["emails"]] == [aside]
    services = await api.services()
    assert await email_aside.age(services) == 0
    now = services.runtime.now()
    async with services.runtime.store.writing() as tx:
        assert await tx.age_emails(now + timedelta(minutes=1), now - timedelta(days=90), 100) == 1
    assert (await api.get("/emails/aside?status=dropped")).json()["emails"] == []
    problem(await api.post(f"/emails/{aside}/release", {}), 404)


async def test_who_may_not_review_decides_nothing(care: ServiceCalls) -> None:
    _, aside = await _aside(care)
    await care.api.add_key("looker", Role.VIEWER)
    for what in ("release", "discard"):
        body: dict[str, str] | None = {} if what == "release" else None
        problem(await care.api.post(f"/emails/{aside}/{what}", body, "looker"), 403)
    problem(await care.api.get("/emails/review", "looker"), 403)


# --- review before sending ---------------------------------------------------------------------------------------


async def _agents_email(api: World, care: ServiceCalls) -> tuple[str, dict[str, Any]]:
    """An item that the agent amara has, and what she wrote."""
    await api.add_agent("amara")
    got = await care.received(raw_email())
    await api.follow(decide=True)
    await api.ready("amara")
    assert (await api.post(f"/items/{got['itemId']}/assign", {"agent": "amara"})).status_code == 200
    answer = await api.post(f"/items/{got['itemId']}/emails", {"text": "It is on its way."}, "amara")
    assert answer.status_code == 201, answer.text
    return got["itemId"], dict(answer.json())


@pytest.fixture
async def reviewed(api: World) -> ServiceCalls:
    calls = ServiceCalls(api)
    await calls.set_up(category="Claims/Motor", review=True)
    await api.add_key("chief", Role.SUPERVISOR)
    return calls


async def test_what_an_agent_wrote_goes_out_once_it_is_approved(api: World, reviewed: ServiceCalls) -> None:
    _, written = await _agents_email(api, reviewed)
    assert written["status"] == "inReview"
    assert await reviewed.outbound() == []
    problem(await reviewed.tell(written["id"], "sending"), 409, "invalidSendingState")
    (waiting,) = (await api.get("/emails/review", "chief")).json()["emails"]
    assert waiting["id"] == written["id"]
    problem(await api.post(f"/emails/{written['id']}/review", {"decision": "approved"}, "amara"), 403)
    approved = await api.post(f"/emails/{written['id']}/review", {"decision": "approved"}, "chief")
    assert approved.json()["status"] == "queued", approved.text
    assert [e["id"] for e in await reviewed.outbound()] == [written["id"]]
    problem(
        await api.post(f"/emails/{written['id']}/review", {"decision": "returned", "comment": "x"}, "chief"),
        409,
        "invalidSendingState",
    )
    await reviewed.sent(written["id"])


async def test_time_in_review_does_not_count_for_the_tries(api: World, reviewed: ServiceCalls) -> None:
    _, written = await _agents_email(api, reviewed)
    await _change(api, "UPDATE email SET at = at - interval '3 days' WHERE direction = 'out'")
    await api.post(f"/emails/{written['id']}/review", {"decision": "approved"}, "chief")
    assert (await _put_off(reviewed, written["id"]))["status"] == "queued"
    await _change(api, "UPDATE email SET queued_at = queued_at - interval '3 days'")
    assert (await _put_off(reviewed, written["id"]))["status"] == "failed"
    again = await api.post(f"/emails/{written['id']}/settle", {"status": "queued"}, "chief")
    assert again.status_code == 200, again.text
    assert (await _put_off(reviewed, written["id"]))["status"] == "queued"


async def _change(api: World, statement: str) -> None:
    async with api.wiring.pools.acquire("t") as connection:
        await connection.execute(statement)


async def _put_off(calls: ServiceCalls, email_id: str) -> dict[str, Any]:
    """One try that the server puts off."""
    for status in ("sending", "handingOver"):
        assert (await calls.tell(email_id, status)).status_code == 200
    return dict((await calls.tell(email_id, "queued", reason="421 come back later")).json())


async def test_what_comes_back_is_written_anew(api: World, reviewed: ServiceCalls) -> None:
    item_id, written = await _agents_email(api, reviewed)
    problem(await api.post(f"/emails/{written['id']}/review", {"decision": "returned"}, "chief"), 400)
    back = await api.post(
        f"/emails/{written['id']}/review", {"decision": "returned", "comment": "Name the date."}, "chief"
    )
    assert (back.json()["status"], back.json()["reason"]) == ("returned", "Name the date.")
    draft = {"text": "It arrives on Friday.", "replaces": written["id"]}
    again = await api.post(f"/items/{item_id}/emails", draft, "amara")
    assert (again.status_code, again.json()["status"]) == (201, "inReview"), again.text
    states = {e["id"]: e["status"] for e in await _emails(api, item_id)}
    assert states[written["id"]] == "withdrawn"
    assert [e["id"] for e in (await api.get("/emails/review", "chief")).json()["emails"]] == [
        again.json()["id"]
    ]
    withdrawn = await api.post(f"/emails/{again.json()['id']}/review", {"decision": "withdrawn"}, "amara")
    assert withdrawn.json()["status"] == "withdrawn"
    assert await reviewed.outbound() == []


async def test_nobody_reviews_their_own_and_reviewers_need_none(api: World, reviewed: ServiceCalls) -> None:
    got = await reviewed.received(raw_email())
    direct = await api.post(f"/items/{got['itemId']}/emails", {"text": "Hello"}, "chief")
    assert direct.json()["status"] == "queued"
    asked = await api.post(f"/items/{got['itemId']}/emails", {"text": "Hello", "review": True}, "chief")
    assert asked.json()["status"] == "inReview"
    own = await api.post(f"/emails/{asked.json()['id']}/review", {"decision": "approved"}, "chief")
    problem(own, 409, "ownEmail")


# --- leases, erasure ---------------------------------------------------------------------------------------------


async def test_mailboxes_move_to_a_process_that_comes_later(api: World) -> None:
    for n in range(4):
        body = mailbox(f"box{n}@example.com")
        assert (await set_up_mailbox(api, f"box{n}", body)).status_code == 200
    one, two = (str(uuid.uuid4()) for _ in range(2))

    async def take(holder: str, most: int = 100) -> set[str]:
        answer = await api.post("/mailboxes/leases", {"holder": holder, "most": most})
        return {lease["mailboxId"] for lease in answer.json()["leases"]}

    assert len(await take(one)) == 4
    assert await take(two) == set()
    kept = await take(one)
    assert len(kept) == 2
    assert await take(one) == kept  # no longer told of the rest, which runs out
    services = await api.services()
    async with services.runtime.store.writing() as tx:
        for lease in await tx.mailbox_leases():
            if lease.mailbox_id not in kept:
                await tx._connection.execute(  # type: ignore[attr-defined]
                    "UPDATE mailbox_lease SET expires_at = clock_timestamp() WHERE mailbox_id = $1",
                    lease.mailbox_id,
                )
    taken = await take(two)
    assert (len(taken), taken & kept) == (2, set())
    assert await take(one) == kept
    assert (await api.call("DELETE", f"/mailboxes/leases/{two}")).status_code == 204
    assert len(await take(one)) == 4


async def test_a_persons_emails_are_erased_and_counted_still(care: ServiceCalls) -> None:
    got = await care.received(raw_email("My secret"))
    other = await care.received(raw_email("Other", sender="bob@example.org"))
    services = await care.api.services()
    async with services.runtime.store.writing() as tx:
        (item,) = (await tx.items_by_id([uuid.UUID(got["itemId"])])).values()
        assert item.contact_id is not None
        counts = await erase_emails(tx, item.contact_id, ["Ada@example.org"])
    assert counts == {"emails": 2, "automaticMails": 1}
    for email in await _emails(care.api, got["itemId"]):
        assert (email["text"], email["subject"], email["sender"], email["to"]) == ("", "", None, [])
    assert {e["status"] for e in await _emails(care.api, got["itemId"])} == {"stored", "withdrawn"}
    assert next(e["text"] for e in await _emails(care.api, other["itemId"])) == "Other"
    original = await care.api.get(f"/items/{got['itemId']}/emails/{got['id']}/original")
    assert original.content == b""


async def test_erasing_a_contact_takes_its_emails_along_but_none_that_is_just_being_sent(
    care: ServiceCalls,
) -> None:
    api = care.api
    got = await care.received(raw_email("My secret"))
    other = await care.received(raw_email("Other", sender="bob@example.org"))
    services = await api.services()
    async with services.runtime.store.reading() as reading:
        (item,) = (await reading.items_by_id([uuid.UUID(got["itemId"])])).values()
    acknowledgement = next(e for e in await care.outbound() if e["recipients"] == ["ada@example.org"])
    assert (await care.tell(acknowledgement["id"], "sending")).status_code == 200
    path, wanted = f"/contacts/{item.contact_id}/erase", {"reason": "asked for", "openItems": True}
    problem(await api.post(path, wanted), 409, "emailOnTheWay")
    assert (await care.tell(acknowledgement["id"], "handingOver")).status_code == 200
    assert (await care.tell(acknowledgement["id"], "sent")).status_code == 200
    told = await api.post(path, wanted)
    assert told.status_code == 200, told.text
    assert told.json()["counts"]["emails"] == 2
    assert told.json()["remaining"] == {}
    for email in await _emails(api, got["itemId"]):
        assert (email["text"], email["subject"], email["sender"], email["to"]) == ("", "", None, [])
    assert next(e["text"] for e in await _emails(api, other["itemId"])) == "Other"
