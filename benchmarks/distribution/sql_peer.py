"""The choice in SQL: `FOR UPDATE SKIP LOCKED` with the same meaning, in the plain form and with the best index.

Stands at one instant: nobody moves its rows to the next line of their curves, which the index would need.
"""

from __future__ import annotations

import math
from typing import Any, Final

import asyncpg

from benchmarks.backlog.world import SKILLS, START, Source
from openiwd.domain.agent import Agent
from openiwd.domain.backlog_item import BacklogItem, demand_at
from openiwd.domain.eligibility import Load
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.schema import scaled_line_at

_TABLES: Final = """
DROP TABLE IF EXISTS waiting, waiting_group;
CREATE TABLE waiting_group (
    id int PRIMARY KEY, queue_id text NOT NULL, media_type text NOT NULL, weight int NOT NULL,
    needs smallint[] NOT NULL, served text[], hours text, clock_id text NOT NULL, slope bigint NOT NULL
);
CREATE TABLE waiting (
    number bigint NOT NULL, group_id int NOT NULL, intercept bigint NOT NULL, business_value int NOT NULL,
    anchor_at bigint NOT NULL, id uuid NOT NULL, excluded text[] NOT NULL,
    queue_id text NOT NULL, media_type text NOT NULL, weight int NOT NULL, needs smallint[] NOT NULL, served text[],
    hours text, clock_id text NOT NULL, slope bigint NOT NULL
)
"""
_INDEXES: Final = """
ALTER TABLE waiting ADD PRIMARY KEY (number);
CREATE INDEX waiting_order ON waiting (group_id, intercept DESC, business_value DESC, anchor_at, id);
CREATE INDEX waiting_needs ON waiting USING gin (needs);
"""
_FITS: Final = """
{0}.needs <@ $1::smallint[] AND {0}.media_type = ANY($2::text[]) AND {0}.weight <= $3::int
AND ({0}.served IS NULL OR {0}.served && $4::text[]) AND ({0}.hours IS NULL OR {0}.hours = ANY($6::text[]))
"""
_NOW: Final = (
    "(CASE {0}.clock_id WHEN $7::text THEN $8::bigint WHEN $9::text THEN $10::bigint ELSE $11::bigint END)"
)
PLAIN: Final = f"""
SELECT w.number FROM waiting w WHERE {_FITS.format("w")} AND NOT w.excluded @> ARRAY[$5::text]
ORDER BY w.intercept + w.slope * {_NOW.format("w")} DESC, w.business_value DESC, w.anchor_at, w.id
LIMIT 1 FOR UPDATE SKIP LOCKED
"""
BY_GROUP: Final = f"""
WITH best AS MATERIALIZED (
    SELECT w.number FROM waiting_group g CROSS JOIN LATERAL (
        SELECT number, intercept, business_value, anchor_at, id FROM waiting
        WHERE group_id = g.id AND NOT excluded @> ARRAY[$5::text]
        ORDER BY intercept DESC, business_value DESC, anchor_at, id LIMIT 1
    ) w
    WHERE {_FITS.format("g")}
    ORDER BY w.intercept + g.slope * {_NOW.format("g")} DESC, w.business_value DESC, w.anchor_at, w.id LIMIT 1
)
SELECT number FROM waiting WHERE number = (SELECT number FROM best) FOR UPDATE SKIP LOCKED
"""


class SqlChoice:
    """The waiting items as rows, with their lines as of the start."""

    def __init__(self, connection: Any, rules: CompiledRuleSet) -> None:
        self._connection = connection
        self._rules = rules
        self._scale = math.lcm(*(schema.scale for schema in rules.schemas.values()))
        self._groups: dict[tuple[Any, ...], int] = {}

    @classmethod
    async def filled(cls, dsn: str, rules: CompiledRuleSet, source: Source, items: int) -> SqlChoice:
        connection = await asyncpg.connect(dsn)
        made = cls(connection, rules)
        await connection.execute(_TABLES)
        rows = map(made._row, source.items(1, items + 1))
        await connection.copy_records_to_table("waiting", records=rows, timeout=3_600)
        groups = [(number, *key) for key, number in made._groups.items()]
        await connection.copy_records_to_table("waiting_group", records=groups)
        await connection.execute(_INDEXES, timeout=3_600)
        await connection.execute("VACUUM ANALYZE", timeout=3_600)
        return made

    def _row(self, item: BacklogItem) -> tuple[Any, ...]:
        queue = self._rules.queues[item.queue_id]
        schema = self._rules.schemas[item.standing.schema_id]
        demand = demand_at(item, queue, START)
        line = scaled_line_at(schema, item.standing, schema.clock.elapsed(START))
        factor = self._scale // schema.scale
        needs = tuple(SKILLS.index(skill) * 16 + level for skill, level in demand.signature.skills)
        key = (
            item.queue_id, item.media_type, item.weight, needs, demand.served, queue.hours, schema.clock.id,
            line.slope * factor,
        )  # fmt: skip
        group = self._groups.setdefault(key, len(self._groups))
        excluded = [agent for agent, _ in item.excluded]
        own = (item.business_value, item.anchor_at, item.id, excluded)
        return item.number, group, line.intercept * factor, *own, *key

    def arguments(self, agent: Agent, load: Load) -> list[Any]:
        """What the query is asked with: all that the agent may take."""
        able = [SKILLS.index(s.skill) * 16 + level for s in agent.skills for level in range(1, s.level + 1)]
        most = agent.capacity.media
        media = [m for m in ("email", "workitem") if load.media.get(m, 0) < most.get(m, 1_000_000)]
        clocks = self._rules.clocks
        office, late = clocks["office"], clocks["late"]
        opened = [name for name in ("office", "late") if clocks[name].is_open(START)]
        return [
            able, media, agent.capacity.total - load.weight, list(agent.groups), agent.id, opened,
            office.id, office.elapsed(START), late.id, late.elapsed(START), START,
        ]  # fmt: skip

    async def choose(self, query: str, arguments: list[Any]) -> int | None:
        number: int | None = await self._connection.fetchval(query, *arguments, timeout=600)
        return number

    async def remove(self, number: int) -> None:
        await self._connection.execute("DELETE FROM waiting WHERE number = $1", number)

    async def close(self) -> None:
        await self._connection.close()
