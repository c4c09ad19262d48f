"""A request that is sent again under its `Idempotency-Key` is carried out once, also where its answer was not kept."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import httpx
import pytest
from msgspec import Struct

from openiwd.adapters.postgres.live_writing import LiveWriting
from openiwd.api.operation import Verb
from openiwd.domain.errors import UnavailableError
from tests.factories.api import World, problem, raw
from tests.factories.mail import ServiceCalls, raw_email


@pytest.fixture
async def care(api: World) -> ServiceCalls:
    calls = ServiceCalls(api)
    await calls.set_up(category="Claims/Motor")
    return calls


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The connection is gone after each act, before its answer is kept; undone by the test."""

    lose_answers(monkeypatch)
    return monkeypatch


def lose_answers(patch: pytest.MonkeyPatch) -> None:
    async def save(*_: object) -> None:
        raise UnavailableError("The connection to the database was lost.")

    patch.setattr(LiveWriting, "save_idempotent", save)


async def send(api: World, path: str, body: Any, key: str = "k1") -> httpx.Response:
    return await api.call("POST", path, json=body, headers={"Idempotency-Key": key})


async def test_a_note_is_written_once(api: World, lost: pytest.MonkeyPatch) -> None:
    item = await api.item("c1")
    path = f"/items/{item['id']}/notes"
    problem(await send(api, path, {"text": "called"}), 503)
    problem(await send(api, path, {"text": "called"}), 503)
    lost.undo()
    made = await send(api, path, {"text": "called"})
    assert made.status_code == 201, made.text
    assert (await send(api, path, {"text": "called"})).json() == made.json()
    problem(await send(api, path, {"text": "another"}), 422, "idempotencyMismatch")
    assert (await send(api, path, {"text": "called"}, "k2")).json()["id"] != made.json()["id"]
    notes = (await api.get(path)).json()["notes"]
    assert [n["text"] for n in notes] == ["called", "called"]
    assert notes[0]["id"] == made.json()["id"]


async def test_an_email_is_written_once(care: ServiceCalls, lost: pytest.MonkeyPatch) -> None:
    api = care.api
    got = await care.received(raw_email("Hello,\nwhere is it?\n"))
    path = f"/items/{got['itemId']}/emails"
    problem(await send(api, path, {"text": "On its way."}), 503)
    lost.undo()
    made = await send(api, path, {"text": "On its way."})
    assert made.status_code == 201, made.text
    sent = [e for e in (await api.get(path)).json()["emails"] if e["direction"] == "out"]
    assert [e["id"] for e in sent] == [made.json()["id"]]


async def test_a_bulk_run_is_begun_once(api: World, lost: pytest.MonkeyPatch) -> None:
    item = await api.item("c1")
    body = {"action": "tag", "addTags": ["seen"], "ids": [item["id"]]}
    problem(await send(api, "/items/bulk", body), 503)
    lost.undo()
    made = await send(api, "/items/bulk", body)
    assert made.status_code == 202, made.text
    assert [job["id"] for job in (await api.get("/jobs")).json()["jobs"]] == [made.json()["id"]]


async def test_two_at_once_come_to_one(api: World) -> None:
    item = await api.item("c1")
    path = f"/items/{item['id']}/notes"
    answers = await asyncio.gather(*(send(api, path, {"text": "called"}) for _ in range(4)))
    assert {a.status_code for a in answers} <= {201, 409}
    assert len({a.json()["id"] for a in answers if a.status_code == 201}) == 1
    assert len((await api.get(path)).json()["notes"]) == 1


class Case(Struct):
    """An operation that would do harm when it is carried out again, because of what happens in between."""

    fields: dict[str, Any] = {}
    before: tuple[tuple[str, dict[str, Any]], ...] = ()
    between: tuple[tuple[str, dict[str, Any]], ...] = ()
    item: dict[str, Any] = {}


HOLD = ("hold", {"reason": "review"})
CASES: dict[str, Case] = {
    "update": Case({"item": {"subject": "ours"}}, between=(("", {"subject": "theirs"}),)),
    "hold": Case({"reason": "review"}, between=(("resume", {}),)),
    "resume": Case(before=(HOLD,), between=(HOLD,)),
    "complete": Case(between=(("reopen", {}),)),
    "cancel": Case({"reason": "wrong"}, between=(("reopen", {}),)),
    "reopen": Case(before=(("complete", {}),), between=(("complete", {}),)),
    "restart": Case(between=(("assign", {"agent": "ann"}),)),
    "activate": Case(item={"activationDateTime": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}),
    "assign": Case({"agent": "ann"}, between=(("return", {}),)),
    "return": Case(before=(("assign", {"agent": "ann"}),), between=(("assign", {"agent": "ben"}),)),
    "transfer": Case({"queue": "loans"}, between=(("assign", {"agent": "ann"}),)),
}


