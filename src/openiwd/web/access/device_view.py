"""What a browser calls itself, in the few words that its user knows it by. Pure."""

from __future__ import annotations

from typing import Final

BROWSERS: Final = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
"""The first that is found counts: browsers name others as well, to be taken for them."""
LONGEST: Final = 60


def device_text(agent: str) -> str:
    """`Firefox · Windows`; the beginning of what it says where it is none of those known."""
    names = (next((name for mark, name in known if mark in agent), None) for known in (BROWSERS, SYSTEMS))
    return " · ".join(name for name in names if name) or agent[:LONGEST]
