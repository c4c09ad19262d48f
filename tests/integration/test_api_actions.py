"""The actions of the lifecycle over HTTP: every status with every action, as the one table says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from openiwd.domain.lifecycle import Action, allowed
from openiwd.domain.privilege import Role
from openiwd.domain.work_item import Status
from openiwd.usecases.item_action import ACTIONS
from tests.factories.api import World, problem, raw

BODIES: dict[Action, dict[str, Any]] = {
    Action.HOLD: {"reason": "review"},
    Action.ASSIGN: {"agent": "ben"},
    Action.TRANSFER: {"queue": "loans"},
    Action.RESTART: {"item": {"data": {"kind": "loan"}}},
}
AFTER: dict[Action, set[str]] = {
    Action.HOLD: {"held"},
    Action.RESUME: {"queued", "errorheld"},
    Action.CANCEL: {"canceled"},
    Action.COMPLETE: {"completed"},
    Action.REOPEN: {"queued"},
    Action.RESTART: {"queued", "captured", "rejected"},
    Action.ACTIVATE: {"queued"},
    Action.ASSIGN: {"assigned"},
    Action.TRANSFER: {"queued"},
    Action.RETURN: {"queued"},
}
REACHED = [s for s in Status if s is not Status.NEW]
"""`new` is left in the same transaction."""


async def in_status(api: World, status: Status, capture_id: str) -> str:
    """An item brought into the status by the ways that users have; its path."""
    fields: dict[str, Any] = {}
    match status:
        case Status.CAPTURED:
            fields["activationDateTime"] = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        case Status.ERRORHELD:
            fields["data"] = {"kind": "unknown"}
        case Status.REJECTED:
            fields["subject"] = "SPAM"
        case _:
            pass
    path = f"/items/{(await api.item(capture_id, **fields))['id']}"
    match status:
        case Status.ASSIGNED:
            await api.post(f"{path}/assign", {"agent": "ann"})
        case Status.HELD:
            await api.post(f"{path}/hold", {"reason": "review"})
        case Status.COMPLETED:
            await api.post(f"{path}/complete", {})
        case Status.CANCELED:
            await api.post(f"{path}/cancel", {})
        case _:
            pass
    assert (await api.get(path)).json()["status"] == status.value
    return path


async def test_every_action_in_every_status(api: World) -> None:
    await api.add_agent("ann")
    await api.add_agent("ben")
    for status in REACHED:
        for action in ACTIONS:
            path = await in_status(api, status, f"{status.value}-{action.value}")
            answer = await api.post(f"{path}/{action.value}", BODIES.get(action, {}))
            case = f"{action.value} of {status.value}"
            if allowed(action, status):
                assert answer.status_code == 200, f"{case}: {answer.text}"
                assert answer.json()["status"] in AFTER[action], case
                assert answer.json()["revision"] > 1, case
            else:
                document = problem(answer, 409, "invalidTransition")
                assert document["currentStatus"] == status.value, case
                assert (await api.get(path)).json()["status"] == status.value, case


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("hold", {"reason": "because"}, "reason"),
        ("hold", {"reason": "review", "holdUntil": "2020-01-01T00:00:00Z"}, "holdUntil"),
        ("hold", {"reason": "review", "holdUntil": "2030-01-01T00:00:00"}, "holdUntil"),
        ("hold", {"reason": "review", "wakesOn": "sunrise"}, "wakesOn"),
        ("hold", {"reason": "review", "keepFor": "nobody"}, "keepFor"),
        ("assign", {}, "agent"),
        ("assign", {"agent": "nobody"}, "agent"),
        ("assign", {"agent": 7}, "agent"),
        ("transfer", {"queue": "nowhere"}, "queue"),
        ("transfer", {"agent": "nobody"}, "agent"),
        ("complete", {"resultCode": "lost"}, "resultCode"),
        ("cancel", {"reason": "x" * 513}, "reason"),
        ("cancel", {"reasn": "x"}, "reasn"),
        ("restart", {"item": {"businessValue": "x"}}, "item.businessValue"),
        ("restart", {"item": {"subject": 5}}, "item.subject"),
    ],
)
async def test_a_bad_action_says_which_field(
    api: World, action: str, body: dict[str, Any], field: str
) -> None:
    item = await api.item()
    answer = problem(await api.post(f"/items/{item['id']}/{action}", body), 400)
    assert answer["field"] == field
    assert answer.get("hint")
    assert (await api.get(f"/items/{item['id']}")).json()["revision"] == 1


async def test_an_action_without_a_body(api: World) -> None:
    item = await api.item()
    assert (await api.post(f"/items/{item['id']}/cancel")).json()["status"] == "canceled"
    assert (await api.post(f"/items/ext_{item['captureId']}/reopen")).json()["status"] == "queued"


async def test_who_acts_is_on_record(api: World) -> None:
    item = await api.item()
    await api.post(f"/items/{item['id']}/cancel", {"actor": "jsmith", "reason": "gone"})
    event = (await api.get(f"/items/{item['id']}/history")).json()["events"][-1]
    assert (event["actor"], event["details"]["reason"]) == ("key:t/jsmith", "gone")


async def test_agents_act_on_what_is_theirs_alone(api: World) -> None:
    await api.add_agent("ann")
    await api.add_agent("ben")
    mine, other = await api.item("c1"), await api.item("c2")
    await api.post(f"/items/{mine['id']}/assign", {"agent": "ann"})
    await api.post(f"/items/{other['id']}/assign", {"agent": "ben"})
    assert (await api.get(f"/items/{mine['id']}", "ann")).status_code == 200
    problem(await api.get(f"/items/{other['id']}", "ann"), 404)
    for action in ("hold", "complete", "return"):
        problem(await api.post(f"/items/{other['id']}/{action}", {"reason": "review"}, "ann"), 404)
    problem(await api.post(f"/items/{mine['id']}/cancel", {}, "ann"), 403)
    held = await api.post(f"/items/{mine['id']}/hold", {"reason": "review"}, "ann")
    assert (held.json()["status"], held.json()["keepFor"]) == ("held", "ann")
    assert (await api.post(f"/items/{mine['id']}/resume", {}, "ann")).json()["reservedFor"] == "ann"
    problem(
        await api.post(f"/items/{mine['id']}/complete", {"resultCode": "paid"}, "ann"), 409, "notYourItem"
    )
    await api.post(f"/items/{mine['id']}/assign", {"agent": "ann"})
    done = (await api.post(f"/items/{mine['id']}/complete", {"resultCode": "paid"}, "ann")).json()
    assert (done["status"], done["ext"]["resultCode"], done["lastAgent"]) == ("completed", "paid", "ann")
    event = (await api.get(f"/items/{mine['id']}/history")).json()["events"][-1]
    assert (event["actor"], event["details"]["agent"]) == ("agent:ann", "ann")


async def test_an_access_group_bounds_what_its_members_reach(api: World) -> None:
    await api.add_access_group("lending", categories=["Lending"], queues=[])
    await api.add_key("loans", Role.SUPERVISOR, access_groups=["lending"])
    claim = await api.item("c1")
    loan = await api.item("c2", data={"kind": "loan"})
    assert (await api.get(f"/items/{loan['id']}", "loans")).status_code == 200
    problem(await api.get(f"/items/{claim['id']}", "loans"), 404)
    problem(await api.post(f"/items/{claim['id']}/cancel", {}, "loans"), 404)
    assert (await api.post(f"/items/{loan['id']}/cancel", {}, "loans")).status_code == 200
    assert (await api.get("/categories/counts", "loans")).json()["counts"] == []
    assert len((await api.get("/categories/counts")).json()["counts"]) == 1


async def test_a_tenants_items_are_nobody_elses(api: World) -> None:
    await api.add_tenant("other")
    item = await api.item()
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"subject": "x"}),
        ("DELETE", "", None),
        ("POST", "/hold", {"reason": "review"}),
        ("POST", "/cancel", {}),
        ("GET", "/history", None),
        ("GET", "/explain", None),
        ("GET", "/notes", None),
        ("POST", "/notes", {"text": "x"}),
        ("GET", "/links", None),
    ):
        answer = await api.call(
            method, f"/items/{item['id']}{path}", "other", **({"json": body} if body is not None else {})
        )
        problem(answer, 404, "notFound")
    assert (await api.post("/items", raw("c1"), "other")).status_code == 201
    assert (await api.get(f"/items/{item['id']}")).json()["revision"] == 1
