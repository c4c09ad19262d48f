"""Tests of the rule set as forms: what is written in lines is read back as the same test."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.rule_impact import Move, Stand
from openiwd.domain.rule_set import parse_document
from openiwd.web.configuration.impact_view import Names, _drawing
from openiwd.web.configuration.rule_test_view import NULL, body_of, fields_of, lines_of, typed_of, values_of
from openiwd.web.shell.rendering import catalogue
from tests.factories.rule_set import document

EN = catalogue("en")
KEYS = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True)
SCALARS = st.one_of(
    st.booleans(), st.integers(-1000, 1000), st.none(), st.lists(st.integers(0, 9), max_size=3),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12),
    st.sampled_from(["5", "true", "null", " x", "a = b", "[1]", '"', "line\nbreak", ""]),
)  # fmt: skip
ITEMS = st.recursive(
    st.dictionaries(KEYS, SCALARS, min_size=1, max_size=3),
    lambda inner: st.dictionaries(KEYS, st.one_of(SCALARS, inner), min_size=1, max_size=3),
    max_leaves=6,
)


@given(ITEMS)
def test_lines_are_read_back_as_the_values_they_were_made_of(item: dict[str, Any]) -> None:
    assert values_of("\n".join(lines_of(item)), "item") == item


@pytest.mark.parametrize("text", ["data.line", "data = 1\ndata.line = 2", "= 5"])
def test_a_line_that_says_nothing_is_told(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        values_of(text, "item")
    assert caught.value.field == "item"


def test_a_test_is_the_same_after_its_form() -> None:
    test = {
        "name": "Storm", "at": "2026-11-02T09:30:00+01:00",
        "item": {"subject": "Storm", "data": {"line": "motor", "amount": 5, "code": "5"}},
        "expect": {
            "status": "queued", "category": None, "queue": "q", "businessValue": 0, "due": None,
            "priority": [{"age": "4h", "priority": 300}], "skills": [{"skill": "motor claims", "level": 5}],
            "attributes": {"data.region": "north"},
        },
    }  # fmt: skip
    parsed = parse_document(document())
    sent = {f.name: f.value for f in fields_of(test, EN, False, parsed)}
    assert sent["category"] == NULL
    assert body_of(sent) == test
    empty = {f.name: f.value for f in fields_of({}, EN, True, parsed)}
    assert body_of(empty) == {"item": {}, "expect": {}}


def test_what_cannot_be_read_is_shown_again_as_typed() -> None:
    shown = {
        f.name: f.value
        for f in fields_of(
            typed_of({"item": "data.line", "queue": "q"}), EN, False, parse_document(document())
        )
    }
    assert (shown["item"], shown["queue"]) == ("data.line", "q")


def test_flows_keep_within_the_drawing_and_do_not_overlap() -> None:
    moves = [Move(origin=f"q{n % 3}", target=f"t{n % 4}", items=10**n + 1) for n in range(6)]
    stands = [Stand(id="q0", before=5, after=1)]
    drawn = _drawing(moves, stands, Names([parse_document(document())], EN), EN)
    assert drawn is not None
    assert len(drawn.flows) == 6
    for x in {b.x for b in drawn.bars}:
        column = sorted((b.y, b.height) for b in drawn.bars if b.x == x)
        assert all(y + height <= following[0] for (y, height), following in pairwise(column))
        assert column[0][0] >= 0
        assert column[-1][0] + column[-1][1] <= drawn.height
