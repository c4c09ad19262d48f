"""The fields of a prioritization schema, and the schema that they make. Pure."""

from __future__ import annotations

from typing import Any, Final

from openiwd.domain.calendar import WALL_CLOCK_ID
from openiwd.domain.curve import Interpolation
from openiwd.domain.instant import parse_duration
from openiwd.domain.schema import Anchor, SchemaConfig
from openiwd.web.configuration.age_text import age_text
from openiwd.web.configuration.object_form import Reader, Values, number_text, row_values

NEW_POINTS: Final = ({"age": "0h", "priority": 100}, {"age": "8h", "priority": 500})


def schema_values(config: SchemaConfig) -> dict[str, str]:
    """What the fields show."""
    days = config.clock == WALL_CLOCK_ID
    values = {
        "name": config.name,
        "sla": "" if config.sla is None else age_text(parse_duration(config.sla), days=days),
        "maximum": number_text(config.maximum),
        "slopeAfter": number_text(config.slope_after),
        "anchor": config.anchor.value,
        "clock": config.clock,
        "valueWeight": number_text(config.value_weight),
        "interpolation": config.interpolation.value,
    }
    for k, point in enumerate(config.points):
        values[f"points[{k}].age"] = age_text(parse_duration(point.age), days=days)
        values[f"points[{k}].priority"] = number_text(point.priority)
    return values


def schema_body(object_id: str, values: Values, before: SchemaConfig | None) -> dict[str, Any]:
    """The schema as the rule set writes it; RuleSetError with every field that cannot be read."""
    read = Reader(values)
    known = {parse_duration(p.age): p.age for p in before.points} if before is not None else {}
    points = []
    for k in range(len(row_values(values, "points"))):
        age = read.duration(f"points[{k}].age")
        priority = read.number(f"points[{k}].priority")
        if age is None and not read.text(f"points[{k}].age"):
            read.problems.add(f"points[{k}].age", "the point has no age", "write for example 6:30")
        if priority is None and not read.text(f"points[{k}].priority"):
            read.problems.add(f"points[{k}].priority", "the point has no priority", "write a number")
        if age is not None and priority is not None:
            points.append({"age": known.get(parse_duration(age), age), "priority": priority})
    body: dict[str, Any] = {
        "id": object_id,
        "name": read.required("name", "the schema has no name"),
        "points": points,
        "clock": read.text("clock") or WALL_CLOCK_ID,
        "anchor": _one_of(read, "anchor", Anchor),
        "interpolation": _one_of(read, "interpolation", Interpolation),
        "slopeAfter": read.number("slopeAfter") or 0,
        "valueWeight": read.number("valueWeight") or 0,
    }
    sla = read.duration("sla", before.sla if before is not None else None)
    maximum = read.number("maximum")
    read.done()
    if sla is not None:
        body["sla"] = sla
    if maximum is not None:
        body["maximum"] = maximum
    return body


def _one_of(read: Reader, name: str, values: type[Anchor | Interpolation]) -> str:
    text = read.text(name)
    if text not in {v.value for v in values}:
        read.problems.add(name, f"'{text[:40]}' is none of the choices", "choose one of the list")
    return text
