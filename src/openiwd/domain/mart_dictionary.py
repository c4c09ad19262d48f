"""The data dictionary of the mart: its views, their columns and what each number means. The page is made from it."""

from __future__ import annotations

from typing import Final

from openiwd.domain.mart_column import COLUMNS
from openiwd.domain.mart_dimension import DIMENSION_VIEWS
from openiwd.domain.mart_subject import GRAINS, SHORT_GRAINS, SUBJECTS
from openiwd.domain.mart_view import FACT_VIEWS, MartView


def aggregate_views() -> list[MartView]:
    """The views of all subjects and grains."""
    found = []
    for subject in SUBJECTS:
        for grain in GRAINS:
            first = "interval_start" if grain in SHORT_GRAINS else "day" if grain == "day" else "period_start"
            columns = (first, *subject.dimensions, *subject.sums)
            found.append(
                MartView(f"iwd_agg_{subject.name}_{grain}", f"{subject.definition} Grain: {grain}.", columns)
            )
    return found


def all_views() -> list[MartView]:
    return [*FACT_VIEWS, *DIMENSION_VIEWS, *aggregate_views()]


_USE: Final = (
    "Read with the role `openiwd_bi`. Names of views and columns are stable. Sums are whole microseconds and counts; "
    "averages are made of them when asked for, never stored. An interval holds its beginning and not its end."
)
_BALANCE: Final = (
    "**Balance**, checked after every mart run: pending at the end = pending at the beginning + new + reopened "
    "+ moved in − moved out − finished, per category and queue; all that was ever new or reopened = finished + open."
)


def documentation() -> str:
    """The dictionary as a Markdown page."""
    lines = [
        "# Data mart: views and what their numbers mean",
        "",
        "Made from `openiwd.domain.mart_dictionary` by `openiwd reference`; do not edit.",
        "",
        _USE,
        "",
        _BALANCE,
        "",
        "## Facts",
        "",
        *(line for view in FACT_VIEWS for line in _section(view)),
        "## Dimensions",
        "",
        *(line for view in DIMENSION_VIEWS for line in _section(view)),
    ]
    lines += [
        "## Aggregates",
        "",
        f"Each for the grains {', '.join(GRAINS)}: `iwd_agg_<subject>_<grain>`.",
        "",
    ]
    for subject in SUBJECTS:
        lines += [f"### `iwd_agg_{subject.name}_…`", "", subject.definition, ""]
        lines += [f"By {_listed(subject.dimensions)}: {_listed(subject.sums)}.", ""]
    lines += ["## Columns", "", "| column | meaning |", "|---|---|"]
    used = {column for view in all_views() for column in view.columns}
    lines += [f"| `{name}` | {text} |" for name, text in COLUMNS.items() if name in used]
    return "\n".join([*lines, ""])


def _section(view: MartView) -> list[str]:
    return [f"### `{view.name}`", "", view.definition, "", f"Columns: {_listed(view.columns)}.", ""]


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
