"""What a CSV file would change, or what is wrong in it, as lines. Pure."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final, NamedTuple

import msgspec

from openiwd.domain.errors import OpenIwdError
from openiwd.usecases.agent_import import AgentImport
from openiwd.usecases.lookup_table import LookupImport
from openiwd.web.people.difference_view import Change, changes_of_rows, value_text
from openiwd.web.shell.catalogue import Catalogue

SHOWN: Final = 200
_PLACE: Final = re.compile(r"line (\d+)(?:\.(.+))?", re.DOTALL)


class ImportFault(NamedTuple):
    line: str
    column: str
    message: str
    hint: str


class ImportLine(NamedTuple):
    line: str
    name: str
    change: str
    changes: list[Change]


class ImportView(NamedTuple):
    """A file looked through. With faults it changes nothing; `digest` stands for what it would change."""

    digest: str
    tally: list[tuple[str, int]]
    lines: list[ImportLine]
    more: int
    """Differences beyond those shown."""
    made: list[str]
    """Skills and groups that come along."""
    faults: list[ImportFault]

    @property
    def changes_anything(self) -> bool:
        return any(n for name, n in self.tally if name != "unchanged")


def faulty(error: OpenIwdError, t: Catalogue) -> ImportView:
    """Every fault with its line and column; what a box of the page would cure is said so."""
    told = error.details.get("errors") or [
        {"field": error.field, "message": error.message, "hint": error.hint}
    ]
    return ImportView("", [], [], 0, [], [_fault(e, t) for e in told])


def _fault(told: dict[str, Any], t: Catalogue) -> ImportFault:
    place = _PLACE.fullmatch(str(told.get("field") or ""))
    line, column = (place[1], place[2] or "") if place is not None else ("", str(told.get("field") or ""))
    hint = str(told.get("hint") or "")
    for kind in ("skills", "groups"):
        if f"/{kind}/" in hint:
            hint = t("import.tick", box=t(f"import.create_{kind}"))
    return ImportFault(line, column.partition("[")[0].partition(".")[0], str(told["message"]), hint)


def digest_of(content: bytes, told: Any) -> str:
    """The same as long as the same file would change the same things."""
    return hashlib.sha256(content + msgspec.json.encode(told)).hexdigest()


def agents_view(content: bytes, told: AgentImport) -> ImportView:
    differing = [a for a in told.agents if a.change != "unchanged"]
    return ImportView(
        digest_of(content, [told.created, told.updated, told.agents]),
        [("created", told.created), ("updated", told.updated), ("unchanged", told.unchanged)],
        [
            ImportLine(
                str(a.line),
                a.agent,
                a.change,
                [
                    Change(
                        f.path,
                        None if f.before is msgspec.UNSET else value_text(f.before),
                        value_text(f.after),
                    )
                    for f in a.fields
                ],
            )
            for a in differing[:SHOWN]
        ],
        max(0, len(differing) - SHOWN),
        [*told.skills_created, *told.groups_created],
        [],
    )


def table_view(content: bytes, told: LookupImport) -> ImportView:
    """Rows of a lookup table; their keys stand for them."""
    changes = changes_of_rows(msgspec.to_builtins(told.differences[:SHOWN]))
    return ImportView(
        digest_of(content, [told.added, told.changed, told.removed, told.differences]),
        [
            ("added", told.added),
            ("changed", told.changed),
            ("removed", told.removed),
            ("unchanged", told.unchanged),
        ],
        [
            ImportLine("", d.key, d.change, [c._replace(field="")])
            for d, c in zip(told.differences, changes, strict=False)
        ],
        told.added + told.changed + told.removed - len(changes),
        [],
        [],
    )
