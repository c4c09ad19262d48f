"""What lies out of reach is answered as what is not there: every route that names an item or email, byte by byte."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest

from openiwd.api.app import create_app
from openiwd.api.authorisation import ROUTES, Access
from openiwd.domain.agent import AgentProfile
from openiwd.domain.privilege import Role, system
from openiwd.usecases import agent as agent_use
from openiwd.web import authorisation as pages
from openiwd.web.app import create_web
from tests.factories.api import PASSWORD, PREFIX, World, problem, raw
from tests.factories.mail import ServiceCalls, raw_email

NOTHING = str(UUID(int=7))
OWN_CAPTURE, FOREIGN_CAPTURE, NO_CAPTURE = "own-1", "far-1", "far-9"
BODIES: dict[str, dict[str, Any]] = {
    "PUT /items/{item_id}": {"subject": "Mine now", "captureId": "other"},
    "PATCH /items/{item_id}": {"captureId": "other"},
    "POST /items/{item_id}/hold": {"reason": "review"},
    "POST /items/{item_id}/assign": {"agent": "cas"},
    "POST /items/{item_id}/transfer": {"queue": "calls"},
    "POST /items/{item_id}/notes": {"text": "I was here"},
    "POST /items/{item_id}/tags": {"add": ["mine"]},
    "POST /items/{item_id}/emails": {"text": "Hello"},
    "POST /items/{item_id}/emails/split": {"emails": [NOTHING]},
    "POST /emails/{email_id}/review": {"decision": "approved"},
    "POST /emails/{email_id}/settle": {"status": "queued"},
}
OF_THE_SERVICE = {"GET /emails/{email_id}/raw", "POST /emails/{email_id}/sending-status"}
"""The email service's privilege has no scope: it carries all mail."""


class Far(NamedTuple):
    """What hangs on an item out of the member's reach, and an item within it."""

    api: World
    care: ServiceCalls
    own: str
    item: str
    email: str
    """In review."""
    attachment: str
    move: str


@pytest.fixture
async def far(api: World) -> Far:
    """An administrator who is a member of lending, and a claim with all that can hang on it."""
    care = ServiceCalls(api)
    await care.set_up(category="Claims/Motor", review=True)
    await api.add_access_group("lending", categories=["Lending"], queues=[])
    await api.add_agent("ann")
    profile = AgentProfile(id="cas", name="Cas")
    await agent_use.save_profile(await api.services(), profile, system("test", "t"))
    await api.add_key("member", Role.ADMINISTRATOR, access_groups=["lending"], agent_id="cas")
    await api.follow(decide=True)
    received = [(await care.received(raw_email(f"{n}")))["itemId"] for n in range(3)]
    moved = await api.post(f"/items/{received[0]}/emails/merge", {"into": received[1]})
    item = (await api.item(FOREIGN_CAPTURE))["id"]
    assert (await api.post(f"/items/{item}/assign", {"agent": "ann"})).status_code == 200
    into = await api.post(f"/items/{received[2]}/emails/merge", {"into": item})
    assert into.status_code == 200, into.text
    email = await api.post(f"/items/{item}/emails", {"text": "On its way."}, "ann")
    assert email.json()["status"] == "inReview", email.text
    file = await api.call("POST", f"/items/{item}/attachments?fileName=a.txt", content=b"secret")
    assert file.status_code == 201, file.text
    own = (await api.item(OWN_CAPTURE, data={"kind": "loan"}))["id"]
    return Far(api, care, own, item, email.json()["id"], file.json()["id"], moved.json()["moves"][0]["id"])


def told(answer: httpx.Response, *names: str) -> tuple[int, str, dict[str, str]]:
    """An answer without what was asked for in it, and without what differs between any two answers."""
    text, headers = (
        answer.text,
        {k: v for k, v in answer.headers.items() if k not in ("date", "content-length")},
    )
    for name in names:
        text = text.replace(name, "<it>")
        headers = {k: v.replace(name, "<it>") for k, v in headers.items()}
    return answer.status_code, text, {k: v for k, v in headers.items() if not k.startswith("ratelimit")}


