"""The rule set that a new tenant begins with: one department, to be replaced by the tenant's own."""

from __future__ import annotations

from typing import Final

STARTER: Final = """\
name: Starter
timeZone: UTC
defaultCategory: general
schemas:
  - id: standard
    name: Standard
    anchor: created
    points:
      - {age: 0h, priority: 100}
      - {age: 8h, priority: 500}
      - {age: 24h, priority: 900}
    sla: 24h
    slopeAfter: 10
    maximum: 1000
queues:
  - {id: general, name: General, delivery: both}
categories:
  - id: work
    name: Work
    schema: standard
    queue: general
    children:
      - {id: general, name: General}
"""
