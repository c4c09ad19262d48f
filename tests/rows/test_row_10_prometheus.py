"""Prometheus → IWD: a real Prometheus scrapes a real process on both ports; rules and dashboards name what there is."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from openiwd.adapters.redis.server import RedisServer
from openiwd.processes import email, mart
from tests.faults.installation import PREFIX, READY_SECONDS, TENANT, Process, Site, new_item, until
from tests.servers.prometheus import RULES, prometheus
from tests.servers.shared import ROOT, needed

pytestmark = pytest.mark.timeout(300)  # processes start slowly on a busy machine

RULE_TESTS = sorted(RULES.parent.glob("*.test.yaml"))
DASHBOARDS = sorted((ROOT / "deploy" / "monitoring" / "dashboards").glob("*.json"))
INVENTORY = [ROOT / "docs" / "operations" / name for name in ("metrics.md", "mart-metrics.md")]
NAMED = re.compile(r"\b(?:iwd\w*|iwddm_\w+|process_\w+)")
SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "summary": ("_count", "_sum"),
    "histogram": ("_count", "_sum", "_bucket"),
    "unknown": ("",),
}
CUSTOMARY = {
    "iwd_request_total",
    "iwd_errors_total",
    "iwd_api_request_total",
    "iwd_api_request_duration_milliseconds_bucket",
    "iwdTenantDB_db_total",
    "iwdTenantDB_db_duration_milliseconds_sum",
    "iwdEmail_connection_up",
    "iwdEmail_received_total",
}


PROMISED = {
    "iwd_http_request_duration_seconds", "iwd_items_created_total", "iwd_items", "iwd_backlog_items",
    "iwd_backlog_oldest_seconds", "iwd_overdue_items", "iwd_classification_duration_seconds",
    "iwd_decision_duration_seconds", "iwd_offer_latency_seconds", "iwd_offers_total", "iwd_distributor_leader",
    "iwd_event_lag_seconds",
}  # fmt: skip
"""What dashboards may rely on from one version to the next."""


def names_in(text: str) -> dict[str, str]:
    """The names of samples that an exposition can have, with the kind of their family."""
    families = text_string_to_metric_families(text)
    return {f.name + suffix: f.type for f in families for suffix in SUFFIXES[f.type]}


def names_of_processes_beside() -> dict[str, str]:
    """Of the email service and the data mart, whose metrics stand in their modules."""
    modules = (email, mart)
    assert all(modules)
    return {f.name + suffix: f.type for f in REGISTRY.collect() for suffix in SUFFIXES.get(f.type, ("",))}


def exposition(process: Process) -> str:
    answer = httpx.get(f"{process.metrics_url}/metrics", timeout=20, trust_env=False)
    assert answer.status_code == 200
    return answer.text


def expressions() -> list[tuple[str, str]]:
    """(where, expression) of all rules and dashboards."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    found = [(r["alert"], r["expr"]) for g in groups for r in g["rules"]]
    for path in DASHBOARDS:
        board: dict[str, Any] = json.loads(path.read_text())
        found += [
            (f"{path.stem}: {p['title']}", t["expr"]) for p in board["panels"] for t in p.get("targets", [])
        ]
        found += [
            (f"{path.stem}: {v['name']}", v["query"]["query"])
            for v in board["templating"]["list"]
            if v["type"] == "query"
        ]
    return found


