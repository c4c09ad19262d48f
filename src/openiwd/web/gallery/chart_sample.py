"""Charts of the gallery: the same functions that pages use, on invented numbers."""

from __future__ import annotations

from typing import Any, Final

from openiwd.web.chart.bar_view import Pair, paired_bars, stacked
from openiwd.web.chart.line_view import percent_line, spark

_IN: Final = (77, 93, 103, 127, 145, 155, 140, 151, 146, 124, 118, 87, 77, 80, 73, 86)
_OUT: Final = (33, 51, 66, 80, 91, 110, 124, 120, 110, 121, 117, 110, 123, 123, 110, 78)
_LEVEL: Final = (
    96.0,
    95.0,
    93.0,
    90.0,
    None,
    88.0,
    86.0,
    87.5,
    88.0,
    None,
    None,
    92.0,
    None,
    93.0,
    94.0,
    95.0,
)
_TICKS: Final = [(0, "08:00"), (4, "09:00"), (8, "10:00"), (12, "11:00")]

CHARTS: Final[dict[str, Any]] = {
    "bars": paired_bars(
        [
            Pair(a, b, f"{a} in", f"{b} out", "/?status=queued", "/?finished=1")
            for a, b in zip(_IN, _OUT, strict=True)
        ],
        _TICKS,
        "Items in and out",
    ),
    "bars_of_nothing": paired_bars([Pair(0, 0, "0 in", "0 out")] * 4, _TICKS[:1], "Nothing in and out"),
    "line": percent_line(
        _LEVEL, _TICKS, ["" if v is None else f"{v:g} %" for v in _LEVEL], "Service level with gaps"
    ),
    "line_of_one": percent_line([None, 40.0, None], _TICKS[:1], ["", "40 %", ""], "One value"),
    "sparks": [
        spark([float(v) for v in _IN], "A line"),
        spark([3.0, 3.0, 3.0], "A flat line"),
        spark([0.0, 12.0, 4.0], "Three values"),
    ],
    "stacks": [
        stacked([(715, "s-waiting"), (218, "s-assigned"), (35, "s-held")], 968),
        stacked([(84, "s-waiting"), (28, "s-assigned"), (5, "s-held")], 968),
        stacked([(40, "s-assigned"), (12, "s-waiting"), (9, "s-held"), (30, "s-out")], 91),
        stacked([], 0),
    ],
}
