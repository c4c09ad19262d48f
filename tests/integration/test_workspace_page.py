"""The workspace's page for one item, when the item moves while it is read."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from openiwd.api.app import create_app
from openiwd.domain.privilege import Role
from openiwd.usecases import item_detail
from openiwd.web.app import create_web
from tests.factories.api import PASSWORD, PREFIX, World


async def test_an_item_that_leaves_the_agent_while_its_page_is_made_leaves_the_focus(
    api: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.add_agent("anna")
    await api.add_user("anna", Role.AGENT, agent_id="anna")
    item = (await api.item("c1"))["id"]
    assert (await api.post(f"/items/{item}/assign", {"agent": "anna"})).status_code == 200
    around = item_detail.around

    async def completed_meanwhile(*arguments: Any) -> item_detail.Around:
        done = await api.post(f"/items/{item}/complete", {"resultCode": "paid"})
        assert done.status_code == 200, done.text
        return await around(*arguments)

    site = create_app(api.platform, holidays=api.wiring.holidays, web=create_web)
    transport = httpx.ASGITransport(app=site, raise_app_exceptions=True)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://iwd", timeout=30) as client:
        session = await client.post(f"{PREFIX}/sessions", json={"login": "anna", "password": PASSWORD})
        client.headers.update({"x-csrf-token": session.json()["csrfToken"], "hx-request": "true"})
        shown = await client.get(f"/workspace/items/{item}")
        assert (shown.status_code, f'data-id="{item}"' in shown.text) == (200, True), shown.text
        monkeypatch.setattr(item_detail, "around", completed_meanwhile)
        after = await client.get(f"/workspace/items/{item}")
        assert (after.status_code, f'data-id="{item}"' in after.text) == (200, False), after.text
    await site.close()
