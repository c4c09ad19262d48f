"""The migrations as files: `control/NNNN_name.sql`, `tenant/…` and `mart/…`, a straight line each.

Adding a file is all there is to adding a migration. Files that have been released never change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from openiwd.adapters.postgres.migrations.errors import MigrationError

FILE_NAME = re.compile(r"(?P<revision>\d{4})_[a-z0-9_]+\.sql")
MIGRATIONS_DIR = Path(__file__).parent


class History(Enum):
    """Each kind of database has a history of its own."""

    CONTROL = "control"
    TENANT = "tenant"
    MART = "mart"


@dataclass(frozen=True)
class Migration:
    revision: str
    path: Path


def migrations_of(history: History, *, root: Path = MIGRATIONS_DIR) -> tuple[Migration, ...]:
    """All migrations of a history in order; numbers start at 0001 and have no gap."""
    found = []
    for path in sorted((root / history.value).glob("*.sql")):
        match = FILE_NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"{path.name} is no migration: the name must be like 0002_add_notes.sql.")
        found.append(Migration(match["revision"], path))
    for number, migration in enumerate(found, start=1):
        if int(migration.revision) != number:
            raise MigrationError(
                f"{history.value}/{migration.path.name}: number {number:04} was expected here; "
                "numbers have no gap and none is there twice."
            )
    return tuple(found)
