"""The suite of the messages: what every kind of capture point understands, and answers in the same way. Those that are
read besides tell their source what becomes of its items, and take each message once whatever dies in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from openiwd.domain.capture.answer import Notification
from openiwd.ports.capture import CaptureSource, SourceHealth, SourceRecord, Taken
from openiwd.usecases import capture_notifier
from openiwd.usecases.capture_reader import CaptureReader
from tests.factories.api import World, problem
from tests.factories.capture import (
    GARBAGE,
    ONE_OF_EACH,
    READ,
    WAYS,
    ReadWay,
    Way,
    inbox,
    items_at,
    reading,
    set_point,
    step_until,
    way_by,
)

every_kind = pytest.mark.parametrize("way", ONE_OF_EACH, indirect=True)
every_way_that_is_read = pytest.mark.parametrize("way", READ, indirect=True)
every_kind_that_is_read = pytest.mark.parametrize("way", [w for w in READ if w in ONE_OF_EACH], indirect=True)


@pytest.fixture(params=WAYS)
async def way(request: pytest.FixtureRequest, api: World, tmp_path: Path) -> AsyncIterator[Way]:
    async with way_by(request.param, request.getfixturevalue, tmp_path) as made:
        await set_point(api, made, timeZone="Europe/Berlin")
        yield made


def new(capture_id: str, **fields: Any) -> dict[str, Any]:
    return {"message": "create", "captureId": capture_id, "kind": "claim", "line": "motor", **fields}


def outcomes(answers: Sequence[dict[str, Any]]) -> list[str]:
    """Each answer's outcome, or the code of its error."""
    return [a["error"]["code"] if a["outcome"] == "error" else a["outcome"] for a in answers]


async def test_the_messages_and_their_answers(api: World, way: Way) -> None:
    answers = await way.send(
        api,
        [
            new("a", subject="Hail", Business_Value="7", dueDateTime="2027-01-05 09:00"),
            new("b"),
            {"message": "update", "captureId": "a", "subject": "Hail and glass"},
            {"message": "hold", "captureId": "a", "reason": "waitingForCustomer", "actor": "erika"},
            {"message": "getInfo", "captureId": "a"},
            {"message": "resume", "captureId": "a"},
            {"message": "complete", "captureId": "a", "resultCode": "paid", "reason": "done there"},
            {"message": "cancel", "captureId": "b", "reason": "withdrawn"},
            {"message": "restart", "captureId": "b"},
            {"message": "ping"},
        ],
    )
    expected = ["created", "created", "done", "done", "info", "done", "done", "done", "done", "pong"]
    assert outcomes(answers) == expected, answers
    assert [a.get("status") for a in answers] == [
        "queued", "queued", "queued", "held", "held", "queued", "completed", "canceled", "queued", None,
    ]  # fmt: skip
    assert [a.get("captureId") for a in answers] == ["a", "b", "a", "a", "a", "a", "a", "b", "b", None]
    if way.whole:
        info = answers[4]["item"]
        told = (info["subject"], info["status"], info["capturePoint"])
        assert told == ("Hail and glass", "held", "claims")

    by_id = {"id": answers[1]["id"]}
    answers = await way.send(
        api,
        [
            {"message": "cancel", **by_id, "reason": "withdrawn"},
            {"message": "restart", **by_id, "subject": "Once more"},
            {"message": "getInfo", **by_id},
        ],
    )
    assert [a["status"] for a in answers] == ["canceled", "queued", "queued"], answers

    item, other = await items_at(api)
    assert (item["status"], item["businessValue"]) == ("completed", 7)
    assert item["dueDateTime"] == "2027-01-05T08:00:00Z", "in the zone of the capture point"
    assert item["ext"]["resultCode"] == "paid"
    assert item["data"] == {"kind": "claim", "line": "motor"}
    assert (other["status"], other["subject"]) == ("queued", "Once more")
    history = (await api.get(f"/items/{item['id']}/history")).json()["events"]
    actors = [e["actor"] for e in history]
    if way.kind != "rest":
        assert (actors[0], actors[2]) == ("capture:claims", "capture:claims/erika")


