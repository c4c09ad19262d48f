"""Row d3: from an agent becoming free to the offer on the agent's stream, over HTTP, with many agents connected."""

from __future__ import annotations

import sys
from uuid import uuid4

import asyncpg

from benchmarks.backlog.stored import Stored, add_items, prepare
from benchmarks.distribution.agents import Load, Plan
from benchmarks.distribution.server import Options, Ready
from benchmarks.exponent import exponent
from benchmarks.part import Part
from benchmarks.processes import ask, cpu_seconds, server
from benchmarks.result import Ratio, Row
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres
from openiwd.usecases.user import KEY_PREFIX, hash_secret

MILLISECONDS = 50.0
RATE = 500.0
SUSTAINED = 0.95
"""Of the rate at which agents become free: below that the server is behind."""
WARM_UP = 3.0

_KEY = """
INSERT INTO api_key (id, tenant_id, name, key_hash, key_hint, role, agent_id)
VALUES ($1, $2, $3, $4, 'bench', 'agent', $5)
"""
_IN_HAND = """
WITH given AS (
    SELECT number, 'agent' || lpad((row_number() OVER (ORDER BY number) - 1)::text, 5, '0') AS agent
    FROM (SELECT number FROM item WHERE status = 'queued' ORDER BY number LIMIT $1) few
)
UPDATE item SET status = 'assigned', revision = revision + 1, assigned_to = agent, assigned_at = now(),
    assignment_id = gen_random_uuid()
FROM given WHERE item.number = given.number
"""


async def _keys(stored: Stored, agents: int) -> list[str]:
    secrets = [f"{KEY_PREFIX}bench-{stored.tenant}-{n:05}" for n in range(agents)]
    connection = await asyncpg.connect(stored.control_dsn)
    rows = [
        (uuid4(), stored.tenant, f"bench{n}", hash_secret(secret), f"agent{n:05}")
        for n, secret in enumerate(secrets)
    ]
    await connection.executemany(_KEY, rows)
    await connection.close()
    return secrets


async def _in_hand(stored: Stored, agents: int) -> list[str]:
    """Every agent has one item; its id by agent."""
    connection = await asyncpg.connect(stored.dsn)
    await connection.execute(
        "UPDATE item SET status = 'completed', assigned_to = NULL, assignment_id = NULL, offer_id = NULL,"
        " offered_to = NULL, offered_at = NULL, offer_expires_at = NULL"
        " WHERE assigned_to IS NOT NULL OR offer_id IS NOT NULL",
        timeout=600,
    )
    await connection.execute(_IN_HAND, agents, timeout=600)
    await connection.execute("VACUUM ANALYZE", timeout=3_600)
    records = await connection.fetch("SELECT id FROM item WHERE assigned_to IS NOT NULL ORDER BY assigned_to")
    await connection.close()
    return [str(record["id"]) for record in records]


class _Run:
    """One server, and what its processes used."""

    def __init__(self, postgres: EmbeddedPostgres, stored: Stored, keys: list[str]) -> None:
        self._postgres = postgres
        self._stored = stored
        self._keys = keys
        self.shares: list[Row] = []

    async def steps(self, steps: list[int], simulated: int, *, rate: float, seconds: float) -> list[Load]:
        items = await _in_hand(self._stored, len(self._keys))
        first = max(steps)
        options = Options(self._stored, first, first + simulated)
        async with server("benchmarks.distribution.server", options, Ready) as (pid, ready):
            assert self._postgres.pid is not None
            used = cpu_seconds(pid), cpu_seconds(self._postgres.pid)
            plan = Plan(ready.port, self._keys, items, steps, rate, seconds, WARM_UP)
            loads = await ask([sys.executable, "-m", "benchmarks.distribution.agents"], plan, list[Load])
            serving, storing = cpu_seconds(pid) - used[0], cpu_seconds(self._postgres.pid) - used[1]
        warmed = 1 + WARM_UP / seconds
        generating = sum(load.cpu_seconds for load in loads) * warmed
        offers = max(1.0, sum(load.offers for load in loads) * warmed)
        total = serving + storing + generating
        for load in loads:
            print(
                f"  {load.connected:,} connected in {load.connect_seconds:.0f} s, {simulated:,} simulated: "
                f"{load.offers / seconds:,.0f} offers/s of {load.rate:.0f}, p99 {load.p99_ms:,.0f} ms",
                flush=True,
            )
        self.shares = [
            Row(
                "d3: CPU of the server per offer, streams and requests included", 1e6 * serving / offers, "us"
            ),
            Row("d3: CPU of PostgreSQL per offer", 1e6 * storing / offers, "us"),
            Row("d3: server's share of CPU", 100 * serving / total, "%"),
            Row("d3: PostgreSQL's share of CPU", 100 * storing / total, "%"),
            Row("d3: load generator's share of CPU", 100 * generating / total, "%"),
        ]
        return loads


def _is_carried(load: Load, *, rate: float, seconds: float) -> bool:
    in_time = load.offers >= SUSTAINED * rate * seconds and load.p99_ms < MILLISECONDS
    return in_time and not load.refused


def _rows(load: Load, simulated: int, seconds: float) -> list[Row]:
    name = f"d3: {load.connected:,} connected" + (f" + {simulated:,} simulated" if simulated else "")
    return [
        Row(f"{name}: offers/s of {load.rate:.0f}", load.offers / seconds, "/s"),
        Row(f"{name}: free to offer p50", load.p50_ms, "ms"),
        Row(f"{name}: free to offer p99", load.p99_ms, "ms"),
        Row(f"{name}: slowest", load.slowest_ms, "ms"),
        Row(f"{name}: answers 503", load.refused, ""),
        Row(f"{name}: instants at which no agent had an item", load.idle_slots, ""),
        Row(f"{name}: seconds to connect the last of them", load.connect_seconds, "s"),
    ]


async def measure(
    postgres: EmbeddedPostgres,
    *,
    items: int,
    agents: int,
    steps: list[int],
    seconds: float,
    rate: float = RATE,
) -> Part:
    """Real connections step by step; then the most that are carried, and simulated streams for all other agents."""
    stored = await prepare(postgres, "stream", agents=agents, one_at_a_time=True)
    await add_items(stored, 1, items + 2 * agents + 1)
    keys = await _keys(stored, agents)
    run = _Run(postgres, stored, keys)
    loads = await run.steps(steps, 0, rate=rate, seconds=seconds)
    rows = [row for load in loads for row in _rows(load, 0, seconds)]
    rows += run.shares
    carried = [load for load in loads if _is_carried(load, rate=rate, seconds=seconds)]
    best = max(carried, key=lambda load: load.connected, default=min(loads, key=lambda load: load.connected))
    rows.append(Row("d3: most connections that were carried", best.connected if carried else 0, "agents"))
    judged, simulated = best, 0
    if best.connected < agents:
        print(
            f"  {agents:,} streams are not carried by this machine: {best.connected:,} real ones, the rest simulated"
        )
        simulated = agents - best.connected
        judged = (await run.steps([best.connected], simulated, rate=rate, seconds=seconds))[0]
        rows += _rows(judged, simulated, seconds)
    is_ok = _is_carried(judged, rate=rate, seconds=seconds)
    name = f"d3: free to offer p99 in ms at {rate:.0f}/s, {judged.connected + simulated:,} agents (at most)"
    grows = exponent({load.connected: load.p50_ms for load in loads if load.offers})
    rows.append(Row("d3: growth exponent of p50 over connected agents", grows, ""))
    return Part(rows, [Ratio(name, judged.p99_ms, MILLISECONDS, is_ok)])
