"""Instants and durations: exact, and what is written is read back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.instant import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    format_duration,
    from_micros,
    parse_duration,
    to_micros,
)

aware = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(  # noqa: DTZ001 - made aware here
    lambda naive: naive.replace(tzinfo=UTC)
)


@given(aware)
def test_an_instant_survives_the_way_through_microseconds(instant: datetime) -> None:
    assert from_micros(to_micros(instant)) == instant


def test_the_offset_of_an_instant_does_not_matter() -> None:
    there = datetime(2026, 7, 1, 14, 0, 0, 1, tzinfo=timezone(timedelta(hours=2)))
    assert to_micros(there) == to_micros(datetime(2026, 7, 1, 12, 0, 0, 1, tzinfo=UTC))
    assert to_micros(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC)) == 1_000_005


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0h", 0),
        ("90s", 90 * SECOND),
        ("1h30m", 90 * MINUTE),
        ("2d", 2 * DAY),
        ("1.5h", 90 * MINUTE),
        ("-4h", -4 * HOUR),
        ("-1d12h", -36 * HOUR),
        ("0.000001s", 1),
        (" 5m ", 5 * MINUTE),
        (45, 45 * SECOND),
        (-45, -45 * SECOND),
    ],
)
def test_a_duration_is_read(text: str | int, micros: int) -> None:
    assert parse_duration(text) == micros


@pytest.mark.parametrize(
    "text", ["", "h", "5", "5 h", "1.h", "--1h", "1h-2m", "1w", "\u0665h", "9" * 5000 + "d"]
)
def test_what_is_no_duration_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_duration(text, "queues[0].wrapUp")
    assert caught.value.field == "queues[0].wrapUp"
    assert caught.value.hint is not None


@given(st.integers(-(10**18), 10**18))
def test_a_duration_written_is_read_back(micros: int) -> None:
    assert parse_duration(format_duration(micros)) == micros


@pytest.mark.parametrize(
    ("micros", "text"),
    [(0, "0s"), (90 * MINUTE, "1h30m"), (-DAY, "-1d"), (1_500_000, "1.5s"), (MINUTE + 1, "1m0.000001s")],
)
def test_a_duration_is_written_short(micros: int, text: str) -> None:
    assert format_duration(micros) == text
