from __future__ import annotations

from typing import Any

import pytest

from openiwd.domain.action import HoldOrder
from openiwd.domain.instant import DAY, HOUR, MINUTE
from openiwd.domain.judgement import CategoryOrigin, Outcome
from openiwd.domain.requirement import Relaxation
from openiwd.domain.work_item import DueOrigin
from tests.factories.rule_set import NOW, document, judged


def about(product: str) -> dict[str, Any]:
    return {"attribute": "data.product", "operator": "eq", "value": product}


TREE: list[dict[str, Any]] = [
    {
        "id": "claims",
        "name": "Claims",
        "schema": "s",
        "queue": "q",
        "when": {"attribute": "channel", "operator": "eq", "value": "claim"},
        "requirement": {"skills": [{"skill": "claims", "level": 6}, {"skill": "english", "level": 4}]},
        "relaxation": [{"after": "1h", "dropSkill": "english"}],
        "attachedData": {"a": 1, "b": 1},
        "dispositions": ["paid"],
        "targetHandleTime": "9m",
        "rules": [{"id": "claims-rule", "then": [{"raiseBusinessValue": 1}]}],
        "children": [
            {
                "id": "motor",
                "name": "Motor",
                "when": about("motor"),
                "queue": "motor_q",
                "requirement": {"skills": [{"skill": "english", "level": 2}, {"skill": "motor"}]},
                "attachedData": {"b": 2},
                "rules": [{"id": "motor-rule", "then": [{"raiseBusinessValue": 10}]}],
                "children": [
                    {
                        "id": "theft",
                        "name": "Theft",
                        "when": {"attribute": "tags", "operator": "contains", "value": "theft"},
                    }
                ],
            },
            {"id": "motor2", "name": "Motor again", "when": about("motor")},
            {"id": "old", "name": "Old", "when": about("old"), "activeTo": "2026-03-03"},
            {"id": "soon", "name": "Soon", "when": about("soon"), "activeFrom": "2026-03-05"},
            {"id": "gone", "name": "Gone", "when": about("gone"), "archived": True},
            {
                "id": "today",
                "name": "Today",
                "when": about("today"),
                "activeFrom": "2026-03-04",
                "activeTo": "2026-03-04",
            },
        ],
    },
    {"id": "other", "name": "Other", "schema": "s", "queue": "q", "when": about("other")},
]
QUEUES = [
    {"id": "q", "name": "Q", "attachedData": {"queue": "q"}},
    {"id": "motor_q", "name": "M", "attachedData": {"queue": "m", "a": 9}},
]


def tree(**parts: Any) -> dict[str, Any]:
    return document(categories=TREE, queues=QUEUES, **parts)


def test_goes_as_deep_as_it_matches_and_the_first_sibling_wins() -> None:
    result = judged(tree(), channel="claim", data={"product": "motor"})
    assert (result.outcome, result.category_id, result.category_path) == (
        Outcome.CLASSIFIED,
        "motor",
        "Claims/Motor",
    )
    assert (result.department_id, result.process_id, result.queue_id, result.schema_id) == (
        "claims",
        "motor",
        "motor_q",
        "s",
    )
    deep = judged(tree(), channel="claim", data={"product": "motor"}, tags=["theft"])
    assert (deep.category_path, deep.process_id, deep.queue_id) == ("Claims/Motor/Theft", "motor", "motor_q")
    shallow = judged(tree(), channel="claim")
    assert (shallow.category_id, shallow.department_id, shallow.process_id) == ("claims", "claims", None)


def test_requirements_attached_data_and_rules_come_down_the_chain() -> None:
    result = judged(tree(), channel="claim", data={"product": "motor"}, business_value=100)
    assert result.requirement.skills == (("claims", 6), ("english", 2), ("motor", 1))
    assert result.requirement.relaxation == (Relaxation(HOUR, drop_skill="english"),)
    assert result.attached_data == {"queue": "m", "a": 1, "b": 2}
    assert result.business_value == 111
    assert result.trace == ("claims-rule", "motor-rule")


def test_a_parent_that_does_not_match_hides_its_children() -> None:
    result = judged(tree(), data={"product": "motor"})
    assert result.outcome is Outcome.ERRORHELD
    assert result.error == "no category matches the item, and there is no default category"


