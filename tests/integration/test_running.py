"""A process at work without API and UI, such as one that only captures."""

from __future__ import annotations

import httpx

from openiwd.processes.running import Part, Running, running
from openiwd.processes.wiring import Wiring
from tests.factories.api import World


async def test_a_process_that_only_captures_says_how_it_is_and_nothing_else(api: World) -> None:
    wiring = Wiring(api.wiring.control_dsn)
    process = Running(wiring, host="127.0.0.1", port=0, metrics_port=0, part=Part.CAPTURE)
    async with running(process), httpx.AsyncClient(trust_env=False) as http:
        assert process.metrics_url is not None
        for address in (process.url, process.metrics_url):
            ready = await http.get(f"{address}/readyz")
            assert (ready.status_code, ready.json()["status"]) == (200, "ready")
            assert (await http.get(f"{address}/livez")).json() == {"status": "ok"}
            assert "iwd_db_connection_budget" in (await http.get(f"{address}/metrics")).text
        for path in ("/", "/login", "/iwd/v3/items"):
            assert (await http.get(process.url + path)).status_code == 404
        assert wiring.process_id in await api.wiring.control.live_processes()
