"""What a draft would do to the open items, as shown: numbers that lead to their items, and where items flow. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import urlencode

from openiwd.domain.rule_impact import Band, Move, Stand
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.domain.rule_set_diff import category_nodes
from openiwd.usecases.rule_set_impact import Impact, ImpactItem
from openiwd.web.shell.catalogue import Catalogue, number

FLOWS: Final = 12
"""So many flows are drawn; the table has all."""
STANDS: Final = 12
LONGEST: Final = 18
"""Letters of a queue's name that have room beside its bar."""
WIDTH: Final = 520
HEIGHT: Final = 96
_LEFT: Final = 150
_RIGHT: Final = 366
_BAR: Final = 6
_GAP: Final = 12
_LEAST: Final = 3.0
"""A flow is at least so thick, that it can be seen."""


class Figure(NamedTuple):
    """A number with what it counts; `href` leads to the items."""

    text: str
    label: str
    href: str


class Flow(NamedTuple):
    path: str
    title: str


class Column(NamedTuple):
    """A bar of the drawing with its name and by how much it grows or shrinks."""

    x: float
    y: float
    height: float
    name: str
    change: str
    anchor: str
    text_x: float


class Drawing(NamedTuple):
    """Flows between queues, or categories."""

    width: int
    height: float
    flows: list[Flow]
    bars: list[Column]
    title: str


class MoveLine(NamedTuple):
    origin: str
    target: str
    items: str
    href: str


class StandLine(NamedTuple):
    name: str
    before: str
    after: str
    change: str


class BandLine(NamedTuple):
    name: str
    before: str
    after: str
    change: str


class ItemLine(NamedTuple):
    id: str
    subject: str
    category: tuple[str, str]
    queue: tuple[str, str]
    band: tuple[str, str]
    status: str
    """What becomes of it besides: rejected, errorheld; empty: nothing."""


class Names:
    """What categories and queues are called, before and after."""

    def __init__(self, documents: Sequence[RuleSetDocument], t: Catalogue) -> None:
        self._t = t
        self._categories: dict[str, str] = {}
        self._queues: dict[str, str] = {}
        for document in documents:
            for node, _, path, _ in category_nodes(document.categories):
                self._categories[node.id] = path.replace("/", " › ")
            self._queues |= {q.id: q.name for q in document.queues}

    def category(self, id_: str | None) -> str:
        return self._t("impact.no_category") if id_ is None else self._categories.get(id_, id_)

    def queue(self, id_: str | None) -> str:
        return self._t("impact.no_queue") if id_ is None else self._queues.get(id_, id_)


class ImpactView(NamedTuple):
    running: bool
    percent: int
    error: str
    canceled: bool
    outdated: bool
    total: str
    figures: list[Figure]
    drawing: Drawing | None
    moves: list[MoveLine]
    categories: list[StandLine]
    bands: list[BandLine]
    nothing: bool


def impact_view(impact: Impact, names: Names, t: Catalogue, path: str) -> ImpactView:
    """The count of a draft; `path` is that of the list of its items."""
    counts = impact.counts
    running = impact.status == "running"
    base = ImpactView(
        running,
        round(impact.progress * 100),
        impact.error or "",
        impact.status == "canceled",
        impact.outdated,
        "",
        [],
        None,
        [],
        [],
        [],
        nothing=False,
    )
    if counts is None:
        return base

    def link(change: str) -> str:
        return f"{path}?{urlencode({'change': change})}"

    figures = [
        Figure(number(n), t(f"impact.n_{name}", n=n), link(name) if n else "")
        for name, n, always in (
            ("queue", counts.queue, True),
            ("category", counts.category, True),
            ("band", counts.band, True),
            ("rejected", counts.rejected, False),
            ("errorheld", counts.errorheld, False),
        )
        if n or always
    ]
    return base._replace(
        total=number(counts.total),
        figures=figures,
        drawing=_drawing(counts.queue_moves, counts.queues, names, t),
        moves=[
            MoveLine(
                names.category(m.origin),
                names.category(m.target),
                number(m.items),
                f"{path}?{urlencode({'change': 'category', 'from': m.origin or '', 'to': m.target or ''})}",
            )
            for m in counts.moves
        ],
        categories=[
            StandLine(names.category(s.id), number(s.before), number(s.after), _signed(s.after - s.before))
            for s in counts.categories
            if s.before != s.after
        ][:STANDS],
        bands=[_band(n, b, t) for n, b in enumerate(counts.bands, 1)],
        nothing=not (counts.differs or counts.band),
    )


