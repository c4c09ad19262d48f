"""The one form of all benchmark results: rows of measured values, and ratios against their targets."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

RESULTS = Path(__file__).resolve().parent / "results"


class Row(Struct, frozen=True):
    name: str
    value: float
    unit: str


class Ratio(Struct, frozen=True):
    """`value` is measured; `ok` says whether it reaches `target` in the sense that the benchmark states."""

    name: str
    value: float
    target: float
    ok: bool


class Result(Struct, frozen=True):
    job: str
    rows: list[Row]
    ratios: list[Ratio]


def write(result: Result, *, keep: bool = True, only: str | None = None) -> Path:
    """Prints the result as a table and, where it is to be kept, writes `results/<job>.json`.

    Of one part alone (`only`) the rows replace those of the same names; all others stay as they were.
    """
    path = RESULTS / f"{result.job}.json"
    if keep:
        RESULTS.mkdir(parents=True, exist_ok=True)
        kept = _joined(path, result) if only is not None and path.exists() else result
        path.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=2) + b"\n")
    for row in result.rows:
        print(f"{row.name:<60} {row.value:>14,.3f} {row.unit}")
    for ratio in result.ratios:
        print(f"{ratio.name:<60} {ratio.value:>14,.3f} of {ratio.target:g} {'ok' if ratio.ok else 'MISSED'}")
    return path


def _joined(path: Path, result: Result) -> Result:
    before = msgspec.json.decode(path.read_bytes(), type=Result)
    rows = {row.name: row for row in (*before.rows, *result.rows)}
    ratios = {ratio.name: ratio for ratio in (*before.ratios, *result.ratios)}
    return Result(result.job, list(rows.values()), list(ratios.values()))
