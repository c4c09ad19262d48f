"""Source system → application gateway: TLS by a real nginx; work items in, their status out, limits kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.installation import PASSWORD, PREFIX, READY_SECONDS, TENANT, Process, Site, new_item, until
from tests.servers.nginx import Gateway, gateway

pytestmark = pytest.mark.timeout(300)  # processes start slowly on a busy machine


@pytest.fixture
def served(site: Site) -> Process:
    process = site.start("serve")
    until("it decides", process.decides, READY_SECONDS)
    return process


@pytest.fixture
def outside(served: Process, tmp_path: Path) -> Iterator[Gateway]:
    with gateway(tmp_path / "nginx", [served.url]) as running:
        yield running


def test_the_gateway_between_sources_and_the_service(site: Site, outside: Gateway) -> None:
    items_go_in_and_their_status_comes_out_by_tls(site, outside)
    events_come_through_the_gateway_at_once(site, outside)
    limits_of_the_gateway_and_of_the_service_are_told_apart(site, outside)
    sessions_are_for_tls_whatever_a_client_claims(outside)


def client(outside: Gateway, key: str | None = None, **headers: str) -> httpx.Client:
    named = {"x-api-key": key, **headers} if key is not None else headers
    return httpx.Client(
        base_url=outside.url + PREFIX, headers=named, verify=outside.context, timeout=30, trust_env=False
    )


def items_go_in_and_their_status_comes_out_by_tls(site: Site, outside: Gateway) -> None:
    with client(outside, site.keys["admin"]) as http:
        assert http.get("/items", params={"limit": 1}).http_version == "HTTP/1.1"
        item = new_item(http, "c1")
        batch = http.post("/items/batch", json=[{"captureId": f"b{n}", "category": "C"} for n in range(500)])
        assert batch.status_code == 200, batch.text[:300]
        assert http.get(f"/items/{item}").json()["status"] == "queued"
        held = http.post(f"/items/{item}/hold", json={"reason": "other"})
        assert held.status_code == 200, held.text
        assert http.get("/items", params={"captureId": "c1"}).status_code == 200
        assert http.get(f"/items/{item}").json()["status"] == "held"
        exported = http.get("/items/export", params={"format": "ndjson"})
        assert len(exported.text.strip().splitlines()) == 501
    with client(outside) as stranger:
        assert stranger.get(f"/items/{item}").status_code == 401
    with httpx.Client(verify=True, trust_env=False) as wary, pytest.raises(httpx.ConnectError):
        wary.get(outside.url)


def events_come_through_the_gateway_at_once(site: Site, outside: Gateway) -> None:
    seen: list[dict[str, Any]] = []
    connected, told = threading.Event(), threading.Event()

    def follow() -> None:
        with (
            client(outside, site.keys["admin"]) as http,
            http.stream("GET", "/stream?topics=items") as answer,
        ):
            for line in answer.iter_lines():
                connected.set()
                if line.startswith("data: "):
                    seen.append(json.loads(line[6:]))
                    told.set()
                    return

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    assert connected.wait(30), "the first bytes come before there is anything to tell"
    with client(outside, site.keys["admin"]) as http:
        item = new_item(http, "live")
    assert told.wait(30), "nothing is held back until a buffer is full"
    thread.join(30)
    assert seen[0]["id"] == item


def limits_of_the_gateway_and_of_the_service_are_told_apart(site: Site, outside: Gateway) -> None:
    with client(outside, site.keys["admin"]) as http:
        large = http.post("/items", json={"captureId": "x", "category": "C", "description": "y" * 70_000})
        assert large.status_code == 413
        assert large.headers["content-type"] == "application/problem+json"
        huge = http.post("/items/batch", content=b" " * (33 * 1024 * 1024))
        assert huge.status_code == 413
        assert huge.headers["content-type"].startswith("text/html")
        for hidden in (f"{outside.url}{PREFIX}/metrics", f"{outside.url}/readyz", f"{outside.url}/livez"):
            assert http.get(hidden).status_code == 404, "for the inside only"
        assert http.get(f"{outside.url}/gateway-health").status_code == 204


def sessions_are_for_tls_whatever_a_client_claims(outside: Gateway) -> None:
    claims = {"x-forwarded-proto": "http", "x-forwarded-for": "203.0.113.9"}
    with client(outside, None, **claims) as http:
        login = {"login": "ann", "password": PASSWORD, "tenant": TENANT}
        through = http.post("/sessions", json=login)
        assert through.status_code == 201, through.text
        assert "secure" in through.headers["set-cookie"].lower()
