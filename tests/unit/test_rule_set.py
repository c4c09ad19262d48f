from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from openiwd.domain.errors import RuleSetError
from openiwd.domain.rule_set import parse_document
from openiwd.domain.rule_set_compiler import compile_rule_set
from tests.factories.rule_set import OFFICE, compiled, document

FULL = document(
    timeZone="Europe/Berlin",
    defaultCategory="all",
    attributes=[{"name": "region", "type": "string", "allowed": ["north", "south"], "label": "Region"}],
    mediaTypes=[{"id": "chat", "name": "Chat", "weight": 2}],
    rules=[
        {
            "id": "r1",
            "when": {"all": [{"not": {"attribute": "subject", "operator": "isSet"}}]},
            "then": [{"setAttribute": {"name": "data.region", "value": None}}, {"setDue": {"after": "8h"}}],
        }
    ],
    decisionTables=[
        {"id": "t1", "columns": [{"attribute": "subject"}], "rows": [{"when": ["a"]}, {"when": [None]}]}
    ],
)


def test_a_document_survives_writing_and_reading() -> None:
    parsed = parse_document(FULL)
    assert parse_document(msgspec.to_builtins(parsed)) == parsed
    assert parse_document(msgspec.json.decode(msgspec.json.encode(parsed))) == parsed


def test_dates_that_yaml_has_read_are_taken() -> None:
    category = {
        **FULL["categories"][0],
        "activeFrom": date(2026, 1, 1),
        "activeTo": datetime(2026, 2, 1, tzinfo=UTC),
    }
    parsed = parse_document(document(categories=[category]))
    assert (parsed.categories[0].active_from, parsed.categories[0].active_to) == (
        "2026-01-01",
        "2026-02-01T00:00:00+00:00",
    )


@pytest.mark.parametrize(
    ("raw", "field", "hint"),
    [
        ([], None, "form"),
        ({}, "name", "add name"),
        ({"name": "x", "categores": []}, "categores", "did you mean categories?"),
        ({"name": "x", "zzz": []}, "zzz", "remove it"),
        ({"name": "x", "rules": [{"id": 7}]}, "rules[0].id", "form"),
        (
            {"name": "x", "rules": [{"id": "r", "then": [{"setDue": {"form": "now", "after": "1h"}}]}]},
            "rules[0].then[0].setDue.form",
            "did you mean from?",
        ),
        (
            {
                "name": "x",
                "categories": [
                    {
                        "id": "a",
                        "name": "A",
                        "children": [{"id": "b", "name": "B", "when": {"all": [{"not": {"atribute": "x"}}]}}],
                    }
                ],
            },
            "categories[0].children[0].when.all[0].not.atribute",
            "did you mean attribute?",
        ),
        ({"name": "x", 7: 1}, "", "quotes"),
    ],
)
def test_the_form_is_checked_with_path_and_hint(raw: Any, field: str | None, hint: str) -> None:
    with pytest.raises(RuleSetError) as caught:
        parse_document(raw)
    assert caught.value.field == field
    assert hint in (caught.value.hint or "")


def test_endless_nesting_is_refused() -> None:
    raw: dict[str, Any] = {}
    raw["rules"] = [raw]
    with pytest.raises(RuleSetError, match="nested deeper"):
        parse_document(raw)


def faults(**parts: Any) -> dict[str, str]:
    with pytest.raises(RuleSetError) as caught:
        compiled(document(**parts))
    found: list[dict[str, str]] = caught.value.details["errors"]
    assert (found[0]["message"], found[0]["field"]) == (caught.value.message, caught.value.field)
    assert all(f["hint"] for f in found)
    return {f["field"]: f["message"] for f in found}


TOP = {"id": "all", "name": "All", "schema": "s", "queue": "q"}


def nested(levels: int) -> dict[str, Any]:
    node: dict[str, Any] = {"id": f"c{levels}", "name": "N"}
    for level in range(levels - 1, 0, -1):
        node = {"id": f"c{level}", "name": "N", "children": [node]}
    return {**node, "schema": "s", "queue": "q"}


