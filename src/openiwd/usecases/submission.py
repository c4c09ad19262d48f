"""Submissions as they are compared with what a source has sent before."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import msgspec

from openiwd.domain.work_item import ItemSubmission, ItemUpdate


def submission_hash(submission: ItemSubmission) -> bytes:
    """Equality of hand-overs: the source-set fields as first received."""
    return hash_of(submission_text(submission))


def submission_text(submission: ItemSubmission) -> bytes:
    """The submission as JSON, equal ones alike to the byte."""
    return _encode(submission)


def hash_of(text: bytes) -> bytes:
    return blake2b(text, digest_size=16).digest()


_encode: Final = msgspec.json.Encoder(order="deterministic").encode


def as_update(new: ItemSubmission) -> ItemUpdate:
    """A repeated hand-over as an update: what it names replaces, what it leaves out stays."""
    raw = msgspec.to_builtins(new)
    for name in ("captureId", "capturePoint", "mediaType", "createdDateTime"):
        raw.pop(name, None)
    return msgspec.convert({k: v for k, v in raw.items() if v not in (None, [])}, ItemUpdate)
