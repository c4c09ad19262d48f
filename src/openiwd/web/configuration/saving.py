"""Saving an object of a draft that somebody else may be changing too: nothing is lost or overwritten unseen.

Whose object it is does not matter: a form brings the object as it was loaded, as it is to be, and the draft's revision.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from openiwd.domain.errors import InvalidInputError, OpenIwdError, RevisionMismatchError
from openiwd.usecases import rule_set_draft
from openiwd.usecases.rule_set_edit import Edited, How
from openiwd.web.configuration.drafting import Drafting, editor_of, faults_by_field, names_of
from openiwd.web.shell.visit import Visit

TRIES = 3

Plain = dict[str, Any]


class Change(NamedTuple):
    """A field that the other has changed: how it was, and how it is in the draft now."""

    field: str
    before: Any
    now: Any
    mine: Any = None
    clash: bool = False
    """The visitor has changed it too."""


class Conflict(NamedTuple):
    """The object was changed by somebody else since it was loaded."""

    by: str
    changes: list[Change]
    merged: Plain
    """The visitor's values, with the other's where the visitor has changed nothing."""
    now: Plain | None
    revision: int | None


class Sent(NamedTuple):
    """What a form sends."""

    revision: int | None
    before: Plain | None
    """The object as it was loaded; None for a new one."""
    body: Plain


def read_sent(values: Mapping[str, Any], body: Plain) -> Sent:
    """The hidden fields `revision` and `before` of a form, and what was made of its visible ones."""
    revision = str(values.get("revision") or "")
    return Sent(int(revision) if revision.isdigit() else None, json_of(values, "before"), body)


def json_of(values: Mapping[str, Any], name: str) -> Any:
    """The value of an input that a builder writes."""
    text = str(values.get(name) or "")
    if not text.strip():
        return None
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise InvalidInputError("this part cannot be read", field=name, hint="reload the page") from error


def canonical(kind: type[Any], body: Plain) -> Plain:
    """The body without what is left out anyway; as it is where it cannot be read yet."""
    try:
        plain: Plain = msgspec.to_builtins(msgspec.convert(body, kind))
    except msgspec.ValidationError:
        return body
    return plain


async def save(
    visit: Visit,
    at: Drafting,
    sent: Sent,
    read: Callable[[], Awaitable[Plain | None]],
    write: Callable[[How], Awaitable[Edited]],
) -> Edited | Conflict:
    """Writes the object, unless somebody else has changed the same one since it was loaded.

    A change of anything else in the draft is no conflict: the object is written onto it.
    """
    expected = sent.revision
    for _ in range(TRIES):
        try:
            return await write(at.how(expected))
        except RevisionMismatchError as error:
            now = await read()
            if now != sent.before:
                return await _conflict(visit, at, sent, now)
            expected = int(error.details["current_revision"])
    raise InvalidInputError("the draft changes all the time", hint="try again")


async def _conflict(visit: Visit, at: Drafting, sent: Sent, now: Plain | None) -> Conflict:
    draft = await rule_set_draft.get(editor_of(visit), at.required)
    names = await names_of(visit)
    others = [who for who in draft.changed_by if who != visit.caller.login] or draft.changed_by
    by = names.get(others[-1], others[-1])
    changes, merged = merge_fields(sent.before or {}, now or {}, sent.body)
    return Conflict(by, changes, sent.body if now is None else merged, now, draft.revision)


def merge_fields(before: Plain, now: Plain, mine: Plain) -> tuple[list[Change], Plain]:
    """What the other has changed, and the visitor's values with it where the visitor has changed nothing."""
    merged, changes = dict(mine), []
    for field in dict.fromkeys([*before, *now]):
        if before.get(field) == now.get(field):
            continue
        own = mine.get(field)
        clash = own not in (before.get(field), now.get(field))
        changes.append(Change(field, before.get(field), now.get(field), own, clash))
        if not clash:
            merged.pop(field, None)
            if field in now:
                merged[field] = now[field]
    return changes, merged


def form_state(
    visit: Visit,
    at: Drafting,
    stored: Plain | None,
    sent: Sent | None,
    error: OpenIwdError | None,
    conflict: Conflict | None,
) -> dict[str, Any]:
    """What a form's page needs of how it was sent: what stands against it, and from what it goes on."""
    before, revision = stored, at.revision
    if conflict is not None:
        before, revision = conflict.now, conflict.revision
    elif sent is not None:
        before, revision = sent.before, sent.revision
    return {
        "status": 409 if conflict is not None else 422 if error is not None else 200,
        "error": error,
        "faults": faults_by_field(error, visit.t) if error is not None else {},
        "conflict": conflict,
        "before": before,
        "revision": revision,
        "saved": visit.request.query_params.get("saved") == "1",
    }
