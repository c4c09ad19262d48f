"""A process is killed while open items are judged again after a publication: the next one goes on, each item once."""

from __future__ import annotations

import pytest

from tests.faults.installation import READY_SECONDS, Site, until

pytestmark = pytest.mark.timeout(300)  # processes start slowly on a busy machine
ITEMS = 1_500
_DONE = "SELECT coalesce((SELECT done FROM bulk_job WHERE action = 'reclassify'), 0)"
_MOVED = "SELECT count(*) FROM item WHERE queue_id = 'p'"


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_killed_run_is_gone_on_with(site: Site, *, at_once: bool) -> None:
    first = site.start("serve")
    with first.client(site.keys["admin"], timeout=60) as http:
        for start in range(0, ITEMS, 500):
            items = [{"captureId": f"c{n}", "category": "C"} for n in range(start, start + 500)]
            assert http.post("/items/batch", json=items).status_code == 200
        draft = http.post("/rulesets/drafts", json={"name": "Kill"}).json()["id"]
        category = http.get(f"/categories/c?draft={draft}").json()
        changed = http.put(f"/categories/c?draft={draft}", json={**category, "queue": "p"})
        assert changed.status_code == 200, changed.text
        done = http.post(f"/rulesets/drafts/{draft}/publish")
        assert done.status_code == 201, done.text
        run = done.json()["reclassification"]
        if not at_once:
            until("some are judged", lambda: http.get(f"/jobs/{run}").json()["done"] > 0, READY_SECONDS)
    first.process.kill()
    first.process.wait(20)
    before = await site.value(_DONE)
    assert before < ITEMS, "killed in the middle"
    assert await site.value(_MOVED) == before, "an item and its outcome are written together"

    second = site.start("serve")
    with second.client(site.keys["admin"], timeout=60) as http:
        until(
            "the run is over", lambda: http.get(f"/jobs/{run}").json()["status"] != "running", READY_SECONDS
        )
        job = http.get(f"/jobs/{run}").json()
    assert (job["status"], job["total"], job["done"], job["failed"]) == ("done", ITEMS, ITEMS, 0)
    assert await site.value(_MOVED) == ITEMS
    doubled = "SELECT count(*) - count(DISTINCT item_id) FROM event WHERE type = 'reclassified'"
    assert await site.value(doubled) == 0
    assert await site.value("SELECT count(*) FROM event WHERE type = 'reclassified'") == ITEMS
