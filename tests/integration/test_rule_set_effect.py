"""What other rules would make of open items: found by likeness it is what judging each item one by one says."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from copy import deepcopy
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from openiwd.adapters.holidays.source import LibraryHolidaySource
from openiwd.adapters.postgres.pools import TenantPools
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import system
from openiwd.domain.rule_effect import Comparison, Effect
from openiwd.domain.rule_set import CompiledRuleSet, parse_document
from openiwd.domain.rule_set_compiler import compile_rule_set
from openiwd.domain.work_item import OPEN, ItemSubmission, WorkItem
from openiwd.ports.tenant_store import SearchQuery
from openiwd.usecases.command import Command, Done
from openiwd.usecases.intake import Intake
from openiwd.usecases.rule_set import freeze_calendars, read_source, zone_of
from openiwd.usecases.rule_set_effect import Walk
from openiwd.usecases.tenant_runtime import TenantRuntime
from openiwd.usecases.work_item import apply
from tests.factories.tenant import NEW_ID, START, MovedClock, make_runtime, pools_for, submission

SOURCE = """
name: Before
timeZone: Europe/Berlin
calendars:
  - {id: office, name: Office, timeZone: Europe/Berlin, weekly: {monday: ["08:00-18:00"], tuesday: ["08:00-18:00"],
     wednesday: ["08:00-18:00"], thursday: ["08:00-18:00"], friday: ["08:00-18:00"]}}
attributes: [{name: amount, type: decimal}, {name: count, type: integer}, {name: urgent, type: boolean}]
schemas:
  - {id: wall, name: Wall, sla: 8h, valueWeight: 0.5, slopeAfter: 7,
     points: [{age: 0h, priority: 100}, {age: 30h, priority: 500}]}
  - {id: office, name: Office, clock: office, sla: 10h, points: [{age: 0h, priority: 90}, {age: 9h, priority: 700}]}
  - {id: due, name: Due, clock: office, anchor: due, sla: 12h,
     points: [{age: -12h, priority: 50}, {age: 0h, priority: 600}]}
  - {id: active, name: Active, anchor: activation, points: [{age: 0h, priority: 10}, {age: 50h, priority: 300}]}
queues:
  - {id: claims, name: Claims, segmentBy: data.line}
  - {id: loans, name: Loans}
  - {id: others, name: Others}
rules:
  - {id: vip, when: {attribute: ext.customerSegment, operator: eq, value: vip}, then: [{raiseBusinessValue: 100}]}
  - {id: large, when: {attribute: data.amount, operator: ge, value: 500.5}, then: [{raiseBusinessValue: 10},
     {setAttribute: {name: data.size, value: large}}]}
  - {id: old, when: {attribute: createdDateTime, operator: olderThan, value: 20h}, then: [{adjustPriority: 5}]}
  - {id: storm, when: {attribute: subject, operator: contains, value: storm}, then: [{addSkill: {skill: weather}},
     {setDue: {after: 5h, from: created, clock: office}}]}
  - {id: named, when: {attribute: data.skill, operator: isSet}, then: [{addSkill: {skill: {attribute: data.skill}}}]}
  - {id: valued, when: {attribute: businessValue, operator: gt, value: 105}, then: [{adjustPriority: 3}]}
categories:
  - id: claims
    name: Claims
    schema: wall
    queue: claims
    when: {attribute: data.kind, operator: eq, value: claim}
    children:
      - {id: motor, name: Motor, when: {attribute: data.line, operator: in, value: [motor, bike]},
         requirement: {skills: [{skill: motor}]}}
      - {id: property, name: Property, schema: office}
  - {id: lending, name: Lending, schema: due, queue: loans, when: {attribute: data.kind, operator: eq, value: loan}}
  - {id: active, name: Active, schema: active, queue: others,
     when: {attribute: data.count, operator: between, value: [3, 6]}}
  - {id: rest, name: Rest, schema: office, queue: others, when: {attribute: data.kind, operator: isSet}}
