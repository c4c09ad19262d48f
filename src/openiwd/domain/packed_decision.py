"""Decision records as bytes: what is stored with every offer. Pure. A form once written must stay readable.

Names of reasons, kinds and changes are places in lists, priorities are whole hundredths, and what lies near
something else is told by its distance. Words are made when it is read.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from openiwd.domain.decision import Decision, NextChange, Number, PriorityParts
from openiwd.domain.offer import GrantKind

MAX_BYTES: Final = 256
"""A record that would be longer is told with fewer runners-up."""
FORM: Final = 1

# The lists are appended to, never changed: their places are stored.
REASONS: Final = (
    "queueMissing", "delivery", "queueClosed", "segmentLimit", "inactive", "media", "excluded", "reserved",
    "requested", "group", "skill", "groupDelay", "preferred", "declined", "loggedOut", "absent", "offShift",
    "notReady", "afterWork", "offered", "capacity", "mediaCapacity", "shiftEnd",
)  # fmt: skip
KINDS: Final = (GrantKind.PUSH, GrantKind.PULL, GrantKind.PICK)
CHANGES: Final = (
    "relaxation", "preferenceEnd", "lastAgentEnd", "reservationEnd", "groupOpens", "exclusionEnd", "queueOpens",
    "shiftStart", "absenceEnd",
)  # fmt: skip

_REASON_PLACES: Final = {name: place for place, name in enumerate(REASONS)}
_KIND_PLACES: Final = {kind: place for place, kind in enumerate(KINDS)}
_CHANGE_PLACES: Final = {name: place for place, name in enumerate(CHANGES)}


class _Packed(Struct, array_like=True, frozen=True):
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
_decode = msgspec.msgpack.Decoder(_Packed).decode


def pack(decision: Decision) -> bytes:
    """The record as bytes: at most MAX_BYTES, as far as names allow it."""
    packed = _encode(_packed(decision))
    while len(packed) > MAX_BYTES and decision.runners_up:
        decision = replace(decision, runners_up=decision.runners_up[:-1])
        packed = _encode(_packed(decision))
    return packed


def unpack(packed: bytes) -> Decision:
    """Raises msgspec.ValidationError or DecodeError for what is no record of a known form."""
    p = _decode(packed)
    if p.form != FORM:
        raise msgspec.ValidationError(f"decision records of form {p.form} are not known here")
    return Decision(
        at=p.at,
        rule_set_version=p.rule_set_version,
        kind=None if p.kind is None else KINDS[p.kind],
        agent_id=p.agent_id,
        item_number=p.item_number,
        revision=p.revision,
        priority=PriorityParts(
            _number(p.total),
            curve=None if p.curve is None else _number(p.curve),
            age=p.age,
            value=_number(p.value),
            adjustment=p.adjustment,
            fixed=p.fixed,
            schema_id=p.schema_id,
        ),
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
            (p.item_number + number, _number(p.total + hundredths))
            for number, hundredths in zip(p.runners_up[::2], p.runners_up[1::2], strict=True)
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


def _packed(decision: Decision) -> _Packed:
    parts = decision.priority
    total = _hundredths(parts.total)
    excluded: list[int] = []
    for reason, count in decision.excluded.items():
        excluded += (_REASON_PLACES[reason], count)
    runners_up: list[int] = []
    for number, priority in decision.runners_up:
        runners_up += (number - decision.item_number, _hundredths(priority) - total)
    return _Packed(
        FORM,
        decision.at,
        decision.rule_set_version,
        None if decision.kind is None else _KIND_PLACES[decision.kind],
        decision.agent_id,
        decision.item_number,
        decision.revision,
        total,
        None if parts.curve is None else _hundredths(parts.curve),
        parts.age,
        _hundredths(parts.value),
        parts.adjustment,
        parts.fixed,
        parts.schema_id,
        decision.waiting,
        decision.rank,
        decision.considered,
        decision.agents,
        decision.eligible,
        excluded,
        list(decision.skills),
        runners_up,
        [(c.at - decision.at, _CHANGE_PLACES[c.kind], c.gained, c.params) for c in decision.changes],
        decision.of_pass,
    )


def _hundredths(value: Number) -> int:
    return value * 100 if isinstance(value, int) else round(value * 100)


def _number(hundredths: int) -> Number:
    return hundredths / 100 if hundredths % 100 else hundredths // 100