async def test_one_bad_message_never_stands_in_the_way_of_the_others(api: World, way: Way) -> None:
    foreign = await api.item("z", capturePoint="portal")
    # A database stores no such character itself.
    unstorable = [new("d\0")] if way.kind != "database" else []
    answers = await way.send(
        api,
        [
            new("a"),
            GARBAGE,
            new("b", dueDateTime="31.02.2026"),
            {"message": "dance", "captureId": "a"},
            {"message": "hold", "captureId": "nobody", "reason": "waitingForCustomer"},
            {"message": "resume", "captureId": "a"},
            {"message": "update"},
            new("c", subject="x" * 600),
            {"message": "cancel", "id": foreign["id"]},
            {"message": "cancel", "captureId": "z"},
            {"message": "getInfo", "id": foreign["id"]},
            *unstorable,
            new("e"),
        ],
    )
    created, garbage, *refused, last = answers
    assert (created["outcome"], garbage["outcome"], last["outcome"]) == ("created", "error", "created")
    assert outcomes(refused) == [
        "noDate", "unknownMessage", "notFound", "invalidTransition", "missing", "invalidInput",
        "notFound", "notFound", "notFound", *(["invalidText"] if unstorable else []),
    ], answers  # fmt: skip
    assert refused[0]["error"]["field"].casefold() == "duedatetime"
    assert "nobody" in refused[2]["error"]["message"]
    if way.whole:
        assert all(a["error"].get("hint") for a in refused if a["error"]["code"] != "invalidTransition")
    assert [i["captureId"] for i in await items_at(api)] == ["a", "e"]
    kept = await inbox(api)
    told = [a["error"]["message"] for a in answers if a["outcome"] == "error"]
    assert sorted(e["reason"] for e in kept) == ([] if way.kind == "rest" else sorted(told))
    shown = (await api.get(f"/items/{foreign['id']}")).json()
    assert shown["status"] == "queued", "items of other capture points are out of reach"


@pytest.mark.parametrize("way", [w for w in ONE_OF_EACH if w != "rest"], indirect=True)
async def test_what_was_refused_is_mended_in_the_error_inbox_and_never_comes_again(
    api: World, way: Way
) -> None:
    of_nobody = {"message": "hold", "captureId": "c", "reason": "waitingForCustomer"}
    await way.send(api, [new("a", dueDateTime="soon"), new("b"), of_nobody])
    unknown, wrong = await inbox(api)
    assert [e["code"] for e in (unknown, wrong)] == ["notFound", "noDate"]
    assert (wrong["field"].casefold(), wrong["captureId"], wrong["tries"]) == ("duedatetime", "a", 1)
    assert "soon" in wrong["raw"]
    path = f"/capture-points/claims/errors/{wrong['id']}"
    fields = (await api.get(path)).json()["fields"]
    assert (await api.post(f"{path}/retry", {})).json()["outcome"] == "error"
    mended = {**fields, wrong["field"]: "2027-01-05"}
    assert (await api.post(f"{path}/retry", {"fields": mended})).json()["outcome"] == "created"
    problem(await api.post(f"{path}/retry", {"fields": mended}), 409, "closed")
    await way.send(api, [new("d")])
    assert [i["captureId"] for i in await items_at(api)] == ["a", "b", "d"]
    assert [e["code"] for e in await inbox(api)] == ["notFound"]


@every_kind
async def test_the_same_again_is_known_and_other_content_meets_the_policy(api: World, way: Way) -> None:
    policies = {"refuse": ("duplicate", None), "keep": ("existing", None), "update": ("done", "other")}
    for policy, (outcome, subject) in policies.items():
        await set_point(api, way, onDuplicate=policy)
        answers = await way.send(api, [new(policy), new(policy), new(policy, subject="other")])
        assert outcomes(answers) == ["created", "existing", outcome], answers
        (item,) = [i for i in await items_at(api) if i["captureId"] == policy]
        assert item["subject"] == subject, policy


