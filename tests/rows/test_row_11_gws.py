"""Row 11, IWD to GWS: submission, retrieval, stopping and the synchronisation of status, with a router that fails."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from openiwd.domain.errors import ConflictError, FencedError
from openiwd.domain.event import Event, EventType
from openiwd.processes.serve import serving
from tests.factories.api import World, problem
from tests.factories.routing import RULES, Conversation
from tests.factories.tenant import caller, stored_rules
from tests.servers.gws import (
    CUT_AFTER,
    CUT_BEFORE,
    HANG,
    HANG_AFTER,
    HELD,
    LATE,
    Answer,
    Fault,
    Gws,
)
from tests.servers.until import until

pytestmark = pytest.mark.timeout(180)


async def test_the_best_of_each_segment_are_submitted_and_the_overtaken_are_recalled(
    api: World, gws: Gws
) -> None:
    talk = await Conversation.begin(api, gws)
    for n, segment in enumerate(["gold", "gold", "gold", "blue"]):
        await talk.new(f"{segment}{n}", value=10 * n, segment=segment)
    await talk.turn_until(lambda: gws.open_ids() == {"gold1", "gold2", "blue3"})
    assert len(await talk.open_submissions()) == 3
    first = gws.of_item("gold1")[0]
    assert first["userData"]["campaign"] == "spring"
    assert first["userData"]["IWD_segment"] == "gold"

    await talk.new("gold4", value=100, segment="gold")
    await talk.turn_until(lambda: gws.open_ids() == {"gold2", "gold4", "blue3"})
    assert gws.most_open == 3, "never more than the limit of each segment"
    assert gws.of_item("gold1")[0]["state"] == "Canceled"

    gws.change("gold4", "Completed")
    await talk.turn_until(lambda: gws.open_ids() == {"gold1", "gold2", "blue3"})
    assert len(gws.of_item("gold1")) == 2, "submitted anew under another external id"
    assert gws.created_twice() == []


async def test_an_agent_over_there_has_the_item_here_and_completes_it(api: World, gws: Gws) -> None:
    talk = await Conversation.begin(api, gws)
    await api.add_agent("ines", skills={})
    item_id = await talk.new("a", value=1)
    await talk.turn_until(lambda: gws.open_ids() == {"a"})
    gws.change("a", "Processing", "ines")
    await talk.status(item_id, "assigned")
    assert (await talk.item(item_id))["assignedToUser"] == "ines"
    gws.change("a", "InWorkbin", "JohnSmith")

    async def is_johns() -> bool:
        await talk.turn()
        return bool((await talk.item(item_id))["assignedToUser"] == "gws:JohnSmith")

    await until(is_johns)
    gws.change("a", "Queued")
    await talk.status(item_id, "queued")
    gws.change("a", "Processing", "ines")
    await talk.status(item_id, "assigned")
    gws.change("a", "Completed", "ines")
    await talk.status(item_id, "completed")
    (ended,) = await talk.submissions()
    assert (ended["state"], ended["ending"]) == ("ended", "completed")
    history = (await api.get(f"/items/{item_id}/history")).json()
    kinds = [e["type"] for e in history["events"]]
    assert {"routed", "assigned", "returned", "completed", "routingEnded"} <= set(kinds)


CHANGES: dict[str, tuple[dict[str, object], str, object]] = {
    "attribute": ({"data": {"kind": "y"}}, "IWD_data_kind", "y"),
    "value": ({"businessValue": 77}, "IWD_businessValue", 77),
    "priority": ({"priorityFixed": 900}, "IWD_priorityFixed", 900),
    "due date": ({"dueDateTime": "2031-05-06T07:08:09Z"}, "IWD_dueDateTime", "2031-05-06T07:08:09+00:00"),
    "segment": ({"ext": {"customerSegment": "gold"}}, "IWD_segment", "gold"),
}


async def change(talk: Conversation, item_id: str, values: dict[str, object]) -> None:
    answer = await talk.api.call("PATCH", f"/items/{item_id}", json=values)
    assert answer.status_code == 200, answer.text


async def test_what_is_changed_after_submission_is_told_once(api: World, gws: Gws) -> None:
    talk = await Conversation.begin(api, gws, RULES.replace("limit: 2", "limit: 9"))
    ids = {name: await talk.new(name, segment="blue") for name in CHANGES}
    await talk.turn_until(lambda: gws.open_ids() == set(ids))
    for name, (values, _, _) in CHANGES.items():
        await change(talk, ids[name], values)

    def known(name: str) -> list[object]:
        key = CHANGES[name][1]
        return [i["userData"].get(key) for i in gws.of_item(name) if i["state"] == "Queued"]

    await talk.turn_until(lambda: all(known(name) == [told] for name, (_, _, told) in CHANGES.items()))
    for _ in range(10):
        await talk.turn()
    for name in CHANGES:
        assert [i["state"] for i in gws.of_item(name)] == ["Canceled", "Queued"], name
    assert gws.created_twice() == []


async def test_who_is_classified_for_another_queue_after_submission_leaves(api: World, gws: Gws) -> None:
    talk = await Conversation.begin(api, gws)
    item_id = await talk.new("a")
    await talk.turn_until(lambda: gws.open_ids() == {"a"})
    await change(talk, item_id, {"data": {"kind": "own"}})
    assert (await talk.item(item_id))["queue"] == "own"
    await talk.turn_until(lambda: not gws.open())
    await change(talk, item_id, {"data": {"kind": "x"}})
    await talk.turn_until(lambda: gws.open_ids() == {"a"})
    assert gws.created_twice() == []


TELLING: dict[str, list[tuple[str, Fault]]] = {
    "stop": [("stop", Answer(500, "no")), ("stop", CUT_AFTER), ("find", CUT_BEFORE)],
    "submit": [("submit", CUT_BEFORE), ("submit", CUT_AFTER)],
    "late": [("submit", LATE)],
}


@pytest.mark.parametrize("faults", TELLING.values(), ids=TELLING)
async def test_whatever_fails_while_a_change_is_told_it_is_known_in_the_end(
    api: World, gws: Gws, faults: list[tuple[str, Fault]]
) -> None:
    talk = await Conversation.begin(api, gws, timeoutSeconds=0.5)
    item_id = await talk.new("a")
    await talk.turn_until(lambda: gws.open_ids() == {"a"})
    with gws.lock:
        gws.faults.extend(faults)
    await change(talk, item_id, {"data": {"kind": "y"}})
    await talk.turn_until(lambda: not gws.faults and _kinds(gws) == ["y"])
    await change(talk, item_id, {"data": {"kind": "z"}})
    await talk.turn_until(lambda: _kinds(gws) == ["z"])
    gws.change("a", "Completed")
    await talk.status(item_id, "completed")
    assert gws.most_open == 1
    assert gws.created_twice() == []


def _kinds(gws: Gws) -> list[object]:
    return [i["userData"]["IWD_data_kind"] for i in gws.open()]


async def test_a_change_between_two_attempts_is_told_whichever_of_them_arrived(api: World, gws: Gws) -> None:
    """The first is answered by nobody and is there late; the second, with other values, is told 409."""
    gws.faults.extend([("submit", CUT_AFTER), ("find", Answer(404, None))])
    talk = await Conversation.begin(api, gws, timeoutSeconds=0.5)
    item_id = await talk.new("a")
    await talk.routing.plan()
    await talk.routing.advance()
    assert _kinds(gws) == ["x"]
    await change(talk, item_id, {"data": {"kind": "y"}})

    async def has_met_409() -> bool:
        await talk.routing.advance()
        return gws.count("submit") >= 2

    await until(has_met_409)
    assert _kinds(gws) == ["x"], "the first one is what it has"
    await talk.turn_until(lambda: _kinds(gws) == ["y"])
    assert gws.created_twice() == []


async def test_work_that_began_before_a_change_was_told_goes_on(api: World, gws: Gws) -> None:
    talk = await Conversation.begin(api, gws)
    item_id = await talk.new("a")
    await talk.turn_until(lambda: gws.open_ids() == {"a"})
    gws.change("a", "Processing", "JohnSmith")
    await change(talk, item_id, {"data": {"kind": "y"}})
    await talk.status(item_id, "assigned")
    for _ in range(5):
        await talk.turn()
    assert [i["state"] for i in gws.of_item("a")] == ["Processing"]
    gws.change("a", "Queued")
    await talk.turn_until(lambda: _kinds(gws) == ["y"])


ENDS = {
    "cancel": ({"reason": "withdrawn"}, "Canceled"),
    "complete": ({}, "Completed"),
    "hold": ({"reason": "other"}, "Canceled"),
    "transfer": ({"queue": "own"}, "Canceled"),
}


async def test_what_ends_here_is_stopped_there_and_what_is_canceled_there_is_canceled_here(
    api: World, gws: Gws
) -> None:
    gws.stops_later = True
    talk = await Conversation.begin(api, gws, RULES.replace("limit: 2", "limit: 9"))
    ids = {act: await talk.new(act) for act in (*ENDS, "there")}
    await talk.turn_until(lambda: gws.open_ids() == set(ids))
    gws.change("complete", "Processing", "JohnSmith")
    gws.change("transfer", "Processing", "JohnSmith")
    await talk.status(ids["complete"], "assigned")
    await talk.status(ids["transfer"], "assigned")
    gws.change("there", "Canceled")
    for act, (body, _) in ENDS.items():
        await talk.act(ids[act], act, **body)
    await talk.turn_until(lambda: not gws.open())
    for act, (_, state) in ENDS.items():
        assert gws.of_item(act)[0]["state"] == state, act
    await talk.status(ids["there"], "canceled")
    await talk.no_submission_is_open()


async def test_no_agent_of_ours_is_given_what_the_router_has_or_may_have(api: World, gws: Gws) -> None:
    talk = await Conversation.begin(api, gws)
    await api.add_agent("ines", skills={})
    await api.ready("ines")
    decider = await talk.decider()
    item_id = await talk.new("a", value=5)
    await decider.push()
    assert (await talk.item(item_id))["offeredTo"] is None
    agent = caller(agent="ines")
    assert await decider.pull("ines", agent) is None
    with pytest.raises(ConflictError) as refused:
        await decider.pick("ines", UUID(item_id), agent)
    assert refused.value.details["reason"] == "routedOutside"

    await talk.turn_until(lambda: gws.open_ids() == {"a"})
    problem(await api.post(f"/items/{item_id}/assign", {"agent": "ines"}), 409, "routedOutside")
    gws.judge = lambda call: HANG if call.is_a("stop") else None
    await talk.act(item_id, "transfer", queue="own")
    await talk.turn()
    await decider.push()
    assert (await talk.item(item_id))["offeredTo"] is None, "the router may still give it to somebody"
    gws.judge = lambda _: None
    await talk.turn_until(lambda: not gws.open())

    async def is_offered() -> bool:
        await talk.turn()
        await decider.push()
        return bool((await talk.item(item_id))["offeredTo"] == "ines")

    await until(is_offered)


FAULTS: dict[str, list[tuple[str, Fault]]] = {
    "lost": [("submit", CUT_AFTER), ("submit", HANG_AFTER), ("submit", CUT_BEFORE)],
    "late": [("submit", LATE), ("submit", LATE), ("find", CUT_BEFORE)],
    "busy": [
        ("submit", Answer(500, "Internal Server Error")),
        ("submit", Answer(429, {"status": {"code": 429, "message": "slow down"}}, (("Retry-After", "1"),))),
        ("find", Answer(503, None)),
    ],
    "stop": [("stop", CUT_AFTER), ("token", Answer(503, "away")), ("find", Answer(502, "Bad Gateway"))],
    "unstopped": [("stop", Answer(500, "no")), ("stop", CUT_BEFORE), ("stop", HANG_AFTER)],
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
async def test_whatever_fails_an_item_is_there_once_and_is_not_lost(
    api: World, gws: Gws, faults: list[tuple[str, Fault]]
) -> None:
    gws.faults.extend(faults)
    talk = await Conversation.begin(api, gws, timeoutSeconds=0.5)
    ids = [await talk.new(f"i{n}", value=n) for n in range(3)]
    await talk.turn_until(lambda: gws.open_ids() == {"i1", "i2"})
    await talk.act(ids[2], "cancel", reason="withdrawn")
    await talk.turn_until(lambda: gws.open_ids() == {"i0", "i1"})
    gws.change("i1", "Completed")
    await talk.status(ids[1], "completed")
    gws.change("i0", "Completed")
    await talk.status(ids[0], "completed")
    assert gws.created_twice() == []
    assert gws.most_open <= 2
    assert {len(gws.of_item(f"i{n}")) for n in range(3)} == {1}, "nothing was submitted under a second id"
    assert not gws.faults, "all of them were met"


async def test_answers_may_come_later(api: World, gws: Gws) -> None:
    gws.accepts_only = gws.stops_later = True
    talk = await Conversation.begin(api, gws)
    ids = [await talk.new(f"i{n}", value=n) for n in range(3)]
    await talk.turn_until(lambda: gws.open_ids() == {"i1", "i2"})

    async def are_confirmed() -> bool:
        await talk.turn()
        return {s["state"] for s in await talk.open_submissions()} == {"submitted"}

    await until(are_confirmed)
    await talk.act(ids[2], "cancel", reason="withdrawn")
    await talk.turn_until(lambda: gws.open_ids() == {"i0", "i1"})
    assert gws.created_twice() == []


async def test_while_the_router_is_away_all_waits_here_and_it_is_told(api: World, gws: Gws) -> None:
    gws.judge = lambda _: Answer(503, "away")
    talk = await Conversation.begin(api, gws)
    item_id = await talk.new("a")

    async def is_told() -> bool:
        await talk.turn()
        shown = (await api.get("/integrations/gws")).json()
        return shown["router"] is not None and shown["router"]["awaySince"] is not None

    await until(is_told)
    ready = (await api.get("/readyz")).json()
    assert ready["status"] == "degraded"
    assert (await talk.item(item_id))["status"] == "queued"
    calls = gws.count("submit") + gws.count("find")
    for _ in range(20):
        await talk.turn()
    assert gws.count("submit") + gws.count("find") <= calls + 6, "left alone after several failures"
    gws.judge = lambda _: None
    await talk.turn_until(lambda: gws.open_ids() == {"a"}, seconds=90)
    assert (await api.get("/readyz")).json()["status"] == "ready"


async def test_a_refused_item_stands_in_nobodys_way(api: World, gws: Gws) -> None:
    talk = await Conversation.begin(api, gws)
    bad = await talk.new("bad", value=100, subject="REFUSED: no")
    for n in range(2):
        await talk.new(f"good{n}")
    await talk.turn_until(lambda: gws.open_ids() == {"good0", "good1"})
    (refused,) = [s for s in await talk.submissions() if s["ending"] == "refused"]
    assert refused["itemId"] == bad
    assert "not allowed" in refused["error"]
    assert (await talk.item(bad))["status"] == "queued"


async def test_what_the_router_has_forgotten_is_submitted_anew(api: World, gws: Gws) -> None:
    talk = await Conversation.begin(api, gws)
    await talk.new("a")
    await talk.turn_until(lambda: gws.open_ids() == {"a"})
    with gws.lock:
        gws.interactions.clear()
    await talk.turn_until(lambda: gws.open_ids() == {"a"})
    endings = sorted(str(s["ending"]) for s in await talk.submissions())
    assert endings == ["None", "lost"]


class ClockAhead:
    """The machine's clock, so much later."""

    def __init__(self, **by: float) -> None:
        self._by = timedelta(**by)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._by


