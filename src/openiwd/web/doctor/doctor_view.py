"""Findings of the doctor as shown: sentences in the reader's language, evidence, where it leads. View models only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from openiwd.domain.doctor.finding import Finding, Severity
from openiwd.usecases.doctor import Report
from openiwd.web.shell.catalogue import Catalogue, number
from openiwd.web.shell.said import said
from openiwd.web.shell.time_text import TimeText

ICONS: Final = {Severity.CRITICAL: "alert", Severity.WARNING: "flag", Severity.INFO: "doc"}
CSS: Final = {Severity.CRITICAL: "bad", Severity.WARNING: "warn", Severity.INFO: ""}
NAMED: Final = {"area": "doctor_check", "name": "doctor_check"}
"""Values that are words of ours."""


class Shade(NamedTuple):
    """A severity to choose, with how many findings it has."""

    key: str
    text: str
    href: str
    current: bool
    amount: str
    icon: str = ""
    css: str = ""


class Figure(NamedTuple):
    label: str
    value: str


class Lead(NamedTuple):
    text: str
    href: str
    title: str


class FindingView(NamedTuple):
    id: str
    css: str
    icon: str
    severity: str
    check: str
    what: str
    fix: str
    href: str
    figures: list[Figure]
    examples: list[Lead]


class CheckView(NamedTuple):
    name: str
    state: str
    failed: bool
    findings: str
    took: str


def chosen_severity(text: str | None) -> Severity | None:
    """From the address; what makes no sense is left out."""
    return Severity(text) if text in set(Severity) else None


def shades(report: Report, chosen: Severity | None, t: Catalogue) -> list[Shade]:
    """All, then each severity, also those of which there are none."""
    every = Shade("all", t("doctor.all"), "/doctor", chosen is None, number(len(report.findings)))
    return [
        every,
        *(
            Shade(
                s.value, t.named("doctor_severity", s.value), f"/doctor?severity={s.value}", chosen is s,
                number(report.counts[s.value]), ICONS[s], CSS[s],
            )
            for s in Severity
        ),
    ]  # fmt: skip


def finding_views(
    findings: Sequence[Finding], chosen: Severity | None, times: TimeText, t: Catalogue
) -> list[FindingView]:
    """Those of the severity chosen, in the report's order."""
    return [_view(f, times, t) for f in findings if chosen in (None, f.severity)]


def _view(finding: Finding, times: TimeText, t: Catalogue) -> FindingView:
    values = {
        name: t.named(NAMED[name], value) if name in NAMED else said(value, t) if name == "error" else value
        for name, value in finding.values.items()
    }
    what, fix = f"doctor_what.{finding.code}", f"doctor_fix.{finding.code}"
    return FindingView(
        id=finding.id,
        css=CSS[finding.severity],
        icon=ICONS[finding.severity],
        severity=t.named("doctor_severity", finding.severity.value),
        check=t.named("doctor_check", finding.check),
        what=t(what, **values) if t.has(what) else finding.what,
        fix=t(fix, **values) if t.has(fix) else finding.fix,
        href=finding.link,
        figures=[
            Figure(t.named("doctor_figure", name), _figure(value, times))
            for name, value in finding.figures.items()
        ],
        examples=[Lead(e.text or f"…{e.id[-8:]}", e.link, e.id) for e in finding.examples],
    )


def _figure(value: float | str, times: TimeText) -> str:
    if isinstance(value, int):
        return number(value)
    if isinstance(value, float):
        return f"{value:g}"
    if len(value) >= 19 and value[4:5] == "-" and value[10:11] == "T":
        try:
            return times.clock(datetime.fromisoformat(value))
        except ValueError:
            return value
    return value


def check_views(report: Report, t: Catalogue) -> list[CheckView]:
    """All checks, in their order, with how long each took."""
    return [
        CheckView(
            t.named("doctor_check", c.check),
            t.named("doctor_state", c.state.value),
            c.state.value == "failed",
            number(c.findings),
            t("doctor.milliseconds", n=c.milliseconds),
        )
        for c in report.checks
    ]
