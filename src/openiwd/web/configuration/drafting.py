"""Which draft of the rule set a visitor edits, and what its bar says. Without a draft the live rule set is only read.

The draft is named in the address (`?draft=…`), so that two tabs may edit two drafts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from openiwd.domain.errors import ConflictError, NotFoundError, OpenIwdError
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.domain.rule_set_diff import diff
from openiwd.usecases import rule_set_draft
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set_draft import Draft, Fault
from openiwd.usecases.rule_set_edit import How
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.form import Field, with_errors
from openiwd.web.shell.said import said
from openiwd.web.shell.visit import Visit

CHANGE: str = "categories.update"
"""Who may begin drafts and change them; single kinds need their own privilege besides."""


class Drafting(NamedTuple):
    """What is looked at: the live rule set (`id` is None), or a draft that may be changed."""

    id: UUID | None
    revision: int | None
    document: RuleSetDocument
    editable: bool
    name: str
    live: int | None
    base: int | None
    changes: int
    hands: str
    faults: Sequence[Fault]

    @property
    def outdated(self) -> bool:
        """Whether somebody has published since the draft was begun."""
        return self.id is not None and self.base != self.live

    @property
    def required(self) -> UUID:
        """The draft; ConflictError without one."""
        if self.id is None:
            raise ConflictError(
                "the live rule set is not changed directly", code="noDraft", hint="edit it in a draft"
            )
        return self.id

    def how(self, expected: int | None = None) -> How:
        """How a change of this draft is made; `expected` is the revision that the form was made from."""
        return How(draft=self.required, expected=expected)

    def address(self, path: str) -> str:
        """The page in the same draft."""
        if self.id is None:
            return path
        joint = "&" if "?" in path else "?"
        return f"{path}{joint}draft={self.id}"


def editor_of(visit: Visit) -> Editor:
    return Editor(visit.platform, visit.services, visit.caller, visit.holidays)


async def drafting(visit: Visit) -> Drafting:
    """The draft that the address names, or the live rule set."""
    asked = visit.request.query_params.get("draft")
    return await _drafting(visit, draft_id(asked) if asked else None)


async def drafting_to_save(visit: Visit) -> tuple[Drafting, OpenIwdError | None]:
    """As `drafting`; when the draft was published or discarded meanwhile, another one in which what was typed is kept.

    The error then says so, and nothing is saved yet.
    """
    try:
        return await drafting(visit), None
    except NotFoundError:
        visit.caller.require(CHANGE)
        draft = await own_draft(visit)
        told = ConflictError(
            visit.t("conflict.draft_gone"),
            code="draftGone",
            hint=visit.t("conflict.draft_gone_hint", name=draft.name),
        )
        return await _drafting(visit, draft.id), told


async def _drafting(visit: Visit, asked: UUID | None) -> Drafting:
    editor = editor_of(visit)
    live, document = await rule_set_draft.live_document(editor.services.runtime)
    if asked is None:
        return Drafting(None, None, document, False, "", live, None, 0, "", ())
    draft = await rule_set_draft.get(editor, asked)
    return Drafting(
        id=draft.id,
        revision=draft.revision,
        document=draft.parsed,
        editable=visit.caller.may(CHANGE),
        name=draft.name,
        live=live,
        base=draft.base,
        changes=len(diff(document, draft.parsed)),
        hands=hands_text(visit, draft, await names_of(visit)),
        faults=await rule_set_draft.faults_of(editor, draft.document),
    )


def draft_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFoundError(
            f"there is no draft '{text[:40]}'", field="draft", hint="see the list of drafts"
        ) from error


def hands_text(visit: Visit, draft: Draft, names: Mapping[str, str]) -> str:
    """By whom: `Timo Ahlers and you`; `names` are those of the users by login."""
    known = [
        visit.t("draft.you") if who == visit.caller.login else names.get(who) or _named(who, visit)
        for who in draft.changed_by
    ]
    if len(known) < 2:
        return "".join(known)
    return visit.t("draft.and", first=", ".join(known[:-1]), last=known[-1])


def _named(who: str, visit: Visit) -> str:
    """Who is no user: `key:claims` is claims (API key)."""
    kind, _, name = who.partition(":")
    return visit.t(f"actor.{kind}", name=name) if visit.t.has(f"actor.{kind}") else who


async def names_of(visit: Visit) -> dict[str, str]:
    """The names of the tenant's users, by login."""
    return {u.login: u.name for u in await visit.platform.control.users(visit.services.tenant.id)}


async def own_draft(visit: Visit) -> Draft:
    """The draft that the visitor changed last, or a new one."""
    editor = editor_of(visit)
    own = visit.caller.login or visit.caller.actor
    found = next((d for d in await rule_set_draft.drafts(editor) if own in d.changed_by), None)
    if found is not None:
        return found
    day = visit.times.date(visit.times.local(visit.now))
    return await rule_set_draft.create(editor, visit.t("draft.named", name=visit.caller.name, date=day))


def local_path(text: str, otherwise: str = "/configuration") -> str:
    """A path of the configuration, without its draft; anything else is not followed."""
    parts = urlsplit(text)
    if parts.scheme or parts.netloc or "\\" in text or not parts.path.startswith("/configuration"):
        return otherwise
    kept = [p for p in parts.query.split("&") if p and not p.startswith("draft=")]
    return f"{parts.path}?{'&'.join(kept)}" if kept else parts.path


def in_draft(path: str, draft: UUID) -> str:
    """The path with the draft in its address."""
    return f"{path}{'&' if '?' in path else '?'}{urlencode({'draft': str(draft)})}"


def form_errors(fields: Sequence[Field], error: OpenIwdError) -> tuple[list[Field], OpenIwdError | None]:
    """The fields with the faults that name them; the error itself only if it names none of them."""
    told = with_errors(fields, error)
    return told, None if any(f.error for f in told) else error


def faults_by_field(error: OpenIwdError, t: Catalogue) -> dict[str, str]:
    """Every fault of an error by the field that it names: message and remedy in one line."""
    faults: list[Any] = list(error.details.get("errors") or ())
    faults = faults or [{"field": error.field, "message": error.message, "hint": error.hint}]
    return {
        str(f.get("field") or ""): ": ".join(said(p, t) for p in (f.get("message"), f.get("hint")) if p)
        for f in faults
    }