async def test_a_wrong_not_found_leaves_nothing_there_that_was_recalled(api: World, gws: Gws) -> None:
    talk = await Conversation.begin(api, gws)
    hidden = await talk.new("hidden")
    await talk.turn_until(lambda: gws.open_ids() == {"hidden"})
    talk.services.runtime.clock = ClockAhead(minutes=5)  # nothing that was sent can be on its way any more
    wrong = Answer(404, {"status": {"code": 404, "message": "interaction not found"}})
    gws.faults.extend([("find", wrong), ("find", wrong)])
    await talk.act(hidden, "cancel", reason="withdrawn")
    await talk.turn_until(lambda: not gws.open())
    assert not gws.faults, "it was asked about again, and stopped"
    await talk.no_submission_is_open()

    forgotten = await talk.new("forgotten")
    await talk.turn_until(lambda: gws.open_ids() == {"forgotten"})
    talk.services.runtime.clock = ClockAhead(minutes=10)
    with gws.lock:
        gws.interactions.clear()
    await talk.act(forgotten, "cancel", reason="withdrawn")
    await talk.no_submission_is_open()
    assert {s["ending"] for s in await talk.submissions()} == {"recalled"}


async def test_a_signed_notification_has_the_item_asked_about_at_once(api: World, gws: Gws) -> None:
    talk = await Conversation.begin(api, gws, pullSeconds=3_600)
    item_id = await talk.new("a")
    await talk.turn_until(lambda: gws.open_ids() == {"a"})
    gws.change("a", "Completed")
    for _ in range(5):
        await talk.turn()
    assert (await talk.item(item_id))["status"] == "queued"
    path = "/integrations/gws/notifications"
    headers, body = gws.notification("a", "FINISHED")
    for wrong in ({}, {"X-Hub-Signature": "sha1=00"}, gws.notification("a", "FINISHED", "a guess")[0]):
        problem(await api.post(path, key=None, content=body, headers=wrong), 403, "notLetIn")
    answer = await api.post(path, key=None, content=body, headers=headers)
    assert answer.json() == {"asked": 1}
    await talk.status(item_id, "completed")


