from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from openiwd.domain import judging
from openiwd.domain.errors import RuleSetError
from openiwd.domain.hold_reason import with_defaults
from openiwd.domain.rule_set import parse_document
from openiwd.domain.rule_set_diff import diff
from openiwd.domain.rule_test import (
    RuleTestResult,
    check_tests,
    example_of,
    expectation_of,
    run_test,
    submission_of,
)
from openiwd.domain.rule_test_config import RuleTestConfig
from openiwd.domain.transition import Context
from openiwd.domain.work_item import WorkItem
from tests.factories.rule_set import compiled, document
from tests.factories.tenant import NEW_ID

AT = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
RULES = document(
    schemas=[
        {"id": "s", "name": "S", "points": [{"age": "0h", "priority": 100}, {"age": "8h", "priority": 500}],
         "sla": "8h", "valueWeight": 0.5},
    ],
    rules=[
        {"id": "vip", "when": {"attribute": "ext.customerSegment", "operator": "eq", "value": "vip"},
         "then": [{"raiseBusinessValue": 100}, {"setAttribute": {"name": "data.region", "value": "north"}}]},
        {"id": "spam", "when": {"attribute": "subject", "operator": "contains", "value": "SPAM"},
         "then": [{"reject": "spam"}]},
    ],
    categories=[
        {"id": "motor", "name": "Motor", "schema": "s", "queue": "q",
         "requirement": {"skills": [{"skill": "motor", "level": 5}]},
         "when": {"attribute": "data.line", "operator": "eq", "value": "motor"}},
    ],
)  # fmt: skip


def context(raw: dict[str, Any] = RULES) -> Context:
    return Context(
        now=AT, actor="system:test", rules=compiled(raw), hold_reasons=with_defaults({}), new_id=NEW_ID
    )


def judged(**test: Any) -> RuleTestResult:
    return run_test(msgspec.convert({"id": "t", **test}, RuleTestConfig), context())


VIP = {"data": {"line": "motor"}, "ext": {"customerSegment": "vip"}}


def test_a_test_passes_when_all_that_it_expects_comes_true() -> None:
    result = judged(
        item=VIP,
        at="2026-03-02T08:00:00Z",
        expect={
            "status": "queued", "category": "Motor", "queue": "q", "schema": "s", "businessValue": 100,
            "due": "2026-03-02T16:00:00+00:00",
            "priority": [{"age": "0h", "priority": 150}, {"age": "4h", "priority": 350},
                         {"age": "20m", "priority": 166.67}],
            "skills": [{"skill": "motor", "level": 5}], "attributes": {"data.region": "north"},
        },
    )  # fmt: skip
    assert [c for c in result.checks if not c.passed] == []
    assert result.passed
    assert result.rules == ["vip"]
    assert len(result.checks) == 11


@pytest.mark.parametrize(
    ("expect", "what", "actual"),
    [
        ({"status": "held"}, "status", "queued"),
        ({"category": "claims"}, "category", "Motor"),
        ({"category": None}, "category", "Motor"),
        ({"queue": "other"}, "queue", "q"),
        ({"businessValue": 99}, "businessValue", 100),
        ({"due": None}, "due", "2026-03-04T18:00:00+00:00"),
        ({"due": "2026-03-04T18:00:01Z"}, "due", "2026-03-04T18:00:00+00:00"),
        ({"priority": [{"age": "4h", "priority": 350.01}]}, "priority at 4h", 350),
        ({"skills": []}, "skills", ["motor>=5"]),
        ({"skills": [{"skill": "motor", "level": 4}]}, "skills", ["motor>=5"]),
        ({"attributes": {"data.region": "south"}}, "data.region", "north"),
    ],
)
def test_what_does_not_come_true_is_told_with_what_came_instead(
    expect: dict[str, Any], what: str, actual: Any
) -> None:
    result = judged(item=VIP, expect=expect)
    assert not result.passed
    assert [(c.what, c.actual, c.passed) for c in result.checks] == [(what, actual, False)]


