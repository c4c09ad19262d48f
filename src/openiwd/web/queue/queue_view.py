"""The Universal Queue as shown: business tree with counts, quick filters, the head of the list. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import quote_plus

from openiwd.domain.category import CategoryConfig
from openiwd.domain.privilege import Caller
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.work_item import Status
from openiwd.ports.tenant_store import SearchPage
from openiwd.usecases.open_counts import CategoryCount
from openiwd.web.queue.queue_filter import QueueFilter
from openiwd.web.shell.catalogue import Catalogue, number

PAGE: Final = 60
MOST: Final = 480
CHIPS: Final = (Status.QUEUED, Status.ASSIGNED, Status.HELD, Status.ERRORHELD, Status.CAPTURED, Status.NEW)
BULK_ACTS: Final = (
    ("assign", "a", False, "workitems.assign"),
    ("hold", "h", False, "workitems.hold"),
    ("update", "m", False, "workitems.update"),
    ("cancel", None, True, "workitems.cancel"),
    ("resume", None, False, "workitems.resume"),
    ("complete", None, False, "workitems.complete"),
    ("transfer", None, False, "workitems.transfer"),
    ("restart", None, False, "workitems.restart"),
    ("reopen", None, False, "workitems.reopen"),
)
IN_BAR: Final = 4
"""So many acts stand in the bar; the others are in its menu."""


# The tree -----------------------------------------------------------------------------------------------------------


class TreeNode(NamedTuple):
    name: str
    path: str
    href: str
    total: int
    overdue: int
    current: bool
    children: list[TreeNode]


class _Tally(NamedTuple):
    total: int
    overdue: int


class TreeLinks(NamedTuple):
    """The addresses of the tree: the present search in another branch. A tree may have a thousand of them."""

    everything: str
    unclassified: str
    before: str
    """Of a category: what stands before its path."""

    @classmethod
    def of(cls, chosen: QueueFilter) -> TreeLinks:
        base = chosen._replace(category="", unclassified=False, overdue=False)
        everything = base.address()
        before = f"{everything}{'&' if '?' in everything else '?'}category="
        return cls(everything, base._replace(unclassified=True).address(), before)

    def category(self, path: str) -> str:
        return f"{self.before}{quote_plus(path)}"


def business_tree(
    rules: CompiledRuleSet | None,
    counts: Iterable[CategoryCount],
    chosen: QueueFilter,
    links: TreeLinks,
    t: Catalogue,
) -> list[TreeNode]:
    """All items, then the categories in the rule set's order; each number is the sum of what lies below it."""
    own: dict[str | None, _Tally] = {}
    for c in counts:
        before = own.get(c.category_path, _Tally(0, 0))
        own[c.category_path] = _Tally(before.total + c.count, before.overdue + c.overdue)
    total = _Tally(sum(v.total for v in own.values()), sum(v.overdue for v in own.values()))
    roots = [
        _node(c, "", own, chosen, links) for c in (rules.document.categories if rules is not None else [])
    ]
    nothing = not chosen.category and not chosen.unclassified
    nodes = [
        TreeNode(t("queue.all"), "", links.everything, total.total, total.overdue, nothing, []),
        *(n for n in roots if n is not None),
    ]
    placed = {path for node in nodes for path in _paths(node)}
    for path, tally in sorted((p, v) for p, v in own.items() if p is not None and p not in placed):
        name, current = path.replace("/", " › "), chosen.category == path
        nodes.append(TreeNode(name, path, links.category(path), tally.total, tally.overdue, current, []))
    if None in own:
        name, tally = t("queue.unclassified"), own[None]
        href = links.unclassified
        nodes.append(TreeNode(name, "-", href, tally.total, tally.overdue, chosen.unclassified, []))
    return nodes


def _node(
    config: CategoryConfig,
    parent: str,
    own: Mapping[str | None, _Tally],
    chosen: QueueFilter,
    links: TreeLinks,
) -> TreeNode | None:
    path = f"{parent}/{config.name}" if parent else config.name
    found = [_node(c, path, own, chosen, links) for c in config.children]
    children = [c for c in found if c is not None]
    mine = own.get(path, _Tally(0, 0))
    count = mine.total + sum(c.total for c in children)
    if config.archived and not count:
        return None
    return TreeNode(
        config.name,
        path,
        links.category(path),
        count,
        mine.overdue + sum(c.overdue for c in children),
        chosen.category == path,
        children,
    )


def _paths(node: TreeNode) -> Iterable[str]:
    yield node.path
    for child in node.children:
        yield from _paths(child)


# The list's head ----------------------------------------------------------------------------------------------------


class Chip(NamedTuple):
    key: str
    text: str
    href: str
    current: bool
    amount: int | None = None
    icon: str = ""


class Empty(NamedTuple):
    title: str
    text: str
    href: str = ""
    act: str = ""


class BulkAct(NamedTuple):
    action: str
    text: str
    key: str | None
    danger: bool


class QueueView(NamedTuple):
    title: str
    counts: str
    query: str
    text: str
    hidden: list[tuple[str, str]]
    chips: list[Chip]
    empty: Empty
    order: str
    bulk_acts: list[BulkAct]
    more_acts: list[BulkAct]
    may_export: bool
    matching: str
    all_matching: str


