"""Loads the data mart: set-based SQL on one connection, a batch and its watermark in one transaction.

Python only steers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import starmap
from typing import Any, Final

import msgspec

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.driver_errors import driver_errors
from openiwd.adapters.postgres.mart_columns import CUSTOM_CHANGES, PARTS, UNUSED, item_parts, signed_parts
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.domain.instant import SECOND
from openiwd.domain.requirement import compile_duration
from openiwd.ports.mart import (
    AgentName,
    FedAgent,
    FedEvent,
    InfoMartAgent,
    MartState,
    RuleSetNames,
    Verdict,
)

LOAD: Final = named_sql("mart_load", **PARTS)
BACK: Final = named_sql("mart_load", **{**PARTS, **signed_parts("-")})
"""The same, to take back what was added."""
WRITE_ITEMS: Final = {
    custom: named_sql("mart_load", **{**PARTS, **item_parts(custom=custom)})["write_items"]
    for custom in (False, True)
}
"""Without and with mapped attributes."""
LEVEL: Final = named_sql("mart_level", **PARTS)
STAGED: Final = (
    *("generation", "pos", "at", "event_type", "actor", "item_number", "item_id", "revision", "subject_id"),
    *("body", "personal"),
)
ERASED: Final = frozenset({"personalDataErased", "contactErased"})
SAMPLED: Final = "backlogSampled"
STATED: Final = "agentStateChanged"
QUARTER: Final = timedelta(minutes=15)


def cursor_of(text: str) -> tuple[int, int]:
    generation, _, pos = text.partition(".")
    return int(generation), int(pos)


def quarter(at: datetime) -> datetime:
    """The beginning of the quarter of an hour (of UTC) in which an instant lies."""
    return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)


def staged(event: FedEvent) -> tuple[Any, ...]:
    return (
        *cursor_of(event.cursor), event.at, event.type, event.actor, event.item_number, event.item_id, event.revision,
        event.subject_id, event.body, None if bytes(event.personal) == b"null" else event.personal,
    )  # fmt: skip


class PostgresMartLoad:
    """Implements `openiwd.ports.mart.MartLoad` on a connection that holds the run's lock."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._checked_from: datetime | None = None
        self._months: list[tuple[datetime, datetime]] = []
        """The parts of the record of events that are known to be there."""
        self._maps_attributes = False

    async def prepare(self) -> None:
        # Compiling these statements takes longer than running them; their sorts are to stay in memory.
        await self._connection.execute(
            "SET jit = off; SET work_mem = '64MB'; SET temp_buffers = '64MB'; SET max_parallel_workers_per_gather = 0"
        )
        await self._connection.execute(LOAD["work_tables"])
        await self._connection.execute(LEVEL["lost_runs"])
        self._maps_attributes = bool(await self._connection.fetch(LEVEL["custom_map"]))

    async def state(self) -> MartState:
        with driver_errors():
            return state_of(await self._connection.fetchrow(LOAD["state"]))

    async def set_tenant(self, tenant_id: str, time_zone: str) -> None:
        with driver_errors():
            async with self._connection.transaction():
                row = await self._connection.fetchrow(LEVEL["set_tenant"], tenant_id, time_zone)
                if row is not None and row["changed"]:
                    await self._connection.execute(LEVEL["forget_days"], row["before"])
                    for name in ("days_again", "agent_days_again", "queue_days_again"):
                        await self._connection.execute(LEVEL[name])

    async def load(self, events: Sequence[FedEvent]) -> None:
        run = self._connection
        with driver_errors():
            async with run.transaction():
                await self._make_months(events)
                await self.stage(events)
                await run.execute(LOAD["members"])
                kinds = {event.type for event in events}
                if kinds & ERASED:
                    await run.execute(LOAD["erase"], list(CUSTOM_CHANGES))
                again = await run.execute(LOAD["again"]) != "INSERT 0 0"
                if again:
                    await self._take_back()
                await run.execute(LOAD["chain"], list(UNUSED))
                await self._write()
                if STATED in kinds:
                    await self._agent_states()
                if SAMPLED in kinds:
                    await run.execute(LOAD["samples"])
                    await self._samples()
                if again:
                    await run.execute(LOAD["remove_empty"])
                await run.execute(LOAD["advance"], *cursor_of(events[-1].cursor))

    async def _make_months(self, events: Sequence[FedEvent]) -> None:
        """The parts of the record in which these events belong. Looked up anew when one seems to be missing."""
        first, last = min(e.at for e in events), max(e.at for e in events)
        if any(start <= first and last < end for start, end in self._months):
            return
        instants = (e.at.astimezone(UTC) for e in events)
        for at in {(at.year, at.month): at for at in instants}.values():
            if not any(start <= at < end for start, end in self._months):
                await self._connection.execute(LOAD["make_month"], at)
                rows = await self._connection.fetch(LOAD["months"])
                self._months = [(row["from_at"], row["to_at"]) for row in rows]

    async def stage(self, events: Sequence[FedEvent]) -> None:
        """Copies a batch to where the statements find it, within their transaction."""
        await self._connection.copy_records_to_table("staging", records=map(staged, events), columns=STAGED)
        await self._connection.execute("ANALYZE staging (item_number)")

    async def _take_back(self) -> None:
        """The sums of the items to be folded again, and then their facts."""
        run = self._connection
        await run.execute(LOAD["chain_again"])
        await run.execute(LOAD["stretches"])
        for name in ("sum_items", "sum_agents", "sum_queues"):
            await run.execute(BACK[name])
        await run.execute(LOAD["dirty"])
        await run.execute(LOAD["take_back"])
        await run.execute(LOAD["clear_chain"])

    async def _write(self) -> None:
        run = self._connection
        for name in ("stretches", "sum_items", "sum_agents", "sum_queues", "write_states", "write_work"):
            await run.execute(LOAD[name])
        await run.execute(WRITE_ITEMS[self._maps_attributes])

    async def _agent_states(self) -> None:
        for name in ("agent_states", "replace_agent_states", "write_agent_states"):
            await self._connection.execute(LOAD[name])

    async def _samples(self) -> None:
        """Of the touched intervals, anew from all events that are kept."""
        for name in ("remove_samples", "write_samples"):
            await self._connection.execute(LOAD[name])

    async def withdraw(self, generation: int, pos: int) -> None:
        run = self._connection
        with driver_errors():
            async with run.transaction():
                await run.execute(LOAD["touched_after"], generation, pos)
                await self._take_back()
                await run.execute(LOAD["members_back"], generation, pos)
                await run.fetch(LOAD["withdraw"], generation, pos)
                await run.execute(LEVEL["names_known_at_most"], generation, pos)
                await run.execute(LEVEL["end_dimensions"])
                await run.execute(LOAD["chain_again"])
                await self._write()
                await self._agent_states()
                await self._samples()
                await run.execute(LOAD["remove_empty"])
                await run.execute(LOAD["advance"], generation, pos)
                await run.execute(LOAD["latest_again"])

    async def empty(self) -> None:
        with driver_errors():
            async with self._connection.transaction():
                await self._connection.execute(LOAD["empty"])
                await self._connection.execute(LOAD["begin_again"])

    async def aggregate(self, until: datetime | None) -> int:
        """From the first touched quarter of an hour, or from where the last aggregation ended."""
        state = await self.state()
        latest = max((at for at in (until, state.as_of) if at is not None), default=None)
        if latest is None:
            return 0
        end = quarter(latest)
        starts = [at for at in (state.levels_to, state.dirty_from) if at is not None]
        if not starts:
            return 0
        start = min(*starts, end)
        if state.kept_from is not None:
            # What levels were made of before has gone; they stay as they were told.
            start = max(start, state.kept_from)
        with driver_errors():
            async with self._connection.transaction():
                await self._connection.execute(LEVEL["remove_levels"], start)
                if start < end:
                    await self._connection.execute(LEVEL["make_levels"], start, end)
                await self._connection.execute(LEVEL["levels_made"], end)
        self._checked_from = start if self._checked_from is None else min(start, self._checked_from)
        return max(0, int((end - start) / QUARTER))

    async def balance(self, *, whole: bool = True) -> Verdict:
        state = await self.state()
        end = state.levels_to
        with driver_errors():
            async with self._connection.transaction():
                await self._connection.execute(LEVEL["forget_balance"])
                if end is not None:
                    await self._connection.execute(LEVEL["balance"], self._checked_from or end, end, whole)
                row = await self._connection.fetchrow(LEVEL["balanced"])
        self._checked_from = None
        assert row is not None  # noqa: S101 - the table has one row
        return Verdict(row["balanced"], row["findings"], row["balance_detail"])

    async def reached_end(self, at: datetime) -> None:
        with driver_errors():
            await self._connection.execute(LEVEL["fresh"], at)

    async def save_names(self, rule_sets: Sequence[RuleSetNames]) -> int:
        count = 0
        with driver_errors():
            async with self._connection.transaction():
                for each in rule_sets:
                    rows = [(*row[:2], each.published_at, *row[2:]) for row in names_of(each.document)]
                    if rows:
                        await self._connection.execute(
                            LEVEL["add_dimension"], *[list(column) for column in zip(*rows, strict=True)]
                        )
                    await self._connection.execute(LEVEL["rule_set_known"], each.version)
                    count += len(rows)
                await self._connection.execute(LEVEL["end_dimensions"])
        return count

    async def save_agents(self, agents: Sequence[FedAgent], others: Sequence[InfoMartAgent]) -> int:
        with driver_errors():
            async with self._connection.transaction():
                if agents:
                    columns = [list(column) for column in zip(*(a[:4] for a in agents), strict=True)]
                    await self._connection.execute(LEVEL["save_agents"], *columns)
                    await self._save_skills(agents)
                if others:
                    columns = [list(column) for column in zip(*others, strict=True)]
                    await self._connection.execute(LEVEL["save_info_mart"], *columns)
        return len(agents)

    async def _save_skills(self, agents: Sequence[FedAgent]) -> None:
        skills = [(a.id, *own) for a in agents for own in a.skills]
        await self._connection.execute(LEVEL["forget_skills"])
        if skills:
            columns = [list(column) for column in zip(*skills, strict=True)]
            await self._connection.execute(LEVEL["save_skills"], *columns)

    async def name_agents(self, names: Sequence[AgentName], generation: int, pos: int) -> None:
        with driver_errors():
            async with self._connection.transaction():
                if names:
                    columns = [list(column) for column in zip(*names, strict=True)]
                    await self._connection.execute(LEVEL["name_agents"], *columns)
                    await self._connection.execute(LEVEL["end_dimensions"])
                await self._connection.execute(LEVEL["names_known"], generation, pos)

    async def name_others(self, agents: Sequence[FedAgent]) -> None:
        with driver_errors():
            await self._connection.execute(
                LEVEL["name_others"], [a.id for a in agents], [a.name for a in agents]
            )

    async def map_attributes(self, names: Sequence[str]) -> int:
        with driver_errors():
            for name in sorted(names):
                await self._connection.execute(LEVEL["map_attribute"], name)
            count = len(await self._connection.fetch(LEVEL["custom_map"]))
        self._maps_attributes = count > 0
        return count

    async def publish_stats(self, *, dimensions: bool) -> None:
        with driver_errors():
            async with self._connection.transaction():
                for name in ("publish_stats", "count_loads", "mean_load"):
                    await self._connection.execute(LEVEL[name])
            if dimensions:
                await self._connection.execute(LEVEL["publish_dimensions"])

    async def close_days(self) -> int:
        with driver_errors():
            async with self._connection.transaction():
                count = int(await self._connection.fetchval(LEVEL["close_days"]) or 0)
                await self._connection.execute(LEVEL["forget_sum"])
                await self._connection.execute(LEVEL["sum_closed_days"])
        return count

    async def keep(self, event_days: int, item_days: int, now: datetime) -> int:
        run = self._connection
        with driver_errors():
            rows = int(await run.fetchval(LEVEL["keep_events"], now - timedelta(days=event_days)) or 0)
            self._months = []
            rows += int(await run.fetchval(LEVEL["keep_audit"], event_days) or 0)
            edge = await run.fetchval(LEVEL["edge"], now, item_days)
            if edge is None:
                return rows
            async with run.transaction():
                await run.execute(LEVEL["keep_agent_states"], edge)
                await run.execute(LEVEL["keep_agent_presence"], edge)
                return rows + int(await run.fetchval(LEVEL["keep_for"], edge) or 0)

    async def begin(self, chain: str, job: str, parent: int | None = None) -> int:
        with driver_errors():
            return int(await self._connection.fetchval(LEVEL["begin_job"], parent, chain, job) or 0)

    async def end(
        self,
        run: int,
        *,
        rows: int = 0,
        first: str | None = None,
        last: str | None = None,
        error: str | None = None,
    ) -> None:
        status = "done" if error is None else "failed"
        with driver_errors():
            await self._connection.execute(LEVEL["end_job"], run, status, rows, first, last, error)


