"""Routes that belong to one app, which takes them as they are."""

from __future__ import annotations

from typing import Any, Self

from litestar import Router


class Routes(Router):
    """An app copies each router that it is given, deep, and looks through all its routes for every single handler that
    it is given instead. These are given at once and not copied: a sixth of what building API and UI costs.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self
