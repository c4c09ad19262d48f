"""What the linter finds odd about a draft, with the way to each object. The review asks for it late."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from openiwd.domain.lint.finding import Finding, Severity
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.usecases import rule_set_draft, rule_set_lint
from openiwd.web.configuration.difference_view import Names, address_of, object_at
from openiwd.web.configuration.drafting import editor_of
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.visit import CurrentVisit

SHOWN: Final = 100
_LOOK: Final = {
    Severity.ERROR: ("alert", "bad"),
    Severity.WARNING: ("alert", "warn"),
    Severity.HINT: ("flag", "faint"),
}
_ORDER: Final = list(_LOOK)


class FindingLine(NamedTuple):
    """A finding with the object that it is about."""

    object: str
    severity: str
    icon: str
    css: str
    message: str
    hint: str
    example: str
    href: str | None


def finding_lines(
    findings: Iterable[Finding], document: RuleSetDocument, t: Catalogue, draft: str
) -> list[FindingLine]:
    """The findings in words, the gravest first; `draft` is `?draft=…`."""
    names = Names(document, t)
    found = []
    for f in sorted(findings, key=lambda f: _ORDER.index(f.severity)):
        part, object_id, _ = object_at(document, f.field)
        href = address_of(part, object_id) if object_id else None
        title = names.title(part, object_id) if object_id else t("object_kind.settings")
        icon, css = _LOOK[f.severity]
        example = ", ".join(f"{k} = {msgspec.json.encode(v).decode()}" for k, v in f.example.items())
        found.append(
            FindingLine(
                title,
                t.named("lint_severity", f.severity.value),
                icon,
                css,
                f.message,
                f.hint,
                example,
                f"{href}{draft}" if href else None,
            )
        )
    return found[:SHOWN]


@get("/configuration/drafts/{draft:uuid}/findings")
async def findings(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """What is odd about the draft."""
    editor = editor_of(visit)
    found = await rule_set_draft.get(editor, draft)
    report = await rule_set_lint.of_document(editor, found.document)
    lines = finding_lines(report.findings, found.parsed, visit.t, f"?draft={draft}")
    return visit.page("configuration/findings_card.html", lint_lines=lines, draft=found)


PAGES: Final[list[Any]] = [findings]