@pytest.mark.parametrize("by_notification", [False, True])
async def test_status_is_pulled_by_snapshots_page_by_page(
    api: World, gws: Gws, by_notification: bool
) -> None:
    gws.snapshots_by_notification = by_notification
    rules = RULES.replace("limit: 2", "limit: 5")
    talk = await Conversation.begin(api, gws, rules, snapshotCondition="MediaType='workitem'")
    ids = [await talk.new(f"i{n}") for n in range(5)]
    await talk.turn_until(lambda: len(gws.open()) == 5)
    gws.change("i4", "Processing", "JohnSmith")
    await talk.status(ids[4], "assigned")
    assert gws.count("snapshot") >= 4, "several pages, and the release"
    finds = gws.count("find")
    gws.change("i3", "Processing", "JohnSmith")
    await talk.status(ids[3], "assigned")
    assert gws.count("find") - finds <= gws.count("snapshot"), "what a page has told is not asked for singly"
    await talk.routing._router.close()


async def test_tokens_are_renewed_in_time_and_when_they_are_refused(api: World, gws: Gws) -> None:
    talk = await Conversation.begin(api, gws)
    answer = await api.post("/integrations/gws/test", {})
    assert answer.json() == {"who": "iwd"}
    session = talk.routing._router.session  # type: ignore[attr-defined]
    await session.tokens.token()
    await session.tokens.token()
    assert session.tokens.fetched == 1
    with gws.lock:
        gws.tokens.clear()
    assert await talk.routing._router.check() == "iwd", "a 401 fetches another one, once"
    assert session.tokens.fetched == 2
    now = [0.0]
    session.tokens._clock = lambda: now[0]
    session.tokens.forget(await session.tokens.token())
    await session.tokens.token()
    fetched = session.tokens.fetched
    now[0] = 3_600.0 - 61
    await session.tokens.token()
    assert session.tokens.fetched == fetched
    now[0] = 3_600.0 - 59
    await session.tokens.token()
    assert session.tokens.fetched == fetched + 1, "before it ends"


