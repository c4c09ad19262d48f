"""Mailboxes: configured by people, handed to the email service with their secrets, held by one process each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from openiwd.domain.email.lease_share import share_of
from openiwd.domain.email.mailbox import (
    KEPT_BY_IWD,
    MAX_MAILBOXES,
    SECRETS,
    Mailbox,
    check_mailbox,
    connection_digest,
)
from openiwd.domain.email.reopen_window import Kept, contradiction
from openiwd.domain.errors import ConflictError, InvalidInputError, NotFoundError
from openiwd.domain.privilege import Caller
from openiwd.domain.work_item import check_text
from openiwd.ports.email import MailboxCursor, MailboxLease, MailboxStatus
from openiwd.ports.tenant_store import Reading, Writing
from openiwd.usecases import live_object
from openiwd.usecases.configuration import Editor
from openiwd.usecases.live_object import LiveKind, Stored

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

KIND: Final = LiveKind(
    stored="mailbox", noun="mailbox", type=Mailbox, view="mailboxes.view", update="mailboxes.update"
)
SERVICE: Final = "email.service"
LEASE_SECONDS: Final = 15.0
"""A holder that has not renewed for so long is taken for dead; another one follows within twice of it."""
DIRECTIONS: Final = ("incoming", "outgoing")
MAX_ERROR: Final = 2_000
MAX_SECRET: Final = 4_000


class MailboxState(Struct, kw_only=True):
    """A mailbox as people see it: its settings, which secrets it has, who holds it, how it is doing."""

    mailbox: Mailbox
    revision: int
    secrets: list[str]
    statuses: list[MailboxStatus]
    lease: MailboxLease | None


class ServedMailbox(Struct, kw_only=True, rename="camel"):
    """A mailbox as the email service needs it: secrets in the clear, and up to where its folders were read."""

    mailbox: Mailbox
    revision: int
    secrets: dict[str, str]
    cursors: list[MailboxCursor]
    tenant: str


class StatusReport(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How one direction of a mailbox is doing, as its holder has found."""

    mailbox_id: str
    direction: str
    ok: bool
    error: str | None = None


async def states(editor: Editor) -> list[MailboxState]:
    """All mailboxes with their state."""
    found = await live_object.objects(editor, KIND)
    async with editor.services.runtime.store.reading() as reading:
        secrets = await reading.mailbox_secrets()
        statuses = await reading.mailbox_statuses()
        leases = {lease.mailbox_id: lease for lease in await reading.mailbox_leases()}
    return [
        MailboxState(
            mailbox=one.value,
            revision=one.revision,
            secrets=[name for mailbox_id, name in sorted(secrets) if mailbox_id == one.value.id],
            statuses=[s for s in statuses if s.mailbox_id == one.value.id],
            lease=leases.get(one.value.id),
        )
        for one in found
    ]


async def state(editor: Editor, mailbox_id: str) -> MailboxState:
    """One mailbox with its state."""
    found = next((s for s in await states(editor) if s.mailbox.id == mailbox_id), None)
    if found is None:
        raise _missing(mailbox_id)
    return found


def _missing(mailbox_id: str) -> NotFoundError:
    return NotFoundError(f"there is no mailbox '{mailbox_id[:80]}'", field="mailbox", hint="see the list")


async def put(editor: Editor, mailbox: Mailbox, revision: int | None) -> tuple[Stored, bool]:
    """Creates or replaces a mailbox; whether it is new. No two of them share an address.

    An enabled one has connections that were tried, with these settings: ConflictError `notTested` else.
    """
    editor.caller.require(KIND.update)
    check_mailbox(mailbox)
    others = [s.value for s in await live_object.objects(editor, KIND) if s.value.id != mailbox.id]
    if len(others) >= MAX_MAILBOXES:
        raise ConflictError(f"a tenant has at most {MAX_MAILBOXES} mailboxes", code="tooMany", field="id")
    for other in others:
        shared = other.own_addresses & mailbox.own_addresses
        if shared:
            raise ConflictError(
                f"the mailbox '{other.id}' has the address {min(shared)} already",
                code="addressTaken",
                field="address",
                hint="an address belongs to one mailbox",
            )
    return await live_object.put(editor, KIND, mailbox, revision, also=_follow(mailbox))


def _follow(mailbox: Mailbox) -> Callable[[Writing, Mailbox | None], Awaitable[None]]:
    """What is looked at, and goes, in the transaction that stores a mailbox."""

    async def follow(tx: Writing, before: Mailbox | None) -> None:
        if mailbox.enabled:
            await _require_tested(tx, mailbox, before)
            await _require_kept(tx, mailbox)
        if before is not None and not may_be_shown(before, mailbox):
            for name in KEPT_BY_IWD:
                await tx.save_mailbox_secret(mailbox.id, name, None)

    return follow


