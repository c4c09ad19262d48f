"""Decision records as bytes: what is stored with every offer. Pure. A form once written must stay readable.

Names of reasons, kinds and changes are places in lists, priorities are whole hundredths, and what lies near
something else is told by its distance. Words are made when it is read.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from openiwd.domain.decision import Decision, NextChange, Parts, told_parts
from openiwd.domain.offer import GrantKind
from openiwd.domain.schema import of_hundredths

MAX_BYTES: Final = 256
"""A record that would be longer is told with fewer runners-up."""
FORM: Final = 1

# The lists are appended to, never changed: their places are stored.
REASONS: Final = (
    "queueMissing", "delivery", "queueClosed", "segmentLimit", "inactive", "media", "excluded", "reserved",
    "requested", "group", "skill", "groupDelay", "preferred", "declined", "loggedOut", "absent", "offShift",
    "notReady", "afterWork", "offered", "capacity", "mediaCapacity", "shiftEnd", "routedOutside",
)  # fmt: skip
KINDS: Final = (GrantKind.PUSH, GrantKind.PULL, GrantKind.PICK)
CHANGES: Final = (
    "relaxation", "preferenceEnd", "lastAgentEnd", "reservationEnd", "groupOpens", "exclusionEnd", "queueOpens",
    "shiftStart", "absenceEnd",
)  # fmt: skip

REASON_PLACES: Final = {name: place for place, name in enumerate(REASONS)}
KIND_PLACES: Final = {kind: place for place, kind in enumerate(KINDS)}
CHANGE_PLACES: Final = {name: place for place, name in enumerate(CHANGES)}


class PackedDecision(Struct, array_like=True):
    """A record as it is stored; of what is told by places and distances. It belongs to who made it."""

    form: int
    at: int
    rule_set_version: int | None
    kind: int | None
    agent_id: str | None
    item_number: int
    revision: int
    total: int
    curve: int | None
    age: int | None
    value: int
    adjustment: int
    fixed: int | None
    schema_id: str | None
    waiting: int
    rank: int | None
    considered: int
    agents: int
    eligible: int
    excluded: list[int]
    """Place and count in turns."""
    skills: list[tuple[str, int, int]]
    runners_up: list[int]
    """Distance from the item's number and from its priority in turns."""
    changes: list[tuple[int, int, int, dict[str, str | int]]]
    """Distance from the instant of the decision, kind, gained, parameters."""
    of_pass: bool


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(PackedDecision).decode


def pack(packed: PackedDecision) -> bytes:
    """The record as bytes: at most MAX_BYTES, as far as names allow it. Takes runners-up from the one given."""
    data = _encode(packed)
    while len(data) > MAX_BYTES and packed.runners_up:
        del packed.runners_up[-2:]
        data = _encode(packed)
    return data


def unpack(packed: bytes) -> Decision:
    """Raises msgspec.ValidationError or DecodeError for what is no record of a known form."""
    return told(_decode(packed))


def told(p: PackedDecision) -> Decision:
    """The record in plain values."""
    if p.form != FORM:
        raise msgspec.ValidationError(f"decision records of form {p.form} are not known here")
    parts = Parts(p.total, p.curve, p.age, p.value, p.adjustment, p.fixed, p.schema_id)
    return Decision(
        at=p.at,
        rule_set_version=p.rule_set_version,
        kind=None if p.kind is None else KINDS[p.kind],
        agent_id=p.agent_id,
        item_number=p.item_number,
        revision=p.revision,
        priority=told_parts(parts),
        waiting=p.waiting,
        rank=p.rank,
        considered=p.considered,
        agents=p.agents,
        eligible=p.eligible,
        excluded={
            REASONS[place]: count for place, count in zip(p.excluded[::2], p.excluded[1::2], strict=True)
        },
        skills=tuple(p.skills),
        runners_up=tuple(
            (p.item_number + number, of_hundredths(p.total + distance))
            for number, distance in zip(p.runners_up[::2], p.runners_up[1::2], strict=True)
        ),
        changes=tuple(
            NextChange(p.at + after, CHANGES[kind], gained, params)
            for after, kind, gained, params in p.changes
        ),
        of_pass=p.of_pass,
    )


def known(packed: bytes) -> Decision | None:
    """The record, unless it has a form of another version or none."""
    try:
        return unpack(packed)
    except (msgspec.DecodeError, IndexError, ValueError):
        return None
