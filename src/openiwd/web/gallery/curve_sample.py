"""Curves for the gallery: each kind that the editor must draw, with invented items. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

HOUR: Final = 3600
DAY: Final = 24 * HOUR


class CurveSample(NamedTuple):
    """`shown` is what `curve.js` draws."""

    title: str
    shown: dict[str, Any]
    editable: bool


def _curve(points: Sequence[tuple[float, float]], **more: Any) -> dict[str, Any]:
    drawn = {
        "points": [{"age": age, "priority": priority} for age, priority in points],
        "steps": False,
        "slopeAfter": 0,
        "maximum": None,
        "sla": None,
        "isDue": False,
        "days": True,
        "valueWeight": 0,
    }
    return drawn | more


def _items(count: int, spread: float, start: float = 0) -> list[dict[str, Any]]:
    """Ages that thin out, the same on every day."""
    return [
        {
            "age": start + spread * ((k * 7919) % count / count) ** 1.7,
            "value": 0,
            "adjustment": 0,
            "fixed": None,
            "live": 0,
        }
        for k in range(count)
    ]


_MOTOR: Final = [
    (0, 200),
    (2 * HOUR, 320),
    (4 * HOUR, 480),
    (6 * HOUR, 720),
    (8 * HOUR, 840),
    (12 * HOUR, 900),
]
_LIVE: Final = [*_MOTOR[:3], (6 * HOUR, 640), *_MOTOR[4:]]


def curve_samples(texts: dict[str, str]) -> list[CurveSample]:
    """Rising with live beneath, steps, falling, negative ages, months, two points."""

    def sample(title: str, curve: dict[str, Any], *, editable: bool = False, **more: Any) -> CurveSample:
        shown = {"curve": curve, "live": None, "items": None, "threshold": 800, "texts": texts}
        return CurveSample(title, shown | more, editable)

    motor = _curve(_MOTOR, slopeAfter=10, maximum=1000, sla=8 * HOUR)
    return [
        sample(
            "Edited: draft, live beneath, SLA, items",
            motor,
            editable=True,
            live=_curve(_LIVE, slopeAfter=10, maximum=1000, sla=8 * HOUR),
            items=_items(746, 17 * HOUR),
        ),
        sample("Steps", motor | {"steps": True}),
        sample(
            "Falling, below zero", _curve([(0, 400), (DAY, 350), (2 * DAY, -120)], slopeAfter=-2, sla=DAY)
        ),
        sample(
            "Anchor due: ages before the due date are negative",
            _curve([(-3 * DAY, 100), (-8 * HOUR, 500), (0, 900)], maximum=950, slopeAfter=40, isDue=True),
            items=_items(60, 3 * DAY, -3 * DAY),
            threshold=500,
        ),
        sample(
            "Months",
            _curve([(0, 10), (30 * DAY, 80), (180 * DAY, 700)], sla=120 * DAY),
            items=_items(90, 200 * DAY),
        ),
        sample("Two points, nothing waits", _curve([(0, 0), (30 * 60, 10.5)], sla=20 * 60), items=[]),
    ]
