"""Workbins, and what surrounds the item in focus: how long it is in hand, what else the contact has."""

from __future__ import annotations

from typing import NamedTuple

from openiwd.domain.instant import SECOND
from openiwd.domain.privilege import Caller
from openiwd.domain.work_item import WorkItem
from openiwd.ports.tenant_store import SearchPage
from openiwd.usecases.matching_count import COUNTED
from openiwd.usecases.workbin import EVERYBODY, Workbin
from openiwd.web.item.item_view import category_of
from openiwd.web.item.row_view import Row, Shown, icon_of, row_of, subject_of
from openiwd.web.shell.catalogue import Catalogue, number
from openiwd.web.shell.time_text import Moment


class BinLine(NamedTuple):
    id: str
    name: str
    amount: str


class BinView(NamedTuple):
    id: str
    name: str
    total: str
    rows: list[Row]


class Handling(NamedTuple):
    """How long the item is in hand, and how long it should take."""

    seconds: int
    target: str


class RelatedItem(NamedTuple):
    subject: str
    icon: str
    status: str
    moment: Moment | None


def bin_line(found: Workbin, t: Catalogue) -> BinLine:
    return BinLine(found.id, _name(found.id, found.name, t), _count(found.count, exact=found.count < COUNTED))


def _name(bin_id: str, name: str, t: Catalogue) -> str:
    return t("desk.everybody") if bin_id == EVERYBODY else name


def _count(count: int, *, exact: bool) -> str:
    return number(count) if exact else f"{COUNTED // 1_000}k+"


def bin_view(bin_id: str, name: str, page: SearchPage, shown: Shown) -> BinView:
    return BinView(
        bin_id,
        _name(bin_id, name, shown.t),
        _count(page.count, exact=page.count_exact),
        [row_of(i, shown) for i in page.items],
    )


def handling_of(item: WorkItem, caller: Caller, shown: Shown) -> Handling | None:
    """Of an item that is in the caller's hand; None for others."""
    if item.assigned_at is None or item.assigned_to is None or item.assigned_to != caller.agent_id:
        return None
    node = category_of(item, shown)
    target = node.target_handle_time if node is not None else None
    text = shown.times.round_duration(target / SECOND) if target is not None else ""
    return Handling(max(0, int((shown.times.now - item.assigned_at).total_seconds())), text)


def related_view(item: WorkItem, shown: Shown) -> RelatedItem:
    return RelatedItem(
        subject_of(item, shown.t),
        icon_of(item.media_type),
        item.status.value,
        shown.times.moment(item.received_at),
    )
