"""Processes that do not decide pass on what only the decider can do, also while the decider is killed or frozen."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest

from openiwd.usecases.passing_on import PASSED_HEADER, UNDECIDED_HEADER
from tests.faults.installation import PASSWORD, READY_SECONDS, Process, Site, make_ready, new_item, until

pytestmark = pytest.mark.timeout(300)  # processes start slowly on a busy machine
NOBODY_DECIDES = 503


def two(site: Site) -> tuple[Process, Process]:
    """(one that decides, one that never does)."""
    deciding, serving = site.start("distribute"), site.start("serve", "--no-decide")
    until("somebody decides", deciding.decides, READY_SECONDS)
    return deciding, serving


def pulled(process: Process, key: str) -> dict[str, Any]:
    with process.client(key) as http:
        answer = http.post("/agents/me/next")
    assert answer.status_code == 200, answer.text
    item: dict[str, Any] = answer.json()["item"]
    return item


def forged(url: str, key: dict[str, str]) -> int:
    return httpx.post(url, headers={PASSED_HEADER: "a", **key}, trust_env=False).status_code


async def test_pull_and_pick_work_where_nobody_decides(site: Site) -> None:
    _, serving = two(site)
    make_ready(serving, site.keys["near"])
    with serving.client(site.keys["admin"]) as http:
        first, second = new_item(http, "c1", "P"), new_item(http, "c2", "P")
        order = http.get("/queues/p/order").json()
        why = http.get(f"/items/{first}/explain", params={"agent": "near"}).json()
    assert order["source"] == "decider"
    assert [place["item"]["id"] for place in order["items"]] == [first, second]
    assert why["agent"] == {"reason": "delivery", "better": None}, (
        "as the decider sees it: nobody is offered it"
    )
    assert pulled(serving, site.keys["near"])["id"] == first
    with serving.client(site.keys["near"]) as http:
        picked = http.post("/items/ext_c2/pull", params={"capturePoint": "rest"})
        again = http.post(f"/items/{second}/pull")
    assert picked.status_code == 200, picked.text
    assert picked.json()["assignedToUser"] == "near"
    assert picked.headers["etag"] == '"2"'
    assert again.status_code == 409
    assert again.json()["code"] == "notWaiting"
    assert not serving.decides()


async def test_the_workspace_pulls_where_nobody_decides_with_its_own_session(site: Site) -> None:
    _, serving = two(site)
    with serving.client(site.keys["admin"]) as http:
        item_id = new_item(http, "c1", "P")
    make_ready(serving, site.keys["near"])
    async with httpx.AsyncClient(base_url=serving.url, timeout=20, trust_env=False) as browser:
        login = await browser.post("/iwd/v3/sessions", json={"login": "near", "password": PASSWORD})
        token = {"x-csrf-token": login.json()["csrfToken"], "hx-request": "true"}
        without = await browser.post("/workspace/next", headers={"hx-request": "true"})
        strange = await browser.post("/iwd/v3/agents/me/next", headers={"x-csrf-token": "wrong"})
        taken = await browser.post("/workspace/next", headers=token)
        why = await browser.get(f"/items/{item_id}?tab=why")
    assert why.status_code == 200, why.text
    assert without.status_code == 403, "the session's token is asked for there as here"
    assert strange.status_code == 403
    assert taken.status_code == 200, taken.text
    assert item_id in taken.headers["hx-trigger"]


async def test_who_passes_on_gains_nothing(site: Site) -> None:
    deciding, serving = two(site)
    with serving.client(site.keys["admin"]) as http:
        new_item(http, "c1", "P")
        refused = http.post("/agents/me/next")
    assert refused.status_code == 403
    assert refused.json()["code"] == "noAgent"
    for process in (deciding, serving):
        url = f"{process.url}/iwd/v3/agents/me/next"
        for key in (dict[str, str](), {"x-api-key": "wrong"}):
            assert forged(url, key) == 401
    with serving.client(site.keys["near"]) as http:
        looping = http.post("/agents/me/next", headers={PASSED_HEADER: "x"})
    assert looping.status_code == NOBODY_DECIDES, "one hop, no more"
    assert UNDECIDED_HEADER in looping.headers


async def test_pulls_wait_for_the_next_decider(site: Site) -> None:
    first, serving = two(site)
    second = site.start("distribute")
    make_ready(serving, site.keys["near"])
    with serving.client(site.keys["admin"]) as http:
        wanted = {new_item(http, "c1", "P"), new_item(http, "c2", "P")}
    got = {pulled(serving, site.keys["near"])["id"]}
    first.kill()
    got.add(pulled(serving, site.keys["near"])["id"])
    assert got == wanted
    assert second.decides()


async def test_a_pull_lost_with_a_frozen_decider_is_not_repeated_elsewhere(site: Site) -> None:
    first, serving = two(site)
    second = site.start("distribute")
    make_ready(serving, site.keys["near"])
    with serving.client(site.keys["admin"]) as http:
        new_item(http, "c1", "P")
    pulled(serving, site.keys["near"])
    with serving.client(site.keys["admin"]) as http:
        new_item(http, "c2", "P")
    first.freeze()
    answers: list[httpx.Response] = []

    def pull() -> None:
        with serving.client(site.keys["near"]) as http:
            answers.append(http.post("/agents/me/next"))

    asking = threading.Thread(target=pull)
    asking.start()
    asking.join(30)
    (lost,) = answers
    assert lost.status_code == NOBODY_DECIDES
    assert lost.json()["code"] == "deciderLost"
    assert int(lost.headers["retry-after"]) > 0
    until("the second decides", second.decides)
    first.thaw()
    until("the first knows", lambda: not first.decides())
    assert pulled(serving, site.keys["near"]) is not None
    assert await site.value("SELECT count(*) FROM offer WHERE outcome = 'accepted'") == 2


async def test_without_any_decider_the_answer_says_when_to_ask_again(site: Site) -> None:
    serving = site.start("serve", "--no-decide")
    with serving.client(site.keys["near"]) as http:
        answer = http.post("/agents/me/next")
        order = http.get("/users/me")
    assert order.status_code == 200
    assert (answer.status_code, answer.json()["code"]) == (NOBODY_DECIDES, "noDecider")
    assert int(answer.headers["retry-after"]) > 0