def _signed(n: int) -> str:
    return f"+{number(n)}" if n > 0 else number(n) if n else ""


def _band(n: int, band: Band, t: Catalogue) -> BandLine:
    low, high = (None if e is None else f"{e:g}" for e in (band.least, band.below))
    if low is None:
        name = t("impact.band_below", high=high or "")
    elif high is None:
        name = t("impact.band_from", low=low)
    else:
        name = t("impact.band_between", low=low, high=high)
    return BandLine(
        f"{n} · {name}", number(band.before), number(band.after), _signed(band.after - band.before)
    )


def _drawing(moves: Sequence[Move], stands: Sequence[Stand], names: Names, t: Catalogue) -> Drawing | None:
    """The largest flows between queues, as bands from left to right."""
    shown = list(moves[:FLOWS])
    if not shown:
        return None
    total = sum(m.items for m in shown)
    lefts, rights = _sides(shown, "origin"), _sides(shown, "target")
    rows = max(len(lefts), len(rights))
    height = float(max(HEIGHT, rows * 52))
    unit = (height - _GAP * (rows + 1) - _LEAST * len(shown)) / total
    thick = {id(m): _LEAST + m.items * unit for m in shown}
    changes = {s.id: s.after - s.before for s in stands}
    bars: list[Column] = []
    starts: dict[int, float] = {}
    ends: dict[int, float] = {}
    for sides, placed, x, anchor, text_x in (
        (lefts, starts, _LEFT, "end", _LEFT - 8),
        (rights, ends, _RIGHT, "start", _RIGHT + _BAR + 8),
    ):
        used = sum(thick[id(m)] for group in sides.values() for m in group)
        gap = (height - used) / (len(sides) + 1)
        y = gap
        for place, group in sides.items():
            size = sum(thick[id(m)] for m in group)
            name = _short(names.queue(place))
            change = _signed(changes.get(place, 0))
            bars.append(Column(x, round(y, 1), round(size, 1), name, change, anchor, text_x))
            for m in group:
                placed[id(m)] = y
                y += thick[id(m)]
            y += gap
    flows = [
        Flow(
            _ribbon(starts[id(m)], ends[id(m)], thick[id(m)]),
            t("impact.flow", n=m.items, origin=names.queue(m.origin), target=names.queue(m.target)),
        )
        for m in shown
    ]
    return Drawing(WIDTH, height, flows, bars, "; ".join(f.title for f in flows))


def _sides(moves: Sequence[Move], side: str) -> dict[str | None, list[Move]]:
    found: dict[str | None, list[Move]] = {}
    for move in moves:
        found.setdefault(getattr(move, side), []).append(move)
    return found


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1].rstrip()}…"


def _ribbon(left: float, right: float, thick: float) -> str:
    x1, x2 = _LEFT + _BAR, _RIGHT
    mid = (x1 + x2) / 2
    top, bottom = f"{left:.1f}", f"{left + thick:.1f}"
    other, under = f"{right:.1f}", f"{right + thick:.1f}"
    return (
        f"M{x1} {top}C{mid} {top} {mid} {other} {x2} {other}V{under}"
        f"C{mid} {under} {mid} {bottom} {x1} {bottom}Z"
    )


def item_lines(items: Sequence[ImpactItem], names: Names, t: Catalogue) -> list[ItemLine]:
    """Items that something becomes of."""
    return [
        ItemLine(
            id=str(i.id),
            subject=i.subject or i.capture_id,
            category=(names.category(i.category_before), names.category(i.category_after)),
            queue=(names.queue(i.queue_before), names.queue(i.queue_after)),
            band=(_number(i.band_before), _number(i.band_after)),
            status=t.named("status", i.status_after)
            if i.status_after != i.status_before and i.status_after in ("rejected", "errorheld")
            else "",
        )
        for i in items
    ]


def _number(band: int | None) -> str:
    return "–" if band is None else str(band)
