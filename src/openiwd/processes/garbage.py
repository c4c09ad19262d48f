"""Python's garbage collector in a process that stays."""

from __future__ import annotations

import gc


def spare_the_collector() -> None:
    """What is loaded now stays; by its defaults the collector would walk through it again and again under load."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
