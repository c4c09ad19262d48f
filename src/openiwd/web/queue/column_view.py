"""The columns of the list: which are shown, in which order and width, and what each shows of an item. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from openiwd.domain.work_item import WorkItem
from openiwd.usecases.item_view import NAMES
from openiwd.web.item.row_view import Row, Shown, row_of
from openiwd.web.queue.queue_filter import BY_PRIORITY, MAX_COLUMNS, QueueFilter
from openiwd.web.queue.vocabulary import NUMBER, Known
from openiwd.web.shell.time_text import Moment

DEFAULT: Final = (
    "priority", "subject", "categoryPath", "status", "dueDateTime", "createdDateTime", "assignedToUser", "queue",
)  # fmt: skip
_CSS: Final = {
    "categoryPath": "c-cat", "dueDateTime": "num", "createdDateTime": "num c-age", "assignedToUser": "c-who",
    "queue": "c-queue",
}  # fmt: skip
_KINDS: Final = {
    "priority": "priority", "subject": "subject", "categoryPath": "category", "status": "status", "dueDateTime": "sla",
    "createdDateTime": "age", "assignedToUser": "assignee", "queue": "queue",
}  # fmt: skip
_WIDTHS: Final = {
    "priority": 116, "categoryPath": 148, "status": 112, "dueDateTime": 136, "createdDateTime": 100,
    "assignedToUser": 104, "queue": 118, "captureId": 128, "overdue": 92,
}  # fmt: skip
NARROWEST, WIDEST, USUAL = 48, 900, 136
_FIELDS: Final = {public: field for field, public in NAMES.items()} | {"category": "named_category"}
_HEADS: Final = {
    "priority": "priority", "subject": "subject", "categoryPath": "category", "status": "status", "dueDateTime": "sla",
    "createdDateTime": "age", "assignedToUser": "assignee", "queue": "queue",
}  # fmt: skip
SUBJECT: Final = "subject"
COLUMNS_COOKIE: Final = "uq_columns"
WIDTHS_COOKIE: Final = "uq_widths"


class Column(NamedTuple):
    """A column's head. `width` in pixels, 0: what is left over. `sorted` is aria-sort's word."""

    name: str
    text: str
    kind: str
    css: str = ""
    width: int = 0
    href: str = ""
    sorted: str = ""


class Cell(NamedTuple):
    """What a column shows of one item. `kind` names the way to draw it; text, time and num need `text` alone."""

    kind: str
    css: str
    text: str = ""
    moment: Moment | None = None


class Line(NamedTuple):
    row: Row
    cells: list[Cell]


def chosen_columns(chosen: QueueFilter, cookie: str | None) -> tuple[str, ...]:
    """Those of the address (or of the saved view), else those that the reader has chosen, else the usual ones."""
    sent = unquote(cookie or "").split(",")
    names = chosen.columns or tuple(dict.fromkeys(n for n in sent if n))
    found = tuple(n for n in names if _is_column(n))[:MAX_COLUMNS]
    if not found:
        return DEFAULT
    # The subject opens the item: a list without it would show items that cannot be reached.
    return found if SUBJECT in found else (SUBJECT, *found)


def _is_column(name: str) -> bool:
    return (
        name in _KINDS
        or name in _FIELDS
        or name.startswith(("ext.", "data.", "contact."))
        or _field(name) != ""
    )


def _field(name: str) -> str:
    """The field of an item behind a public name; empty where there is none."""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    field = _FIELDS.get(name, snake)
    return field if field in WorkItem.__struct_fields__ else ""


def read_widths(cookie: str | None) -> dict[str, int]:
    found = {}
    for part in unquote(cookie or "").split(","):
        name, _, width = part.rpartition(":")
        if name and width.isascii() and width.isdigit():
            found[name] = max(NARROWEST, min(WIDEST, int(width)))
    return found


def columns(
    names: Sequence[str],
    widths: Mapping[str, int],
    known: Mapping[str, Known],
    chosen: QueueFilter,
    shown: Shown,
) -> list[Column]:
    """The heads, with what a click on each sorts by."""
    found = []
    for name in names:
        one = known.get(name)
        text = shown.t(f"queue.column_{_HEADS[name]}") if name in _HEADS else one.label if one else name
        is_number = one is not None and one.type == NUMBER
        css = _CSS.get(name, "num" if is_number and name not in _KINDS else "")
        width = widths.get(name) or (0 if name == "subject" else _WIDTHS.get(name, USUAL))
        href, order = _sorting(name, one, chosen, is_number=is_number)
        found.append(Column(name, text, _KINDS.get(name, "text"), css, width, href, order))
    return found


def _sorting(name: str, one: Known | None, chosen: QueueFilter, *, is_number: bool) -> tuple[str, str]:
    if one is None or not one.is_sortable:
        return "", ""
    now = "" if name == "priority" and chosen.finished else chosen.sort.removeprefix("-")
    descending = chosen.sort.startswith("-")
    if now == name:
        turned = name if descending else f"-{name}"
        return chosen._replace(sort=turned).address(), _word(name, descending=descending)
    first = BY_PRIORITY if name == "priority" else f"-{name}" if is_number else name
    return chosen._replace(sort=first).address(), ""


def _word(name: str, *, descending: bool) -> str:
    # The oldest have the earliest date and the greatest age, and it is the age that is shown.
    shown_descending = not descending if name == "createdDateTime" else descending
    return "descending" if shown_descending else "ascending"


def lines(
    items: Sequence[WorkItem], heads: Sequence[Column], known: Mapping[str, Known], shown: Shown
) -> list[Line]:
    """The items with the cells of these columns."""
    options = {
        c.name: dict(known[c.name].options)
        for c in heads
        if c.kind == "text" and c.name in known and known[c.name].options
    }
    # The usual columns show what the row has: their cells are the same in every line.
    same = [None if c.kind == "text" else Cell(c.kind, c.css) for c in heads]
    return [
        Line(
            row_of(item, shown),
            [cell or _cell(item, c, options, shown) for c, cell in zip(heads, same, strict=True)],
        )
        for item in items
    ]


def _cell(item: WorkItem, head: Column, options: Mapping[str, Mapping[str, str]], shown: Shown) -> Cell:
    value = value_of(item, head.name, shown)
    if isinstance(value, datetime):
        moment = shown.times.moment(value)
        return Cell("time", head.css, moment.text if moment else "", moment)
    return Cell("text", head.css, _text(value, options.get(head.name, {}), shown))


def value_of(item: WorkItem, name: str, shown: Shown) -> Any:
    """What an item has at a public name."""
    if name == "overdue":
        return item.due_at is not None and (item.completed_at or shown.times.now) > item.due_at
    root, _, path = name.partition(".")
    if path:
        value: Any = getattr(item, root, None)
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
    else:
        value = getattr(item, _field(name), None) if _field(name) else None
    if isinstance(value, str) and name.endswith("DateTime"):
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            return value
        return parsed if parsed.tzinfo is not None else value
    return value


def _text(value: Any, options: Mapping[str, str], shown: Shown) -> str:
    match value:
        case None | "":
            return ""
        case bool():
            return shown.t("uq.filter.yes" if value else "uq.filter.no")
        case list():
            return ", ".join(_text(v, options, shown) for v in value)
        case dict():
            return ", ".join(f"{k}: {_text(v, {}, shown)}" for k, v in value.items())
        case _:
            return options.get(str(value), str(value))
