"""Which thread an inbound email belongs to. Evidence joins, weak evidence suggests, a stranger is never merged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from openiwd.domain.email.address import normal, tag_of, without_tag
from openiwd.domain.email.message import ParsedEmail
from openiwd.domain.email.token import email_of_message_id, thread_of_tag, threads_of_subject


class Evidence(StrEnum):
    """Why an email may belong to a thread, the surest first."""

    REFERENCE = "reference"
    """It names one of our emails by an id that we have signed or one that the provider gave us."""
    OWN_EMAIL = "ownEmail"
    """It names an email that the same person sent us before."""
    PROVIDER_THREAD = "providerThread"
    STRANGER = "stranger"
    """It names one of our emails, but comes from an address that has no part in the thread."""
    REPLY_ADDRESS = "replyAddress"
    SUBJECT = "subject"


JOINING = frozenset({Evidence.REFERENCE, Evidence.OWN_EMAIL, Evidence.PROVIDER_THREAD})


class KnownEmail(Struct, frozen=True, kw_only=True):
    """An email that is stored, found by its id or Message-ID."""

    email_id: UUID
    thread_id: UUID
    is_outbound: bool


class KnownThread(Struct, frozen=True, kw_only=True):
    """A thread that evidence points to: its item, and the addresses that have a part in it."""

    thread_id: UUID
    item_id: UUID
    addresses: frozenset[str]
    """Of the contact, of senders and recipients; never our own."""


class Pointer(Struct, frozen=True, kw_only=True):
    """Evidence found in an email, before it is known whether its sender has a part in the thread."""

    thread_id: UUID
    evidence: Evidence


class Suggestion(Struct, frozen=True, kw_only=True, rename="camel"):
    """A thread that an email may belong to."""

    thread_id: UUID
    item_id: UUID
    evidence: Evidence


class Threading(Struct, frozen=True, kw_only=True):
    """What is decided: the thread to join with its evidence, or none and what may be suggested."""

    joins: KnownThread | None = None
    evidence: Evidence | None = None
    suggestions: tuple[Suggestion, ...] = ()


def referred_ids(email: ParsedEmail) -> list[str]:
    """The Message-IDs that an email names, the newest first."""
    return list(dict.fromkeys([*email.in_reply_to, *reversed(email.references)]))


def own_email_ids(email: ParsedEmail, key: bytes) -> list[UUID]:
    """Emails of ours that it names by signed Message-IDs, the newest first."""
    found = (email_of_message_id(one, key) for one in referred_ids(email))
    return [one for one in found if one is not None]


def pointers(
    email: ParsedEmail,
    own: Mapping[UUID, KnownEmail],
    by_message_id: Mapping[str, KnownEmail],
    key: bytes,
    provider_thread: UUID | None = None,
) -> list[Pointer]:
    """All evidence in an email, the surest and newest first. `own` and `by_message_id`: what the store knows."""
    found: list[Pointer] = []
    for message_id in referred_ids(email):
        signed = email_of_message_id(message_id, key)
        known = own.get(signed) if signed is not None else by_message_id.get(message_id)
        if known is not None:
            evidence = Evidence.REFERENCE if known.is_outbound else Evidence.OWN_EMAIL
            found.append(Pointer(thread_id=known.thread_id, evidence=evidence))
    if provider_thread is not None:
        found.append(Pointer(thread_id=provider_thread, evidence=Evidence.PROVIDER_THREAD))
    for address in (*[a.address for a in (*email.to, *email.cc)], *email.delivered_to):
        tag = tag_of(address)
        thread_id = None if tag is None else thread_of_tag(tag, key)
        if thread_id is not None:
            found.append(Pointer(thread_id=thread_id, evidence=Evidence.REPLY_ADDRESS))
    found += [
        Pointer(thread_id=thread_id, evidence=Evidence.SUBJECT)
        for thread_id in threads_of_subject(email.subject, key)
    ]
    return list(dict.fromkeys(found))


def decide(email: ParsedEmail, found: Sequence[Pointer], threads: Mapping[UUID, KnownThread]) -> Threading:
    """Joins the first thread that sure evidence names and the sender has a part in; all else is suggested."""
    sender = email.sender.address if email.sender else ""
    suggestions: dict[UUID, Suggestion] = {}
    for pointer in found:
        thread = threads.get(pointer.thread_id)
        if thread is None:
            continue
        evidence = pointer.evidence
        if evidence in JOINING:
            if _has_part(sender, thread.addresses):
                return Threading(joins=thread, evidence=evidence)
            evidence = Evidence.STRANGER
        suggestions.setdefault(
            thread.thread_id,
            Suggestion(thread_id=thread.thread_id, item_id=thread.item_id, evidence=evidence),
        )
    return Threading(suggestions=tuple(suggestions.values())[:5])


def _has_part(sender: str, addresses: Collection[str]) -> bool:
    address = normal(sender)
    return bool(address) and (
        address in addresses or without_tag(address) in {without_tag(a) for a in addresses}
    )
