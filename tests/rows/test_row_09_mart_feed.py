"""Row 9: IWD Data Mart → IWD. Reporting events travel over HTTP, by cursor, without a gap, nothing personal."""

from __future__ import annotations

from typing import Any

import httpx

from tests.factories.api import events_in
from tests.rows.conftest import FedMart

NAME = "Wilhelmina Quartermaine"


async def test_reporting_events_travel_over_http(fed_mart: FedMart) -> None:
    api = fed_mart.api
    for n in range(3):
        await api.item(f"c{n}", subject=NAME)
    await fed_mart.run()
    await api.item("c3", subject=NAME)
    await fed_mart.run()
    async with httpx.AsyncClient(base_url=fed_mart.url, headers={"x-api-key": api.keys["mart"]}) as http:
        told: list[dict[str, Any]] = []
        after: str | None = None
        while True:
            query = {"limit": "2", **({"after": after} if after else {})}
            page = await http.get("/iwd/v3/reporting/events", params=query)
            told += events_in(page)
            if not page.content:
                break
            after = page.headers["x-openiwd-next"]
        refused = await http.get("/iwd/v3/reporting/events?personal=true")
        assert refused.status_code == 403
    positions = [int(e["cursor"].split(".")[1]) for e in told]
    assert positions == list(range(1, len(positions) + 1))
    assert sum(e["type"] == "created" for e in told) == 4
    assert NAME not in str(told)
