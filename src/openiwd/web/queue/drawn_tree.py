"""The business tree as HTML: drawn once for the same numbers, whatever search its links go on with."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from html import escape
from secrets import token_hex
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.usecases.open_counts import CategoryCount
from openiwd.usecases.platform import TenantServices
from openiwd.web.queue.queue_filter import QueueFilter
from openiwd.web.queue.queue_view import TreeLinks, business_tree
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.rendering import render

KEPT: Final = 8
_PLACES: Final = TreeLinks(*(token_hex(12) for _ in TreeLinks._fields))
"""Stand for the addresses until somebody asks. Nobody can guess them, so no name of a category can have them."""


class _Drawn(NamedTuple):
    rules: CompiledRuleSet | None
    counts: Sequence[CategoryCount]
    html: str


class DrawnTrees:
    """The trees of one tenant that were shown last: one for each language and place in the tree."""

    def __init__(self) -> None:
        self._drawn: OrderedDict[tuple[str, str, bool], _Drawn] = OrderedDict()

    def html(
        self,
        rules: CompiledRuleSet | None,
        counts: Sequence[CategoryCount],
        chosen: QueueFilter,
        t: Catalogue,
    ) -> str:
        """The tree with these numbers and the links of this search, safe as it is. `counts` must not change later."""
        key = (t.language, chosen.category, chosen.unclassified)
        drawn = self._drawn.get(key)
        if drawn is None or drawn.rules is not rules or drawn.counts != counts:
            nodes = business_tree(rules, counts, chosen, _PLACES, t)
            drawn = _Drawn(rules, counts, render("queue/queue_tree.html", {"t": t, "tree": nodes}))
            self._drawn[key] = drawn
            while len(self._drawn) > KEPT:
                self._drawn.popitem(last=False)
        self._drawn.move_to_end(key)
        html = drawn.html
        for place, address in zip(_PLACES, TreeLinks.of(chosen), strict=True):
            html = html.replace(place, escape(address))
        return html


_TREES: Final[WeakKeyDictionary[TenantServices, DrawnTrees]] = WeakKeyDictionary()


def trees_of(services: TenantServices) -> DrawnTrees:
    """Those of a tenant, for as long as it is open in this process."""
    return _TREES.setdefault(services, DrawnTrees())