def may_be_shown(before: Mailbox, mailbox: Mailbox) -> bool:
    """Whether secrets that were entered for one server are for that of the other settings, too."""
    return before.sign_in is None or before.token_place == mailbox.token_place


async def require_mailboxes(tx: Reading, ids: Sequence[str], field: str) -> None:
    """InvalidInputError naming the first one that is not there."""
    known = await all_mailboxes(tx)
    missing = next((i for i in ids if i not in known), None)
    if missing is not None:
        raise InvalidInputError(f"there is no mailbox '{missing[:80]}'", field=field, hint="see the list")


async def note_tested(services: TenantServices, mailbox: Mailbox) -> None:
    """The connections of a stored mailbox work with these settings, as a test of them has shown."""
    async with services.runtime.store.writing() as tx:
        await tx.note_mailbox_test(mailbox.id, connection_digest(mailbox), services.runtime.now())


async def _require_tested(tx: Writing, mailbox: Mailbox, before: Mailbox | None) -> None:
    settings = connection_digest(mailbox)
    if before is not None and before.enabled and connection_digest(before) == settings:
        return
    if (await tx.mailbox_tests()).get(mailbox.id) != settings:
        raise ConflictError(
            "the mailbox's connections have not been tested with these settings",
            code="notTested",
            field="enabled",
            hint="save it disabled, with its secrets; test the connection, and then enable it",
        )


async def _require_kept(tx: Writing, mailbox: Mailbox) -> None:
    body, _ = await tx.retention()
    rules = [Kept(r.get("status"), r.get("category"), r["days"]) for r in body.get("rules", [])]
    found = contradiction(rules, [mailbox])
    if found is not None:
        days = rules[found[0]].days
        raise ConflictError(
            f"completed items are kept for {days} days, but replies are to reopen them for {mailbox.reopen_days}",
            code="retentionTooShort",
            field="reopenDays",
            hint=f"less than {days} days, or keep items longer (rule {found[0] + 1} of the retention)",
        )


async def delete(editor: Editor, mailbox_id: str) -> None:
    """Removes a mailbox with its secrets and its place; its emails stay with their items."""
    await live_object.delete(editor, KIND, mailbox_id)


async def put_secrets(editor: Editor, mailbox_id: str, values: Mapping[str, str | None]) -> list[str]:
    """Stores secrets sealed; null removes one. The names of those that are set now. They are never shown again."""
    editor.caller.require(KIND.update)
    await live_object.get(editor, KIND, mailbox_id)
    for name, value in values.items():
        if name not in SECRETS:
            raise InvalidInputError(
                f"a mailbox has no secret '{name[:40]}'", field=name, hint=f"use: {', '.join(SECRETS)}"
            )
        if value is not None:
            check_text(value, name)
            if not 0 < len(value) <= MAX_SECRET:
                raise InvalidInputError(f"{name} is empty or too long", field=name, hint="enter it again")
    box = editor.services.email_tools.box
    async with editor.services.runtime.store.writing() as tx:
        for name, value in values.items():
            sealed = None if value is None else box.seal(value, purpose(editor.tenant_id, mailbox_id, name))
            await tx.save_mailbox_secret(mailbox_id, name, sealed)
        known = await tx.mailbox_secrets()
        await editor.tell(tx, KIND.stored, mailbox_id, "updated")
    editor.committed()
    await editor.note("secretsChanged", KIND.noun, mailbox_id, names=sorted(values))
    return [name for owner, name in sorted(known) if owner == mailbox_id]


def purpose(tenant_id: str, mailbox_id: str, name: str) -> str:
    """What a secret of a mailbox is sealed for."""
    return f"{tenant_id}/mailbox/{mailbox_id}/{name}"


async def opened_secrets(services: TenantServices, mailbox_id: str) -> dict[str, str]:
    """All secrets of one mailbox, in the clear."""
    async with services.runtime.store.reading() as reading:
        sealed = await reading.mailbox_secrets()
    box = services.email_tools.box
    return {
        name: box.open(value, purpose(services.tenant.id, mailbox_id, name))
        for (owner, name), value in sealed.items()
        if owner == mailbox_id
    }


async def find(reading: Reading, mailbox_id: str) -> Mailbox:
    """The mailbox; NotFoundError if there is none."""
    found = (await all_mailboxes(reading)).get(mailbox_id)
    if found is None:
        raise _missing(mailbox_id)
    return found


async def all_mailboxes(reading: Reading) -> dict[str, Mailbox]:
    """By id."""
    return {raw["id"]: _mailbox(raw) for raw in await reading.objects(KIND.stored)}