def test_the_default_category_takes_what_nothing_matches_and_runs_its_rules() -> None:
    result = judged(tree(defaultCategory="motor"))
    assert (result.category_id, result.category_origin) == ("motor", CategoryOrigin.DEFAULT)
    assert result.trace == ("claims-rule", "motor-rule")


def test_a_default_category_out_of_its_dates_is_none() -> None:
    result = judged(tree(defaultCategory="soon"))
    assert result.outcome is Outcome.ERRORHELD
    assert "'Claims/Soon' is not active" in (result.error or "")


def test_a_source_is_believed_where_its_category_is_active() -> None:
    result = judged(tree(), category="Claims/Motor/Theft", business_value=1)
    assert (result.category_id, result.category_origin) == ("theft", CategoryOrigin.SOURCE)
    assert (result.business_value, result.trace) == (12, ("claims-rule", "motor-rule"))


@pytest.mark.parametrize("named", ["Claims/Old", "Claims/Soon", "Claims/Gone", "Nowhere", "claims", "Motor"])
def test_a_source_that_names_an_unusable_category_leaves_it_to_the_rules(named: str) -> None:
    result = judged(tree(), category=named, data={"product": "other"})
    assert (result.category_id, result.category_origin) == ("other", CategoryOrigin.RULES)


def test_rules_that_reach_an_inactive_category_reject_and_pass_by_an_archived_one() -> None:
    old = judged(tree(), channel="claim", data={"product": "old"})
    assert old.outcome is Outcome.REJECTED
    assert (
        old.reject_reason == "the category 'Claims/Old' is no longer active since 2026-03-04T00:00:00+00:00"
    )
    soon = judged(tree(), channel="claim", data={"product": "soon"})
    assert "not active before 2026-03-05T00:00:00+00:00" in (soon.reject_reason or "")
    gone = judged(tree(), channel="claim", data={"product": "gone"})
    assert gone.category_id == "claims"
    assert judged(tree(), channel="claim", data={"product": "today"}).category_id == "today"