"""
Raw = dict[str, Any]


def changed(change: Callable[[Raw], object]) -> Raw:
    raw: Raw = deepcopy(read_source(SOURCE))
    change(raw)
    return raw


def of(raw: Raw, part: str, name: str) -> Raw:
    found: Raw = next(v for v in raw[part] if v["id"] == name)
    return found


def _calendar(raw: Raw) -> None:
    raw["calendars"][0]["weekly"]["friday"] = ["08:00-14:00"]


def _anchor(raw: Raw) -> None:
    of(raw, "schemas", "wall")["anchor"] = "activation"


def _to_created(raw: Raw) -> None:
    of(raw, "schemas", "active")["anchor"] = "created"


def _clock(raw: Raw) -> None:
    of(raw, "schemas", "wall")["clock"] = "office"


CHANGES: dict[str, Callable[[Raw], object]] = {
    "nothing": dict,
    "a name": lambda raw: of(raw, "queues", "claims").update(name="Other name"),
    "a queue": lambda raw: of(raw, "categories", "claims").update(queue="others"),
    "a threshold": lambda raw: of(raw, "rules", "large").update(
        when={"attribute": "data.amount", "operator": "gt", "value": 500.5}
    ),
    "a constant": lambda raw: of(raw, "categories", "claims")["children"][0].update(
        when={"attribute": "data.line", "operator": "in", "value": ["motor"]}
    ),
    "a part of a text": lambda raw: of(raw, "rules", "storm").update(
        when={"attribute": "subject", "operator": "startsWith", "value": "storm"}
    ),
    "case ignored": lambda raw: of(raw, "rules", "storm").update(
        when={"attribute": "subject", "operator": "contains", "value": "storm", "ignoreCase": True}
    ),
    "a pattern": lambda raw: of(raw, "rules", "storm").update(
        when={"attribute": "subject", "operator": "matches", "value": "sto?rm|gust"}
    ),
    "an age": lambda raw: of(raw, "rules", "old").update(
        when={"attribute": "createdDateTime", "operator": "olderThan", "value": "30h"}
    ),
    "a due date": lambda raw: of(raw, "rules", "storm").update(then=[{"setDue": {"after": "6h", "clock": "wall"}}]),
    "an SLA": lambda raw: of(raw, "schemas", "wall").update(sla="9h"),
    "no SLA": lambda raw: of(raw, "schemas", "office").pop("sla"),
    "a curve": lambda raw: of(raw, "schemas", "wall").update(points=[{"age": "0h", "priority": 600}]),
    "a calendar": _calendar,
    "an anchor": _anchor,
    "an anchor back": _to_created,
    "a clock": _clock,
    "a segment": lambda raw: of(raw, "queues", "claims").update(segmentBy="mediaType"),
    "a rejection": lambda raw: raw["rules"].append(
        {"id": "no", "when": {"attribute": "data.count", "operator": "ge", "value": 5}, "then": [{"reject": "no"}]}
    ),
    "an error": lambda raw: raw["rules"].append(
        {"id": "bad", "when": {"attribute": "data.line", "operator": "ge", "value": 5}, "then": []}
    ),
    "a gap": lambda raw: raw["categories"].pop(),
    "an order": lambda raw: raw["categories"].insert(0, raw["categories"].pop(2)),
    "a rule name": lambda raw: of(raw, "rules", "vip").update(id="vips"),
    "a relaxed skill": lambda raw: of(raw, "categories", "claims")["children"][0].update(requirement={"skills": []}),
    "a reference": lambda raw: raw["rules"].append(
        {"id": "same", "when": {"attribute": "data.line", "operator": "eq", "value": {"attribute": "channel"}},
         "then": [{"raiseBusinessValue": 1}]}
    ),
    "business time": lambda raw: raw["rules"].append(
        {"id": "day", "when": {"attribute": "createdDateTime", "operator": "withinBusinessTime", "value": "office"},
         "then": [{"adjustPriority": 1}]}
    ),
}  # fmt: skip


def compiled(raw: Raw, version: int = 2) -> CompiledRuleSet:
    document = parse_document(raw)
    calendars = freeze_calendars(document, LibraryHolidaySource(), START.year)
    return compile_rule_set(document, version, calendars, zone_of(document))


def random_submission(rnd: Random, n: int) -> ItemSubmission:
    data: Raw = {}
    for name, values in (
        ("kind", ["claim", "claim", "loan", "other"]), ("line", ["motor", "bike", "house", 7, "", ["motor"]]),
        ("amount", [500, 500.5, 500.50001, 499.999, 1e9, "500.5", "many", -1]), ("count", [2, 3, 5, 6, 7, 5.0]),
        ("skill", ["glass", "english>=3", ""]), ("urgent", [True, False]),
    ):  # fmt: skip
        if rnd.random() < 0.7:
            data[name] = rnd.choice(values)
    created = START + timedelta(minutes=15 * rnd.randint(-300, 0))
    fields: Raw = {"data": data, "createdDateTime": created.isoformat()}
    if rnd.random() < 0.4:
        fields["subject"] = rnd.choice(["storm at sea", "a storm", "Storm", "gust", "storm", ""])
    if rnd.random() < 0.3:
        fields["ext"] = {"customerSegment": rnd.choice(["vip", "gold"])}
    if rnd.random() < 0.2:
        fields["businessValue"] = rnd.choice([5, 6, 50])
    if rnd.random() < 0.15:
        fields["priority"] = rnd.choice([300, "+20"])
    if rnd.random() < 0.2:
        fields["dueDateTime"] = (created + timedelta(hours=rnd.randint(1, 40))).isoformat()
    if rnd.random() < 0.2:
        fields["activationDateTime"] = (created + timedelta(hours=rnd.randint(1, 90))).isoformat()
    if rnd.random() < 0.2:
        fields["channel"] = rnd.choice(["motor", "mail"])
    return submission(f"i{n}", **fields)


async def lively(runtime: TenantRuntime, clock: MovedClock, rnd: Random, count: int) -> None:
    """Items in all states: waiting, held with the clock standing, resumed, assigned, reopened, in error."""
    intake, caller = Intake(runtime), system("test")
    await intake.submit_all([random_submission(rnd, n) for n in range(count)], caller)
    items = await open_items(runtime)

    async def act(action: Action, share: float, **more: Any) -> list[WorkItem]:
        chosen = [i for i in items if rnd.random() < share]
        commands = [
            Command(action=action, caller=caller, internal=True, item_id=i.id, **more) for i in chosen
        ]
        return [r.item for r in await apply(runtime, commands) if isinstance(r, Done)]

    held = await act(Action.HOLD, 0.25, reason="waitingForCustomer")
    clock.move(hours=5)
    resumed = [
        Command(action=Action.RESUME, caller=caller, internal=True, item_id=i.id)
        for i in held
        if rnd.random() < 0.6
    ]
    await apply(runtime, resumed)
    await act(Action.ASSIGN, 0.15, agent_id="a1")
    done = await act(Action.COMPLETE, 0.2, reason="x")
    clock.move(hours=1)
    again = [
        Command(action=Action.REOPEN, caller=caller, internal=True, item_id=i.id)
        for i in done
        if rnd.random() < 0.5
    ]
    await apply(runtime, again)
    clock.move(hours=2)


async def open_items(runtime: TenantRuntime) -> list[WorkItem]:
    query = SearchQuery(
        filter={"attribute": "status", "operator": "in", "value": sorted(s.value for s in OPEN)}
    )
    async with runtime.store.reading() as reading:
        return [i async for chunk in reading.scan(query) for i in chunk]


async def walked(runtime: TenantRuntime, comparison: Comparison) -> tuple[dict[int, Effect], Walk]:
    walk = Walk(runtime.store, comparison, NEW_ID().int)
    told: list[float] = []

    async def on_way(progress: float) -> None:
        told.append(progress)

    found: dict[int, Effect] = {}
    async for part in walk.parts(on_way):
        for n, number in enumerate(part.numbers.tolist()):
            way = walk.ways[int(part.ways[n])]
            found[number] = Effect(
                way.differs,
                way.before,
                way.after,
                float(part.priority_before[n]),
                float(part.priority_after[n]),
            )
    assert told == sorted(told)
    assert told[-1] == 1.0
    return found, walk


def same(one: Effect, other: Effect) -> bool:
    def near(a: float, b: float) -> bool:
        return (math.isnan(a) and math.isnan(b)) or abs(a - b) < 2e-6

    return (
        one[:3] == other[:3]
        and near(one.priority_before, other.priority_before)
        and near(one.priority_after, other.priority_after)
    )


@pytest.fixture
async def pools(tenant_database: str) -> AsyncIterator[TenantPools]:
    pools = pools_for(tenant_database)
    yield pools
    await pools.close()


async def test_found_by_likeness_it_is_as_one_by_one(
    pools: TenantPools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openiwd.usecases.rule_set_effect.SPAN", 150)
    clock, rnd = MovedClock(), Random(7)
    runtime = await make_runtime(pools, clock, SOURCE)
    await lively(runtime, clock, rnd, 500)
    items = await open_items(runtime)
    assert len({i.status for i in items}) >= 5
    assert any(i.pauses for i in items)
    assert any(i.clock_frozen is not None for i in items)
    old = await runtime.context("system:test", clock.now())
    differing: dict[str, int] = {}
    for name, change in CHANGES.items():
        new = await runtime.context("system:test", clock.now(), rules=compiled(changed(change)))
        comparison = Comparison(old, new)
        found, walk = await walked(runtime, comparison)
        wanted = {i.number: comparison.effect(i) for i in items}
        assert found.keys() == wanted.keys(), name
        wrong = [(n, found[n], wanted[n]) for n in wanted if not same(found[n], wanted[n])]
        assert wrong == [], name
        differing[name] = sum(e.differs for e in wanted.values())
        assert walk.judged <= 3 * len(items)
    assert (
        differing["nothing"] == differing["a name"] == differing["a curve"] == differing["a rule name"] == 0
    )
    assert all(
        differing[name] > 0 for name in CHANGES if name not in ("nothing", "a name", "a curve", "a rule name")
    ), differing


async def test_items_that_read_alike_are_judged_once(pools: TenantPools) -> None:
    clock = MovedClock()
    runtime = await make_runtime(pools, clock, SOURCE)
    await Intake(runtime).submit_all(
        [
            submission(
                f"i{n}",
                data={"kind": "claim", "line": "motor", "amount": 100 + n * 0.01},
                subject=f"case {n}",
                createdDateTime=(START - timedelta(seconds=n)).isoformat(),
            )
            for n in range(300)
        ],
        system("test"),
    )
    new = await runtime.context("x", clock.now(), rules=compiled(changed(CHANGES["a queue"])))
    found, walk = await walked(runtime, Comparison(await runtime.context("x", clock.now()), new))
    assert len(found) == 300
    assert all(e.differs and e.after.queue == "others" for e in found.values())
    assert walk.judged == 1


async def test_items_that_move_while_they_are_looked_at_are_told_as_they_are(pools: TenantPools) -> None:
    clock = MovedClock()
    runtime = await make_runtime(pools, clock, SOURCE)
    caller = system("test")
    done = await Intake(runtime).submit_all([submission(f"i{n}") for n in range(20)], caller)
    items = [r.item for r in done if isinstance(r, Done)]
    new = await runtime.context("x", clock.now(), rules=compiled(changed(CHANGES["a queue"])))
    comparison = Comparison(await runtime.context("x", clock.now()), new)
    walk = Walk(runtime.store, comparison, 1)
    rows = walk._rows

    async def then_moved(after: int, until: int) -> Any:
        found = await rows(after, until)
        commands = [
            Command(action=action, caller=caller, internal=True, item_id=i.id, reason="other", agent_id="a1")
            for i, action in zip(items, (Action.CANCEL, Action.ASSIGN, *[Action.HOLD] * 5), strict=False)
        ]
        await apply(runtime, commands)
        return found

    walk._rows = then_moved  # type: ignore[method-assign]

    async def on_way(_: float) -> None:
        pass

    (part,) = [p async for p in walk.parts(on_way)]
    told = {n: walk.ways[w] for n, w in zip(part.numbers.tolist(), part.ways.tolist(), strict=True) if w >= 0}
    assert items[0].number not in told, "final items are left out"
    assert told[items[1].number].before.status == "assigned"
    assert told[items[1].number].after.queue == "claims", "an agent keeps it"
    assert told[items[2].number].before.status == "held"
    assert told[items[-1].number].after.queue == "others"
