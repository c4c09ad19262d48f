"""Needs: HTML of strangers made harmless before it is stored."""

from __future__ import annotations

from typing import Protocol


class HtmlCleaner(Protocol):
    """Keeps what text needs; drops scripts, styles that reach outside, forms, frames, and pictures from elsewhere."""

    def clean(self, html: str) -> str:
        """Never fails. Pictures of the email itself keep their `cid:` address."""
        ...

    def clean_written(self, html: str) -> str:
        """What goes out in our name: without any picture, neither classes nor styles."""
        ...

    def clean_with_pictures(self, html: str) -> str:
        """The same, with pictures from elsewhere: for a reader who has asked for them."""
        ...
