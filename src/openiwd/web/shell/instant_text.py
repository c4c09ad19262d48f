"""Instants as addresses and browsers' fields have them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from openiwd.domain.errors import InvalidInputError


def read_at(text: str, zone: tzinfo, now: datetime) -> datetime:
    """An instant as the address has it: with offset, or local to the reader as the browser's field gives it."""
    if text in ("", "now"):
        return now
    try:
        found = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        found = found if found.tzinfo is not None else found.replace(tzinfo=zone)
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(
            f"'{text[:60]}' is no instant", field="at", hint="choose day and time in the field above the list"
        ) from error
