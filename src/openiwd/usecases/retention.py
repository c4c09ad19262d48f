"""How long final items are kept: rules by status and category, to be tried first; the deciding process follows them.

Beside them each item's own expiration holds (`usecases/timer.py`): whichever comes first.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from openiwd.domain.email.reopen_window import Kept, contradiction
from openiwd.domain.errors import InvalidInputError, RevisionMismatchError
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import system
from openiwd.ports.erasure import AgedItem
from openiwd.ports.tenant_store import Reading
from openiwd.usecases.command import Command
from openiwd.usecases.configuration import Editor
from openiwd.usecases.mailbox import all_mailboxes
from openiwd.usecases.work_item import apply

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

CHUNK: Final = 500
COUNTED: Final = 100_000
"""A dry run counts up to here."""
FINAL: Final = ("completed", "canceled", "rejected")
EXAMPLES: Final = 5


class RetentionRule(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Final items of a status, in a category with all below it (none: any), go so many days after their end."""

    status: str | None = None
    category: Annotated[str, Meta(max_length=500)] | None = None
    """A path, such as `Claims/Motor`."""
    days: Annotated[int, Meta(ge=1, le=36_500)]


class Retention(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The rules in order: the first that fits an item counts."""

    rules: Annotated[list[RetentionRule], Meta(max_length=200)] = []
    personal_days: Annotated[int, Meta(ge=0, le=36_500)] | None = None
    """So long after an item was deleted the log keeps its personal values; none: as long as the log."""


class RuleEffect(Struct, kw_only=True, rename="camel"):
    rule: RetentionRule
    items: int
    is_exact: bool
    """False: there are more."""
    oldest: datetime | None
    examples: list[UUID]


class RetentionEffect(Struct, kw_only=True):
    """What rules would delete now, by rule."""

    rules: list[RuleEffect]


async def get(editor: Editor) -> tuple[Retention, int]:
    """The rules, and their revision (0: none were ever stored)."""
    editor.caller.require("contacts.view")
    async with editor.services.runtime.store.reading() as reading:
        return await _stored(reading)


async def _stored(reading: Reading) -> tuple[Retention, int]:
    body, revision = await reading.retention()
    return msgspec.convert(body, Retention), revision


async def put(editor: Editor, wanted: Retention, revision: int | None) -> int:
    """Stores the rules; the deciding process follows them from its next round on. The new revision."""
    editor.caller.require("contacts.erase")
    _check(wanted)
    await _check_windows(editor, wanted)
    before, _ = await get(editor)
    async with editor.services.runtime.store.writing() as tx:
        stored = await tx.save_retention(msgspec.to_builtins(wanted), revision)
        if stored is None:
            raise RevisionMismatchError(
                "the rules of retention have changed meanwhile", field="If-Match",
                hint="read them again and repeat the change",
            )  # fmt: skip
        await editor.tell(tx, "retention", "retention", "updated", stored)
    editor.committed()
    await editor.note("updated", "retention", None, before, wanted)
    return stored


async def effect(editor: Editor, wanted: Retention) -> RetentionEffect:
    """A dry run: what these rules would delete now."""
    editor.caller.require("contacts.view")
    _check(wanted)
    await _check_windows(editor, wanted)
    now, found = editor.services.runtime.now(), []
    async with editor.services.runtime.store.reading() as reading:
        for n, rule in enumerate(wanted.rules):
            items = await _fitting(reading, wanted.rules, n, now, COUNTED + 1)
            found.append(
                RuleEffect(
                    rule=rule,
                    items=min(len(items), COUNTED),
                    is_exact=len(items) <= COUNTED,
                    oldest=items[0].completed_at if items else None,
                    examples=[i.id for i in items[:EXAMPLES]],
                )
            )
    return RetentionEffect(rules=found)


def _check(wanted: Retention) -> None:
    for n, rule in enumerate(wanted.rules):
        if rule.status is not None and rule.status not in FINAL:
            raise InvalidInputError(
                f"items that are {rule.status[:40]} are not over", field=f"rules[{n}].status",
                hint=f"one of {', '.join(FINAL)}, or none for all of them",
            )  # fmt: skip


async def _check_windows(editor: Editor, wanted: Retention) -> None:
    """Emails go with their items: these are kept for longer than replies may reopen them."""
    async with editor.services.runtime.store.reading() as reading:
        mailboxes = (await all_mailboxes(reading)).values()
    kept = [Kept(r.status, r.category, r.days) for r in wanted.rules]
    found = contradiction(kept, mailboxes)
    if found is not None:
        n, mailbox = found
        raise InvalidInputError(
            f"the mailbox '{mailbox.id}' lets replies reopen completed items for {mailbox.reopen_days} days, "
            f"and after {kept[n].days} they would be gone",
            field=f"rules[{n}].days",
            hint=f"at least {mailbox.reopen_days + 1} days, or a shorter time at the mailbox",
        )


async def _fitting(
    reading: Reading, rules: list[RetentionRule], n: int, now: datetime, limit: int
) -> list[AgedItem]:
    rule = rules[n]
    return await reading.kept_too_long(
        [rule.status] if rule.status is not None else FINAL,
        now - timedelta(days=rule.days),
        rule.category,
        [(earlier.status, earlier.category) for earlier in rules[:n]],
        limit,
    )


async def enforce(services: TenantServices) -> int:
    """Deletes what the rules let go, a chunk of it; how many items. Not under a virtual clock."""
    runtime = services.runtime
    if runtime.virtual is not None:
        return 0
    now = runtime.now()
    async with runtime.store.reading() as reading:
        wanted, _ = await _stored(reading)
        items: list[AgedItem] = []
        for n in range(len(wanted.rules)):
            if len(items) < CHUNK:
                items += await _fitting(reading, wanted.rules, n, now, CHUNK - len(items))
    commands = [
        Command(
            action=Action.DELETE, caller=system("retention"), item_id=i.id, reason="retention", internal=True,
            if_match=i.revision,
        )
        for i in items
    ]  # fmt: skip
    if commands:
        await apply(runtime, commands)
    if wanted.personal_days is not None:
        async with runtime.store.writing() as tx:
            await tx.erase_personal_of_gone(now - timedelta(days=wanted.personal_days), CHUNK)
    return len(commands)
