"""What the address of the Universal Queue asks for: filter, order, columns; and the search that this means."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from litestar.datastructures import MultiDict

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.work_item import FINAL, OPEN, Status
from openiwd.ports.tenant_store import SearchQuery
from openiwd.usecases.saved_view import SavedView

BY_PRIORITY: Final = "-priority"
LOWEST: Final = "lowestPriority"
"""In addresses; `sort=priority` has always been the highest first there."""
SORTS: Final = {
    "priority": BY_PRIORITY,
    LOWEST: "priority",
    "due": "dueDateTime",
    "age": "createdDateTime",
}
MAX_FILTER: Final = 20_000
MAX_COLUMNS: Final = 40


class QueueFilter(NamedTuple):
    """What the address asks for. `filter` is a search's filter tree as JSON; the rest are short forms beside it."""

    status: tuple[str, ...] = ()
    category: str = ""
    unclassified: bool = False
    overdue: bool = False
    finished: bool = False
    queue: str = ""
    agent: str = ""
    text: str = ""
    filter: str = ""
    sort: str = BY_PRIORITY
    columns: tuple[str, ...] = ()
    base: str = ""
    """The saved view that this began with."""

    @property
    def is_plain(self) -> bool:
        return self._replace(sort=BY_PRIORITY, columns=(), base="") == QueueFilter()

    @property
    def by_priority(self) -> bool:
        return self.sort == BY_PRIORITY and not self.finished

    def parameters(self) -> list[tuple[str, str]]:
        found = [("status", s) for s in self.status]
        named = (
            ("category", self.category), ("queue", self.queue), ("agent", self.agent), ("q", self.text),
            ("filter", self.filter), ("columns", ",".join(self.columns)), ("from", self.base),
        )  # fmt: skip
        found += [(name, value) for name, value in named if value]
        flags = (("unclassified", self.unclassified), ("overdue", self.overdue), ("finished", self.finished))
        found += [(name, "1") for name, value in flags if value]
        if self.sort != BY_PRIORITY:
            found.append(("sort", LOWEST if self.sort == "priority" else self.sort))
        return found

    def address(self, path: str = "/", **extra: str) -> str:
        query = urlencode([*self.parameters(), *extra.items()])
        return f"{path}?{query}" if query else path

    def without_filters(self) -> QueueFilter:
        """Everything that is open, as it is laid out now."""
        return QueueFilter(sort=self.sort, columns=self.columns)

    def tree(self) -> dict[str, Any]:
        """The filter tree as written. Raises InvalidInputError for what is none."""
        return read_tree(self.filter) if self.filter else {}

    def with_tree(self, tree: Any) -> QueueFilter:
        return self._replace(filter=tree_text(tree))

    def conditions(self) -> dict[str, Any]:
        """All of it as one filter tree, with dates relative to now: what can be saved and asked again later."""
        tree = self.tree()
        # The tree comes first: a fault names the place in it that the builder has, too.
        parts: list[dict[str, Any]] = []
        if tree:
            parts += tree["all"] if isinstance(tree.get("all"), list) else [tree]
        statuses = self.status
        if not statuses and "status" not in attributes_of(tree):
            statuses = tuple(s.value for s in Status if s in (FINAL if self.finished else OPEN))
        if statuses:
            parts.append({"attribute": "status", "operator": "in", "value": list(statuses)})
        if self.unclassified:
            parts.append({"attribute": "categoryPath", "operator": "isNotSet"})
        if self.overdue:
            parts.append({"attribute": "dueDateTime", "operator": "before", "value": "now"})
        if self.queue:
            parts.append({"attribute": "queue", "operator": "eq", "value": self.queue})
        if self.agent:
            parts.append({"attribute": "assignedToUser", "operator": "eq", "value": self.agent})
        return {"all": parts}

    def order(self) -> list[str]:
        return ["-completedDateTime"] if self.finished and self.sort == BY_PRIORITY else [self.sort]

    def query(self, *, limit: int, cursor: str | None, count: bool) -> SearchQuery:
        return SearchQuery(
            filter=self.conditions(),
            text=self.text or None,
            category=self.category or None,
            sort=self.order(),
            limit=limit,
            cursor=cursor,
            with_count=count,
        )


def read_tree(text: str) -> dict[str, Any]:
    """A filter tree from its JSON. Raises InvalidInputError; what its conditions say is judged by the search."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        tree = None
    if not isinstance(tree, dict) or len(text) > MAX_FILTER:
        raise InvalidInputError(
            "the filter in the address cannot be read", field="filter", hint="choose the filter again"
        )
    return tree


def tree_text(tree: Any) -> str:
    """The tree as it stands in an address; nothing for one that lets everything through."""
    if not tree or tree == {"all": []}:
        return ""
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"))


def attributes_of(tree: Any) -> set[str]:
    """The attributes that a tree names, whatever else is wrong with it."""
    found: set[str] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if isinstance(node.get("attribute"), str):
                found.add(node["attribute"])
            for key in ("all", "any", "not"):
                part = node.get(key)
                waiting += part if isinstance(part, list) else [part]
    return found


def _names(parts: Iterable[str]) -> tuple[str, ...]:
    names = (part.strip()[:200] for part in parts)
    return tuple(dict.fromkeys(name for name in names if name))[:MAX_COLUMNS]


def read_filter(parameters: MultiDict[Any]) -> QueueFilter:
    """From the address; what makes no sense is left out, so that old links keep working."""
    known = {s.value for s in Status}
    sort = str(parameters.get("sort") or BY_PRIORITY)[:100]
    return QueueFilter(
        status=tuple(dict.fromkeys(s for s in parameters.getall("status", []) if s in known)),
        category=str(parameters.get("category") or "")[:1_000],
        unclassified=parameters.get("unclassified") == "1",
        overdue=parameters.get("overdue") == "1",
        finished=parameters.get("finished") == "1",
        queue=str(parameters.get("queue") or "")[:64],
        agent=str(parameters.get("agent") or "")[:64],
        text=str(parameters.get("q") or "").strip()[:200],
        filter=str(parameters.get("filter") or "")[: MAX_FILTER + 1],
        sort=SORTS.get(sort, sort),
        columns=_names(str(parameters.get("columns") or "").split(",")),
        base=str(parameters.get("from") or "")[:36],
    )


def of_view(view: SavedView) -> QueueFilter:
    """A saved view as the page shows it: its search is the filter tree as a whole."""
    return QueueFilter(
        category=view.category or "",
        text=view.text or "",
        filter=tree_text(view.filter),
        sort=view.sort[0] if view.sort else BY_PRIORITY,
        columns=tuple(view.columns),
        base=str(view.id),
    )
