"""What the routes of the configuration share: the editor behind a call, how changes are published, entity tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from openiwd.api.call import Call
from openiwd.api.process import process_of
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set_edit import How

LARGE: Final = 9 * 1024 * 1024
"""Rule sets and tables may be larger than other requests."""
CSV: Final = "text/csv"

Comment = Annotated[
    str | None, QueryParameter(name="comment", max_length=1_000, description="Why; shown with the version.")
]
Reason = Annotated[
    str | None, QueryParameter(name="reason", max_length=1_000, description="Why; kept in the audit.")
]
DespiteTests = Annotated[
    str | None,
    QueryParameter(
        name="despiteTests",
        max_length=1_000,
        description="Why it is published although tests fail; without a reason that is refused.",
    ),
]
Reclassify = Annotated[
    str,
    QueryParameter(
        name="reclassify",
        description="Which open items are judged again, by a bulk run: none, changed (those that the new rules judge"
        " differently) or all. Assigned items are never moved.",
    ),
]
InDraft = Annotated[
    UUID | None,
    QueryParameter(
        name="draft", description="Reads from and changes this draft; left out: the live rule set, at once."
    ),
]
DryRun = Annotated[
    bool, QueryParameter(name="dryRun", description="Only says what would happen; nothing is stored.")
]


CurrentEditor = NamedDependency[Editor]
"""A handler's argument `editor`."""


async def provide_editor(request: Request[Any, Any, Any]) -> Editor:
    """The editor as a handler's argument."""
    call: Call = request.scope["state"]["call"]
    return Editor(call.platform, call.services, call.caller, process_of(request).holidays)


def how(
    call: Call,
    comment: str | None,
    reclassify: str,
    draft: UUID | None = None,
    despite_tests: str | None = None,
) -> How:
    """How a change is to be made; `If-Match` names the version that must be live, or the draft's revision."""
    return How(
        expected=call.if_match,
        comment=comment,
        reclassify=reclassify,
        draft=draft,
        despite_tests=despite_tests,
    )


def etag(revision: int | None) -> dict[str, str]:
    return {} if revision is None else {"ETag": f'"{revision}"'}


def with_revision(value: Any, revision: int) -> dict[str, Any]:
    """An object's JSON form with its revision."""
    body: dict[str, Any] = msgspec.to_builtins(value)
    return {**body, "revision": revision}


def described(handle: Callable[..., Any], name: str, text: str, returns: Any = None) -> Callable[..., Any]:
    """A handler made for several nouns: with a name, a text and an answer's type of its own."""
    handle.__name__ = name
    handle.__doc__ = text
    if returns is not None:
        handle.__annotations__["return"] = returns
    return handle