def queue_view(
    chosen: QueueFilter,
    page: SearchPage,
    counts: Sequence[CategoryCount],
    caller: Caller,
    names: Mapping[str, str],
    order: str,
    t: Catalogue,
) -> QueueView:
    total = sum(c.count for c in counts)
    shown = number(page.count) if page.count_exact else f"{page.count // 1000}k+"
    if chosen.finished:
        told = t("queue.counts_plain", text=shown)
    elif chosen.is_plain:
        told = t("queue.counts", n=total)
    else:
        told = t("queue.counts_of", n=shown, total=total)
    title = t("queue.title")
    if chosen.category:
        title = chosen.category.replace("/", " › ")
    elif chosen.unclassified:
        title = t("queue.unclassified")
    may_bulk = caller.may("workitems.bulk")
    acts = [
        BulkAct(name, t(f"act.{name}") if t.has(f"act.{name}") else t(f"uq.act.{name}"), key, danger)
        for name, key, danger, privilege in BULK_ACTS
        if may_bulk and caller.may(privilege)
    ]
    return QueueView(
        title=title,
        counts=told,
        query=chosen.address(path=""),
        text=chosen.text,
        hidden=[(name, value) for name, value in chosen.parameters() if name != "q"],
        chips=_chips(chosen, counts, names, t),
        empty=_empty(chosen, total, t),
        order=order,
        bulk_acts=acts[:IN_BAR],
        more_acts=acts[IN_BAR:],
        may_export=caller.may("workitems.export"),
        matching=shown,
        all_matching=t("uq.bulk.all_matching", text=shown),
    )


class _Counted(NamedTuple):
    by_status: dict[str, int]
    overdue: int
    sure: bool
    """Whether the tree's numbers are those of the list: not where it is narrowed by more than a category."""

    def shown(self, count: int) -> int | None:
        return count if self.sure else None


def _counted(chosen: QueueFilter, counts: Sequence[CategoryCount]) -> _Counted:
    """The numbers of the tree's chosen node."""
    by_status: dict[str, int] = {}
    overdue = 0
    for c in counts:
        path = c.category_path
        if chosen.unclassified and path is not None:
            continue
        if chosen.category and not (
            path == chosen.category or (path or "").startswith(f"{chosen.category}/")
        ):
            continue
        by_status[c.status] = by_status.get(c.status, 0) + c.count
        overdue += c.overdue
    return _Counted(by_status, overdue, not (chosen.queue or chosen.agent or chosen.text or chosen.filter))


def _chips(
    chosen: QueueFilter, counts: Sequence[CategoryCount], names: Mapping[str, str], t: Catalogue
) -> list[Chip]:
    """Quick filters: all that is open, by status, overdue, finished; then the queue and the agent that are chosen."""
    counted = _counted(chosen, counts)
    plain = chosen._replace(status=(), overdue=False, finished=False)
    narrowed = bool(chosen.status or chosen.overdue or chosen.finished)
    all_open = counted.shown(sum(counted.by_status.values()))
    to_overdue = plain if chosen.overdue else plain._replace(overdue=True)
    to_finished = plain if chosen.finished else plain._replace(finished=True)
    return [
        Chip("open", t("queue.chip_open"), plain.address(), not narrowed, all_open),
        *_status_chips(chosen, plain, counted, t),
        Chip(
            "overdue", t("queue.chip_overdue"), to_overdue.address(), chosen.overdue,
            counted.shown(counted.overdue), "alert",
        ),
        Chip(
            "finished", t("queue.chip_final"), to_finished.address(), chosen.finished, None, "st-completed"
        ),
        *_place_chips(chosen, names, t),
    ]  # fmt: skip


def _status_chips(chosen: QueueFilter, plain: QueueFilter, counted: _Counted, t: Catalogue) -> Iterable[Chip]:
    """Those that have items or are chosen, and the usual ones."""
    for status in CHIPS:
        n = counted.by_status.get(status.value, 0)
        current = chosen.status == (status.value,)
        if n or current or status in (Status.QUEUED, Status.ASSIGNED, Status.HELD):
            to = plain if current else plain._replace(status=(status.value,))
            name = t.named("status", status.value)
            yield Chip(status.value, name, to.address(), current, counted.shown(n), f"st-{status.value}")


def _place_chips(chosen: QueueFilter, names: Mapping[str, str], t: Catalogue) -> Iterable[Chip]:
    """What other pages have narrowed the list to, to be taken away."""
    if chosen.queue:
        text = t("queue.chip_queue", name=names.get(f"queue:{chosen.queue}", chosen.queue))
        yield Chip("queue", text, chosen._replace(queue="").address(), True, None, "x")
    if chosen.agent:
        text = t("queue.chip_agent", name=names.get(f"agent:{chosen.agent}", chosen.agent))
        yield Chip("agent", text, chosen._replace(agent="").address(), True, None, "x")


def _empty(chosen: QueueFilter, total: int, t: Catalogue) -> Empty:
    everything = chosen.without_filters().address()
    if chosen.finished:
        return Empty(
            t("queue.empty_finished"), t("queue.empty_finished_hint"), everything, t("queue.drop_filter")
        )
    if total:
        return Empty(
            t("queue.empty_filtered"),
            t("queue.empty_filtered_hint", n=total),
            everything,
            t("queue.drop_filter"),
        )
    return Empty(t("queue.empty_all"), t("queue.empty_all_hint"))
