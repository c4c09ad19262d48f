"""The API's interactive page in a real browser: loads under its CSP, and a call can be tried with a key."""

from __future__ import annotations

from playwright.sync_api import expect

from openiwd.domain.privilege import Role
from openiwd.processes.identity import new_id
from tests.browser.conftest import Open, Watch
from tests.browser.site import Site


async def _key(site: Site) -> str:
    platform = (await site.services()).runtime.tenant.id
    secret, _ = await site._wiring.platform.identities.create_key(
        new_id(), platform, "docs", role=Role.VIEWER
    )
    return secret


def test_a_call_can_be_tried_from_the_page(site: Site, open_as: Open, watch: Watch) -> None:
    key = site.run(_key(site))
    page = open_as(None)
    page.set_default_timeout(60_000)  # the bundle is large, and the machine may be busy
    page.goto("/iwd/v3/docs")
    page.get_by_role("button", name="Authorize").first.click()
    dialog = page.locator(".modal-ux")
    dialog.locator("input").first.fill(key)
    dialog.get_by_role("button", name="Apply credentials").first.click()
    dialog.get_by_role("button", name="Close").first.click()
    page.locator("#operations-tag-users").click()
    operation = page.locator("#operations-users-whoAmI")
    operation.locator("button.opblock-summary-control").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table td.response-col_status:not(.col_header)").first
    expect(answer).to_contain_text("200", timeout=60_000)
    expect(operation.locator(".live-responses-table")).to_contain_text("key:docs")
    assert page.locator(".opblock-tag").count() > 5