@every_kind
async def test_a_mapping_with_constants_values_and_defaults(api: World, way: Way) -> None:
    await set_point(
        api,
        way,
        timeZone="Europe/Berlin",
        defaults={"channel": "import", "businessValue": 3},
        mapping={
            "message": {"from": "art", "values": {"N": "create", "S": "cancel"}},
            "unmapped": "ignore",
            "fields": [
                {"to": "captureId", "from": "nr", "required": True},
                {"to": "subject", "from": ["first", "last"], "join": ", "},
                {"to": "dueDateTime", "from": "faellig", "date": "%d.%m.%Y %H:%M"},
                {"to": "data.amount", "from": "betrag", "number": "1.234,56"},
                {"to": "data.kind", "constant": "claim"},
                {"to": "data.line", "from": "sparte", "values": {"KFZ": "motor"}, "otherwise": "other"},
                {"to": "tags", "from": "marken", "split": "|"},
            ],
        },
    )
    answers = await way.send(
        api,
        [
            {
                "art": "N", "nr": 17, "first": "Erika", "last": "Muster", "faellig": "24.12.2026 18:00",
                "betrag": "1.234,50", "sparte": "KFZ", "marken": "a|b", "rest": "not looked at",
            },
            {"art": "N", "nr": "", "sparte": "KFZ"},
            {"art": "S", "nr": "17"},
        ],
    )  # fmt: skip
    assert [a["outcome"] for a in answers] == ["created", "error", "done"], answers
    assert answers[1]["error"]["field"] == "nr"
    (item,) = await items_at(api)
    assert item["captureId"] == "17"
    assert item["subject"] == "Erika, Muster"
    assert item["dueDateTime"] == "2026-12-24T17:00:00Z"
    assert item["data"] == {"amount": 1234.5, "kind": "claim", "line": "motor"}
    assert (item["tags"], item["channel"], item["businessValue"]) == (["a", "b"], "import", 3)


@every_way_that_is_read
async def test_what_becomes_of_the_items_goes_back_in_order(
    api: World, way: ReadWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_notifier, "WAIT_SECONDS", 0.05)
    await set_point(api, way, notify={"kinds": ["captured", "queued", "held", "canceled", "completed"]})
    await api.follow()
    assert await way.notifications(api) == [], "from now on"
    created, _ = await way.send(api, [new("a"), new("b")])
    await api.post(f"/items/{created['id']}/hold", {"reason": "waitingForCustomer"})
    await api.post(f"/items/{created['id']}/cancel", {"reason": "withdrawn"})
    await way.send(api, [{"message": "complete", "captureId": "b"}])
    await api.item("a", capturePoint="portal")
    told = await way.notifications(api)
    assert [(n["captureId"], n["notification"]) for n in told] == [
        ("a", "captured"), ("a", "queued"), ("b", "captured"), ("b", "queued"), ("a", "held"), ("a", "canceled"),
    ], "in the log's order; not what the source has done itself"  # fmt: skip
    assert (told[4]["status"], told[4]["previousStatus"], told[4]["reason"]) == (
        "held",
        "queued",
        "waitingForCustomer",
    )
    assert len(await way.notifications(api)) == len(told), (
        "nothing is told twice by a reader that comes after"
    )


@every_kind_that_is_read
async def test_the_source_is_told_what_its_filter_lets_through(
    api: World, way: ReadWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_notifier, "WAIT_SECONDS", 0.05)

    async def told_with(number: int, **notify: Any) -> list[tuple[str, str]]:
        """What the source is told from now on of an item of each category, held by somebody and completed by itself."""
        await set_point(api, way, notify=notify)
        before = len(await way.notifications(api))
        names = [f"motor{number}", f"home{number}"]
        created = await way.send(api, [new(names[0]), new(names[1], line="home")])
        for answer in created:
            await api.post(f"/items/{answer['id']}/hold", {"reason": "waitingForCustomer"})
        await way.send(api, [{"message": "complete", "captureId": name} for name in names])
        told = (await way.notifications(api))[before:]
        return [(n["captureId"].rstrip("0123456789"), n["notification"]) for n in told]

    await api.follow()
    both = [(c, "held") for c in ("motor", "home")]
    done = [(c, "completed") for c in ("motor", "home")]
    kinds = ["held", "completed"]
    assert await told_with(1, kinds=kinds) == both, "what the source does itself is no news"
    assert await told_with(2, kinds=kinds, own=True) == [*both, *done]
    assert await told_with(3, kinds=["completed"]) == []
    assert await told_with(4, kinds=kinds, own=True, categories=["Claims/Motor"]) == [both[0], done[0]]
    assert await told_with(5, kinds=kinds, categories=["Lending"]) == []
    assert await told_with(6, kinds=[]) == []