def _mailbox(raw: Mapping[str, Any]) -> Mailbox:
    return msgspec.convert({k: v for k, v in raw.items() if k != "revision"}, Mailbox)


async def serve(services: TenantServices, caller: Caller) -> list[ServedMailbox]:
    """The enabled mailboxes for the email service."""
    caller.require(SERVICE)
    async with services.runtime.store.reading() as reading:
        raws = await reading.objects(KIND.stored)
        sealed = await reading.mailbox_secrets()
        cursors = await reading.mailbox_cursors()
    served = []
    for raw in raws:
        mailbox = _mailbox(raw)
        if not mailbox.enabled:
            continue
        own = {
            name: value
            for (owner, name), value in sealed.items()
            if owner == mailbox.id and name not in KEPT_BY_IWD
        }
        served.append(
            ServedMailbox(
                mailbox=mailbox,
                revision=raw["revision"],
                secrets={
                    name: services.email_tools.box.open(value, purpose(services.tenant.id, mailbox.id, name))
                    for name, value in own.items()
                },
                cursors=[c for c in cursors if c.mailbox_id == mailbox.id],
                tenant=services.tenant.id,
            )
        )
    return served


async def take_leases(
    services: TenantServices, caller: Caller, holder: UUID, most: int, wanted: Sequence[str] | None = None
) -> list[MailboxLease]:
    """Prolongs the leases of a holder, and takes free mailboxes up to `most` in all; what it holds now.

    Every process that asks counts, also one that has none yet: who has more than its fair share keeps that much, is
    no longer told of the rest, and lets it run out; so mailboxes move to a process that was started later.
    """
    caller.require(SERVICE)
    async with services.runtime.store.writing() as tx:
        await tx.note_email_holder(holder, most)
        most_of = {h.holder: h.most for h in await tx.email_holders(LEASE_SECONDS)} | {holder: most}
        enabled = [m.id for m in (await all_mailboxes(tx)).values() if m.enabled]
        leases = {lease.mailbox_id: lease for lease in await tx.mailbox_leases()}
        live = {i: lease for i, lease in leases.items() if lease.seconds > 0 and i in enabled}
        held = dict.fromkeys(most_of, 0)
        for lease in live.values():
            held[lease.holder] = held.get(lease.holder, 0) + 1
        own = sorted(i for i, lease in live.items() if lease.holder == holder)
        share = share_of(holder, held, most_of, len(enabled))
        free = sorted(i for i in enabled if i not in live and (wanted is None or i in wanted))
        return await tx.take_mailbox_leases(
            holder, sorted({*own[:share], *free[: max(0, share - len(own))]}), LEASE_SECONDS
        )


async def end_leases(services: TenantServices, caller: Caller, holder: UUID) -> None:
    """Gives the mailboxes of a holder back at once."""
    caller.require(SERVICE)
    async with services.runtime.store.writing() as tx:
        await tx.end_mailbox_leases(holder)


async def require_lease(tx: Writing, mailbox_id: str, holder: UUID, epoch: int) -> None:
    """ConflictError `leaseLost` unless this holder has the mailbox; it keeps it until this transaction ends."""
    lease = await tx.share_mailbox_lease(mailbox_id)
    if lease is None or lease.holder != holder or lease.epoch != epoch or lease.seconds <= 0:
        raise ConflictError(
            f"the mailbox '{mailbox_id[:80]}' is held by another process",
            code="leaseLost",
            hint="stop with this mailbox, and ask for leases again",
        )


async def save_cursor(
    services: TenantServices, caller: Caller, cursor: MailboxCursor, holder: UUID, epoch: int
) -> None:
    """Notes up to where a folder has been gone through, where no email tells it."""
    caller.require(SERVICE)
    async with services.runtime.store.writing() as tx:
        await require_lease(tx, cursor.mailbox_id, holder, epoch)
        await tx.save_mailbox_cursor(cursor)


async def report(services: TenantServices, caller: Caller, reports: Sequence[StatusReport]) -> None:
    """Stores how mailboxes are doing."""
    caller.require(SERVICE)
    for one in reports:
        if one.direction not in DIRECTIONS:
            raise InvalidInputError(
                f"'{one.direction[:40]}' is no direction", field="direction", hint="incoming or outgoing"
            )
    now = services.runtime.now()
    async with services.runtime.store.writing() as tx:
        for one in sorted(reports, key=lambda r: (r.mailbox_id, r.direction)):
            error = None if one.error is None else one.error.replace("\x00", "")[:MAX_ERROR]
            await tx.save_mailbox_status(one.mailbox_id, one.direction, ok=one.ok, error=error, now=now)