@pytest.mark.parametrize(
    ("parts", "field", "told"),
    [
        ({"defaultCategory": "al"}, "defaultCategory", "no category 'al'"),
        (
            {"defaultCategory": "all", "categories": [{**TOP, "archived": True}]},
            "defaultCategory",
            "archived",
        ),
        ({"categories": [{**TOP, "schema": "t"}]}, "categories[0].schema", "no schema 't'"),
        ({"categories": [{**TOP, "queue": "p"}]}, "categories[0].queue", "no queue 'p'"),
        ({"categories": [{"id": "a", "name": "A", "queue": "q"}]}, "categories[0].schema", "top category"),
        ({"categories": [{"id": "a", "name": "A", "schema": "s"}]}, "categories[0].queue", "top category"),
        ({"categories": [{**TOP, "name": "A/B"}]}, "categories[0].name", "not a category name"),
        ({"categories": [{**TOP, "id": "_"}]}, "categories[0].id", "not an id"),
        ({"categories": [TOP, {**TOP, "name": "B"}]}, "categories[1].id", "two of the category"),
        ({"categories": [TOP, {**TOP, "id": "b"}]}, "categories[1].name", "two siblings"),
        ({"categories": [{**TOP, "activeFrom": "soon"}]}, "categories[0].activeFrom", "not a date"),
        (
            {"categories": [{**TOP, "activeFrom": "2026-02-02", "activeTo": "2026-02-01"}]},
            "categories[0].activeTo",
            "ends before",
        ),
        (
            {"categories": [{**TOP, "targetHandleTime": "long"}]},
            "categories[0].targetHandleTime",
            "not a duration",
        ),
        (
            {"categories": [{**TOP, "requirement": {"groupsOnly": True}}]},
            "categories[0].requirement.groupsOnly",
            "no",
        ),
        ({"categories": [nested(11)]}, "categories[0]" + ".children[0]" * 10, "more than 10 levels"),
        ({"queues": [{"id": "q", "name": "Q", "hours": "nigth"}]}, "queues[0].hours", "no calendar"),
        ({"queues": [{"id": "q", "name": "Q", "segmentBy": "size"}]}, "queues[0].segmentBy", "no attribute"),
        (
            {"queues": [{"id": "q", "name": "Q", "offerTimeout": "-1s"}]},
            "queues[0].offerTimeout",
            "out of range",
        ),
        (
            {"queues": [{"id": "q", "name": "Q", "relaxation": [{"after": "1h"}]}]},
            "queues[0].relaxation[0]",
            "one thing",
        ),
        (
            {"schemas": [{"id": "s", "name": "S", "points": [], "clock": "wall"}]},
            "schemas[0].points",
            "points, not 0",
        ),
        (
            {"schemas": [{"id": "s", "name": "S", "clock": "offce", "points": [{"age": 0, "priority": 1}]}]},
            "schemas[0].clock",
            "no calendar 'offce'",
        ),
        ({"calendars": [{**OFFICE, "id": "wall"}]}, "calendars[0].id", "never stands still"),
        ({"calendars": [OFFICE, OFFICE]}, "calendars[1].id", "two of the calendar"),
        ({"attributes": [{"name": "a..b"}]}, "attributes[0].name", "not a path"),
        (
            {"attributes": [{"name": "n", "type": "integer", "allowed": ["x"]}]},
            "attributes[0].allowed[0]",
            "not an",
        ),
        (
            {"mediaTypes": [{"id": "chat", "name": "a"}, {"id": "chat", "name": "b"}]},
            "mediaTypes[1].id",
            "two of",
        ),
        (
            {
                "rules": [{"id": "r"}],
                "decisionTables": [{"id": "r", "columns": [{"attribute": "subject"}], "rows": []}],
            },
            "decisionTables[0].id",
            "two of the rule or table",
        ),
        (
            {"rules": [{"id": "r"}], "categories": [{**TOP, "rules": [{"id": "r"}]}]},
            "categories[0].rules[0].id",
            "two of the rule",
        ),
        ({"rules": [{"id": "r", "then": [{}]}]}, "rules[0].then[0]", "exactly one"),
        (
            {"rules": [{"id": "r", "then": [{"reject": "x", "adjustPriority": 1}]}]},
            "rules[0].then[0]",
            "exactly one",
        ),
        (
            {"rules": [{"id": "r", "then": [{"setDue": {"after": "1h", "clock": "x"}}]}]},
            "rules[0].then[0].setDue.clock",
            "no calendar",
        ),
        (
            {"rules": [{"id": "r", "then": [{"setAttribute": {"name": "subject", "value": "x"}}]}]},
            "rules[0].then[0].setAttribute.name",
            "cannot set subject",
        ),
        (
            {"rules": [{"id": "r", "then": [{"setAttribute": {"name": "ext.customerId", "value": 7}}]}]},
            "rules[0].then[0].setAttribute.value",
            "cannot take",
        ),
        (
            {"rules": [{"id": "r", "then": [{"addSkill": {"skill": "a>=3"}}]}]},
            "rules[0].then[0].addSkill.skill",
            "not a skill",
        ),
        (
            {"rules": [{"id": "r", "then": [{"setRequirement": {"agentsOnly": True}}]}]},
            "rules[0].then[0].setRequirement.agentsOnly",
            "no agents",
        ),
        (
            {
                "rules": [
                    {"id": "r", "then": [{"lookup": {"table": "t", "key": "k", "into": {"a": "subject"}}}]}
                ]
            },
            "rules[0].then[0].lookup.into.a",
            "cannot set",
        ),
        (
            {"rules": [{"id": "r", "then": [{"setBusinessValue": {"attribute": "subject"}}]}]},
            "rules[0].then[0].setBusinessValue.attribute",
            "not an integer",
        ),
        (
            {"decisionTables": [{"id": "t", "columns": [{"attribute": "subject"}], "rows": [{"when": []}]}]},
            "decisionTables[0].rows[0].when",
            "0 values for 1 columns",
        ),
        (
            {
                "decisionTables": [
                    {"id": "t", "columns": [{"attribute": "subjct"}], "rows": [{"when": ["a"]}]}
                ]
            },
            "decisionTables[0].columns[0].attribute",
            "no attribute",
        ),
        (
            {
                "decisionTables": [
                    {
                        "id": "t",
                        "columns": [{"attribute": "subject", "operator": "isSet"}],
                        "rows": [{"when": ["a"]}],
                    }
                ]
            },
            "decisionTables[0].rows[0].when[0]",
            "takes true, false",
        ),
        (
            {
                "decisionTables": [
                    {"id": "t", "columns": [{"attribute": "businessValue"}], "rows": [{"when": ["a"]}]}
                ]
            },
            "decisionTables[0].rows[0].when[0]",
            "cannot be compared",
        ),
    ],
)
def test_references_and_values_are_checked_with_path_and_hint(
    parts: dict[str, Any], field: str, told: str
) -> None:
    found = faults(**parts)
    assert told in found[field]