def test_nothing_expected_is_nothing_checked() -> None:
    assert judged(item=VIP).passed
    assert judged(item=VIP).checks == []


def test_rejected_and_errorheld_items_can_be_expected() -> None:
    assert judged(item={"subject": "SPAM!"}, expect={"status": "rejected", "category": None}).passed
    lost = judged(item={"subject": "hello"}, expect={"status": "errorheld"})
    assert lost.passed
    assert "no category matches" in (lost.error or "")
    priced = judged(item={"subject": "hello"}, expect={"priority": [{"age": "1h", "priority": 1}]})
    assert [(c.actual, c.passed) for c in priced.checks] == [(None, False)]


def test_an_item_that_intake_would_refuse_fails_with_the_reason() -> None:
    result = judged(item={"createdDateTime": "2036-03-04T10:00:00Z"})
    assert not result.passed
    assert "createdDateTime" in (result.error or "")


@pytest.mark.parametrize(
    ("test", "field"),
    [
        ({"id": "t", "item": {"colour": "red"}}, "tests[0].item"),
        ({"id": "t", "item": {"businessValue": "much"}}, "tests[0].item.businessValue"),
        ({"id": "t", "at": "tomorrow"}, "tests[0].at"),
        ({"id": "t", "expect": {"due": "soon"}}, "tests[0].expect.due"),
        ({"id": "t", "at": "0001-01-01"}, "tests[0].at"),
        (
            {"id": "t", "expect": {"priority": [{"age": "9" * 5000 + "h", "priority": 1}]}},
            "tests[0].expect.priority[0].age",
        ),
        ({"id": "t", "expect": {"status": "lost"}}, "tests[0].expect.status"),
        (
            {"id": "t", "expect": {"priority": [{"age": "old", "priority": 1}]}},
            "tests[0].expect.priority[0].age",
        ),
        ({"id": "?"}, "tests[0].id"),
    ],
)
def test_a_test_that_cannot_be_run_is_a_fault_of_its_field(test: dict[str, Any], field: str) -> None:
    with pytest.raises(RuleSetError) as caught:
        check_tests(parse_document(document(tests=[test])))
    assert caught.value.field == field


def test_two_tests_of_one_id_are_a_fault() -> None:
    with pytest.raises(RuleSetError, match="there are two"):
        check_tests(parse_document(document(tests=[{"id": "t"}, {"id": "t"}])))


def test_tests_are_objects_of_the_document() -> None:
    one, other = (parse_document(document(tests=[{"id": "t", "expect": {"queue": q}}])) for q in ("q", "r"))
    (found,) = diff(one, other)
    assert (found.kind, found.id, found.change, found.fields[0].path) == (
        "tests",
        "t",
        "changed",
        "expect.queue",
    )
    assert parse_document(msgspec.to_builtins(one)) == one


def an_item() -> WorkItem:
    ctx = context()
    test = msgspec.convert(
        {"id": "t", "item": {**VIP, "subject": "Hello", "description": "Private", "contact": {"name": "Ann"},
                             "data": {"line": "motor", "plate": "HH-OW 1"}}},
        RuleTestConfig,
    )  # fmt: skip
    return judging.create(submission_of(test), ctx, NEW_ID()).item


def test_an_example_takes_along_only_what_rules_read() -> None:
    item = an_item()
    ctx = context()
    read = {"data.line", "ext.customerSegment", "subject"}
    test = example_of(item, read, "ex", None, expectation_of(item, ctx))
    assert test.item["data"] == {"line": "motor"}
    assert test.item["ext"] == {"customerSegment": "vip"}
    assert test.item["subject"] == "Hello"
    assert not {"description", "contact", "captureId"} & test.item.keys()
    result = run_test(test, ctx)
    assert result.passed, result
    # What rules had made of it is taken away again: judged once more it is not worth 200.
    assert "businessValue" not in test.item
