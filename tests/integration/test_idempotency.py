"""A request that is sent again under its `Idempotency-Key` is carried out once, also where its answer was not kept."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from openiwd.adapters.postgres.live_writing import LiveWriting
from openiwd.domain.errors import UnavailableError
from tests.factories.api import World, problem
from tests.factories.mail import ServiceCalls, raw_email


@pytest.fixture
async def care(api: World) -> ServiceCalls:
    calls = ServiceCalls(api)
    await calls.set_up(category="Claims/Motor")
    return calls


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The connection is gone after each act, before its answer is kept; undone by the test."""

    async def save(*_: object) -> None:
        raise UnavailableError("The connection to the database was lost.")

    monkeypatch.setattr(LiveWriting, "save_idempotent", save)
    return monkeypatch


async def send(api: World, path: str, body: dict[str, Any], key: str = "k1") -> httpx.Response:
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
