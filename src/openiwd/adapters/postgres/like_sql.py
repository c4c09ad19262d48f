"""The statement that gives open items their likeness: equal for items of which rules read the same, and that are alike.

Every constant of a rule set is a parameter. Each attribute is taken out of its JSON once, in a subquery of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from openiwd.adapters.postgres.search_arguments import Arguments
from openiwd.domain.attribute import Root
from openiwd.domain.instant import from_micros
from openiwd.domain.rule_reading import Reading

_STANDING: Final = (
    "item.status", "item.category_id", "item.queue_id", "item.schema_id", "item.clock_id", "item.named_category",
    "item.business_value", "item.priority_fixed", "item.priority_adjustment", "item.due_origin", "item.due_at IS NULL",
    "item.anchor_at IS NULL", "item.reopened_at IS NULL", "item.pauses = '[]'", "item.clock_frozen IS NULL",
    "(item.overridden - 'dueDateTime')::text", "item.overridden ? 'dueDateTime'",
)  # fmt: skip
"""What an item is already, as far as judging it again starts from it, or tells a difference to it."""
_COLUMNS: Final = {
    "category": "item.named_category",
    "created_at": "coalesce(item.reopened_at, item.created_at)",
    "due_at": "CASE WHEN item.due_origin = 'source' THEN item.due_at"
    " ELSE (item.overridden ->> 'dueDateTime')::timestamptz END",
}
"""Fields of the facts that are no columns of that name: rules read what the source gave."""
_OPEN: Final = "item.status IN ('new','captured','queued','assigned','held','errorheld')"
_PARTS: Final = {
    "contains": "position({constant} IN {text}) > 0",
    "starts": "starts_with({text}, {constant})",
    "ends": "right({text}, length({constant})) = {constant}",
}


class _Parts(Struct):
    """What each attribute needs of a row, one step after the other: what a step has worked out, the next one uses."""

    taken: list[str]
    """Out of the columns."""
    kinds: list[str]
    numbers: list[str]
    places: list[str]
    told: list[str]
    """What goes into the likeness."""


def like_statement(read: Sequence[Reading], after: int, until: int, seed: int) -> tuple[str, Arguments]:
    """The open items of a span of numbers: columns of fixed width, never null, for a binary COPY."""
    arguments = Arguments()
    parts = _Parts([], [], [], [], [])
    for n, reading in enumerate(read):
        _add(parts, reading, f"r{n}", arguments)
    steps = (("v", parts.taken), ("k", parts.kinds), ("n", parts.numbers), ("b", parts.places))
    laterals = " ".join(
        f"CROSS JOIN LATERAL (SELECT {', '.join(values)} OFFSET 0) AS {name}"
        for name, values in steps
        if values
    )
    likeness = ", ".join([*_STANDING, *parts.told])
    return (
        "SELECT item.number, item.revision,"
        f" hash_record_extended(ROW({likeness}), {arguments.add(seed, 'bigint')}) AS likeness,"
        " coalesce(item.clock_origin, (-9223372036854775808)::bigint) AS origin,"
        " coalesce(item.clock_frozen, (-9223372036854775808)::bigint) AS stopped,"
        " coalesce(item.reopened_at, item.created_at) AS created_at"
        f" FROM item {laterals} WHERE {_OPEN} AND item.number > {arguments.add(after, 'bigint')}"
        f" AND item.number <= {arguments.add(until, 'bigint')}"
    ), arguments


def _add(parts: _Parts, reading: Reading, name: str, arguments: Arguments) -> None:
    if reading.root is Root.ITEM:
        field = reading.keys[0]
        column = _COLUMNS.get(field, f"item.{field}")
        if not reading.instant and field in ("business_value", "tags"):
            parts.told.append(f"{column}::text")
            return
        parts.taken.append(f"{column} AS {name}")
        told = _instant if reading.instant else _text
        parts.told.extend(told(reading, f"v.{name}", arguments))
        return
    value = f"item.{reading.root.value}"
    for key in reading.keys:
        value += f" -> {arguments.add(key, 'text')}"
    if reading.whole:
        parts.told.append(f"({value})::text")
        return
    parts.taken.append(f"{value} AS {name}")
    parts.kinds += [f"jsonb_typeof(v.{name}) AS {name}_kind", f"v.{name} #>> '{{}}' AS {name}"]
    kind, text = f"k.{name}_kind", f"k.{name}"
    parts.told += [kind, f"CASE WHEN {kind} IN ('boolean', 'array', 'object') THEN {text} END"]
    parts.told += [f"CASE WHEN {kind} = 'string' THEN {s} END" for s in _text(reading, text, arguments)]
    # Judging tells 5 from 5.0 where it wants a whole number.
    parts.numbers.append(f"(CASE WHEN {kind} = 'number' THEN {text} END)::numeric AS {name}")
    parts.told.append(f"scale(n.{name}) > 0")
    if reading.numbers:
        constants = arguments.add(list(reading.numbers), "numeric[]")
        parts.places.append(f"width_bucket(n.{name}, {constants}) AS {name}")
        parts.told += [f"b.{name}", f"n.{name} = ({constants})[b.{name}]"]


def _text(reading: Reading, text: str, arguments: Arguments) -> list[str]:
    if reading.whole:
        return [text]
    # Text that is compared with a number or a date is read as one, or refused.
    if reading.numbers or reading.instants:
        return [text]
    found = [f"{text} IS NULL", f"{text} = ''"]
    if reading.texts:
        constants = arguments.add(list(reading.texts), "text[]")
        found.append(f"CASE WHEN {text} = ANY ({constants}) THEN {text} END")
    for kind, constant in reading.parts:
        found.append(_PARTS[kind].format(constant=arguments.add(constant, "text"), text=text))
    return found


def _instant(reading: Reading, value: str, arguments: Arguments) -> list[str]:
    if reading.whole:
        return [value]
    found = [f"{value} IS NULL"]
    if reading.instants:
        constants = arguments.add([from_micros(i) for i in reading.instants], "timestamptz[]")
        found += [f"width_bucket({value}, {constants})", f"{value} = ANY ({constants})"]
    return found
