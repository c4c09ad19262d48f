"""The Helm chart: linted, rendered for several sets of values, every manifest checked against Kubernetes' schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.deploy.helm import CHART, KUBERNETES, helm, render

SETS: dict[str, list[str]] = {
    "default": [],
    **{
        path.stem.removesuffix("-values"): ["--values", str(path)]
        for path in sorted((CHART / "ci").glob("*.yaml"))
    },
}
VERSIONS = ("1.27", "1.33")
NO_SECRETS = {"OPENIWD_LIMIT_KEY", "OPENIWD_REDIS_KEY"}
"""A limit, and the path of a file that is mounted from a secret."""
OF_PROMETHEUS = {"ServiceMonitor", "PodMonitor", "PrometheusRule"}
"""Kinds that Kubernetes itself does not know; they are checked by hand below."""


@pytest.fixture(scope="module", params=SETS)
def manifests(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return render(*SETS[request.param])


def pods(manifests: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in manifests:
        name = f"{one['kind']} {one['metadata']['name']}"
        match one["kind"]:
            case "Pod":
                yield name, one["spec"]
            case "Deployment" | "Job":
                yield name, one["spec"]["template"]["spec"]
            case "CronJob":
                yield name, one["spec"]["jobTemplate"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("name", SETS)
def test_lint(name: str) -> None:
    done = helm("lint", "--strict", str(CHART), *SETS[name])
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_manifest_is_what_kubernetes_takes(manifests: list[dict[str, Any]]) -> None:
    checked = 0
    for one in manifests:
        if one["kind"] in OF_PROMETHEUS:
            continue
        for version in VERSIONS:
            kubernetes_validate.validate(one, version, strict=True)
        checked += 1
    assert checked >= 3
    names = [(one["kind"], one["metadata"]["name"]) for one in manifests]
    assert len(names) == len(set(names)), "no two of one name"


def test_pods_run_without_rights(manifests: list[dict[str, Any]]) -> None:
    seen = 0
    for name, pod in pods(manifests):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True, name
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
            assert container["resources"]["limits"]["memory"], name
            for variable in container.get("env", []):
                secret = any(word in variable["name"] for word in ("PASSWORD", "KEY", "DATABASE_URL"))
                secret = secret and variable["name"] not in NO_SECRETS
                assert not secret or "valueFrom" in variable, f"{name}: {variable['name']} by reference only"
        seen += 1
    assert seen >= 2


def test_what_serves_has_probes_a_budget_and_time_to_drain(manifests: list[dict[str, Any]]) -> None:
    deployments = {
        one["metadata"]["labels"]["app.kubernetes.io/component"]: one
        for one in manifests
        if one["kind"] == "Deployment"
    }
    serve = deployments["serve"]["spec"]
    assert serve["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    for one in deployments.values():
        pod = one["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["httpGet"]["port"] == "metrics"
        drain = next(int(v["value"]) for v in container["env"] if v["name"] == "OPENIWD_DRAIN_SECONDS")
        assert drain + 20 <= pod["terminationGracePeriodSeconds"]
        assert (
            one["spec"]["selector"]["matchLabels"].items()
            <= one["spec"]["template"]["metadata"]["labels"].items()
        )
    for one in manifests:
        if one["kind"] == "PodDisruptionBudget":
            selected = one["spec"]["selector"]["matchLabels"]
            assert any(d["spec"]["selector"]["matchLabels"] == selected for d in deployments.values())


def test_the_service_is_called_as_everybody_expects(manifests: list[dict[str, Any]]) -> None:
    (service,) = (one for one in manifests if one["kind"] == "Service")
    assert service["metadata"]["name"] == "iwd"
    (chosen,) = (
        one
        for one in manifests
        if one["kind"] == "Deployment"
        and service["spec"]["selector"].items() <= one["spec"]["template"]["metadata"]["labels"].items()
    )
    assert chosen["metadata"]["name"] == "r-openiwd-serve"
    (container,) = chosen["spec"]["template"]["spec"]["containers"]
    listening = {p["name"]: p["containerPort"] for p in container["ports"]}
    assert {p["name"]: p["port"] for p in service["spec"]["ports"]} == listening
    usual = yaml.safe_load((CHART / "values.yaml").read_text())["service"]
    assert (usual["port"], usual["metricsPort"], listening["http"]) == (4024, 10052, 4024)


def test_everything_switched_on() -> None:
    manifests = render(*SETS["full"])
    kinds = {one["kind"] for one in manifests}
    assert kinds >= OF_PROMETHEUS | {
        "Deployment", "Service", "ServiceAccount", "Job", "Ingress", "NetworkPolicy", "PodDisruptionBudget",
        "HorizontalPodAutoscaler", "ConfigMap", "Pod",
    }  # fmt: skip
    named = {one["metadata"]["name"] for one in manifests if one["kind"] == "Deployment"}
    parts = ("serve", "distribute", "capture", "email", "datamart-acme", "datamart-nordhaven")
    assert named == {f"r-openiwd-{part}" for part in parts}
    (job,) = (one for one in manifests if one["kind"] == "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["migrate", "--create"]
    (rule,) = (one for one in manifests if one["kind"] == "PrometheusRule")
    shipped = yaml.safe_load((CHART / "files" / "rules" / "openiwd.rules.yaml").read_text())
    alerts = [r for g in rule["spec"]["groups"] for r in g["rules"]]
    assert [r["alert"] for r in alerts] == [r["alert"] for g in shipped["groups"] for r in g["rules"]]
    assert all(
        r["annotations"]["runbook_url"].startswith("https://wiki.example.com/openiwd/") for r in alerts
    )
    boards = [one["data"] for one in manifests if one["kind"] == "ConfigMap"]
    assert len(boards) == 4
    assert all(json.loads(text)["uid"] for data in boards for text in data.values())
    monitor = next(one for one in manifests if one["kind"] == "ServiceMonitor")
    service = next(one for one in manifests if one["kind"] == "Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] in {p["name"] for p in service["spec"]["ports"]}


def test_a_mart_on_a_schedule() -> None:
    manifests = render(*SETS["cron"])
    crons = {one["metadata"]["name"]: one["spec"] for one in manifests if one["kind"] == "CronJob"}
    assert set(crons) == {"r-openiwd-datamart-acme-intraday", "r-openiwd-datamart-acme-historical"}
    for name, spec in crons.items():
        (container,) = spec["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        assert container["args"] == ["datamart", "run", "--chain", name.rpartition("-")[2]]
        assert spec["timeZone"] == "Europe/Berlin"


@pytest.mark.parametrize(
    "wrong",
    ["serve.replicas=0", "image.digest=sha256:abc", "datamart.mode=daily", "colour=red", "logLevel=loud"],
)
def test_wrong_values_are_refused(wrong: str) -> None:
    done = helm("template", "r", str(CHART), "--kube-version", KUBERNETES, "--set", wrong)
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr


def test_the_chart_can_be_packaged(tmp_path: Path) -> None:
    done = helm("package", str(CHART), "--destination", str(tmp_path), folder=tmp_path / "home")
    assert done.returncode == 0, done.stderr
    assert [p.name for p in tmp_path.glob("*.tgz")] == ["openiwd-0.1.0.tgz"]
    packaged = helm(
        "template",
        "r",
        str(tmp_path / "openiwd-0.1.0.tgz"),
        "--kube-version",
        KUBERNETES,
        "--set",
        "monitoring.rules.enabled=true",
    )
    assert "OpenIWDNoDistributor" in packaged.stdout, "the rules travel inside"
