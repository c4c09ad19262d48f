"""Application gateway → IWD service: UI, work items, configuration and reports through a real nginx."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.faults.installation import PASSWORD, PREFIX, READY_SECONDS, Site, new_item, until
from tests.servers.nginx import gateway

pytestmark = pytest.mark.timeout(300)  # processes start slowly on a busy machine


def test_ui_items_configuration_and_reports_come_through_the_gateway(site: Site, tmp_path: Path) -> None:
    # It trusts a gateway elsewhere, so it does not believe this one that the client came by TLS.
    served = site.start("serve", environment={"OPENIWD_TRUSTED_PROXIES": "192.0.2.0/24"})
    until("it decides", served.decides, READY_SECONDS)
    with gateway(tmp_path / "nginx", [served.url]) as outside:
        machine = httpx.Client(
            base_url=outside.url + PREFIX, headers={"x-api-key": site.keys["admin"]}, verify=outside.context,
            timeout=30, trust_env=False,
        )  # fmt: skip
        person = httpx.Client(
            base_url=outside.url, verify=outside.context, timeout=30, trust_env=False, follow_redirects=True
        )
        with machine as http, person as browser:
            item = new_item(http, "c1")
            saved = http.put("/skills/motor", json={"id": "motor", "name": "Motor"})
            assert saved.status_code in (200, 201), saved.text
            assert [s["id"] for s in http.get("/skills").json()["skills"]] == ["motor"]
            events = http.get("/reporting/events", params={"limit": 100})
            assert events.status_code == 200
            assert item in events.text
            assert http.get("/openapi.json").json()["openapi"].startswith("3.1")

            page = browser.get("/")
            assert page.status_code == 200
            assert page.url.path.startswith("/login"), "who is not logged in is asked to"
            assert page.url.host == "localhost"
            assert page.url.scheme == "https", "redirects stay at the gateway"
            login = {"login": "ann", "password": PASSWORD, "tenant": "t"}
            logged_in = browser.post(f"{PREFIX}/sessions", json=login)
            assert logged_in.status_code == 201
            assert "secure" not in logged_in.headers["set-cookie"].lower()
            home = browser.get("/")
            assert home.status_code == 200
            assert not home.url.path.startswith("/login")
            assert home.headers["content-type"].startswith("text/html")
            assert "strict-transport-security" in home.headers
            assert "content-security-policy" in home.headers
