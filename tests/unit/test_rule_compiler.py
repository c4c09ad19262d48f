"""The generated function against an interpreter that reads the document itself, slowly and plainly."""

from __future__ import annotations

import re
from types import CodeType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from openiwd.domain import rule_compiler, rule_index
from openiwd.domain.judgement import Outcome, judge
from tests.factories.rule_set import NOW, compiled, document, facts
from tests.unit.reference_rules import (
    as_document,
    as_facts,
    expected,
    items,
    one_rule,
    rules,
    tables,
    trees,
)


def check(all_rules: list[Any], all_tables: list[Any], tree: list[Any], some: list[dict[str, Any]]) -> None:
    """The quick and the careful variant judge every item alike, and as the interpreter does."""
    version = compiled(as_document(all_rules, all_tables, tree))
    generated: Any = version.decide
    careful = structs.replace(version, decide=generated.__globals__["careful"])
    for item in some:
        result = judge(version, as_facts(item), NOW, {})
        assert result == judge(careful, as_facts(item), NOW, {})
        outcome, acted, told, value = expected(all_rules, all_tables, tree, dict(item))
        assert (result.outcome, result.trace, result.business_value) == (outcome, acted, value)
        if outcome is Outcome.CLASSIFIED:
            assert result.category_path == told
        elif outcome is Outcome.ERRORHELD:
            assert result.error is not None
            assert told in result.error


@settings(max_examples=200, deadline=None)
@given(
    rules,
    st.lists(tables(), max_size=1),
    st.lists(trees, max_size=3),
    st.lists(items(), min_size=1, max_size=5),
)
def test_the_generated_function_decides_as_the_interpreter_does(
    all_rules: list[Any], all_tables: list[Any], tree: list[Any], some: list[dict[str, Any]]
) -> None:
    check(all_rules, all_tables, tree, some)


@settings(max_examples=200, deadline=None)
@given(
    rules,
    st.lists(tables(), max_size=2),
    st.lists(trees, max_size=3),
    st.lists(items(), min_size=1, max_size=5),
)
def test_indexes_decide_as_the_interpreter_does(
    all_rules: list[Any], all_tables: list[Any], tree: list[Any], some: list[dict[str, Any]]
) -> None:
    """Few rules suffice for an index here, and it holds up to three of them."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rule_index, "MIN_RULES", 1)
        patched.setattr(rule_index, "MIN_USES", 1)
        patched.setattr(rule_index, "MIN_SHARE", 0)
        patched.setattr(rule_compiler, "MAX_RULES", 3)
        check(all_rules, all_tables, tree, some)


@settings(max_examples=60, deadline=None)
@given(st.lists(one_rule, min_size=8, max_size=30), st.lists(items(), min_size=1, max_size=10))
def test_many_rules_decide_as_the_interpreter_does(all_rules: list[Any], some: list[dict[str, Any]]) -> None:
    check(all_rules, [], [(None, [])], some)


SECRET = "__import__('os').system('true')"


def codes(code: CodeType) -> list[CodeType]:
    return [code, *(inner for c in code.co_consts if isinstance(c, CodeType) for inner in codes(c))]


@pytest.mark.parametrize("more", [0, 20], ids=["asked", "indexed"])
def test_no_text_of_a_user_reaches_the_code(more: int) -> None:
    condition = {"attribute": f"data.{SECRET}", "operator": "eq", "value": SECRET}
    version = compiled(
        document(
            rules=[
                {
                    "id": "rule-text",
                    "when": condition,
                    "then": [{"setAttribute": {"name": f"data.{SECRET}", "value": SECRET}}],
                },
                *(
                    {
                        "id": f"rule-text{n}",
                        "when": {"attribute": "channel", "operator": "eq", "value": SECRET},
                    }
                    for n in range(more)
                ),
            ],
            categories=[
                {"id": "all", "name": SECRET.replace("/", ""), "schema": "s", "queue": "q", "when": condition}
            ],
        )
    )
    quick: Any = version.decide
    careful = quick.__globals__["careful"]
    for function in (quick, careful):
        for code in codes(function.__code__):
            spoken = [*code.co_names, *code.co_varnames, *(c for c in code.co_consts if isinstance(c, str))]
            assert not [
                text for text in spoken if "import" in text or "rule-text" in text or "system" in text
            ]
            assert all(re.fullmatch(r"[A-Za-z_]\w*", text) for text in spoken)
        assert function.__globals__["__builtins__"] == {}
    key = SECRET.split(".", maxsplit=1)[0]
    given_facts = facts(data={key: {"system('true')": SECRET}}, channel=SECRET)
    acted = judge(version, given_facts, NOW, {}).trace
    assert acted == ("rule-text", *(f"rule-text{n}" for n in range(more)))


@pytest.mark.parametrize("branches", [1, 2])
def test_a_second_compilation_gives_the_same_code(branches: int) -> None:
    raw = as_document([({"attribute": "subject", "operator": "eq", "value": "a"}, [])] * branches, [], [])
    raw["categories"] = [{"id": "all", "name": "All", "schema": "s", "queue": "q"}]
    for i, rule in enumerate(raw["rules"]):
        rule["id"] = f"r{i}"
    one: Any = compiled(raw).decide
    other: Any = compiled(raw).decide
    assert one.__code__ == other.__code__
