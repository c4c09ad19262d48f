"""What a shadow costs: the same server under the same load with a draft's shadow on and off, in turns."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from benchmarks.intake.place import target
from benchmarks.result import Ratio, Row
from benchmarks.rounds import Series, alternate, at_most
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres

CONNECTIONS = 256
MOST = 1.10
"""CPU time of the server per item with the shadow on, as a multiple of that without."""
SETTLING_SECONDS = 1.5
"""Until the process has taken up what was started or stopped."""


async def measure(
    postgres: EmbeddedPostgres, *, rounds: int, seconds: float
) -> tuple[list[Row], list[Ratio]]:
    """A draft that changes one of the rules: what it makes otherwise is listed as well."""
    async with target(postgres, "durable") as measured, measured.client() as http:
        path = await _drafted(http)
        rates: dict[str, list[float]] = {"off": [], "on": []}

        async def run(name: str) -> float:
            """Microseconds of the server's CPU time per item."""
            (await http.post(f"{path}/shadow", json={"on": name == "on"})).raise_for_status()
            await asyncio.sleep(SETTLING_SECONDS)
            rate = await measured.rate(connections=CONNECTIONS, seconds=seconds)
            rates[name].append(rate)
            return 1e6 * measured.uses[-1].server / rate

        (await http.post(f"{path}/shadow", json={"on": True})).raise_for_status()
        await measured.rate(connections=CONNECTIONS, seconds=1)
        found = await alternate({"off": lambda: run("off"), "on": lambda: run("on")}, rounds)
        (await http.post(f"{path}/shadow", json={"on": True})).raise_for_status()
        await asyncio.sleep(SETTLING_SECONDS)
        await measured.rate(connections=CONNECTIONS, seconds=seconds)
        told: dict[str, Any] = (await http.get(f"{path}/shadow")).json()
    off, on = found["off"], found["on"]
    ratios = Series("", [b / a for a, b in zip(off.values, on.values, strict=True)])
    ratio, spread = at_most("shadow: CPU per item, on / off", ratios, MOST)
    seen = told["looked"] + told["shed"]
    rows = [
        Row("shadow: server CPU per item, off", off.median, "µs"),
        Row("shadow: server CPU per item, on", on.median, "µs"),
        Series("shadow: items/s, off", rates["off"]).row("items/s"),
        Series("shadow: items/s, on", rates["on"]).row("items/s"),
        Row("shadow: looked at", 100 * told["looked"] / seen if seen else 0.0, "%"),
        Row("shadow: different of those", 100 * told["diverged"] / max(told["looked"], 1), "%"),
    ]
    return [*rows, spread], [ratio]


async def _drafted(http: httpx.AsyncClient) -> str:
    draft = (await http.post("/rulesets/drafts", json={"name": "Benchmark"})).json()["id"]
    rule = (await http.get("/rules/r0")).json()
    changed = {**rule, "then": [{"raiseBusinessValue": 50}]}
    (await http.put(f"/rules/r0?draft={draft}", json=changed)).raise_for_status()
    return f"/rulesets/drafts/{draft}"
