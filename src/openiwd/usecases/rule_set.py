"""Rule sets: reading the live one, and publishing a version. Publishing is all or nothing."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import yaml
from msgspec import Struct

from openiwd.domain.calendar import YEARS_AHEAD, YEARS_BACK, FrozenCalendar
from openiwd.domain.errors import ConflictError, NotFoundError, RevisionMismatchError, RuleSetError
from openiwd.domain.event import Event, EventType
from openiwd.domain.privilege import Caller
from openiwd.domain.rule_set import CompiledRuleSet, RuleSetDocument, parse_document
from openiwd.domain.rule_set_compiler import compile_rule_set
from openiwd.domain.rule_test import check_tests
from openiwd.ports.holiday_source import HolidaySource
from openiwd.ports.tenant_store import PublishedRuleSet, TransactionRetryError, Writing
from openiwd.usecases import bulk_run, reclassification
from openiwd.usecases.bulk import Publication
from openiwd.usecases.picture import going_live
from openiwd.usecases.tenant_runtime import TenantRuntime

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

RECLASSIFY: Final = (reclassification.NONE, reclassification.CHANGED, reclassification.ALL)
MAX_SOURCE_BYTES: Final = 4 * 1024 * 1024
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_VALUES: Final = 500_000
LIVE: Final = "live"
PUBLISH_ATTEMPTS: Final = 5
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


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
        return _of_bounded_size(yaml.load(source, Loader=_LOADER))  # noqa: S506 - safe, in C where there is one
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
    except ValueError as error:
        raise RuleSetError(
            f"a value of the document cannot be read: {error}",
            code="invalidYaml",
            hint="write dates in quotes",
        ) from error


def _of_bounded_size(value: Any) -> Any:
    """The value; refuses what grows beyond measure once its aliases are written out, or holds itself."""
    sizes: dict[int, int] = {}

    def size(node: Any) -> int:
        if not isinstance(node, dict | list):
            return 1
        known = sizes.get(id(node))
        if known is None:
            sizes[id(node)] = MAX_VALUES + 1  # what meets itself on the way down is endless
            known = sizes[id(node)] = 1 + sum(
                size(v) for v in (node.values() if isinstance(node, dict) else node)
            )
        return known

    if size(value) > MAX_VALUES:
        raise RuleSetError(
            f"the document holds more than {MAX_VALUES} values",
            hint="use fewer aliases; move tables to lookup tables",
        )
    return value


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
    compiled = compile_rule_set(
        document, 0, freeze_calendars(document, holidays, runtime.now().year), zone_of(document)
    )
    check_tests(document)
    return compiled


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
    """Makes a document the live rule set, and judges open items again as `reclassify` says; the new version."""
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
    stored = await store_version(
        services,
        holidays,
        raw,
        caller,
        source=source,
        comment=comment,
        expected=expected,
        reclassify=reclassify,
    )
    if stored.reclassification is not None:
        await bulk_run.run(services, stored.reclassification)
    return stored.version


class StoredVersion(Struct):
    """A version just made live, and the document that was live before it."""

    version: int
    document: RuleSetDocument
    before: RuleSetDocument | None
    reclassification: UUID | None
    """The bulk run that is to judge open items again; stored, not begun."""


async def store_version(
    services: TenantServices,
    holidays: HolidaySource,
    raw: Any,
    caller: Caller,
    *,
    source: str | None = None,
    comment: str | None = None,
    expected: int | None = None,
    reclassify: str = "changed",
    draft: UUID | None = None,
) -> StoredVersion:
    """Makes a document live; the run that judges open items again is stored with it, and begun by the caller.

    ConflictError when another version went live meanwhile.
    """
    caller.require("rulesets.publish")
    if reclassify not in RECLASSIFY:
        raise RuleSetError(
            f"reclassify is '{reclassify[:40]}'",
            field="reclassify",
            hint=f"use one of {', '.join(RECLASSIFY)}",
        )
    runtime = services.runtime
    new = await _candidate(runtime, holidays, raw, expected)
    version, live = new.compiled.version, new.live
    now = runtime.now()
    run = runtime.new_id() if live is not None and reclassify != reclassification.NONE else None
    published = PublishedRuleSet(
        version=version,
        document=msgspec.to_builtins(new.document),
        calendars={name: msgspec.to_builtins(c) for name, c in new.calendars.items()},
        source=source,
        comment=comment,
        published_at=now,
        published_by=caller.actor,
    )
    told = {
        "version": version,
        "comment": comment,
        "reclassify": reclassify,
        "run": None if run is None else str(run),
    }
    event = Event(
        type=EventType.RULE_SET_PUBLISHED, at=now, actor=caller.actor, subject_id=str(version), body=told
    )

    async def follow(tx: Writing) -> None:
        if run is not None and live is not None:
            following = Publication(before=live, version=version, mode=reclassify)
            await reclassification.store(tx, run, caller, following, now)

    try:
        async with _ready_everywhere(services, published), going_live(services, new.compiled):
            await _go_live(runtime, published, event, live, draft, follow)
    except RevisionMismatchError as error:
        async with runtime.store.reading() as reading:
            raise version_conflict(live, await reading.live_version()) from error
    runtime.forget_rules()
    runtime.committed()
    return StoredVersion(version, new.document, new.before, run)


class _Candidate(NamedTuple):
    """A document that may go live, checked, and what is live before it."""

    document: RuleSetDocument
    calendars: dict[str, FrozenCalendar]
    compiled: CompiledRuleSet
    live: int | None
    before: RuleSetDocument | None


async def _candidate(
    runtime: TenantRuntime, holidays: HolidaySource, raw: Any, expected: int | None
) -> _Candidate:
    """ConflictError if another version than the expected one is live; RuleSetError for a document that cannot be."""
    document = parse_document(raw)
    async with runtime.store.reading() as reading:
        live = await reading.live_version()
        before = await reading.rule_set(live) if live is not None else None
        version = await reading.last_rule_set() + 1
    if expected is not None and expected != live:
        raise version_conflict(expected, live)
    calendars = freeze_calendars(document, holidays, runtime.now().year)
    compiled = compile_rule_set(document, version, calendars, zone_of(document))
    check_tests(document)
    then = parse_document(before.document) if before is not None else None
    return _Candidate(document, calendars, compiled, live, then)


def _ready_everywhere(
    services: TenantServices, published: PublishedRuleSet
) -> AbstractAsyncContextManager[None]:
    """Around the publication: the other processes have it compiled then."""
    return nullcontext() if services.preparations is None else services.preparations.ready(published)


async def _go_live(
    runtime: TenantRuntime,
    published: PublishedRuleSet,
    event: Event,
    live: int | None,
    draft: UUID | None,
    follow: Callable[[Writing], Awaitable[None]],
) -> None:
    """Waits for those who judge by the live version now; once more where somebody was in the way too long.

    `follow` writes what belongs to the publication.
    """
    for attempt in range(PUBLISH_ATTEMPTS):
        try:
            async with runtime.store.writing() as tx:
                # Loading it may have taken seconds, in which the version before was live.
                published.published_at = event.at = runtime.now()
                await tx.publish(published, expected=live, draft=draft)
                await follow(tx)
                await tx.append_events([event])
        except TransactionRetryError:
            if attempt == PUBLISH_ATTEMPTS - 1:
                raise
        else:
            return


def version_conflict(expected: int | None, live: int | None) -> ConflictError:
    """Somebody else has published since the version that the change was made from."""
    return ConflictError(
        f"version {live} of the rule set is live, not {expected}",
        code="ruleSetChanged",
        field="If-Match",
        hint="load the live rule set, and repeat the change on it",
        current_version=live,
    )


class VersionInfo(Struct, rename="camel"):
    """A published version: when, by whom, and why."""

    version: int
    live: bool
    published_at: datetime
    published_by: str
    comment: str | None


async def versions(services: TenantServices) -> list[VersionInfo]:
    """All versions, newest first."""
    async with services.runtime.store.reading() as reading:
        live = await reading.live_version()
        return [
            VersionInfo(v.version, v.version == live, v.published_at, v.published_by, v.comment)
            for v in await reading.rule_set_versions()
        ]


async def read_version(services: TenantServices, version: str | int) -> PublishedRuleSet:
    """A stored version by number, or the one that is `live`; NotFoundError otherwise."""
    async with services.runtime.store.reading() as reading:
        number: int | None
        if isinstance(version, int):
            number = version
        elif version == LIVE:
            number = await reading.live_version()
        else:
            number = int(version) if _NUMBER.fullmatch(version) else None
        found = await reading.rule_set(number) if number is not None else None
    if found is None:
        raise NotFoundError(
            f"there is no version '{str(version)[:40]}' of the rule set",
            field="version",
            hint="name a number of the list of versions, or live",
        )
    return found


def to_yaml(document: RuleSetDocument) -> str:
    """The document as YAML that reads back as the same document."""
    return yaml.dump(
        msgspec.to_builtins(document),
        Dumper=_Dumper,
        allow_unicode=True,
        sort_keys=False,
        width=110,
        default_flow_style=None,
    )


class _Dumper(yaml.SafeDumper):
    """Writes no aliases: each object stands whole in its place."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature is the library's
        return True


_UNSAFE: Final = re.compile("[\x85\u2028\u2029\ufeff]")
"""The writer takes these for printable, the reader for ends of lines or nothing at all: they are escaped."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _UNSAFE.search(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
