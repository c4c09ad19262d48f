"""Filter trees in words: the chips above the list, and the tree as the builder edits it (dates local)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.instant import SECOND, parse_duration, parse_now
from openiwd.domain.work_item import FINAL, OPEN
from openiwd.web.queue.queue_filter import QueueFilter
from openiwd.web.queue.vocabulary import DATE, Known
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.time_text import TimeText

LONGEST: Final = 60
MOST_VALUES: Final = 4
_OPEN: Final = frozenset(s.value for s in OPEN)
_FINAL: Final = frozenset(s.value for s in FINAL)


class FilterChip(NamedTuple):
    """One part of the filter: what it says, where it can be edited, and the list without it."""

    at: int
    label: str
    text: str
    title: str
    href: str
    joined: str
    """The word before it: AND, OR; empty for the first."""


class Words:
    """How conditions are told to one reader."""

    def __init__(self, t: Catalogue, times: TimeText, known: Mapping[str, Known]) -> None:
        self._t, self._times, self._known = t, times, known

    def node(self, node: Any) -> str:
        """A node in a phrase; nested groups in brackets."""
        if not isinstance(node, dict):
            return "?"
        for key in ("all", "any"):
            if isinstance(node.get(key), list):
                word = f" {self._t(f'uq.filter.{key}')} "
                return word.join(self._nested(part) for part in node[key]) or self._t("uq.filter.nothing")
        if node.get("not") is not None:
            return self._t("uq.filter.not", what=self.node(node["not"]))
        label, text = self.condition(node)
        return f"{label} {text}"

    def _nested(self, node: Any) -> str:
        text = self.node(node)
        is_group = isinstance(node, dict) and ("all" in node or "any" in node)
        return f"({text})" if is_group else text

    def condition(self, node: Mapping[str, Any]) -> tuple[str, str]:
        """The attribute's label, and what is asked of it."""
        name, operator, value = str(node.get("attribute")), str(node.get("operator")), node.get("value")
        known = self._known.get(name)
        label = known.label if known is not None else name
        if known is not None and known.type == DATE:
            return label, self._date(operator, value)
        if operator in ("isSet", "isNotSet"):
            return label, self._t(f"uq.op.{operator}")
        if name == "status" and operator == "in" and isinstance(value, list):
            group = {_OPEN: "open", _FINAL: "final"}.get(frozenset(map(str, value)))
            if group is not None:
                return label, self._t(f"uq.filter.{group}")
        if isinstance(value, bool):
            return label, self._t("uq.filter.yes" if value is (operator == "eq") else "uq.filter.no")
        values = [self._named(v, known) for v in (value if isinstance(value, list) else [value])]
        if operator == "between" and len(values) == 2:
            return label, self._t("uq.op.between", low=values[0], high=values[1])
        told = ", ".join(values[:MOST_VALUES])
        if len(values) > MOST_VALUES:
            told += " " + self._t("uq.filter.others", n=len(values) - MOST_VALUES)
        key = f"uq.op.{operator}"
        return label, self._t(key, value=told) if self._t.has(key) else f"{operator} {told}"

    def _named(self, value: Any, known: Known | None) -> str:
        options = dict(known.options) if known is not None else {}
        return options.get(str(value), str(value))

    def _date(self, operator: str, value: Any) -> str:
        t = self._t
        if operator in ("isSet", "isNotSet"):
            return t(f"uq.op.{operator}")
        if operator == "olderThan":
            return t("uq.op.olderThan", value=self._duration(value))
        if operator == "between" and isinstance(value, list) and len(value) == 2:
            low, high = (parse_now(str(v)) for v in value)
            if low is not None and high == 0:
                return t("uq.op.withinLast", value=self._span(-low))
            if low == 0 and high is not None:
                return t("uq.op.withinNext", value=self._span(high))
            return t("uq.op.between", low=self._instant(value[0]), high=self._instant(value[1]))
        key = {"lt": "before", "le": "before", "gt": "after", "ge": "after"}.get(operator, operator)
        offset = parse_now(str(value))
        if offset and key in ("before", "after"):
            return t(f"uq.op.{key}_{'past' if offset < 0 else 'ahead'}", value=self._span(abs(offset)))
        key = f"uq.op.{key}"
        return t(key, value=self._instant(value)) if t.has(key) else f"{operator} {self._instant(value)}"

    def _span(self, micros: int) -> str:
        return self._times.whole_duration(micros // SECOND)

    def _duration(self, value: Any) -> str:
        """What `1d6h` means; what is none is shown as it is, and the search says what is wrong with it."""
        try:
            return self._span(parse_duration(value)) if isinstance(value, int | str) else str(value)
        except InvalidInputError:
            return str(value)

    def _instant(self, value: Any) -> str:
        offset = parse_now(str(value))
        if offset == 0:
            return self._t("uq.filter.now")
        if offset is not None:
            return self._t(
                "uq.filter.from_now" if offset > 0 else "uq.filter.ago", span=self._span(abs(offset))
            )
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            return str(value)
        local = at if at.tzinfo is None else self._times.local(at)
        return f"{local:%Y-%m-%d %H:%M}"


def filter_chips(
    chosen: QueueFilter, tree: Mapping[str, Any], words: Words, t: Catalogue
) -> list[FilterChip]:
    """The parts of the filter's uppermost group, each to be taken away alone."""
    key = "any" if isinstance(tree.get("any"), list) else "all"
    parts: list[Any] = tree[key] if isinstance(tree.get(key), list) else [dict(tree)] if tree else []
    chips = []
    for n, part in enumerate(parts):
        rest = [p for m, p in enumerate(parts) if m != n]
        is_condition = isinstance(part, dict) and "attribute" in part
        label, text = words.condition(part) if is_condition else ("", words.node(part))
        without = chosen.with_tree({key: rest} if rest else {})
        cut = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
        joined = t(f"uq.filter.{key}") if n else ""
        chips.append(FilterChip(n, label, cut, f"{label} {text}".strip(), without.address(), joined))
    return chips


# The tree as the builder has it --------------------------------------------------------------------------------------


def for_editing(tree: Any, known: Mapping[str, Known], times: TimeText) -> Any:
    """The tree with dates as the reader's local time, as inputs of dates have them."""
    return _converted(tree, known, lambda value: _to_local(value, times))


def from_editing(tree: Any, known: Mapping[str, Known], times: TimeText) -> Any:
    """The tree with local times as instants again."""
    return _converted(tree, known, lambda value: _to_instant(value, times))


def _converted(node: Any, known: Mapping[str, Known], convert: Callable[[Any], Any], depth: int = 0) -> Any:
    if not isinstance(node, dict) or depth > 30:
        return node
    found = dict(node)
    for key in ("all", "any"):
        if isinstance(found.get(key), list):
            found[key] = [_converted(part, known, convert, depth + 1) for part in found[key]]
    if "not" in found:
        found["not"] = _converted(found["not"], known, convert, depth + 1)
    one = known.get(str(found.get("attribute")))
    if one is not None and one.type == DATE and "value" in found:
        value = found["value"]
        found["value"] = [convert(v) for v in value] if isinstance(value, list) else convert(value)
    return found


def _to_local(value: Any, times: TimeText) -> Any:
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return value
    return (at if at.tzinfo is None else times.local(at)).strftime("%Y-%m-%dT%H:%M")


def _to_instant(value: Any, times: TimeText) -> Any:
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return value
    return (at if at.tzinfo is not None else at.replace(tzinfo=times.zone)).isoformat()