def test_all_faults_are_told_at_once() -> None:
    found = faults(
        queues=[{"id": "q", "name": "Q", "hours": "x"}],
        categories=[{**TOP, "schema": "x", "children": [{"id": "b", "name": "a/b"}]}],
        rules=[{"id": "r", "when": {"any": [{"attribute": "x", "operator": "eq"}, {"attribute": "y"}]}}],
    )
    assert set(found) == {
        "queues[0].hours",
        "rules[0].when.any[0].attribute",
        "rules[0].when.any[1].attribute",
        "categories[0].schema",
        "categories[0].children[0].name",
    }


def test_a_calendar_without_open_time_or_unfrozen_is_refused() -> None:
    parsed = parse_document(document())
    with pytest.raises(RuleSetError, match="not been frozen"):
        compile_rule_set(parsed, 1, {})
    closed = parse_document(document(calendars=[{**OFFICE, "weekly": {}}]))
    with pytest.raises(RuleSetError, match="no open time") as caught:
        compile_rule_set(closed, 1, {})
    assert caught.value.field == "calendars[0].weekly"


def test_what_rules_read_is_known() -> None:
    rules = compiled(
        document(
            rules=[
                {
                    "id": "r",
                    "when": {"attribute": "data.a", "operator": "eq", "value": {"attribute": "data.b"}},
                    "then": [{"adjustPriority": {"attribute": "data.c"}}, {"setBusinessValue": 1}],
                }
            ],
            decisionTables=[{"id": "t", "columns": [{"attribute": "subject"}], "rows": [{"when": ["x"]}]}],
            queues=[{"id": "q", "name": "Q", "segmentBy": "ext.customerSegment"}],
            categories=[
                {**TOP, "when": {"attribute": "now", "operator": "withinBusinessTime", "value": "office"}}
            ],
        )
    )
    assert rules.attributes_used == {
        "data.a",
        "data.b",
        "data.c",
        "businessValue",
        "subject",
        "ext.customerSegment",
        "createdDateTime",
        "categoryPath",
        "ext.requestedSkill",
        "ext.requestedAgent",
        "ext.requestedAgentGroup",
    }


def test_categories_inherit_and_are_numbered_in_tree_order() -> None:
    rules = compiled(
        document(
            categories=[
                {
                    **TOP,
                    "targetHandleTime": "9m",
                    "activeFrom": "2026-01-01",
                    "children": [
                        {
                            "id": "a",
                            "name": "A",
                            "activeFrom": "2025-01-01",
                            "activeTo": "2026-12-31",
                            "children": [{"id": "b", "name": "B"}],
                        },
                        {"id": "c", "name": "C", "archived": True, "children": [{"id": "d", "name": "D"}]},
                    ],
                },
                {**TOP, "id": "e", "name": "E"},
            ]
        )
    )
    assert [(c.id, c.index, c.last_index, c.level) for c in rules.tree] == [
        ("all", 0, 4, 1),
        ("a", 1, 2, 2),
        ("b", 2, 2, 3),
        ("c", 3, 4, 2),
        ("d", 4, 4, 3),
        ("e", 5, 5, 1),
    ]
    b = rules.categories["b"]
    assert (b.path, b.parent_id, b.department_id, b.process_id) == ("All/A/B", "a", "all", "a")
    assert (b.schema_id, b.queue_id, b.target_handle_time) == ("s", "q", 9 * 60 * 1_000_000)
    assert b.active_from == rules.categories["all"].active_from
    assert b.active_to == rules.categories["a"].active_to
    assert rules.categories["d"].archived
    assert "All/C/D" not in rules.by_path


def test_media_types_have_defaults_and_may_be_added_or_changed() -> None:
    rules = compiled(
        document(mediaTypes=[{"id": "chat", "name": "Chat"}, {"id": "email", "name": "E", "weight": 3}])
    )
    assert set(rules.media_types) == {"workitem", "email", "lead", "sms", "webform", "chat"}
    assert rules.media_types["email"].weight == 3


def test_a_large_tree_with_many_siblings_compiles() -> None:
    children = [
        {"id": f"c{i}", "name": f"C{i}", "when": {"attribute": "data.n", "operator": "eq", "value": i}}
        for i in range(3000)
    ]
    rules = compiled(document(categories=[{**TOP, "children": children}]))
    assert len(rules.tree) == 3001