def of_api(name: str) -> list[str]:
    return [
        route.replace(PREFIX, "")
        for route, need in ROUTES.items()
        if f"{{{name}}}" in route and need is not Access.CLOSED
    ]


def filled(template: str, far: Far, **names: str) -> str:
    known = {
        "email_id": far.email, "attachment_id": far.attachment, "move_id": far.move, "ordinal": "1",
        "response_id": "none", "tab": "details", "name": "hold",
    } | names  # fmt: skip
    for name, value in known.items():
        template = template.replace(f"{{{name}}}", value)
    assert "{" not in template, template
    return template


async def ask(far: Far, route: str, key: str, headers: dict[str, str], **names: str) -> httpx.Response:
    method, template = route.split(" ")
    more: dict[str, Any] = {}
    if route == "POST /items/{item_id}/attachments":
        more["content"] = b"mine"
    elif route == "POST /items/{item_id}/links":
        more["json"] = {"kind": "relatesTo", "item": far.own}
    elif route == "POST /items/{item_id}/emails/merge":
        more["json"] = {"into": far.own}
    elif method in ("POST", "PUT", "PATCH"):
        more["json"] = BODIES.get(route, {})
    return await far.api.call(method, filled(template, far, **names), key, headers=headers, **more)


async def test_an_item_out_of_reach_is_as_none_to_every_call(far: Far) -> None:
    routes = of_api("item_id")
    assert len(routes) > 30
    before = (await far.api.get(f"/items/{far.item}")).json()["revision"]
    wrong = []
    for route in routes:
        for headers in ({}, {"if-match": '"99"', "idempotency-key": "k" * 300}):
            for there, none in ((far.item, NOTHING), (f"ext_{FOREIGN_CAPTURE}", f"ext_{NO_CAPTURE}")):
                hidden = await ask(far, route, "member", headers, item_id=there)
                missing = await ask(far, route, "member", headers, item_id=none)
                if told(hidden, there.removeprefix("ext_")) != told(missing, none.removeprefix("ext_")):
                    wrong.append((route, there, hidden.text[:200], missing.text[:200]))
                if not headers and missing.status_code != 404:
                    wrong.append((route, none, "", missing.text[:200]))
    assert wrong == []
    assert (await far.api.get(f"/items/{far.item}")).json()["revision"] == before


async def test_what_is_an_agents_own_is_as_none_to_others(far: Far) -> None:
    await far.api.add_agent("ben")
    wrong = []
    for route in of_api("item_id"):
        if route.endswith("/pull"):
            continue  # the claim's queue serves ben: below
        hidden = await ask(far, route, "ben", {}, item_id=far.item)
        missing = await ask(far, route, "ben", {}, item_id=NOTHING)
        if told(hidden, far.item) != told(missing, NOTHING) or missing.status_code not in (403, 404):
            wrong.append((route, hidden.text[:200], missing.text[:200]))
    assert wrong == []


async def test_an_agent_may_ask_for_what_lies_in_a_queue_that_serves_them(far: Far) -> None:
    api = far.api
    await api.add_agent("ben")
    served = problem(await api.post(f"/items/{far.item}/pull", None, "ben"), 409, "notWaiting")
    assert served["currentStatus"] == "assigned"
    assert (await api.call("PUT", "/groups/team", json={"name": "Team"})).status_code == 201
    queue = {"name": "Claims", "groups": [{"group": "team"}]}
    assert (await api.call("PUT", "/queues/claims", json=queue)).status_code == 200
    for there, none in ((far.item, NOTHING), (f"ext_{FOREIGN_CAPTURE}", f"ext_{NO_CAPTURE}")):
        hidden, missing = [await api.post(f"/items/{i}/pull", None, "ben") for i in (there, none)]
        assert told(hidden, there.removeprefix("ext_")) == told(missing, none.removeprefix("ext_"))
        assert missing.status_code == 404