async def test_who_has_been_followed_writes_nothing(api: World, gws: Gws) -> None:
    talk = await Conversation.begin(api, gws)
    await talk.new("a")
    before = talk.routing
    talk.routing = await talk.take_over()
    with pytest.raises(FencedError):
        await before.plan()
    assert await talk.submissions() == []
    await talk.turn_until(lambda: gws.open_ids() == {"a"})
    with pytest.raises(FencedError):
        async with talk.services.runtime.store.writing() as tx:
            await tx.hold_router_epoch("gws", before._record.epoch)


@pytest.mark.parametrize("promised", [False, True])
async def test_what_arrives_after_others_have_given_it_up_is_taken_out_again(
    api: World, gws: Gws, *, promised: bool
) -> None:
    """Its sender was frozen, and followed: the item is elsewhere by now."""
    talk = await Conversation.begin(api, gws, timeoutSeconds=30.0)
    gws.accepts_only = promised
    gws.faults.append(("submit", HELD))
    item_id = await talk.new("a")
    late = talk.routing
    await late.plan()
    sending = asyncio.create_task(late.advance())
    await until(lambda: gws.count("submit") == 1)
    talk.routing = await talk.take_over()
    talk.services.runtime.clock = ClockAhead(minutes=5)  # so late that nobody expects it any more
    await talk.act(item_id, "transfer", queue="own")
    await talk.no_submission_is_open()
    gws.released.set()
    with pytest.raises(FencedError):
        await sending
    assert [i["state"] for i in gws.of_item("a")] == ["Canceled"]
    assert "stray" in talk.counted