def test_a_real_prometheus_scrapes_a_real_process_on_both_ports(
    site: Site, redis_server: RedisServer, tmp_path: Path
) -> None:
    host, port = redis_server.nodes[0]
    beside = {"OPENIWD_REDIS_URL": f"redis://{host}:{port}", "OPENIWD_REDIS_PREFIX": redis_server.prefix}
    served = site.start("serve", environment={"OPENIWD_CUSTOMARY_METRICS": "true", **beside})
    until("it decides", served.decides, READY_SECONDS)
    with served.client(site.keys["admin"]) as http:
        for n in range(3):
            new_item(http, f"c{n}")
    metrics, api = urlsplit(served.metrics_url).netloc, urlsplit(served.url).netloc
    with prometheus(tmp_path / "prometheus", [metrics]) as server:
        waiting = f'iwd_backlog_items{{tenant="{TENANT}", queue="q"}}'
        until("the three wait in Prometheus", lambda: server.value(waiting) == 3, 60)
        assert server.value(f'sum(iwd_items_created_total{{tenant="{TENANT}"}})') == 3
        assert server.value(f'iwd_items{{tenant="{TENANT}", status="queued"}}') == 3
        assert server.value(f'iwd_distributor_leader{{tenant="{TENANT}"}}') == 1
        assert server.value(f'iwd_tenant_database_up{{tenant="{TENANT}"}}') == 1
        assert server.value(f'iwd_classification_duration_seconds_count{{tenant="{TENANT}"}}') == 3
        route = f'{{method="POST", route="{PREFIX}/items", code="201"}}'
        assert server.value(f"iwd_http_request_duration_seconds_count{route}") == 3
        assert server.value(f'iwd_api_request_total{{path="{PREFIX}/items"}}') == 3
        with served.client(site.keys["admin"]) as http:
            new_item(http, "later")
        until("it is seen when it changes", lambda: server.value(waiting) == 4, 60)

        def checked() -> list[dict[str, Any]] | None:
            rules = [r for g in server.get("rules")["groups"] for r in g["rules"]]
            return rules if all(r["health"] == "ok" for r in rules) else None

        rules = until("all rules were reckoned", checked, 60)
        assert {r["name"] for r in rules} == {name for name, _ in expressions() if name.startswith("OpenIWD")}
        firing = [r["name"] for r in rules if r["state"] == "firing"]
        assert firing == []
    inside = names_in(exposition(served)).keys()
    answer = httpx.get(f"http://{api}{PREFIX}/metrics", timeout=20, trust_env=False)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert names_in(answer.text).keys() == inside, "the API's port tells the same"
    assert inside >= CUSTOMARY
    known = {**names_in(exposition(served)), **names_of_processes_beside()}
    named = {
        (where, name)
        for where, expression in expressions()
        for name in NAMED.findall(re.sub(r'"[^"]*"', "", expression))
    }
    assert {(where, name) for where, name in named if name not in known} == set(), "what nobody tells"
    documented = {n for page in INVENTORY for n in re.findall(r"^\| `(\w+)", page.read_text(), re.MULTILINE)}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in known}
    assert documented >= PROMISED
    assert documented <= known.keys() | families, "docs/operations/metrics.md lists what there is"
    bare = {re.sub(r"_(bucket|sum|count)$", "", n) if n not in documented else n for _, n in named}
    assert {n for n in bare if not n.startswith("process_")} <= documented


def promtool(*arguments: str) -> str:
    done = subprocess.run(
        [needed("promtool", "prometheus"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=RULES.parent,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_do_what_they_say() -> None:
    assert "SUCCESS" in promtool("check", "rules", "--lint=all", "--lint-fatal", RULES.name)
    assert "SUCCESS" in promtool("test", "rules", *(path.name for path in RULE_TESTS))


def test_each_alert_is_tested_both_ways_and_has_its_page() -> None:
    rules = {r["alert"]: r for g in yaml.safe_load(RULES.read_text())["groups"] for r in g["rules"]}
    tests = [one for path in RULE_TESTS for one in yaml.safe_load(path.read_text())["tests"]]
    checks = [check for one in tests for check in one["alert_rule_test"]]
    raised = {check["alertname"] for check in checks if check["exp_alerts"]}
    calm = {check["alertname"] for check in checks if not check["exp_alerts"]}
    assert raised == calm == rules.keys()
    pages = {ROOT / rule["annotations"]["runbook_url"] for rule in rules.values()}
    assert pages == set((ROOT / "docs" / "operations" / "runbooks").glob("*.md"))
    for name, rule in rules.items():
        assert f"`{name}`" in (ROOT / rule["annotations"]["runbook_url"]).read_text()
        assert rule["labels"]["severity"] in ("warning", "critical")


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda p: p.stem)
def test_dashboards_can_be_imported(path: Path) -> None:
    board = json.loads(path.read_text())
    assert board["uid"] == path.stem
    assert len({p["id"] for p in board["panels"]}) == len(board["panels"])
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in board["panels"]]
    assert len(set(places)) == len(places)
    assert all(p["gridPos"]["x"] + p["gridPos"]["w"] <= 24 for p in board["panels"])
    for panel in board["panels"]:
        for target in panel["targets"]:
            expression = target["expr"].replace("$tenant", ".*")
            assert expression.count("(") == expression.count(")")
