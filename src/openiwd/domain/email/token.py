"""Marks by which our own emails are known again: signed Message-IDs, reply addresses and subject tokens.

A signature is an HMAC with the tenant's key, so nobody else can make one up.
"""

from __future__ import annotations

import base64
import hmac
import re
from hashlib import sha256
from typing import Final
from uuid import UUID

_BYTES: Final = 10
_MESSAGE_ID: Final = re.compile(r"([a-z2-7]{26})\.([a-z2-7]{16})@([^@\s]{1,255})")
_TAG: Final = re.compile(r"r-([a-z2-7]{26})-([a-z2-7]{16})")
_SUBJECT: Final = re.compile(r"\[#([a-z2-7]{26})-([a-z2-7]{16})\]", re.IGNORECASE)


def _text(content: bytes) -> str:
    return base64.b32encode(content).decode("ascii").rstrip("=").lower()


def _signature(key: bytes, use: str, subject: str) -> str:
    return _text(hmac.new(key, f"{use}:{subject}".encode(), sha256).digest()[:_BYTES])


def _id_of(text: str) -> UUID | None:
    try:
        content = base64.b32decode(text.upper() + "======")
        return UUID(bytes=content)
    except ValueError:
        return None


def message_id_for(email_id: UUID, domain: str, key: bytes) -> str:
    """The Message-ID of an email of ours, without brackets."""
    named = _text(email_id.bytes)
    return f"{named}.{_signature(key, 'message', named)}@{domain}"


def email_of_message_id(message_id: str, key: bytes) -> UUID | None:
    """Which email of ours a Message-ID names; None when it is not one that we have made."""
    match = _MESSAGE_ID.fullmatch(message_id)
    return _verified(match, key, "message")


def reply_tag(thread_id: UUID, key: bytes) -> str:
    """What stands behind `+` in the reply address of a thread."""
    named = _text(thread_id.bytes)
    return f"r-{named}-{_signature(key, 'reply', named)}"


def thread_of_tag(tag: str, key: bytes) -> UUID | None:
    return _verified(_TAG.fullmatch(tag.lower()), key, "reply")


def subject_token(thread_id: UUID, key: bytes) -> str:
    """What can stand in the subject of emails of a thread, brackets included."""
    named = _text(thread_id.bytes)
    return f"[#{named}-{_signature(key, 'subject', named)}]"


def threads_of_subject(subject: str, key: bytes) -> list[UUID]:
    """The threads that authentic tokens in a subject name."""
    found = (_verified(match, key, "subject") for match in _SUBJECT.finditer(subject[:1_000]))
    return [one for one in found if one is not None]


def _verified(match: re.Match[str] | None, key: bytes, use: str) -> UUID | None:
    if match is None:
        return None
    named, given = match[1].lower(), match[2].lower()
    if not hmac.compare_digest(_signature(key, use, named), given):
        return None
    return _id_of(named)