async def test_who_loses_the_lease_while_sending_leaves_nothing_there(api: World, gws: Gws) -> None:
    talk = await Conversation.begin(api, gws, timeoutSeconds=30.0)
    gws.faults.append(("submit", HELD))
    item_id = await talk.new("a")
    late = talk.routing
    await late.plan()
    sending = asyncio.create_task(late.advance())
    await until(lambda: gws.count("submit") == 1)
    talk.routing = await talk.take_over()
    talk.services.runtime.clock = ClockAhead(minutes=5)
    await talk.act(item_id, "transfer", queue="own")
    await talk.no_submission_is_open()
    sending.cancel()
    gws.released.set()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert [i["state"] for i in gws.of_item("a")] == ["Canceled"]


async def test_a_queue_that_is_no_longer_routed_gets_its_items_back(api: World, gws: Gws) -> None:
    talk = await Conversation.begin(api, gws)
    await api.add_agent("ines", skills={})
    await api.ready("ines")
    item_id = await talk.new("a")
    await talk.turn_until(lambda: gws.open_ids() == {"a"})
    native = stored_rules(RULES.replace("routingTarget: gws, ", ""), version=2)
    async with talk.services.runtime.store.writing() as tx:
        await tx.publish(native, expected=1)
        now = talk.services.runtime.now()
        await tx.append_events(
            [Event(type=EventType.RULE_SET_PUBLISHED, at=now, actor="user:t", body={"version": 2})]
        )
    talk.services.runtime.forget_rules()
    decider = await talk.decider()
    await decider.push()
    assert (await talk.item(item_id))["offeredTo"] is None
    await talk.turn_until(lambda: not gws.open())

    async def is_offered() -> bool:
        await talk.turn()
        await decider.push()
        return bool((await talk.item(item_id))["offeredTo"] == "ines")

    await until(is_offered)


