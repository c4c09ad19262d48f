"""The one error of the embedded server: a sentence that names the folder or process, and a remedy."""

from __future__ import annotations

from openiwd.domain.errors import OpenIwdError


class EmbeddedPostgresError(OpenIwdError):
    """The embedded PostgreSQL cannot be set up, started or stopped."""

    code = "embeddedPostgres"
