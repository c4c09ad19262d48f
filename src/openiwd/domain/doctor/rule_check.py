"""The linter's findings about the live rule set as findings of the doctor. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from openiwd.domain.doctor.finding import Finding, Severity, finding
from openiwd.domain.lint.finding import Finding as Lint
from openiwd.domain.lint.finding import FindingKind
from openiwd.domain.lint.finding import Severity as LintSeverity

RULES: Final = "rules"
_CODES: Final = {
    FindingKind.NEVER_MATCHES: "ruleNeverMatches",
    FindingKind.SHADOWED: "ruleShadowed",
    FindingKind.OVERLAPS: "ruleOverlap",
    FindingKind.UNDECIDED: "ruleUndecided",
    FindingKind.MIXED_TYPES: "ruleMixedTypes",
    FindingKind.GAP: "gap",
    FindingKind.UNUSED_ATTRIBUTE: "attributeUnused",
    FindingKind.UNUSED_SCHEMA: "schemaUnused",
    FindingKind.UNUSED_QUEUE: "queueUnused",
    FindingKind.STARVATION: "starvation",
    FindingKind.SLA_WITHIN_CLOSING: "slaWithinClosing",
    FindingKind.NOBODY_ELIGIBLE: "categoryNobody",
    FindingKind.NOBODY_THIS_WEEK: "categoryNobodyThisWeek",
}
_SEVERITIES: Final = {
    LintSeverity.ERROR: Severity.CRITICAL,
    LintSeverity.WARNING: Severity.WARNING,
    LintSeverity.HINT: Severity.INFO,
}
_PAGES: Final = {
    "category": "/configuration/categories/{}",
    "schema": "/configuration/schemas/{}",
    "queue": "/configuration/queues/{}",
    "rule": "/configuration/rules",
    "decision table": "/configuration/decision-tables",
    "attribute": "/configuration/attributes",
}


def of_rules(findings: Sequence[Lint]) -> list[Finding]:
    """Each finding of the linter, with the page where its object is edited."""
    return [_of(one) for one in findings]


def _of(one: Lint) -> Finding:
    code = _CODES[one.kind]
    if one.kind is FindingKind.GAP and one.severity is LintSeverity.HINT:
        code = "gapUndecided"
    values: dict[str, Any] = {"object": one.object_id, **one.values}
    example = {name: str(value) for name, value in one.example.items() if value is not None}
    return finding(
        RULES,
        code,
        _SEVERITIES[one.severity],
        about=f"{one.field}/{one.object_id}" if one.field else one.object_id,
        link=_PAGES.get(one.object_kind, "/configuration").format(one.object_id),
        figures={"place": one.field, **example},
        **values,
    )
