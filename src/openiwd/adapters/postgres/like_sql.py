"""The statement that gives open items their likeness: equal for items of which rules read the same, and that are alike.

Every constant of a rule set is a parameter. Each attribute is taken out of its JSON once, in a subquery of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

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


def like_statement(read: Sequence[Reading], after: int, until: int, seed: int) -> tuple[str, Arguments]:
    """The open items of a span of numbers: columns of fixed width, never null, for a binary COPY."""
    arguments = Arguments()
    sources: list[str] = []
    told: list[str] = []
    for n, reading in enumerate(read):
        source, values = _told(reading, f"r{n}", arguments)
        sources += source
        told += values
    lateral = f"CROSS JOIN LATERAL (SELECT {', '.join(sources)} OFFSET 0) AS v" if sources else ""
    likeness = ", ".join([*_STANDING, *told])
    return (
        "SELECT item.number, item.revision,"
        f" hash_record_extended(ROW({likeness}), {arguments.add(seed, 'bigint')}) AS likeness,"
        " coalesce(item.clock_origin, (-9223372036854775808)::bigint) AS origin,"
        " coalesce(item.clock_frozen, (-9223372036854775808)::bigint) AS stopped,"
        " coalesce(item.reopened_at, item.created_at) AS created_at"
        f" FROM item {lateral} WHERE {_OPEN} AND item.number > {arguments.add(after, 'bigint')}"
        f" AND item.number <= {arguments.add(until, 'bigint')}"
    ), arguments


def _told(reading: Reading, name: str, arguments: Arguments) -> tuple[list[str], list[str]]:
    """(what the subquery takes out, what of it goes into the likeness)."""
    if reading.root is Root.ITEM:
        field = reading.keys[0]
        column = _COLUMNS.get(field, f"item.{field}")
        if reading.instant:
            return [f"{column} AS {name}"], _instant(reading, f"v.{name}", arguments)
        if field in ("business_value", "tags"):
            return [], [f"{column}::text"]
        return [f"{column} AS {name}"], _text(reading, f"v.{name}", arguments)
    path = arguments.add(list(reading.keys), "text[]")
    value = f"item.{reading.root.value} #> {path}"
    if reading.whole:
        return [], [f"({value})::text"]
    source = [
        f"{value} AS {name}",
        f"jsonb_typeof({value}) AS {name}_kind",
        f"item.{reading.root.value} #>> {path} AS {name}_text",
    ]
    kind, text = f"v.{name}_kind", f"v.{name}_text"
    found = [kind, f"CASE WHEN {kind} IN ('boolean', 'array', 'object') THEN {text} END"]
    strings = _text(reading, text, arguments)
    found += [f"CASE WHEN {kind} = 'string' THEN {s} END" for s in strings]
    # Judging tells 5 from 5.0 where it wants a whole number.
    number = f"(CASE WHEN {kind} = 'number' THEN {text} END)::numeric"
    found += [f"scale({number}) > 0"]
    if reading.numbers:
        constants = arguments.add(list(reading.numbers), "numeric[]")
        found += [f"width_bucket({number}, {constants})", f"{number} = ANY ({constants})"]
    return source, found


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
