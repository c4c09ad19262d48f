"""What reports do to the email that they are about: failed recipients and reasons are noted, a failure calls people.

A report never makes an item: its Message-ID must be one that we have signed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from openiwd.domain.email.delivery_report import Delivery, DeliveryReport
from openiwd.domain.email.outbound import SendingState
from openiwd.domain.email.token import email_of_message_id
from openiwd.domain.errors import OpenIwdError
from openiwd.domain.event import EventType
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import system
from openiwd.domain.transition import Change, Context, noted
from openiwd.domain.work_item import Status, WorkItem
from openiwd.ports.email import StoredEmail
from openiwd.ports.tenant_store import TransactionRetryError, Writing
from openiwd.usecases.command import Command, Result
from openiwd.usecases.work_item import apply

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

MAX_DELIVERIES = 200


async def apply_report(
    services: TenantServices,
    email: StoredEmail,
    report: DeliveryReport,
    write: Callable[[Writing, Sequence[Result]], Awaitable[None]],
) -> UUID | None:
    """Notes the report with the email of ours that it is about, and stores it; the item's id. None: not ours."""
    runtime = services.runtime
    key = await services.email_tools.mark_key(runtime)
    ids = [i for i in (email_of_message_id(m, key) for m in report.message_ids) if i is not None]
    async with runtime.store.reading() as reading:
        own, _ = await reading.known_emails(ids, [])
        found = next((own[i] for i in ids if i in own and own[i].is_outbound), None)
        if found is None:
            return None
        thread = (await reading.known_threads([found.thread_id], [])).get(found.thread_id)
        item = None if thread is None else (await reading.items_by_id([thread.item_id])).get(thread.item_id)
    if item is None:
        return None
    email.thread_id, email.reports_on = found.thread_id, found.email_id

    async def write_both(tx: Writing, results: Sequence[Result]) -> None:
        await write(tx, results)
        await _note(tx, found.email_id, email, report)

    results = await apply(runtime, _commands(item, email, report), also=write_both, atomic=True)
    for result in results:
        if isinstance(result, OpenIwdError) and result.code != "notDone":
            raise result
    return item.id


async def _note(tx: Writing, email_id: UUID, told_by: StoredEmail, report: DeliveryReport) -> None:
    sent = await tx.lock_email(email_id)
    if sent is None:
        return
    told: list[dict[str, Any]] = [
        {**msgspec.to_builtins(r), "at": told_by.at.isoformat(), "email": str(told_by.id)}
        for r in report.recipients
    ]
    sent.deliveries = [*sent.deliveries, *told][-MAX_DELIVERIES:]
    if report.delivery is Delivery.FAILED:
        sent.state = SendingState.FAILED.value
        sent.error = report.reason or "a mail system says that it could not be delivered"
    elif sent.state == SendingState.UNKNOWN.value and report.delivery in (Delivery.DONE, Delivery.READ):
        sent.state, sent.sent_at = (
            SendingState.SENT.value,
            told_by.at,
        )  # it has arrived: that proves the sending
    if not await tx.update_email(sent):
        raise TransactionRetryError("the email changed meanwhile")


def _commands(item: WorkItem, email: StoredEmail, report: DeliveryReport) -> list[Command]:
    """A failure tells the item's agent, and reopens a completed item; all else is only told."""
    failed = report.delivery is Delivery.FAILED
    kind = EventType.EMAIL_FAILED if failed else EventType.EMAIL_RECEIVED

    def change(present: WorkItem, ctx: Context) -> Change:
        told = {"id": str(email.reports_on if failed else email.id), "kind": email.kind.value}
        extra = {"agent": present.assigned_to} if present.assigned_to else {}
        return noted(present, ctx, kind, email=told, **extra)

    by = system("email")
    commands = [Command(action=Action.UPDATE, caller=by, item_id=item.id, internal=True, custom=change)]
    if failed and item.status is Status.COMPLETED:
        commands.append(
            Command(action=Action.REOPEN, caller=by, item_id=item.id, internal=True, reason="emailFailed")
        )
    return commands
