"""Roles, privileges and access groups as choices: only what the visitor may give away. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from openiwd.domain.privilege import PRIVILEGES, ROLES, Caller, Role
from openiwd.usecases.grant import beyond, granted
from openiwd.web.shell.catalogue import Catalogue

NOUNS: Final = (
    ("workitems", "emails", "contacts", "alarms"),
    ("dashboard", "reports", "agents"),
    ("categories", "prioritization", "queues", "calendars", "attributes", "lookupTables", "rulesets"),
    ("mailboxes", "filters", "capturePoints", "webhooks"),
    ("users", "apiKeys", "audit"),
    ("reporting", "email", "clock"),
)
"""Privileges by what they are about, in the order that people read them."""


class Cell(NamedTuple):
    """What a role has of a privilege: a word, and a mark beside it; nothing where it lacks it."""

    scope: str
    text: str


class MatrixLine(NamedTuple):
    privilege: str
    cells: list[Cell]


class MatrixPart(NamedTuple):
    name: str
    lines: list[MatrixLine]


def role_options(caller: Caller, t: Catalogue) -> list[tuple[str, str]]:
    """The roles that the caller may give, at least to members of access groups."""
    return [
        (role.value, t.named("role", role.value))
        for role in Role
        if not beyond(caller, granted(role.value, (), ()))
        or not beyond(caller, granted(role.value, (), ("g",)))
    ]


def privilege_options(caller: Caller) -> list[tuple[str, str]]:
    return [(name, name) for name in ordered(caller.privileges)]


def ordered(names: Iterable[str]) -> list[str]:
    """By noun, then by the length of what they allow: to view before to update."""
    nouns = [n for part in NOUNS for n in part]

    def place(name: str) -> tuple[int, str]:
        noun = name.partition(".")[0]
        return (nouns.index(noun) if noun in nouns else len(nouns), name)

    return sorted(names, key=place)


def matrix_of(t: Catalogue) -> list[MatrixPart]:
    """The table of privileges by role; those of the platform's key are left out."""
    parts = []
    for i, nouns in enumerate(NOUNS):
        names = [n for n in ordered(PRIVILEGES) if n.partition(".")[0] in nouns]
        lines = [MatrixLine(name, [_cell(role, name, t) for role in Role]) for name in names]
        parts.append(MatrixPart(t(f"access.part_{i}"), lines))
    return parts


def _cell(role: Role, privilege: str, t: Catalogue) -> Cell:
    scope = ROLES[role].get(privilege)
    if scope is None:
        return Cell("", "–")
    return Cell(scope.value, t.named("scope", scope.value))
