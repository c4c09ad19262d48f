"""What the email editor needs, by the API: standard responses, written once, taken back, released from quarantine."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from openiwd.domain.email.reading import read_email
from openiwd.domain.email.rich_text import parts_of_html
from openiwd.domain.errors import ConflictError
from openiwd.domain.privilege import system
from openiwd.usecases import email_aside, email_writing, item_detail
from openiwd.usecases.email_draft import Draft
from tests.factories.api import World, problem
from tests.factories.mail import ServiceCalls, raw_email

CALLER = system("tests")


@pytest.fixture
async def care(api: World) -> ServiceCalls:
    calls = ServiceCalls(api)
    await calls.set_up(category="Claims/Motor", signature="Care team")
    return calls


async def test_a_standard_response_is_filled_with_the_items_values(care: ServiceCalls) -> None:
    api = care.api
    body = {
        "name": "Thanks",
        "folder": "General",
        "text": "Dear {{contact.name}}, {{data.claim}}{{mailbox.name}}",
    }
    assert (await api.call("PUT", "/standard-responses/thanks", json=body)).status_code == 201
    got = await care.received(raw_email(sender="Ada Lovelace <ada@example.org>"))
    filled = await api.get(f"/items/{got['itemId']}/standard-responses/thanks?mailbox=care")
    assert filled.json()["text"] == "Dear Ada Lovelace, Care"
    assert filled.json()["missing"] == ["data.claim"]
    wrong = await api.call("PUT", "/standard-responses/wrong", json={**body, "text": "{{item.nothing}}"})
    assert problem(wrong, 400, "unknownPlaceholder")["field"] == "text"
    assert [r["id"] for r in (await api.get("/standard-responses")).json()["standardResponses"]] == ["thanks"]
    assert (await api.call("DELETE", "/standard-responses/thanks")).status_code == 204
    assert (await api.get(f"/items/{got['itemId']}/standard-responses/thanks")).status_code == 404


async def test_html_goes_out_sanitised_with_its_text_beside_it(care: ServiceCalls) -> None:
    api = care.api
    got = await care.received(raw_email())
    body = {
        "html": "<p onclick='x()'>Please <b>wait</b></p><ul><li>one</li></ul><script>bad()</script><img src='https://x.example/t.png'>",
        "below": "> before",
        "belowHtml": "<blockquote style='color:red'>before <img src='cid:a'></blockquote>",
    }
    answer = await api.post(f"/items/{got['itemId']}/emails", body)
    assert answer.status_code == 201, answer.text
    written = answer.json()
    assert written["text"] == "Please wait\n\n• one\n\n-- \nCare team\n\n> before"
    assert parts_of_html(written["html"]) == (
        "<p>Please <b>wait</b></p><ul><li>one</li></ul>",
        "<blockquote>before </blockquote>",
    )
    assert "Care team" in written["html"]
    sent = read_email((await api.get(f"/emails/{written['id']}/raw")).content)
    assert sent.html is not None
    assert (sent.html.strip(), sent.text.strip()) == (written["html"], written["text"])
    empty = await api.post(f"/items/{got['itemId']}/emails", {"html": "<p><br></p>"})
    assert problem(empty, 400)["field"] == "text"


async def test_what_waits_is_taken_back_and_what_is_on_its_way_is_not(care: ServiceCalls) -> None:
    api = care.api
    got = await care.received(raw_email())
    written = (await api.post(f"/items/{got['itemId']}/emails", {"text": "Soon", "below": "> before"})).json()
    assert written["text"] == "Soon\n\n-- \nCare team\n\n> before"
    address = f"/items/{got['itemId']}/emails/{written['id']}/withdraw"
    back = await api.post(address)
    assert (back.status_code, back.json()["status"], back.json()["reason"]) == (200, "failed", "withdrawn")
    assert await care.outbound() == []
    again = (await api.post(f"/items/{got['itemId']}/emails", {"text": "Now"})).json()
    assert (await care.tell(again["id"], "sending")).status_code == 200
    late = await api.post(f"/items/{got['itemId']}/emails/{again['id']}/withdraw")
    problem(late, 409, "sentAlready")


async def test_the_same_email_written_again_is_one_and_waits_until_it_may_go(care: ServiceCalls) -> None:
    services = await care.api.services()
    got = await care.received(raw_email())
    item = await item_detail.find(services, got["itemId"], None)
    email_id, later = uuid.uuid4(), services.runtime.now() + timedelta(hours=1)
    first = await email_writing.write(
        services, CALLER, item, Draft(text="Once"), email_id=email_id, not_before=later
    )
    again = await email_writing.write(
        services, CALLER, item, Draft(text="Once"), email_id=email_id, not_before=later
    )
    assert (first.id, again.id) == (email_id, email_id)
    assert await care.outbound() == []
    with pytest.raises(ConflictError) as refused:
        await email_writing.write(services, CALLER, item, Draft(text="Changed"), email_id=email_id)
    assert refused.value.code == "writtenAlready"
    async with services.runtime.store.reading() as reading:
        assert len(await reading.emails_of_item(item.number)) == 2


async def test_what_lies_aside_is_released_into_an_item_or_discarded(care: ServiceCalls) -> None:
    services = await care.api.services()
    first = await care.received(raw_email("one", message_id="same@example.org"))
    for text in ("two", "three", "four"):
        await care.received(raw_email(text, message_id="same@example.org"))
    aside = (await care.api.get("/emails/aside?status=quarantined")).json()["emails"]
    one, two, three = (uuid.UUID(e["id"]) for e in aside)
    made = await email_aside.release(services, CALLER, one)
    assert made.subject == "My parcel"
    into = await item_detail.find(services, first["itemId"], None)
    assert (await email_aside.release(services, CALLER, two, into)).id == into.id
    async with services.runtime.store.reading() as reading:
        assert len(await reading.emails_of_item(into.number)) == 2
    await email_aside.discard(services, CALLER, three)
    with pytest.raises(ConflictError):
        await email_aside.release(services, CALLER, one)
    dropped = (await care.api.get("/emails/aside?status=dropped")).json()["emails"]
    assert [e["id"] for e in dropped] == [str(three)]
