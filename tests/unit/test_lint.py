"""The linter on small rule sets whose faults are known, and on one without any."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from openiwd.domain.agent import Absence, Agent, AgentSkill
from openiwd.domain.instant import from_micros
from openiwd.domain.lint.finding import Finding, FindingKind, Severity
from openiwd.domain.lint.roster_lint import comes, lint_roster
from openiwd.domain.lint.rule_lint import lint_rules
from openiwd.domain.lint.waiting_lint import lint_waiting
from tests.factories.rule_set import NOW, compiled, document

START = from_micros(NOW)
SERVED: dict[str, Any] = {"schema": "s", "queue": "q"}


def when(attribute: str, operator: str, value: Any) -> dict[str, Any]:
    return {"attribute": attribute, "operator": operator, "value": value}


def category(name: str, criteria: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"id": name, "name": name, **({"when": criteria} if criteria else {}), **more}


def found(*, overlaps: bool = False, **parts: Any) -> list[tuple[FindingKind, str, str]]:
    """Overlaps are nothing odd in most trees, and asked for apart."""
    return [
        (f.kind, f.field, f.object_id)
        for f in findings(**parts)
        if (f.kind is FindingKind.OVERLAPS) is overlaps
    ]


def findings(**parts: Any) -> list[Finding]:
    rules = compiled(document(**parts))
    return [*lint_rules(rules, NOW), *lint_waiting(rules, NOW)]


MAIL = when("channel", "eq", "mail")
CONTRADICTION = {"all": [when("channel", "eq", "mail"), when("channel", "eq", "web")]}


def test_a_sound_rule_set_has_no_findings() -> None:
    assert found() == []
    tree = [category("mail", MAIL, **SERVED), category("rest", **SERVED)]
    assert found(categories=tree) == []


def test_a_rule_that_matches_nothing() -> None:
    rule = {"id": "r", "name": "R", "when": CONTRADICTION, "then": [{"raiseBusinessValue": 1}]}
    assert found(rules=[rule]) == [(FindingKind.NEVER_MATCHES, "rules[0].when", "r")]


def test_a_child_that_contradicts_its_parent_and_its_rule() -> None:
    web = category("web", when("channel", "eq", "web"))
    rule = {"id": "r", "name": "R", "when": when("channel", "eq", "fax"), "then": [{"raiseBusinessValue": 1}]}
    tree = [category("mail", MAIL, children=[web], rules=[rule], **SERVED), category("rest", **SERVED)]
    assert found(categories=tree) == [
        (FindingKind.NEVER_MATCHES, "categories[0].rules[0].when", "mail"),
        (FindingKind.NEVER_MATCHES, "categories[0].children[0]", "web"),
    ]


def test_a_sibling_that_others_leave_nothing() -> None:
    tree = [
        category("low", when("businessValue", "lt", 10), **SERVED),
        category("high", when("businessValue", "ge", 5), **SERVED),
        category("seven", when("businessValue", "eq", 7), **SERVED),
    ]
    assert found(categories=tree) == [(FindingKind.SHADOWED, "categories[2]", "seven")]


def test_what_stands_behind_a_category_without_conditions() -> None:
    tree = [category("all", **SERVED), category("mail", MAIL, **SERVED)]
    assert found(categories=tree) == [(FindingKind.SHADOWED, "categories[1]", "mail")]


def test_archived_siblings_take_nothing() -> None:
    tree = [
        category("old", MAIL, archived=True, **SERVED),
        category("mail", MAIL, **SERVED),
        category("rest", **SERVED),
    ]
    assert found(categories=tree) == []


def test_a_gap_has_an_example_and_a_default_category_closes_it() -> None:
    tree = [category("mail", MAIL, **SERVED), category("web", when("channel", "eq", "web"), **SERVED)]
    (gap,) = findings(categories=tree)
    assert (gap.kind, gap.severity) == (FindingKind.GAP, Severity.WARNING)
    assert gap.example.get("channel") not in ("mail", "web")
    assert found(categories=tree, defaultCategory="web") == []
    closed = [*tree, category("rest", {"not": {"any": [MAIL, when("channel", "eq", "web")]}}, **SERVED)]
    assert found(categories=closed) == []


def test_rows_of_a_decision_table() -> None:
    table = {
        "id": "t",
        "name": "T",
        "columns": [{"attribute": "businessValue", "operator": "lt"}],
        "rows": [
            {"when": [10], "then": [{"raiseBusinessValue": 1}]},
            {"when": [5], "then": [{"raiseBusinessValue": 2}]},
            {"when": [None], "then": [{"raiseBusinessValue": 3}]},
            {"when": [50], "then": [{"raiseBusinessValue": 4}]},
        ],
    }
    assert found(decisionTables=[table]) == [
        (FindingKind.SHADOWED, "decisionTables[0].rows[1]", "t"),
        (FindingKind.SHADOWED, "decisionTables[0].rows[2]", "t"),
    ]


def test_what_cannot_be_told_is_a_hint() -> None:
    rule = {
        "id": "r",
        "name": "R",
        "when": when("subject", "matches", "^[0-9]{9}$"),
        "then": [{"raiseBusinessValue": 1}],
    }
    (finding,) = findings(rules=[rule])
    assert (finding.kind, finding.severity) == (FindingKind.UNDECIDED, Severity.HINT)


def schema(name: str, *points: tuple[str, int], **more: Any) -> dict[str, Any]:
    return {"id": name, "name": name, "points": [{"age": a, "priority": p} for a, p in points], **more}


TWO = [category("one", MAIL, schema="low", queue="q"), category("other", schema="high", queue="q2")]


@pytest.mark.parametrize(
    ("low", "groups", "is_starved"),
    [
        (schema("low", ("0h", 1), ("8h", 90)), ["a"], True),
        (schema("low", ("0h", 1), ("8h", 100)), ["a"], False),
        (schema("low", ("0h", 1), ("8h", 90), slopeAfter=1), ["a"], False),
        (schema("low", ("0h", 1), ("8h", 90), slopeAfter=1, maximum=95), ["a"], True),
        (schema("low", ("0h", 1), ("8h", 90)), ["b"], False),
        (schema("low", ("0h", 1), ("8h", 90)), [], True),
    ],
)
def test_a_curve_that_never_comes_up_to_another(
    low: dict[str, Any], groups: list[str], *, is_starved: bool
) -> None:
    kinds = found(
        categories=TWO,
        schemas=[low, schema("high", ("0h", 100), ("4h", 500))],
        queues=[
            {"id": "q", "name": "Q", "groups": [{"group": "a"}]},
            {"id": "q2", "name": "Q2", "groups": [{"group": g} for g in groups]},
        ],
    )
    assert kinds == ([(FindingKind.STARVATION, "schemas[0]", "low")] if is_starved else [])


@pytest.mark.parametrize(
    ("more", "is_told"),
    [({"sla": "8h"}, True), ({"sla": "3d"}, False), ({"sla": "8h", "clock": "office"}, False), ({}, False)],
)
def test_an_sla_that_ends_while_the_queue_is_closed(more: dict[str, Any], *, is_told: bool) -> None:
    kinds = found(
        schemas=[schema("s", ("0h", 1), **more)], queues=[{"id": "q", "name": "Q", "hours": "office"}]
    )
    assert kinds == ([(FindingKind.SLA_WITHIN_CLOSING, "schemas[0]", "s")] if is_told else [])


def test_what_nothing_leads_to() -> None:
    kinds = found(
        schemas=[schema("s", ("0h", 1)), schema("s2", ("0h", 1))],
        queues=[{"id": "q", "name": "Q"}, {"id": "q2", "name": "Q2"}],
        attributes=[{"name": "read"}, {"name": "shown", "searchable": True}, {"name": "idle"}],
        rules=[
            {
                "id": "r",
                "name": "R",
                "when": when("data.read", "eq", "x"),
                "then": [{"raiseBusinessValue": 1}],
            }
        ],
    )
    assert kinds == [
        (FindingKind.UNUSED_SCHEMA, "schemas[1]", "s2"),
        (FindingKind.UNUSED_QUEUE, "queues[1]", "q2"),
        (FindingKind.UNUSED_ATTRIBUTE, "attributes[2]", "idle"),
    ]


def agent(agent_id: str, *skills: tuple[str, int], **more: Any) -> Agent:
    return Agent(
        id=agent_id, name=agent_id, skills=tuple(AgentSkill(s, level) for s, level in skills), **more
    )


NEEDED = [category("fire", requirement={"skills": [{"skill": "fire", "level": 6}]}, **SERVED)]
AWAY = Absence(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("agents", "queue", "kinds"),
    [
        ([], {}, [FindingKind.NOBODY_ELIGIBLE]),
        ([agent("a", ("fire", 6))], {}, []),
        ([agent("a", ("fire", 5))], {}, [FindingKind.NOBODY_ELIGIBLE]),
        ([agent("a", ("fire", 5))], {"relaxation": [{"after": "2h", "skill": "fire", "level": 5}]}, []),
        ([agent("a", ("fire", 6), active=False)], {}, [FindingKind.NOBODY_ELIGIBLE]),
        ([agent("a", ("fire", 6))], {"groups": [{"group": "g"}]}, [FindingKind.NOBODY_ELIGIBLE]),
        ([agent("a", ("fire", 6), groups=("g",))], {"groups": [{"group": "g"}]}, []),
        ([agent("a", ("fire", 6), absences=(AWAY,))], {}, [FindingKind.NOBODY_THIS_WEEK]),
        (
            [agent("a", ("fire", 6), absences=(AWAY,)), agent("b", ("fire", 9), working_hours="office")],
            {},
            [],
        ),
    ],
)
def test_what_nobody_can_take(agents: list[Agent], queue: dict[str, Any], kinds: list[FindingKind]) -> None:
    rules = compiled(document(categories=NEEDED, queues=[{"id": "q", "name": "Q", **queue}]))
    assert [f.kind for f in lint_roster(rules, agents, NOW)] == kinds


# Taken together ------------------------------------------------------------------------------------------------------


def test_siblings_that_both_match_some_item_are_told_with_it() -> None:
    tree = [
        category("low", when("businessValue", "lt", 10), **SERVED),
        category("high", when("businessValue", "ge", 5), **SERVED),
        category("mail", MAIL, **SERVED),
        category("rest", **SERVED),
    ]
    assert found(overlaps=True, categories=tree) == [(FindingKind.OVERLAPS, "categories[1]", "high")]
    (told,) = [f for f in findings(categories=tree) if f.kind is FindingKind.OVERLAPS]
    assert 5 <= told.example["businessValue"] < 10
    assert told.severity is Severity.HINT
    apart = [category("a", MAIL, **SERVED), category("b", when("channel", "eq", "web"), **SERVED)]
    assert found(overlaps=True, categories=[*apart, category("rest", **SERVED)]) == []


def test_attributes_that_conditions_take_for_several_types() -> None:
    rules = [
        {"id": "n", "name": "N", "when": when("data.x", "gt", 5), "then": [{"raiseBusinessValue": 1}]},
        {
            "id": "t",
            "name": "T",
            "when": when("data.x", "startsWith", "a"),
            "then": [{"raiseBusinessValue": 1}],
        },
        {"id": "y", "name": "Y", "when": when("data.y", "gt", 5), "then": [{"raiseBusinessValue": 1}]},
        {"id": "z", "name": "Z", "when": when("data.y", "lt", 2.5), "then": [{"raiseBusinessValue": 1}]},
    ]
    told = [f for f in findings(rules=rules) if f.kind is FindingKind.MIXED_TYPES]
    assert [(f.object_id, f.values["types"]) for f in told] == [("data.x", "number, text")]


def test_an_agent_who_works_for_minutes_only_does_come() -> None:
    """An hour in which somebody is there at no full hour since now."""
    away = [
        Absence(START + timedelta(days=-1), START + timedelta(hours=30, minutes=10)),
        Absence(START + timedelta(hours=30, minutes=40), START + timedelta(days=30)),
    ]
    rules = compiled(document())
    assert comes(Agent(id="a", name="A", absences=tuple(away)), rules, NOW)
    assert not comes(Agent(id="a", name="A", absences=(Absence(away[0].start, away[1].end),)), rules, NOW)