def ruled(*actions: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return document(rules=[{"id": "r", "then": list(actions)}], **parts)


def test_values_start_from_those_of_the_source() -> None:
    raw = ruled(
        {"raiseBusinessValue": 5}, {"adjustPriority": 10}, {"adjustPriority": {"attribute": "data.extra"}}
    )
    result = judged(raw, business_value=100, priority_adjustment=1, priority_fixed=7, data={"extra": -3})
    assert (result.business_value, result.priority_adjustment, result.priority_fixed) == (105, 8, 7)
    assert judged(ruled({"setBusinessValue": {"attribute": "data.v"}}), business_value=3).business_value == 3
    assert judged(ruled({"setBusinessValue": {"attribute": "data.v"}}), data={"v": 9}).business_value == 9


@pytest.mark.parametrize("value", ["9", 9.5, True, 10**12])
def test_a_value_that_is_no_integer_is_a_rule_error(value: Any) -> None:
    result = judged(ruled({"setBusinessValue": {"attribute": "data.v"}}), data={"v": value}, business_value=3)
    assert result.outcome is Outcome.ERRORHELD
    assert "rule 'r': rules[0].then[0].setBusinessValue needs an integer" in (result.error or "")
    assert (result.business_value, result.trace) == (3, ("r",))


def test_due_dates_of_source_rule_and_schema() -> None:
    schema = judged(document())
    assert (schema.due_at, schema.due_origin) == (NOW + 8 * HOUR, DueOrigin.SCHEMA)
    source = judged(document(), due_at=NOW + DAY)
    assert (source.due_at, source.due_origin) == (NOW + DAY, DueOrigin.SOURCE)
    rule = judged(ruled({"setDue": {"after": "7h", "clock": "office"}}), due_at=NOW + DAY)
    assert (rule.due_at, rule.due_origin) == (NOW + 23 * HOUR, DueOrigin.RULE)
    created = judged(ruled({"setDue": {"after": "1h", "from": "created"}}), created_at=NOW - DAY)
    assert created.due_at == NOW - 23 * HOUR


def anchored(anchor: str) -> dict[str, Any]:
    schema = {"id": "s", "name": "S", "points": [{"age": "0h", "priority": 1}], "sla": "8h", "anchor": anchor}
    return document(schemas=[schema])


def test_the_schema_counts_from_its_anchor() -> None:
    early = NOW - 2 * DAY
    source = judged(anchored("sourceCreated"), ext={"sourceCreatedDateTime": "2026-03-02T10:00:00Z"})
    assert (source.anchor_at, source.due_at) == (early, early + 8 * HOUR)
    assert judged(anchored("activation"), activation_at=NOW + DAY).due_at == NOW + DAY + 8 * HOUR
    assert judged(anchored("activation")).anchor_at == NOW
    due = judged(anchored("due"), due_at=NOW + HOUR)
    assert (due.anchor_at, due.due_at, due.due_origin) == (NOW + HOUR, NOW + HOUR, DueOrigin.SOURCE)
    made = judged(anchored("due"))
    assert (made.anchor_at, made.due_at) == (NOW + 8 * HOUR, NOW + 8 * HOUR)
    reopened = judged(anchored("activation"), activation_at=NOW - DAY, reopened=True)
    assert reopened.anchor_at == NOW


def test_an_unreadable_anchor_is_bad_data() -> None:
    result = judged(anchored("sourceCreated"), ext={"sourceCreatedDateTime": "monday"})
    assert result.outcome is Outcome.ERRORHELD
    assert "sourceCreatedDateTime" in (result.error or "")


def test_requirements_from_rules_and_from_the_item() -> None:
    raw = document(
        rules=[
            {"id": "set", "then": [{"setRequirement": {"skills": [{"skill": "x", "level": 2}]}}]},
            {"id": "add", "then": [{"addSkill": {"skill": {"attribute": "data.language"}, "level": 3}}]},
        ],
        categories=[{**TREE[0], "when": {"attribute": "channel", "operator": "isNotSet"}}],
        queues=QUEUES,
    )
    result = judged(raw, data={"language": "german"}, ext={"requestedSkill": "x>=5", "requestedAgent": "ann"})
    assert result.requirement.skills == (("german", 3), ("x", 5))
    assert result.requirement.agents == ("ann",)
    assert result.requirement.prefer_for == 10 * MINUTE
    assert result.requirement.relaxation == (Relaxation(HOUR, drop_skill="english"),)
    assert judged(raw).requirement.skills == (("x", 2),)
    bad = judged(raw, ext={"requestedSkill": "x>=50"})
    assert (bad.outcome, "requestedSkill" in (bad.error or "")) == (Outcome.ERRORHELD, True)
    assert judged(raw, data={"language": 5}).outcome is Outcome.ERRORHELD


def test_lookups_set_attributes_that_later_rules_and_categories_see() -> None:
    raw = document(
        attributes=[{"name": "region"}],
        rules=[
            {
                "id": "find",
                "then": [
                    {
                        "lookup": {
                            "table": "regions",
                            "key": {"attribute": "data.zip"},
                            "into": {
                                "region": "data.region",
                                "rank": "ext.customerSegment",
                                "none": "data.none",
                            },
                        }
                    }
                ],
            },
            {"id": "use", "when": {"attribute": "data.region", "operator": "eq", "value": "north"}},
        ],
        categories=[
            {
                "id": "n",
                "name": "N",
                "schema": "s",
                "queue": "q",
                "when": {"attribute": "data.region", "operator": "eq", "value": "north"},
            },
            {"id": "rest", "name": "R", "schema": "s", "queue": "q"},
        ],
    )
    tables = {"regions": {"20095": {"region": "north"}, "7": {"region": 5}}}
    found = judged(raw, tables, data={"zip": "20095"})
    assert (found.category_id, found.set_attributes, found.trace) == (
        "n",
        {"data.region": "north"},
        ("find", "use"),
    )
    assert judged(raw, tables, data={"zip": 20095}).category_id == "n"
    missing = judged(raw, tables, data={"zip": "1"})
    assert (missing.category_id, missing.set_attributes) == ("rest", {})
    assert judged(raw, tables).category_id == "rest"
    for lookups, zip_code in ((tables, "7"), ({}, "20095"), (tables, [1])):
        failed = judged(raw, lookups, data={"zip": zip_code})
        assert failed.outcome is Outcome.ERRORHELD
        assert "rule 'find'" in (failed.error or "")


def test_attributes_set_by_rules_are_seen_above_and_below_their_path() -> None:
    raw = document(
        rules=[
            {"id": "deep", "then": [{"setAttribute": {"name": "data.a.b", "value": "x"}}]},
            {"id": "reads", "when": {"attribute": "data.a.b", "operator": "eq", "value": "x"}},
            {
                "id": "whole",
                "then": [{"setAttribute": {"name": "data.copy", "value": {"attribute": "data.a"}}}],
            },
            {"id": "below", "when": {"attribute": "data.copy.b", "operator": "eq", "value": "x"}},
            {"id": "kept", "when": {"attribute": "data.copy.c", "operator": "eq", "value": 1}},
            {"id": "clear", "then": [{"setAttribute": {"name": "data.a", "value": None}}]},
            {"id": "gone", "when": {"attribute": "data.a.b", "operator": "isNotSet"}},
        ]
    )
    data = {"a": {"c": 1}}
    result = judged(raw, data=data)
    assert result.trace == ("deep", "reads", "whole", "below", "kept", "clear", "gone")
    assert result.set_attributes == {"data.a.b": "x", "data.copy": {"b": "x", "c": 1}, "data.a": None}
    assert data == {"a": {"c": 1}}


def test_values_that_rules_change_are_seen_by_later_rules() -> None:
    raw = document(
        rules=[
            {"id": "v", "then": [{"setBusinessValue": 50}, {"setDue": {"after": "1h"}}]},
            {"id": "high", "when": {"attribute": "businessValue", "operator": "ge", "value": 50}},
            {"id": "due", "when": {"attribute": "dueDateTime", "operator": "before", "value": "now+2h"}},
            {
                "id": "same",
                "when": {"attribute": "dueDateTime", "operator": "eq", "value": {"attribute": "dueDateTime"}},
            },
        ]
    )
    assert judged(raw).trace == ("v", "high", "due", "same")


def test_requested_skills_set_by_a_rule_count() -> None:
    raw = ruled({"setAttribute": {"name": "ext.requestedSkill", "value": ["german>=4"]}})
    assert judged(raw).requirement.skills == (("german", 4),)


def test_hold_and_reject() -> None:
    held = judged(ruled({"hold": {"reason": "documents", "until": "2d"}}))
    assert (held.outcome, held.hold) == (Outcome.CLASSIFIED, HoldOrder("documents", NOW + 2 * DAY))
    assert judged(ruled({"hold": {"reason": "documents"}})).hold == HoldOrder("documents", None)
    rejected = judged(ruled({"reject": "spam"}, {"setBusinessValue": 9}), category="All")
    assert (rejected.outcome, rejected.reject_reason, rejected.business_value) == (
        Outcome.REJECTED,
        "spam",
        0,
    )
    assert rejected.category_id is None


def test_in_a_decision_table_the_first_matching_row_acts() -> None:
    raw = document(
        decisionTables=[
            {
                "id": "t",
                "columns": [
                    {"attribute": "data.product"},
                    {"attribute": "businessValue", "operator": "ge"},
                    {"attribute": "subject", "operator": "isSet"},
                ],
                "rows": [
                    {"when": ["motor", 10, None], "then": [{"adjustPriority": 1}]},
                    {"when": ["motor", None, True], "then": [{"adjustPriority": 2}]},
                    {"when": ["motor", None, False], "then": [{"adjustPriority": 3}]},
                    {"when": [None, 100, None], "then": [{"reject": "too dear"}]},
                ],
            },
            {
                "id": "u",
                "columns": [{"attribute": "channel"}],
                "rows": [{"when": [None], "then": [{"adjustPriority": 10}]}],
            },
        ]
    )

    def outcome(**values: Any) -> tuple[int, tuple[str, ...]]:
        result = judged(raw, **values)
        return result.priority_adjustment, result.trace

    motor = {"product": "motor"}
    assert outcome(data=motor, business_value=10) == (11, ("t[1]", "u[1]"))
    assert outcome(data=motor, subject="x") == (12, ("t[2]", "u[1]"))
    assert outcome(data=motor) == (13, ("t[3]", "u[1]"))
    assert outcome(business_value=100) == (0, ("t[4]",))
    assert outcome() == (10, ("u[1]",))
    assert judged(raw, business_value=100).outcome is Outcome.REJECTED


def test_a_constant_that_a_rule_sets_is_not_shared_between_items() -> None:
    raw = ruled({"setAttribute": {"name": "data.list", "value": ["a"]}})
    first = judged(raw).set_attributes["data.list"]
    first.append("b")
    assert judged(raw).set_attributes["data.list"] == ["a"]