async def test_an_email_out_of_reach_is_as_none(far: Far) -> None:
    wrong = []
    routes = [r for r in of_api("email_id") if "{item_id}" not in r and r not in OF_THE_SERVICE]
    assert len(routes) >= 4
    for route in routes:
        hidden = await ask(far, route, "member", {}, email_id=far.email)
        missing = await ask(far, route, "member", {}, email_id=NOTHING)
        if told(hidden, far.email) != told(missing, NOTHING) or missing.status_code != 404:
            wrong.append((route, hidden.text[:200], missing.text[:200]))
    (route,) = of_api("move_id")
    hidden = await ask(far, route, "member", {}, move_id=far.move)
    assert told(hidden, far.move) == told(await ask(far, route, "member", {}, move_id=NOTHING), NOTHING)
    assert wrong == []
    assert (await far.api.get("/emails/review", "member")).json()["emails"] == []
    assert len((await far.api.get("/emails/review")).json()["emails"]) == 1
    assert (await far.api.post(f"/emails/moves/{far.move}/undo")).status_code == 200


async def test_items_named_in_a_body_are_as_none(far: Far) -> None:
    api = far.api
    point = await api.call(
        "PUT", "/capture-points/in", json={"name": "In", "source": {"kind": "rest"}, "enabled": True}
    )
    assert point.status_code == 201, point.text
    there = (await api.post("/capture-points/in/messages", raw("of-in"))).json()["answers"][0]["id"]
    for n in range(2):
        last = await far.care.received(raw_email(f"{n}", message_id="same@example.org"))
    assert last["outcome"] == "quarantined"
    draft = (await api.post("/rulesets/drafts", {"name": "Draft"})).json()["id"]
    asked: list[tuple[str, Any]] = [
        (f"/items/{far.own}/links", lambda i: {"kind": "relatesTo", "item": i}),
        (f"/items/{far.own}/links", lambda i: {"kind": "duplicateOf", "item": i, "merge": True}),
        (f"/items/{far.own}/emails/merge", lambda i: {"into": i}),
        (f"/emails/{last['id']}/release", lambda i: {"into": i}),
        ("/items/operations", lambda i: {"operations": [{"op": "cancel", "id": i}], "atomic": True}),
        ("/items/operations", lambda i: {"operations": [{"op": "hold", "id": i, "revision": 99, "reason": "review"}]}),
        ("/items/bulk", lambda i: {"action": "cancel", "ids": [i], "dryRun": True}),
        ("/capture-points/in/messages", lambda i: {"message": "cancel", "id": i}),
        ("/capture-points/in/messages", lambda i: {"message": "getInfo", "id": i}),
        (f"/rulesets/drafts/{draft}/tests", lambda i: {"item": i}),
    ]  # fmt: skip
    wrong = []
    for path, body in asked:
        for item in (far.item, there):
            hidden, missing = (
                await api.post(path, body(item), "member"),
                await api.post(path, body(NOTHING), "member"),
            )
            assert missing.status_code < 500, (path, missing.text)
            if told(hidden, item) != told(missing, NOTHING):
                wrong.append((path, hidden.text[:300], missing.text[:300]))
    by_capture = [
        await api.post("/items/operations", {"operations": [{"op": "cancel", "captureId": c}]}, "member")
        for c in (FOREIGN_CAPTURE, NO_CAPTURE)
    ]
    assert told(by_capture[0], FOREIGN_CAPTURE) == told(by_capture[1], NO_CAPTURE)
    assert wrong == []


async def test_the_same_capture_id_elsewhere_is_nobodys_business(far: Far) -> None:
    """What lies out of reach makes a captureId no less plain."""
    api = far.api
    await api.item("twin", data={"kind": "loan"})
    await api.item("twin", capturePoint="other")
    assert problem(await api.get("/items/ext_twin"), 409, "ambiguous")["field"] == "capturePoint"
    assert (await api.get("/items/ext_twin", "member")).json()["data"] == {"kind": "loan"}


async def test_who_can_read_an_item_is_told_what_is_missing(far: Far) -> None:
    """Its being there is no secret then, and the reason is of use."""
    await far.api.add_key("reader", privileges=["workitems.read", "workitems.hold:own"], agent_id="ann")
    item = (await far.api.item("c7"))["id"]
    document = problem(
        await far.api.post(f"/items/{item}/hold", {"reason": "review"}, "reader"), 403, "forbidden"
    )
    assert document["privilege"] == "workitems.hold"
    document = problem(await far.api.post(f"/items/{item}/cancel", {}, "reader"), 403, "forbidden")
    assert document["detail"] == "this needs the privilege workitems.cancel"


