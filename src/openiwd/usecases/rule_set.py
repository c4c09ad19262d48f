"""Rule sets: reading the live one, and publishing a version. Publishing is all or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import yaml

from openiwd.domain.calendar import YEARS_AHEAD, YEARS_BACK, FrozenCalendar
from openiwd.domain.errors import RuleSetError
from openiwd.domain.event import Event, EventType
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Caller, system
from openiwd.domain.rule_set import CompiledRuleSet, RuleSetDocument, parse_document
from openiwd.domain.rule_set_compiler import compile_rule_set
from openiwd.ports.holiday_source import HolidaySource
from openiwd.ports.tenant_store import PublishedRuleSet, SearchQuery
from openiwd.usecases.tenant_runtime import TenantRuntime
from openiwd.usecases.work_item import Command, Done, apply

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

RECLASSIFY: Final = ("none", "changed", "all")
CHUNK: Final = 200
MAX_SOURCE_BYTES: Final = 4 * 1024 * 1024


def compile_published(stored: PublishedRuleSet) -> CompiledRuleSet:
    """The compiled form of a stored version."""
    calendars = {name: msgspec.convert(frozen, FrozenCalendar) for name, frozen in stored.calendars.items()}
    document = parse_document(stored.document)
    return compile_rule_set(document, stored.version, calendars, zone_of(document))


def zone_of(document: RuleSetDocument) -> ZoneInfo:
    """The tenant's time zone: dates without an offset are local to it."""
    try:
        return ZoneInfo(document.time_zone)
    except (KeyError, ValueError, OSError) as error:
        raise RuleSetError(
            f"'{document.time_zone}' is not a time zone",
            field="timeZone",
            hint="name an IANA zone such as Europe/Berlin",
        ) from error


def read_source(source: str) -> Any:
    """The plain values of a YAML (or JSON) text; RuleSetError with line and column when it cannot be read."""
    if len(source) > MAX_SOURCE_BYTES:
        raise RuleSetError(
            f"the document is larger than {MAX_SOURCE_BYTES} bytes", hint="move large tables to lookup tables"
        )
    try:
        return yaml.safe_load(source)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise RuleSetError(
            f"this is not YAML{place}: {getattr(error, 'problem', None) or error}",
            code="invalidYaml",
            hint="check the indentation there",
        ) from error
    except RecursionError as error:
        raise RuleSetError("the document is nested too deeply", hint="flatten it") from error


def freeze_calendars(
    document: RuleSetDocument, holidays: HolidaySource, year: int
) -> dict[str, FrozenCalendar]:
    """The document's calendars with holidays and zone transitions resolved, from 15 years back to 25 ahead."""
    return {
        c.id: holidays.freeze(c, year - YEARS_BACK, year + YEARS_AHEAD, f"calendars[{n}]")
        for n, c in enumerate(document.calendars)
    }


async def check(runtime: TenantRuntime, holidays: HolidaySource, raw: Any) -> CompiledRuleSet:
    """Compiles a document as it would be published; raises RuleSetError with all that is wrong."""
    document = parse_document(raw)
    return compile_rule_set(
        document, 0, freeze_calendars(document, holidays, runtime.now().year), zone_of(document)
    )


async def publish(
    services: TenantServices,
    holidays: HolidaySource,
    source: str,
    caller: Caller,
    *,
    comment: str | None = None,
    expected: int | None = None,
    reclassify: str = "changed",
) -> int:
    """Makes a document the live rule set; the new version. Open items are judged again as `reclassify` says."""
    return await publish_raw(
        services,
        holidays,
        read_source(source),
        caller,
        source=source,
        comment=comment,
        expected=expected,
        reclassify=reclassify,
    )


async def publish_raw(
    services: TenantServices,
    holidays: HolidaySource,
    raw: Any,
    caller: Caller,
    *,
    source: str | None = None,
    comment: str | None = None,
    expected: int | None = None,
    reclassify: str = "changed",
) -> int:
    """As `publish`, from plain values."""
    caller.require("rulesets.publish")
    if reclassify not in RECLASSIFY:
        raise RuleSetError(
            f"reclassify is '{reclassify}'", field="reclassify", hint=f"use one of {', '.join(RECLASSIFY)}"
        )
    runtime = services.runtime
    document = parse_document(raw)
    now = runtime.now()
    calendars = freeze_calendars(document, holidays, now.year)
    async with runtime.store.reading() as reading:
        live = await reading.live_version()
    version = (live or 0) + 1
    compile_rule_set(document, version, calendars, zone_of(document))
    stored = PublishedRuleSet(
        version=version,
        document=msgspec.to_builtins(document),
        calendars={name: msgspec.to_builtins(c) for name, c in calendars.items()},
        source=source,
        comment=comment,
        published_at=now,
        published_by=caller.actor,
    )
    async with runtime.store.writing() as tx:
        await tx.publish(stored, expected=live if expected is None else expected)
        event = Event(
            type=EventType.RULE_SET_PUBLISHED,
            at=now,
            actor=caller.actor,
            subject_id=str(version),
            body={"version": version, "comment": comment, "reclassify": reclassify},
        )
        await tx.append_events([event])
    runtime.forget_rules()
    runtime.committed()
    if live is not None and reclassify != "none":
        await reclassify_open(services)
    return version


async def reclassify_open(services: TenantServices) -> int:
    """Judges all open items again by the live rules, in chunks; how many changed."""
    runtime = services.runtime
    caller = system("rules")
    changed = 0
    query = SearchQuery(
        filter={
            "attribute": "status",
            "operator": "in",
            "value": ["new", "captured", "queued", "assigned", "held", "errorheld"],
        }
    )
    ids: list[UUID] = []
    async with runtime.store.reading() as reading:
        async for chunk in reading.scan(query, 1_000):
            ids.extend(i.id for i in chunk)
    for start in range(0, len(ids), CHUNK):
        commands = [
            Command(action=Action.CLASSIFY, caller=caller, item_id=i, internal=True)
            for i in ids[start : start + CHUNK]
        ]
        changed += sum(1 for r in await apply(runtime, commands) if isinstance(r, Done) and r.changed)
    return changed
