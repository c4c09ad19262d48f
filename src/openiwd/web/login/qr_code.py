"""A QR code as the path of an SVG: one square unit for each dark module. No style, no script."""

from __future__ import annotations

from typing import NamedTuple

import segno

QUIET = 4


class QrPath(NamedTuple):
    """To be drawn in a view box of `size` × `size`, dark on light whatever the theme."""

    d: str
    size: int


def qr_path(text: str) -> QrPath:
    """The code of a text, error correction M."""
    rows = [list(row) for row in segno.make(text, error="m", micro=False).matrix]
    d = "".join(
        f"M{x + QUIET} {y + QUIET}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, dark in enumerate(row)
        if dark
    )
    return QrPath(d, len(rows) + 2 * QUIET)
