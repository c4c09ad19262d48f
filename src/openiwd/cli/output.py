"""What commands answer with, on standard output."""

from __future__ import annotations

import sys
from typing import Final

from rich.console import Console

_WIDE: Final = 1_000
"""Columns of a file, or of a program that reads: nothing is cut off or wrapped there."""


def output() -> Console:
    """A console as wide as the terminal."""
    return Console(width=None if sys.stdout.isatty() else _WIDE)