async def test_who_lacks_the_privilege_learns_nothing_of_what_there_is(far: Far) -> None:
    await far.api.add_key("holder", privileges=["workitems.hold"])
    operations = [
        await far.api.post("/items/operations", {"operations": [{"op": "cancel", "id": i}]}, "holder")
        for i in (far.item, NOTHING)
    ]
    assert told(operations[0], far.item) == told(operations[1], NOTHING)
    assert operations[0].json()["results"][0]["error"]["code"] == "forbidden"


async def test_what_was_written_under_a_key_is_told_again_when_the_item_has_left(far: Far) -> None:
    api, headers = far.api, {"idempotency-key": "once"}
    first = await api.post(f"/items/{far.item}/notes", {"text": "Called back"}, "ann", headers=headers)
    assert first.status_code == 201, first.text
    assert (await api.post(f"/items/{far.item}/return", {}, "ann")).status_code == 200
    again = await api.post(f"/items/{far.item}/notes", {"text": "Called back"}, "ann", headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    problem(await api.post(f"/items/{far.item}/notes", {"text": "And again"}, "ann"), 404)


# Pages ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def lou(far: Far) -> AsyncIterator[httpx.AsyncClient]:
    """The member at the pages."""
    await far.api.add_user("lou", Role.ADMINISTRATOR, access_groups=["lending"], agent_id="cas")
    site = create_app(far.api.platform, holidays=far.api.wiring.holidays, web=create_web)
    transport = httpx.ASGITransport(app=site, raise_app_exceptions=True)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://iwd", timeout=30) as client:
        session = await client.post(f"{PREFIX}/sessions", json={"login": "lou", "password": PASSWORD})
        client.headers.update({"x-csrf-token": session.json()["csrfToken"]})
        yield client
    await site.close()


@pytest.mark.parametrize("fragment", [False, True])
async def test_an_item_out_of_reach_is_as_none_to_every_page(
    far: Far, lou: httpx.AsyncClient, *, fragment: bool
) -> None:
    headers = {"hx-request": "true", "hx-target": "dialog"} if fragment else {}
    routes = [r for r in pages.ROUTES if "{item_id}" in r]
    assert len(routes) > 25
    wrong = []
    for route in routes:
        method, template = route.split(" ")
        for there, none in ((far.item, NOTHING), (f"ext_{FOREIGN_CAPTURE}", f"ext_{NO_CAPTURE}")):
            if template.endswith("/take") and there.startswith("ext_"):
                continue
            hidden, missing = [
                await lou.request(method, filled(template, far, item_id=i), headers=headers)
                for i in (there, none)
            ]
            if told(hidden, there.removeprefix("ext_")) != told(missing, none.removeprefix("ext_")):
                wrong.append((route, there, hidden.status_code, missing.status_code, hidden.text[-300:]))
            if missing.status_code == 403:
                wrong.append((route, none, 403, 403, missing.text[-300:]))
    assert wrong == []


async def test_an_email_out_of_reach_is_as_none_to_the_pages(far: Far, lou: httpx.AsyncClient) -> None:
    wrong = []
    for route in [r for r in pages.ROUTES if "{email_id}" in r and "{item_id}" not in r]:
        method, template = route.split(" ")
        hidden, missing = [
            await lou.request(method, filled(template, far, email_id=i), headers={"hx-request": "true"})
            for i in (far.email, NOTHING)
        ]
        if told(hidden, far.email) != told(missing, NOTHING) or missing.status_code != 404:
            wrong.append((route, hidden.headers, missing.headers))
    assert wrong == []
    listed = await lou.get("/configuration/quarantine?state=inReview")
    assert far.email not in listed.text


async def test_finding_an_item_out_of_reach_is_as_finding_none(far: Far, lou: httpx.AsyncClient) -> None:
    for there, none in ((far.item, NOTHING), (FOREIGN_CAPTURE, NO_CAPTURE)):
        assert told(await lou.get(f"/find?q={there}"), there) == told(await lou.get(f"/find?q={none}"), none)
