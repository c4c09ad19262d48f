"""Other rule engines with the same rules on the same items, each a process of its own, all in one place of packages.

They are installed below `build/` in pinned versions, and must decide every item as we do before they are measured.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import msgspec

from benchmarks.processes import ROOT, ask
from benchmarks.rules.ours import Case, Decision, decisions

ZEN: Final = "zen-engine 2.1.3"
CEL: Final = "common-expression-language 0.10.0"
DATALOGIC: Final = "datalogic-py 5.9.0"
_SCRIPTS: Final = {ZEN: "zen_rules.py", CEL: "cel_rules.py", DATALOGIC: "datalogic_rules.py"}
_FOLDER: Final = ROOT / "build" / "benchmarks" / "rules"
_HERE: Final = Path(__file__).resolve().parent

Measure = Callable[[], Coroutine[Any, Any, float]]


class Options(msgspec.Struct, frozen=True):
    document: dict[str, Any]
    items: list[str]
    seconds: float


class Measured(msgspec.Struct, frozen=True):
    decisions: list[Decision]
    rate: float


def installed() -> list[str]:
    """The peers that could be installed; prints why they are missing."""
    python, packages = _FOLDER / "bin" / "python", [name.replace(" ", "==") for name in _SCRIPTS]
    marker = _FOLDER / "-".join(packages)
    if marker.exists():
        return list(_SCRIPTS)
    _FOLDER.mkdir(parents=True, exist_ok=True)
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(_FOLDER)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages],
    ):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
            print(f"  without peers: {lines[-1] if lines else f'exit code {done.returncode}'}")
            return []
    marker.touch()
    return list(_SCRIPTS)


def measure_of(name: str, case: Case, seconds: float) -> Measure:
    """Items per second of CPU time; fails where the peer decides any item otherwise than we do."""
    command = [str(_FOLDER / "bin" / "python"), str(_HERE / _SCRIPTS[name])]
    given = Options(case.document, [body.decode() for body in case.bodies], seconds)
    ours = decisions(case)

    async def measure() -> float:
        found = await ask(command, given, Measured)
        wrong = sum(a != b for a, b in zip(found.decisions, ours, strict=True))
        if wrong:
            raise RuntimeError(f"{name} decides {wrong} of {len(ours)} items otherwise")
        return found.rate

    return measure