async def act(api: World, item_id: str, acts: tuple[tuple[str, dict[str, Any]], ...]) -> None:
    for verb, body in acts:
        way = ("POST", f"/items/{item_id}/{verb}") if verb else ("PATCH", f"/items/{item_id}")
        answer = await api.call(*way, json=body)
        assert answer.status_code == 200, f"{verb}: {answer.text}"


async def seen(api: World, item_id: str) -> tuple[int, str, str | None]:
    shown = (await api.get(f"/items/{item_id}")).json()
    return shown["revision"], shown["status"], shown.get("subject")


async def operate(api: World, operation: dict[str, Any], key: str, **more: Any) -> httpx.Response:
    return await send(api, "/items/operations", {"operations": [operation], **more}, key)


def test_every_operation_has_its_case() -> None:
    assert {*CASES, "create"} == set(get_args(Verb))


async def test_an_operation_is_carried_out_once_whatever_happens_in_between(api: World) -> None:
    for agent in ("ann", "ben"):
        await api.add_agent(agent)
    for verb, case in CASES.items():
        item = await api.item(f"c-{verb}", **case.item)
        await act(api, item["id"], case.before)
        at_first = await seen(api, item["id"])
        operation = {"op": verb, "id": item["id"], **case.fields}
        with pytest.MonkeyPatch.context() as patch:
            lose_answers(patch)
            problem(await operate(api, operation, verb), 503)
        assert await seen(api, item["id"]) == at_first, f"{verb}: done, and not known to be"
        done = await operate(api, operation, verb)
        assert done.json()["results"][0]["outcome"] == "done", f"{verb}: {done.text}"
        await act(api, item["id"], case.between)
        then = await seen(api, item["id"])
        again = await operate(api, operation, verb)
        assert (again.json(), again.headers["idempotent-replayed"]) == (done.json(), "true"), verb
        assert await seen(api, item["id"]) == then, f"{verb} was done again"


async def test_what_operations_create_is_found_again(api: World) -> None:
    operation = {"op": "create", "item": raw("c1")}
    checkpoint = {"name": "reader", "value": 7}
    unread = {"op": "create", "item": {"captureId": 5}}
    body = {"operations": [operation, unread], "checkpoint": checkpoint}
    with pytest.MonkeyPatch.context() as patch:
        lose_answers(patch)
        problem(await send(api, "/items/operations", body), 503)
    problem(await api.get("/checkpoints/reader"), 404)
    made = (await send(api, "/items/operations", body)).json()
    assert [r["outcome"] for r in made["results"]] == ["created", "error"]
    assert (await send(api, "/items/operations", body)).json() == made
    assert (await api.get("/checkpoints/reader")).json()["value"] == 7
    (found,) = (await send(api, "/items/operations", {"operations": [operation]}, "k2")).json()["results"]
    assert (found["outcome"], found["id"]) == ("unchanged", made["results"][0]["id"])


async def test_of_the_same_operation_many_times_at_once_one_is_carried_out(api: World) -> None:
    await api.add_agent("ann")
    item = await api.item("c1")
    operation = {"op": "assign", "id": item["id"], "agent": "ann"}
    answers = await asyncio.gather(*(operate(api, operation, "k1") for _ in range(4)))
    assert {a.status_code for a in answers} <= {200, 409}
    first, *others = (a.json() for a in answers if a.status_code == 200)
    assert all(other == first for other in others)
    assert (await seen(api, item["id"]))[0] == item["revision"] + 1


async def test_what_failed_together_may_be_tried_again_under_another_key_only(api: World) -> None:
    item = await api.item("c1")
    wrong = {"op": "resume", "id": item["id"]}
    failed = await operate(api, wrong, "k1", atomic=True)
    assert failed.json()["failed"] == 1
    await act(api, item["id"], (HOLD,))
    assert (await operate(api, wrong, "k1", atomic=True)).json() == failed.json()
    assert (await operate(api, wrong, "k2", atomic=True)).json()["done"] == 1


@pytest.mark.parametrize("path", ["/items?onDuplicate=update", "/items/batch?onDuplicate=update"])
async def test_an_update_by_captureid_is_carried_out_once(api: World, path: str) -> None:
    item = await api.item("c1")
    changed: Any = raw("c1", subject="ours")
    body = [changed] if "batch" in path else changed
    with pytest.MonkeyPatch.context() as patch:
        lose_answers(patch)
        problem(await send(api, path, body), 503)
    assert (await seen(api, item["id"]))[0] == item["revision"]
    done = await send(api, path, body)
    assert done.status_code == 200, done.text
    await act(api, item["id"], (("", {"subject": "theirs"}),))
    again = await send(api, path, body)
    assert again.json() == done.json()
    assert (await seen(api, item["id"]))[2] == "theirs"
