"""Ages as people type them, and the spelling that a rule set keeps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.instant import DAY, HOUR, MINUTE, SECOND
from openiwd.web.configuration.age_text import age_text, parse_age, spelled


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("6", 6 * HOUR), ("6:30", 6 * HOUR + 30 * MINUTE), ("0:00", 0), ("120:00", 120 * HOUR), ("90m", 90 * MINUTE),
        ("2d", 2 * DAY), ("2d 6:00", 2 * DAY + 6 * HOUR), ("1d 6h 30m", DAY + 6 * HOUR + 30 * MINUTE),
        ("-8:00", -8 * HOUR), ("−3d", -3 * DAY), ("1,5h", 90 * MINUTE), (" 45s ", 45 * SECOND),
    ],
)  # fmt: skip
def test_what_people_type(text: str, micros: int) -> None:
    assert parse_age(text) == micros


@pytest.mark.parametrize("text", ["", "soon", "6:75", "1:2:3", "d", "--1", "6 o'clock"])
def test_what_is_no_age(text: str) -> None:
    with pytest.raises(InvalidInputError) as told:
        parse_age(text, "sla")
    assert told.value.field == "sla"


@given(st.integers(-400 * DAY, 400 * DAY), st.booleans())
def test_an_age_is_read_back_from_its_text(micros: int, days: bool) -> None:
    assert parse_age(age_text(micros, days=days)) == micros


def test_days_stand_only_where_a_day_has_24_hours() -> None:
    assert age_text(54 * HOUR, days=True) == "2d 6:00"
    assert age_text(54 * HOUR, days=False) == "54:00"
    assert age_text(-36 * HOUR, days=True) == "−36:00"


def test_what_has_not_changed_keeps_its_spelling() -> None:
    assert spelled(90 * MINUTE, "90m") == "90m"
    assert spelled(90 * MINUTE, 5400) == 5400
    assert spelled(90 * MINUTE, "2h") == "1h30m"
