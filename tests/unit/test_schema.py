"""Priorities against the definition, evaluated naively, and lines against priorities."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from openiwd.domain.calendar import (
    WALL,
    WEEKDAYS,
    Calendar,
    CalendarConfig,
    CalendarException,
    Clock,
    WeeklyHours,
    freeze,
)
from openiwd.domain.curve import Interpolation
from openiwd.domain.errors import RuleSetError
from openiwd.domain.instant import DAY, HOUR, MINUTE, parse_duration, to_micros
from openiwd.domain.schema import (
    Anchor,
    PointConfig,
    Schema,
    SchemaConfig,
    Standing,
    anchor_of,
    compile_schema,
    due_at,
    line_at,
    next_bend_at,
    paused_time,
    priority_at,
    samples,
    scaled_line_at,
    shown,
    standing,
)

OFFICE = Calendar(
    freeze(
        CalendarConfig(
            id="office",
            name="Office",
            time_zone="Europe/Berlin",
            weekly=WeeklyHours(**dict.fromkeys(WEEKDAYS[:5], ("08:00-12:00", "13:00-18:00"))),
            exceptions=(CalendarException(date(2026, 3, 11), ()),),
        ),
        {},
        [(0, 3600), (1_774_746_000, 7200), (1_792_890_000, 3600)],
        2026,
        2026,
    )
)
CLOCKS: list[Clock] = [WALL, OFFICE]
WEIGHTS: list[int | Decimal] = [0, 1, -2, Decimal("0.1"), Decimal("2.75")]
MONDAY = to_micros(datetime(2026, 3, 9, 7, tzinfo=UTC))  # 08:00 in Berlin


def schema_of(points: list[tuple[str | int, Any]], clock: Clock = WALL, **rest: Any) -> Schema:
    config = SchemaConfig(
        id="s", name="S", points=tuple(PointConfig(age, value) for age, value in points), **rest
    )
    return compile_schema(config, clock)


def naive_curve(config: SchemaConfig, age: int) -> Fraction:
    """The definition, read off the configuration."""
    points = [(parse_duration(point.age), Fraction(point.priority)) for point in config.points]
    passed = [point for point in points if point[0] <= age]
    if not passed:
        value = points[0][1]
    elif len(passed) == len(points):
        value = points[-1][1] + Fraction(config.slope_after) * Fraction(age - points[-1][0], HOUR)
    elif config.interpolation is Interpolation.STEPS:
        value = passed[-1][1]
    else:
        (a, p), (b, q) = passed[-1], points[len(passed)]
        value = p + (q - p) * Fraction(age - a, b - a)
    return value if config.maximum is None else min(value, Fraction(config.maximum))


numbers = st.one_of(st.integers(-500, 1000), st.decimals(-500, 1000, places=2))
ages = st.one_of(
    st.integers(-300, 300).map(lambda quarters: f"{quarters * 15}m"),
    st.integers(-(10**7), 10**7).map(lambda micros: f"{'-' if micros < 0 else ''}{abs(micros) / 10**6:.6f}s"),
)


@st.composite
def configs(draw: st.DrawFn) -> SchemaConfig:
    drawn = draw(
        st.lists(st.tuples(ages, numbers), min_size=1, max_size=6, unique_by=lambda p: parse_duration(p[0]))
    )
    points = sorted(drawn, key=lambda point: parse_duration(point[0]))
    maximum = draw(st.none() | numbers)
    assume(maximum is None or Fraction(maximum) >= min(Fraction(priority) for _, priority in points))
    return SchemaConfig(
        id="s",
        name="S",
        points=tuple(PointConfig(age, priority) for age, priority in points),
        anchor=draw(st.sampled_from(Anchor)),
        interpolation=draw(st.sampled_from(Interpolation)),
        slope_after=draw(numbers),
        maximum=maximum,
        value_weight=draw(st.sampled_from(WEIGHTS)),
    )


schemas = st.tuples(configs(), st.sampled_from(CLOCKS)).map(lambda drawn: (drawn[0], compile_schema(*drawn)))
moments = st.one_of(
    st.integers(MONDAY - 10 * DAY, MONDAY + 30 * DAY),
    st.integers(-80, 300).map(lambda quarters: MONDAY + quarters * 15 * MINUTE),
)


@st.composite
def items(draw: st.DrawFn) -> tuple[SchemaConfig, Schema, int, int, int, int, int | None]:
    config, schema = draw(schemas)
    return (
        config,
        schema,
        draw(moments),
        draw(st.one_of(st.just(0), st.integers(0, 5 * HOUR))),
        draw(st.integers(-1000, 1000)),
        draw(st.integers(-100, 100)),
        draw(st.one_of(st.none(), st.none(), st.none(), st.integers(0, 999))),
    )


Drawn = tuple[SchemaConfig, Schema, int, int, int, int, int | None]


def naive_priority(item: Drawn, now: int) -> Fraction:
    config, schema, anchor, paused, value, adjustment, fixed = item
    if fixed is not None:
        return Fraction(fixed)
    age = schema.clock.between(anchor, now) - paused
    return naive_curve(config, age) + Fraction(config.value_weight) * value + adjustment


def standing_of(item: Drawn) -> Standing:
    return standing(*item[1:])


@given(schemas, st.integers(-80 * HOUR, 120 * HOUR))
def test_the_curve_is_the_definition(drawn: tuple[SchemaConfig, Schema], age: int) -> None:
    config, schema = drawn
    assert schema.curve(age) == naive_curve(config, age)


@given(schemas)
def test_the_curve_is_exact_around_every_bend(drawn: tuple[SchemaConfig, Schema]) -> None:
    config, schema = drawn
    given_ages = [parse_duration(point.age) for point in config.points]
    for age in [*given_ages, *schema.bends]:
        for near in (age - 1, age, age + 1):
            assert schema.curve(near) == naive_curve(config, near)


@given(schemas)
def test_every_bend_bends(drawn: tuple[SchemaConfig, Schema]) -> None:
    _, schema = drawn
    lines = list(zip(schema.bases, schema.rates, strict=True))
    assert all(one != other for one, other in pairwise(lines))
    assert list(schema.bends) == sorted(set(schema.bends))
    assert schema.rates[0] == 0


@given(items(), moments)
def test_the_priority_is_the_definition(item: Drawn, now: int) -> None:
    assert priority_at(item[1], standing_of(item), now) == naive_priority(item, now)


@given(items(), moments, st.integers(0, 40 * DAY))
def test_a_line_holds_exactly_until_its_end(item: Drawn, now: int, later: int) -> None:
    schema, held = item[1], standing_of(item)
    clock = schema.clock
    elapsed = clock.elapsed(now)
    line = line_at(schema, held, elapsed)
    instants = [now, now + later]
    if line.until is not None:
        assert line.until > elapsed
        bend = clock.instant_at(line.until)
        assert bend == next_bend_at(schema, held, now)
        assert line_at(schema, held, line.until)[:2] != line[:2]
        assert priority_at(schema, held, bend) == naive_priority(item, bend)
        instants.append(bend - 1)
    else:
        assert next_bend_at(schema, held, now) is None
    for instant in instants:
        at = clock.elapsed(instant)
        if line.until is None or at < line.until:
            assert line.intercept + line.slope * at == naive_priority(item, instant)


@given(items(), moments)
def test_a_scaled_line_is_the_line_in_whole_numbers(item: Drawn, now: int) -> None:
    schema, held = item[1], standing_of(item)
    elapsed = schema.clock.elapsed(now)
    line, scaled = line_at(schema, held, elapsed), scaled_line_at(schema, held, elapsed)
    assert (line.intercept * schema.scale, line.slope * schema.scale, line.until) == scaled
    assert all(type(number) is int for number in scaled[:2])


@given(items(), moments, moments)
def test_while_a_hold_stops_the_clock_the_priority_stands_still(item: Drawn, stopped: int, now: int) -> None:
    schema = item[1]
    held = standing(*item[1:], stopped_at=stopped)
    assert priority_at(schema, held, now) == naive_priority(item, stopped)
    line = line_at(schema, held, schema.clock.elapsed(now))
    assert (line.intercept, line.slope, line.until) == (naive_priority(item, stopped), 0, None)


@given(items(), moments, st.integers(0, 40 * DAY), st.integers(0, 40))
def test_samples_draw_the_exact_course(item: Drawn, start: int, length: int, limit: int) -> None:
    schema, held, end = item[1], standing_of(item), start + length
    drawn = samples(schema, held, start, end, limit)
    assert (drawn[0][0], drawn[-1][0]) == (start, end)
    assert [instant for instant, _ in drawn] == sorted(instant for instant, _ in drawn)
    assert len(drawn) <= limit + 2 * len(schema.segments) + 2
    # Of several points at one instant the last one holds from there on.
    for instant, priority in dict(drawn).items():
        assert priority == naive_priority(item, instant)


@given(items(), moments, st.integers(0, 20 * DAY))
def test_between_two_samples_the_course_is_straight(item: Drawn, start: int, length: int) -> None:
    schema, held = item[1], standing_of(item)
    for (a, p), (b, q) in pairwise(samples(schema, held, start, start + length)):
        for instant in {a + (b - a) // 3, (a + b) // 2, b - 1}:
            if a < instant < b:
                assert p + (q - p) * Fraction(instant - a, b - a) == naive_priority(item, instant)


def test_a_curve_by_hand() -> None:
    schema = schema_of([("0h", 200), ("2h", 320)], slope_after=10, maximum=350)
    assert [schema.curve(hours * HOUR) for hours in (-5, 0, 1, 2, 3, 4, 5, 6, 500)] == [
        200, 200, 260, 320, 330, 340, 350, 350, 350,
    ]  # fmt: skip
    assert schema.bends == (0, 2 * HOUR, 5 * HOUR)
    assert [schema.segment_at(age) for age in (-1, 0, 2 * HOUR - 1, 2 * HOUR, 5 * HOUR)] == [0, 1, 1, 2, 3]


def test_steps_hold_from_their_age_on() -> None:
    schema = schema_of([("0h", 1), ("1h", 5), ("2h", 3)], interpolation=Interpolation.STEPS)
    assert [schema.curve(age) for age in (-1, 0, HOUR - 1, HOUR, 2 * HOUR - 1, 2 * HOUR)] == [
        1,
        1,
        1,
        5,
        5,
        3,
    ]


def test_the_maximum_between_two_microseconds_is_exact_on_both_sides() -> None:
    schema = schema_of([("0s", 0), ("0.000003s", 10)], maximum=5)
    assert [schema.curve(age) for age in range(4)] == [0, Fraction(10, 3), 5, 5]
    falling = schema_of([("0s", 10), ("0.000003s", 0)], maximum=5)
    assert [falling.curve(age) for age in range(5)] == [5, 5, Fraction(10, 3), 0, 0]


def test_points_on_one_line_make_no_bend() -> None:
    assert schema_of([("0h", 0), ("1h", 10), ("2h", 20)], slope_after=10).bends == (0,)
    assert schema_of([("0h", 7), ("1h", 7)]).bends == ()


def test_a_maximum_reached_at_a_point_bends_once() -> None:
    assert schema_of([("0h", 0), ("1h", 10), ("2h", 20)], maximum=10).bends == (0, HOUR)
    assert schema_of([("0h", 0), ("1h", 10), ("2h", 5)], maximum=10).bends == (0, HOUR, 2 * HOUR)


def test_the_age_before_a_due_date_is_negative() -> None:
    schema = schema_of([("-4h", 100), ("0h", 500)], OFFICE, anchor=Anchor.DUE)
    held = standing(schema, MONDAY + 2 * HOUR, 0, 0, 0)
    friday_1600 = MONDAY - 2 * DAY - 16 * HOUR
    assert priority_at(schema, held, friday_1600) == 100
    assert priority_at(schema, held, MONDAY - DAY) == 300
    assert priority_at(schema, held, MONDAY + 2 * HOUR) == 500


def test_business_value_adjustment_pause_and_fixed_priority() -> None:
    schema = schema_of([("0h", 0), ("10h", 100)], value_weight=Decimal("0.1"), maximum=50)
    assert priority_at(schema, standing(schema, MONDAY, HOUR, 7, -3), MONDAY + 3 * HOUR) == Fraction(177, 10)
    assert priority_at(schema, standing(schema, MONDAY, 0, 0, 10), MONDAY + 9 * HOUR) == 60
    fixed = standing(schema, MONDAY, 0, 700, 10, fixed=42)
    assert priority_at(schema, fixed, MONDAY + 9 * HOUR) == 42
    assert line_at(schema, fixed, MONDAY) == (42, 0, None)


def test_paused_time_is_counted_on_the_clock() -> None:
    pauses = [(MONDAY - DAY, MONDAY + HOUR), (MONDAY + 9 * HOUR, MONDAY + 24 * HOUR + 30 * MINUTE)]
    assert paused_time(OFFICE, pauses) == HOUR + HOUR + 30 * MINUTE
    assert paused_time(WALL, pauses) == 25 * HOUR + 15 * HOUR + 30 * MINUTE
    assert paused_time(WALL, []) == 0


def test_the_due_date_of_a_schema_runs_on_its_clock() -> None:
    assert due_at(schema_of([("0h", 1)], OFFICE, sla="10h"), MONDAY) == MONDAY + 25 * HOUR
    assert due_at(schema_of([("0h", 1)], sla="10h"), MONDAY) == MONDAY + 10 * HOUR
    assert due_at(schema_of([("0h", 1)]), MONDAY) is None


@pytest.mark.parametrize(
    ("anchor", "rest", "expected"),
    [
        (Anchor.CREATED, (2, 3, 4), 1),
        (Anchor.SOURCE_CREATED, (2, 3, 4), 2),
        (Anchor.ACTIVATION, (2, 3, 4), 3),
        (Anchor.DUE, (2, 3, 4), 4),
        (Anchor.SOURCE_CREATED, (None, 3, 4), 1),
        (Anchor.ACTIVATION, (2, None, 4), 1),
        (Anchor.DUE, (2, 3, None), 1),
        (Anchor.DUE, (2, 3, 0), 0),
    ],
)
def test_an_anchor_that_is_missing_falls_back_to_created(
    anchor: Anchor, rest: tuple[int | None, int | None, int | None], expected: int
) -> None:
    assert anchor_of(anchor, 1, *rest) == expected


@pytest.mark.parametrize(
    ("priority", "expected"),
    [
        (5, 5),
        (Fraction(10, 2), 5),
        (Fraction(1, 3), 0.33),
        (Fraction(5, 1000), 0),
        (Fraction(15, 1000), 0.02),
        (Fraction(-1, 8), -0.12),
    ],
)
def test_a_priority_is_shown_with_two_decimals(priority: int | Fraction, expected: float) -> None:
    assert shown(priority) == expected
    assert type(shown(priority)) is type(expected)


def test_the_document_form_is_read_exactly() -> None:
    text = b"""{"id": "motor", "name": "Motor", "clock": "office", "anchor": "due", "interpolation": "steps",
        "points": [{"age": "-2h", "priority": 200}, {"age": 0, "priority": 0.1},
        {"age": "1h", "priority": "0.30"}],
        "sla": "8h", "slopeAfter": 10.5, "maximum": 900, "valueWeight": 0.1}"""
    read = msgspec.json.decode(text, type=SchemaConfig)
    assert read.points[1].priority == Decimal("0.1")
    schema = compile_schema(read, OFFICE)
    assert schema.curve(0) == Fraction(1, 10)
    assert schema.curve(2 * HOUR) == Fraction(108, 10)
    assert (schema.value_weight, schema.sla, schema.anchor) == (Fraction(1, 10), 8 * HOUR, Anchor.DUE)
    assert msgspec.json.decode(msgspec.json.encode(read), type=SchemaConfig) == read
    assert msgspec.convert(msgspec.to_builtins(read), SchemaConfig) == read
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text.replace(b"slopeAfter", b"slope"), type=SchemaConfig)


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (lambda: schema_of([]), "schema.points"),
        (lambda: schema_of([(age, 1) for age in range(201)]), "schema.points"),
        (lambda: schema_of([("1h", 1), ("60m", 2)]), "schema.points[1].age"),
        (
            lambda: schema_of([("1h", 1), ("0h", 2)], interpolation=Interpolation.STEPS),
            "schema.points[1].age",
        ),
        (lambda: schema_of([("soon", 1)]), "schema.points[0].age"),
        (lambda: schema_of([("999999999d", 1)]), "schema.points[0].age"),
        (lambda: schema_of([("0h", Decimal("NaN"))]), "schema.points[0].priority"),
        (lambda: schema_of([("0h", Decimal("1e999999"))]), "schema.points[0].priority"),
        (lambda: schema_of([("0h", Decimal("1e-999999"))]), "schema.points[0].priority"),
        (lambda: schema_of([("0h", 10**9 + 1)]), "schema.points[0].priority"),
        (lambda: schema_of([("0h", 1)], slope_after=Decimal("Infinity")), "schema.slopeAfter"),
        (lambda: schema_of([("0h", 1)], value_weight=Decimal("0.0000000001")), "schema.valueWeight"),
        (lambda: schema_of([("0h", 5), ("1h", 9)], maximum=4), "schema.maximum"),
        (lambda: schema_of([("0h", 1)], sla="0h"), "schema.sla"),
        (lambda: schema_of([("0h", 1)], sla="-1h"), "schema.sla"),
        (lambda: schema_of([("0h", 1)], sla="later"), "schema.sla"),
    ],
)
def test_a_bad_schema_is_refused_with_its_path(broken: Callable[[], Schema], field: str) -> None:
    with pytest.raises(RuleSetError) as caught:
        broken()
    assert caught.value.field == field
