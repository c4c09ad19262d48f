"""Durations as commands print them."""

from __future__ import annotations


def duration_text(seconds: float | None) -> str:
    """In the unit that says most in few digits."""
    if seconds is None:
        return "-"
    for unit, length, most in (("s", 1, 60), ("min", 60, 90), ("h", 3_600, 48)):
        if seconds < most * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds / 86_400:.1f} d"