def state_of(row: Any) -> MartState:
    """A server may be newer than the mart's process: what its schema does not have yet is as it begins."""
    known = dict(row.items())
    return MartState(**{name: known[name] for name in MartState.__struct_fields__ if name in known})


_Names = tuple[str, str, str, str | None, int | None, int | None]


def names_of(document: dict[str, Any]) -> Iterator[_Names]:
    """Categories and queues of a rule set: kind, id, name, path, level, target in seconds."""
    yield from starmap(_queue, ((q["id"], q.get("name") or q["id"]) for q in document.get("queues", ())))
    yield from _categories(document.get("categories", ()), (), None)


def _queue(queue_id: str, name: str) -> _Names:
    return "queue", queue_id, name, None, None, None


def _categories(
    nodes: Sequence[dict[str, Any]], above: tuple[str, ...], target: int | None
) -> Iterator[_Names]:
    for node in nodes:
        path = (*above, node["name"])
        own = node.get("targetHandleTime")
        seconds = target if own is None else compile_duration(own, "targetHandleTime") // SECOND
        yield "category", node["id"], node["name"], "/".join(path), len(path), seconds
        yield from _categories(node.get("children", ()), path, seconds)


def events_of(lines: bytes) -> list[FedEvent]:
    return _decoder.decode_lines(lines)


_decoder = msgspec.json.Decoder(FedEvent)
