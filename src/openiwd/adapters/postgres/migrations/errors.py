"""The error of a database that cannot be brought to the schema of this version."""

from __future__ import annotations

from openiwd.domain.errors import OpenIwdError


class MigrationError(OpenIwdError):
    """A migration failed; the database is as it was before that migration."""

    code = "migrationFailed"
