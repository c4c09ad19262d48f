"""A finding of the doctor: what is wrong, how that shows, what to do, and where. Pure values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from openiwd.domain.doctor.wording import WORDING

MOST_EXAMPLES: Final = 5


class Severity(StrEnum):
    """Critical: work stands still or is lost. Warning: it will be, or is late. Info: to be known, or to be tidied."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


RANK: Final = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}


class Example(Struct, frozen=True, kw_only=True):
    """One of those it is about; `link` leads to it."""

    id: str
    text: str = ""
    link: str = ""


class Finding(Struct, frozen=True, kw_only=True):
    """`id` is the same as long as the same is wrong with the same object. `link` is a path of the UI."""

    id: str
    check: str
    code: str
    severity: Severity
    what: str
    fix: str
    link: str = ""
    figures: Mapping[str, int | float | str] = {}
    """Evidence in numbers, by name."""
    examples: Sequence[Example] = ()
    values: Mapping[str, Any] = {}
    """What the sentences are made of, for those who say them in another language."""


class CheckState(StrEnum):
    DONE = "done"
    FAILED = "failed"
    """It could not be made, which is a finding of its own."""


class CheckResult(Struct, frozen=True, kw_only=True):
    """How one check went; `milliseconds` it took."""

    check: str
    state: CheckState
    findings: int
    milliseconds: int


def finding(
    check: str,
    code: str,
    severity: Severity,
    *,
    about: str = "",
    link: str = "",
    figures: Mapping[str, int | float | str] | None = None,
    examples: Sequence[Example] = (),
    **values: Any,
) -> Finding:
    """A finding of a kind that WORDING has sentences for, about one object (or none), with what they are made of."""
    what, fix = WORDING[code]
    shown = {k: f"{v:,}" if isinstance(v, int) and not isinstance(v, bool) else v for k, v in values.items()}
    return Finding(
        id=f"{code}:{about}" if about else code,
        check=check,
        code=code,
        severity=severity,
        what=what.format_map(shown),
        fix=fix.format_map(shown),
        link=link,
        figures=figures or {},
        examples=tuple(examples)[:MOST_EXAMPLES],
        values=values,
    )


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """The worst first, then by check and id."""
    return sorted(findings, key=lambda f: (RANK[f.severity], f.check, f.id))
