"""Whether criteria can hold at all: against random items, and by hand where the answer is known."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from openiwd.domain.attribute import AttributeConfig, Vocabulary
from openiwd.domain.condition import Criterion
from openiwd.domain.criteria import CriteriaConfig, Surroundings, compile_criteria
from openiwd.domain.lint.search import Verdict, find
from openiwd.domain.problem import Problems
from tests.factories.rule_set import NOW, compiled, document
from tests.unit.reference_rules import DECLARED, Wrong, criteria, interpret, items

CLOCKS = compiled(document()).clocks
VOCABULARY = Vocabulary(msgspec.convert(DECLARED, list[AttributeConfig]))


def criterion(raw: dict[str, Any]) -> Criterion | None:
    """The compiled form; None when it does not compile."""
    problems = Problems()
    around = Surroundings(vocabulary=VOCABULARY, clocks=CLOCKS, zone=UTC, problems=problems)
    made = compile_criteria(msgspec.convert(raw, CriteriaConfig), "rule", "when", around)
    return None if problems.found else made


def item_of(example: Any) -> dict[str, Any]:
    """The item that an example describes."""
    item: dict[str, Any] = {"businessValue": 0, "tags": [], "createdDateTime": "2026-03-04T10:00:00Z"}
    for name, value in example.items():
        *path, last = name.split(".")
        node = item
        for key in path:
            node = node.setdefault(key, {})
        node[last] = value
    return item


def is_true(raw: dict[str, Any], item: dict[str, Any]) -> bool | None:
    """None: a value has the wrong type."""
    try:
        return interpret(raw, item, "when")
    except Wrong:
        return None


@settings(max_examples=600, deadline=None)
@given(
    st.lists(criteria, min_size=1, max_size=2), st.lists(criteria, max_size=2), st.lists(items(), max_size=8)
)
def test_what_is_never_true_is_true_of_no_item_and_an_example_is_one(
    wanted: list[dict[str, Any]], unwanted: list[dict[str, Any]], candidates: list[dict[str, Any]]
) -> None:
    required, excluded = [criterion(c) for c in wanted], [criterion(c) for c in unwanted]
    if None in required or None in excluded:
        return
    answer = find([c for c in required if c], [c for c in excluded if c], NOW)
    event(answer.verdict.value)

    def fits(item: dict[str, Any]) -> bool:
        return all(is_true(c, item) is True for c in wanted) and all(
            is_true(c, item) is False for c in unwanted
        )

    if answer.verdict is Verdict.SOME:
        assert fits(item_of(answer.example)), answer.example
    if answer.verdict is Verdict.NEVER:
        assert not any(fits(item) for item in candidates)


def c(attribute: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "attribute": attribute,
        "operator": operator,
        **({} if value is None else {"value": value}),
        **more,
    }


NEVER = [
    [c("channel", "eq", "mail"), c("channel", "eq", "web")],
    [c("channel", "eq", "mail"), c("channel", "isNotSet")],
    [c("channel", "startsWith", "ma"), c("channel", "startsWith", "we")],
    [c("channel", "startsWith", "mail"), {"not": c("channel", "contains", "ai")}],
    [c("channel", "in", ["a", "b"]), c("channel", "notIn", ["a", "b", "c"])],
    [c("businessValue", "gt", 1), c("businessValue", "lt", 2)],
    [c("data.amount", "gt", 2), c("data.amount", "le", 2)],
    [c("data.amount", "between", [5, 1])],
    [c("data.flag", "eq", True), c("data.flag", "ne", True)],
    [c("data.flag", "ne", True), c("data.flag", "ne", False), c("data.flag", "isSet")],
    [c("data.day", "before", "2026-01-01"), c("data.day", "after", "2026-06-01")],
    [c("createdDateTime", "olderThan", "8h"), {"not": c("createdDateTime", "olderThan", "4h")}],
    [c("tags", "contains", "vip"), {"not": c("tags", "contains", "vip")}],
    [c("mediaType", "isNotSet")],
    [c("subject", "eq", "abc", ignoreCase=True), c("subject", "eq", "abd", ignoreCase=True)],
]
SOME = [
    [c("data.amount", "gt", 1), c("data.amount", "lt", 2)],
    [c("businessValue", "gt", 1), c("businessValue", "lt", 3)],
    [c("channel", "startsWith", "ma"), c("channel", "endsWith", "il"), c("channel", "ne", "mail")],
    [c("channel", "ne", "mail"), c("channel", "isNotSet")],
    [{"not": c("channel", "eq", "mail")}],
    [c("data.day", "after", "2026-01-01"), c("data.day", "before", "2026-01-02")],
    [c("createdDateTime", "withinBusinessTime", "office")],
    [c("subject", "contains", "fire"), c("subject", "contains", "water")],
    [c("tags", "contains", "vip"), c("tags", "contains", "new")],
]


@pytest.mark.parametrize("wanted", NEVER, ids=str)
def test_contradictions_are_proved(wanted: list[dict[str, Any]]) -> None:
    required = [made for raw in wanted if (made := criterion(raw)) is not None]
    assert len(required) == len(wanted)
    assert find(required, [], NOW).verdict is Verdict.NEVER


@pytest.mark.parametrize("wanted", SOME, ids=str)
def test_what_can_be_true_has_an_example(wanted: list[dict[str, Any]]) -> None:
    required = [made for raw in wanted if (made := criterion(raw)) is not None]
    assert len(required) == len(wanted)
    assert find(required, [], NOW).verdict is Verdict.SOME


def test_what_cannot_be_proved_is_said_to_be_unknown() -> None:
    required = [criterion(c("subject", "matches", "^[0-9]{12}$"))]
    assert find([r for r in required if r], [], NOW).verdict is Verdict.UNKNOWN


def test_three_hundred_siblings_are_decided_within_the_steps() -> None:
    earlier = [criterion(c("data.text", "eq", f"product {n}")) for n in range(300)]
    own = criterion(c("data.text", "eq", "product 7"))
    assert own is not None
    assert find([own], [e for e in earlier if e], NOW).verdict is Verdict.NEVER
    assert find([own], [e for i, e in enumerate(earlier) if e and i != 7], NOW).verdict is Verdict.SOME