async def test_secrets_are_kept_and_never_shown(api: World, gws: Gws) -> None:
    talk = await Conversation.begin(api, gws)
    shown = (await api.get("/integrations/gws")).json()
    assert sorted(shown["secrets"]) == ["apiKey", "clientSecret", "webhookSecret"]
    text = (await api.get("/integrations/gws")).text + (await api.get("/audit")).text
    assert not any(secret in text for secret in ("iwd-secret", "key-of-the-tenant", "what both sides know"))
    async with talk.services.runtime.store.reading() as reading:
        (stored,) = await reading.objects("integration")
    assert "iwd-secret" not in str(stored)
    changed = {**shown["settings"], "limit": 7, "apiKey": ""}
    assert (await api.call("PUT", "/integrations/gws", json=changed)).json()["secrets"] == [
        "clientSecret",
        "webhookSecret",
    ]
    assert (await talk.settings()).client_secret == "iwd-secret"
    problem(await api.call("PUT", "/integrations/gws", json={"authUrl": "http://10.1.2.3"}), 400)


async def test_it_all_travels_through_a_real_process(api: World, gws: Gws) -> None:
    """The loop of a serving process itself: configured by API while it runs, from intake to completion."""
    await api.add_tenant("t", rules=RULES)
    async with serving(api.wiring, host="127.0.0.1", port=0, metrics_port=None):
        answer = await api.call("PUT", "/integrations/gws", json=gws.settings_body())
        assert answer.status_code == 200, answer.text
        for n in range(3):
            assert (await api.post("/items", {"captureId": f"i{n}", "businessValue": n})).status_code == 201
        await until(lambda: gws.open_ids() == {"i1", "i2"})
        gws.change("i2", "Completed")
        await until(lambda: gws.open_ids() == {"i0", "i1"})

        async def is_told() -> bool:
            counts = (await api.get("/integrations/gws")).json()["submissions"]
            return bool(counts == {"submitted": 2})

        await until(is_told)
    assert gws.created_twice() == []
