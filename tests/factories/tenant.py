"""Builders: a tenant's runtime on a real database, with a small rule set, and a clock that the test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from openiwd.adapters.holidays.source import LibraryHolidaySource
from openiwd.adapters.postgres.pools import Limits, TenantPools
from openiwd.adapters.postgres.tenant_store import PostgresTenantStore
from openiwd.domain.privilege import Caller, Role, role_privileges, system
from openiwd.domain.rule_set import parse_document
from openiwd.domain.work_item import ItemSubmission
from openiwd.ports.tenant_store import PublishedRuleSet, Tenant
from openiwd.processes.identity import new_id
from openiwd.usecases.rule_set import compile_published, freeze_calendars, read_source
from openiwd.usecases.tenant_runtime import TenantRuntime

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday

RULES = """
name: Test
timeZone: Europe/Berlin
calendars:
  - id: office
    name: Office
    timeZone: Europe/Berlin
    weekly: {monday: ["08:00-18:00"], tuesday: ["08:00-18:00"], wednesday: ["08:00-18:00"],
             thursday: ["08:00-18:00"], friday: ["08:00-18:00"]}
schemas:
  - {id: standard, name: Standard, points: [{age: 0h, priority: 100}, {age: 8h, priority: 500}], sla: 8h,
     slopeAfter: 10, maximum: 900}
  - {id: business, name: Business, clock: office, sla: 10h, valueWeight: 0.5,
     points: [{age: 0h, priority: 200}, {age: 10h, priority: 700}]}
queues:
  - {id: claims, name: Claims, offerTimeout: 30s, declineExclusion: 15m}
  - {id: loans, name: Loans, delivery: both}
  - {id: calls, name: Calls, delivery: pull}
rules:
  - {id: vip, when: {attribute: ext.customerSegment, operator: eq, value: vip}, then: [{raiseBusinessValue: 100}]}
  - {id: spam, when: {attribute: subject, operator: contains, value: SPAM}, then: [{reject: spam}]}
  - {id: docs, when: {attribute: data.docs, operator: eq, value: missing},
     then: [{hold: {reason: waitingForDocuments, until: 2d}}]}
categories:
  - id: claims
    name: Claims
    schema: standard
    queue: claims
    when: {attribute: data.kind, operator: eq, value: claim}
    children:
      - {id: motor, name: Motor, when: {attribute: data.line, operator: eq, value: motor},
         requirement: {skills: [{skill: motor, level: 5}]}, dispositions: [paid, refused]}
      - {id: property, name: Property, schema: business}
  - id: lending
    name: Lending
    schema: business
    queue: loans
    when: {attribute: data.kind, operator: eq, value: loan}
    children:
      - {id: mortgage, name: Mortgage, dispositions: [granted, denied], dispositionRequired: true}
"""


class MovedClock:
    """Tells what the test has set."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def move(self, **by: float) -> datetime:
        self.at += timedelta(**by)
        return self.at


def caller(role: Role = Role.ADMINISTRATOR, *, agent: str | None = None, name: str = "test") -> Caller:
    """Somebody with the default privileges of a role."""
    actor = f"agent:{agent}" if agent else f"user:{name}"
    return Caller(
        tenant_id="t",
        actor=actor,
        name=name,
        role=role,
        privileges=role_privileges(role, grouped=False),
        agent_id=agent,
    )


def submission(capture_id: str, **fields: Any) -> ItemSubmission:
    """A claim, unless told otherwise; fields in camelCase."""
    raw = {"captureId": capture_id, "data": {"kind": "claim", "line": "motor"}, **fields}
    return msgspec.convert(raw, ItemSubmission)


def stored_rules(source: str = RULES, version: int = 1, at: datetime = START) -> PublishedRuleSet:
    """A rule set as the database keeps it."""
    document = parse_document(read_source(source))
    calendars = freeze_calendars(document, LibraryHolidaySource(), at.year)
    return PublishedRuleSet(
        version=version,
        document=msgspec.to_builtins(document),
        calendars={k: msgspec.to_builtins(v) for k, v in calendars.items()},
        source=source,
        comment=None,
        published_at=at,
        published_by="system:test",
    )


def pools_for(dsn: str, budget: int = 10) -> TenantPools:
    # What a test prepares may take its time on a slow machine; limits are tested with pools of their own.
    limits = Limits(transaction=20_000, idle_in_transaction=20_000)
    return TenantPools(lambda _: dsn, budget=budget, limits=limits)


async def make_runtime(
    pools: TenantPools, clock: Any = None, source: str = RULES, **tenant: Any
) -> TenantRuntime:
    """A tenant with the rules published."""
    store = PostgresTenantStore(Tenant(id="t", name="Test", database_name="t", **tenant), pools)
    async with store.writing() as tx:
        await tx.publish(stored_rules(source), expected=None)
    return TenantRuntime(store, clock or MovedClock(), new_id, compile_published)


SYSTEM = system("test")
NEW_ID = new_id
NOBODY = UUID(int=0)
