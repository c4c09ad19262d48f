"""Mailboxes within their limits: a hundred of them, tested before they are enabled, and items kept long enough."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace

from openiwd.api.tenant_metrics import TenantFamilies
from openiwd.domain.email.mailbox import MAX_MAILBOXES, Mailbox
from tests.factories.api import World, problem
from tests.factories.mail import ServiceCalls, mailbox, raw_email, set_up_mailbox


async def test_a_tenant_has_a_hundred_mailboxes_and_no_more(api: World) -> None:
    body = mailbox("box@example.com", enabled=False)
    async with (await api.services()).runtime.store.writing() as tx:
        for n in range(MAX_MAILBOXES - 1):
            value = msgspec.convert({**body, "id": f"box{n}", "address": f"box{n}@example.com"}, Mailbox)
            await tx.save_object("mailbox", msgspec.to_builtins(value), revision=None)
    last = {**body, "address": "last@example.com"}
    assert (await api.call("PUT", "/mailboxes/last", json=last)).status_code == 201
    told = problem(
        await api.call("PUT", "/mailboxes/more", json={**body, "address": "more@example.com"}), 409, "tooMany"
    )
    assert "100" in told["detail"]
    renamed = {**last, "name": "The last one"}
    assert (await api.call("PUT", "/mailboxes/last", json=renamed)).status_code == 200
    assert len((await api.get("/mailboxes")).json()["mailboxes"]) == MAX_MAILBOXES
    assert (await api.call("DELETE", "/mailboxes/box0")).status_code == 204
    more = {**body, "address": "more@example.com"}
    assert (await api.call("PUT", "/mailboxes/more", json=more)).status_code == 201


async def test_a_mailbox_is_disabled_until_it_is_saved_and_tested(api: World) -> None:
    told = problem(await api.call("PUT", "/mailboxes/care", json=mailbox()), 409, "notTested")
    assert (told["field"], "test the connection" in told["hint"]) == ("enabled", True)
    assert (await api.get("/mailboxes/care")).status_code == 404
    assert (await set_up_mailbox(api, "care", mailbox())).status_code == 200
    # another password is no other connection; another server is
    assert (await api.call("PUT", "/mailboxes/care/secrets", json={"imapPassword": "x"})).status_code == 200
    assert (await api.call("PUT", "/mailboxes/care", json=mailbox(name="Other"))).status_code == 200
    moved = mailbox(incoming={"host": "imap.example.org", "user": "care"})
    problem(await api.call("PUT", "/mailboxes/care", json=moved), 409, "notTested")
    # a test that fails is no test
    moved["incoming"] |= {"host": "127.0.0.1", "port": 1}
    assert not (await api.post("/mailboxes/care/test", {"mailbox": moved})).json()["ok"]
    problem(await api.call("PUT", "/mailboxes/care", json=moved), 409, "notTested")
    # disabled and enabled again, its test still stands; removed and made anew, it does not
    for enabled in (False, True):
        assert (await api.call("PUT", "/mailboxes/care", json=mailbox(enabled=enabled))).status_code == 200
    assert (await api.call("DELETE", "/mailboxes/care")).status_code == 204
    problem(await api.call("PUT", "/mailboxes/care", json=mailbox()), 409, "notTested")


async def test_items_are_kept_for_longer_than_a_reply_may_reopen_them(api: World) -> None:
    assert (await set_up_mailbox(api, "care", mailbox(category="Claims/Motor"))).status_code == 200
    short = {"rules": [{"status": "completed", "category": "Claims", "days": 30}]}
    for method, path in (("PUT", "/retention"), ("POST", "/retention/test")):
        told = problem(await api.call(method, path, json=short), 400)
        assert told["field"] == "rules[0].days"
        assert "'care'" in told["detail"]
        assert "31" in told["hint"]
    enough = {"rules": [{"status": "completed", "category": "Claims", "days": 31}]}
    assert (await api.call("PUT", "/retention", json=enough)).status_code == 200
    longer = mailbox(category="Claims/Motor", reopenDays=31)
    told = problem(await api.call("PUT", "/mailboxes/care", json=longer), 409, "retentionTooShort")
    assert told["field"] == "reopenDays"
    elsewhere = {"rules": [{"category": "Leads", "days": 1}, {"status": "canceled", "days": 1}]}
    assert (await api.call("PUT", "/retention", json=elsewhere)).status_code == 200
    assert (await api.call("PUT", "/mailboxes/care", json=longer)).status_code == 200


async def test_each_mailbox_has_its_retries(api: World) -> None:
    care = ServiceCalls(api)
    policy = {"hours": 1, "firstPauseSeconds": 600, "longestPauseSeconds": 900}
    await care.set_up(category="Claims/Motor", retry=policy)
    item = (await care.received(raw_email()))["itemId"]
    written = await api.post(f"/items/{item}/emails", {"text": "On its way."})
    email_id = written.json()["id"]
    assert (await care.tell(email_id, "sending")).status_code == 200
    before = datetime.now(UTC)
    told = (await care.tell(email_id, "queued", reason="450 greylisted")).json()
    pause = datetime.fromisoformat(told["nextTryAt"]) - before
    assert timedelta(seconds=595) < pause < timedelta(seconds=660)
    (shown,) = (await api.get("/mailboxes")).json()["mailboxes"]
    assert shown["mailbox"]["retry"] == policy
    problem(await api.call("PUT", "/mailboxes/care", json=mailbox(retry={"hours": 72})), 400)


async def test_a_filter_drops_for_its_mailbox_only(api: World) -> None:
    care = ServiceCalls(api)
    await care.set_up(category="Claims/Motor")
    win = {"attribute": "subject", "operator": "contains", "value": "win"}
    body = {"name": "Win", "action": "drop", "when": win, "mailboxes": ["sales"]}
    assert problem(await api.call("PUT", "/filters/win", json=body), 400)["field"] == "mailboxes"
    sales = mailbox("sales@example.com", enabled=False)
    assert (await api.call("PUT", "/mailboxes/sales", json=sales)).status_code == 201
    assert (await api.call("PUT", "/filters/win", json=body)).status_code == 201
    assert (await care.received(raw_email(subject="you win")))["outcome"] == "created"
    assert (await api.call("PUT", "/filters/win", json={**body, "mailboxes": ["care"]})).status_code == 200
    assert (await care.received(raw_email(subject="you win")))["outcome"] == "dropped"


async def test_what_the_metrics_need_is_told(api: World) -> None:
    care = ServiceCalls(api)
    await care.set_up(category="Claims/Motor", secretExpiresOn="2027-03-01")
    (served,) = (await api.get("/mailboxes?for=email")).json()["served"]
    assert served["tenant"] == "t"
    script = (
        "From: ada@example.org\r\nSubject: x\r\nMessage-ID: <f@x>\r\nContent-Type: application/octet-stream\r\n"
        'Content-Disposition: attachment; filename="run.exe"\r\n\r\nMZ\r\n'
    )
    got = await care.received(script.encode())
    assert (got["kind"], got["blockedFiles"]) == ("InboundNew", 1)
    await api.post(f"/items/{got['itemId']}/emails", {"text": "No, thanks."})
    (due,) = await care.outbound()
    assert due["kind"] == "OutboundReply"
    assert due["since"]
    services = await api.services()
    async with services.runtime.store.reading() as reading:
        figures = await reading.figures(services.runtime.now())
    assert figures.secrets == [("care", date(2027, 3, 1))]
    families = TenantFamilies()
    families.figures("t", figures, services.runtime.now())
    ends = [
        (sample.labels, sample.value)
        for family in families.families()
        for sample in family.samples
        if sample.name == "iwd_email_secret_not_after_timestamp_seconds"
    ]
    assert ends == [({"tenant": "t", "mailbox": "care"}, datetime(2027, 3, 1, tzinfo=UTC).timestamp())]


@pytest.mark.parametrize("value", ["soon", "2027-13-01"])
async def test_the_end_of_a_secret_is_a_day(api: World, value: str) -> None:
    problem(await api.call("PUT", "/mailboxes/care", json=mailbox(secretExpiresOn=value)), 400)


def test_the_stored_form_of_a_mailbox_reads_back() -> None:
    value = msgspec.convert({**mailbox(), "id": "care", "secretExpiresOn": "2027-03-01"}, Mailbox)
    stored = msgspec.to_builtins(value)
    assert stored["secretExpiresOn"] == "2027-03-01"
    assert msgspec.convert(stored, Mailbox) == value
    assert msgspec.convert({**mailbox(), "id": "care"}, Mailbox) == replace(value, secret_expires_on=None)
