"""Grants told from the decider's picture, without the item at hand: the bodies of the events that claims write. Pure.

Says what `transition.grant` says of the item itself; it is apart because a claim is to cost microseconds.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.offer import GrantKind

_text = msgspec.json.Encoder().encode


class GrantWriter:
    """Writes the event bodies of grants of one kind and instant, each as JSON on one line."""

    def __init__(self, kind: GrantKind, now: datetime) -> None:
        self._kind = kind
        self._now = now
        self._at = _text(now).decode()
        self._ends: dict[int, tuple[str, str]] = {}

    def offered(self, agent_id: str, offer_id: UUID, lasts: int, priority: int) -> str:
        """An open offer of so many microseconds; with the whole part of the priority that it was chosen with."""
        known = self._ends.get(lasts)
        if known is None:
            end = self._now + timedelta(microseconds=lasts)
            known = self._ends[lasts] = (_text(end).decode(), _text(end.isoformat()).decode())
        set_end, told_end = known
        agent, offer = _text(agent_id).decode(), str(offer_id)
        return (
            f'{{"from":"queued","to":"queued","set":{{"offer_id":"{offer}","offered_to":{agent},'
            f'"offered_at":{self._at},"offer_expires_at":{set_end}}},"agent":{agent},'
            f'"offer":{{"id":"{offer}","agent":{agent},"expiresAt":{told_end},"priority":{priority}}}}}'
        )

    def assigned(self, item: BacklogItem, agent_id: str, assignment_id: UUID, priority: int) -> str:
        """An assignment; it ends a reservation."""
        agent = _text(agent_id).decode()
        ended = (
            '"reserved_for":null,"reserved_until":null,"reserved_by":null,'
            if item.reserved_for is not None
            else ""
        )
        return (
            f'{{"from":"queued","to":"assigned","set":{{"status":"assigned","assigned_at":{self._at},{ended}'
            f'"assigned_to":{agent},"assignment_id":"{assignment_id}"}},"agent":{agent},'
            f'"assignmentStarted":{{"id":"{assignment_id}","agent":{agent},"how":"{self._kind.value}",'
            f'"priority":{priority}}}}}'
        )