class Dying:
    """A source whose reader dies between commit and acknowledgement."""

    def __init__(self, source: CaptureSource) -> None:
        self._source = source

    async def read(self, most: int) -> Sequence[SourceRecord]:
        return await self._source.read(most)

    async def acknowledge(self, taken: Sequence[Taken]) -> Sequence[str]:
        raise asyncio.CancelledError(len(taken))

    async def notify(self, notifications: Sequence[Notification]) -> None:
        await self._source.notify(notifications)

    async def ping(self) -> SourceHealth:
        return await self._source.ping()


@every_kind_that_is_read
async def test_who_dies_between_commit_and_acknowledgement_makes_no_item_twice(
    api: World, way: ReadWay
) -> None:
    await way.hand_over([new(f"c{n:02}") for n in range(40)])
    async with reading(api, wrap=Dying) as reader:
        with pytest.raises(asyncio.CancelledError):
            await step_until(reader, lambda: False)
    async with reading(api) as reader:
        await step_until(reader, lambda: reader.status.records >= 40)
        assert reader.status.created < 40, "what was committed is known"
    assert len(await items_at(api)) == 40
    services = await api.services()
    async with services.runtime.store.reading() as store:
        log = await store.events(await store.oldest(), 1_000)
    assert sum(e.type == "created" for e in log) == 40
    answers = await way.answers(40)
    assert [a["captureId"] for a in answers] == [f"c{n:02}" for n in range(40)]
    assert {a["outcome"] for a in answers} <= {"created", "existing"}


class DyingTeller:
    """A source whose reader dies while it tells: before anything was told, or after all was and nobody knows."""

    def __init__(self, source: CaptureSource, *, told: bool) -> None:
        self._source = source
        self._told = told

    async def read(self, most: int) -> Sequence[SourceRecord]:
        return await self._source.read(most)

    async def acknowledge(self, taken: Sequence[Taken]) -> Sequence[str]:
        return await self._source.acknowledge(taken)

    async def notify(self, notifications: Sequence[Notification]) -> None:
        if self._told:
            await self._source.notify(notifications)
        raise asyncio.CancelledError(len(notifications))

    async def ping(self) -> SourceHealth:
        return await self._source.ping()


@every_kind_that_is_read
async def test_who_dies_while_telling_is_followed_by_one_who_tells(
    api: World, way: ReadWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_notifier, "WAIT_SECONDS", 0.05)
    await set_point(api, way, notify={"kinds": ["captured", "held"]})
    services = await api.follow()
    assert await way.notifications(api) == [], "from now on"
    created, _ = await way.send(api, [new("a"), new("b")])
    await api.post(f"/items/{created['id']}/hold", {"reason": "waitingForCustomer"})
    for told in (False, True):
        async with reading(api, wrap=partial(DyingTeller, told=told)) as reader:
            await services.feed.catch_up()
            with pytest.raises(asyncio.CancelledError):
                await step_notifier_until_it_dies(reader)
    names = [(n["captureId"], n["notification"]) for n in await way.notifications(api)]
    assert list(dict.fromkeys(names)) == [("a", "captured"), ("b", "captured"), ("a", "held")]
    assert len(names) in (3, 6), "all of them, once more where a source cannot know them again"


async def step_notifier_until_it_dies(reader: CaptureReader) -> None:
    async with asyncio.timeout(60):
        while True:
            await reader.notifier.step()
