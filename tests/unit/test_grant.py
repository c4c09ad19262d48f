"""A claim's event, told from the picture alone, is the event that the transition of the item itself makes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from openiwd.domain import assignment
from openiwd.domain.backlog_item import backlog_item
from openiwd.domain.grant import GrantWriter
from openiwd.domain.offer import GrantKind
from tests.factories.life import Life

AGENT = 'am"ara\n\\é'


@pytest.mark.parametrize("reserved", [False, True])
@pytest.mark.parametrize("kind", list(GrantKind))
def test_the_body_is_that_of_the_transition(kind: GrantKind, reserved: bool) -> None:
    life = Life()
    item = life.create()
    if reserved:
        item = msgspec.structs.replace(
            item, reserved_for=AGENT, reserved_until=life.now + timedelta(days=1), reserved_by="boss"
        )
    offer_id, assignment_id = uuid4(), uuid4()
    change = assignment.grant(
        item,
        life.ctx(),
        kind,
        AGENT,
        offer_id=offer_id,
        assignment_id=assignment_id,
        timeout_us=30_000_001,
        priority=-17,
    )
    seen = backlog_item(item, queue=None, schema=None, weight=1)
    writer = GrantWriter(kind, life.now)
    text = (
        writer.offered(AGENT, offer_id, 30_000_001, -17)
        if kind is GrantKind.PUSH
        else writer.assigned(seen, AGENT, assignment_id, -17)
    )
    body: dict[str, Any] = msgspec.json.decode(text)
    assert body == msgspec.json.decode(msgspec.json.encode(change.event.body))
    assert "\n" not in text
