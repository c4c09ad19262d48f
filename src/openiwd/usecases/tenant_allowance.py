"""How many users and keys one tenant may have. Counts nothing itself, and refuses."""

from __future__ import annotations

from openiwd.domain.errors import ConflictError


def require_room(limit: int | None, present: int, what: str) -> None:
    """Whether one more may be made; ConflictError `limitReached` otherwise."""
    if limit is not None and present >= limit:
        raise ConflictError(
            f"this tenant may have {limit} {what}, and has {present}",
            code="limitReached",
            hint="remove one, or ask whoever runs the platform",
        )
