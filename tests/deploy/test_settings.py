"""Every setting that a process reads can be set through the chart: what it renders is read as a process reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from openiwd.adapters.redis.server import RedisServer
from openiwd.processes.settings import (
    EmailSettings,
    MartSettings,
    SearchSettings,
    Settings,
    Told,
    read_email_settings,
    read_mart_settings,
    read_outbound_allowed,
    read_settings,
    read_told,
)
from tests.deploy.helm import CHART, render

OF_THE_CHART_ITSELF = {
    "port": "the service finds it by name",
    "distribute_port": "other processes are told it by the process",
    "address": "found out in the pod",
    "data_dir": "of an embedded PostgreSQL",
    "redis.database": "stands in the URL; the cluster of these values has number 0 alone",
}
SECRETS = {
    "OPENIWD_SECRET_KEY": "k" * 32,
    "OPENIWD_DATABASE_URL": "postgresql://openiwd@postgres/openiwd",
    "OPENIWD_MART_SERVER_URL": "postgresql://openiwd@marts/postgres",
}
BASES = {
    RedisServer: RedisServer(nodes=(("redis", 6379),)),
    SearchSettings: SearchSettings(urls=("http://search:9200",)),
}
"""What a part that is off by itself is compared with: as little as can be said of it."""


Manifests = list[dict[str, Any]]


@pytest.fixture(scope="module")
def manifests() -> Manifests:
    return render("--values", str(CHART / "ci" / "settings-values.yaml"))


def variables(manifests: Manifests, component: str, folder: Path) -> dict[str, str]:
    """Of this component's container; files that are mounted from secrets lie in `folder`."""
    (pod,) = (
        one["spec"]["template"]["spec"]
        for one in manifests
        if one["kind"] == "Deployment"
        and one["metadata"]["labels"]["app.kubernetes.io/component"] == component
    )
    (container,) = pod["containers"]
    names = [variable["name"] for variable in container["env"]]
    assert len(names) == len(set(names)), "none is said twice"
    places = {mount["mountPath"]: volume_of(pod, mount["name"]) for mount in container["volumeMounts"]}
    return {one["name"]: value_of(one, places, folder) for one in container["env"]}


def volume_of(pod: dict[str, Any], name: str) -> dict[str, Any]:
    (volume,) = (one for one in pod["volumes"] if one["name"] == name)
    return dict(volume)


def value_of(variable: dict[str, Any], places: dict[str, dict[str, Any]], folder: Path) -> str:
    name = variable["name"]
    if "valueFrom" in variable:
        reference = variable["valueFrom"]["secretKeyRef"]
        return SECRETS.get(name, f"{reference['name']}/{reference['key']}")
    value = str(variable["value"])
    if not value.startswith("/tls/"):
        return value
    path = Path(value)
    secret = places[str(path.parent)]["secret"]
    assert path.name in {i["path"] for i in secret.get("items", [])} or path.name in (
        "ca.crt",
        "tls.crt",
        "tls.key",
    )
    here = folder / value.removeprefix("/")
    here.parent.mkdir(parents=True, exist_ok=True)
    here.touch()
    return str(here)


def as_by_itself(value: Struct, usual: Struct, path: str = "") -> set[str]:
    """The fields that are as they would be without any setting, each with the way to it."""
    found: set[str] = set()
    for field in msgspec.structs.fields(value):
        here, there = getattr(value, field.name), getattr(usual, field.name)
        name = f"{path}{field.name}"
        if isinstance(here, Struct) and type(here) in (*BASES, type(there)) and name != "gws":
            found |= as_by_itself(here, BASES.get(type(here), there), f"{name}.")
        elif here == there:
            found.add(name)
    return found


def defaults(kind: type[Struct]) -> Struct:
    """An object with nothing but what is needed; what is needed differs from what any setting is."""
    needed = {f.encode_name: None for f in msgspec.structs.fields(kind) if f.required}
    return kind(**needed)


@pytest.mark.parametrize("component", ["serve", "distribute", "capture"])
def test_of_what_opens_the_databases(manifests: Manifests, component: str, tmp_path: Path) -> None:
    settings = read_settings(variables(manifests, component, tmp_path))
    left = as_by_itself(settings, Settings())
    expected = set(OF_THE_CHART_ITSELF) | ({"capture_dir"} if component != "capture" else set())
    # What only tells two limits apart is no setting.
    assert {name for name in left if not name.endswith(".name")} == expected


def test_of_email(manifests: Manifests, tmp_path: Path) -> None:
    env = variables(manifests, "email", tmp_path)
    settings = read_email_settings(env)
    assert settings.url == "http://iwd:4024"
    assert settings.api_keys == ["openiwd-email/keys"]
    assert settings.bytes_at_once == 64 * 1024 * 1024
    # Its port is an argument of the command.
    assert as_by_itself(settings, defaults(EmailSettings)) == {"metrics_port"}
    assert as_by_itself(read_told(env), Told()) == set()


def test_of_the_data_mart(manifests: Manifests, tmp_path: Path) -> None:
    env = variables(manifests, "datamart-acme", tmp_path)
    settings = read_mart_settings(env)
    # Chains of CronJobs are arguments of the command.
    assert as_by_itself(settings, defaults(MartSettings)) == {"chain"}
    assert settings.gws is not None
    assert settings.gws.api_key == "mart-acme/gws-api-key"
    assert settings.gws.client_secret == "mart-acme/gws-client-secret"
    assert as_by_itself(read_told(env), Told()) == set()
    assert read_outbound_allowed(env), "GWS is inside, too"


def test_keys_of_certificates_that_are_only_watched_stay_where_they_are(manifests: Manifests) -> None:
    pods = [one["spec"]["template"]["spec"] for one in manifests if one["kind"] in ("Deployment", "Job")]
    assert len(pods) == 6
    for pod in pods:
        watched = volume_of(pod, "watched-iwd-tls")
        assert watched["secret"]["items"] == [{"key": "tls.crt", "path": "tls.crt"}]


def test_every_pod_knows_whom_to_believe_about_the_database(manifests: Manifests) -> None:
    pods = [one["spec"]["template"]["spec"] for one in manifests if one["kind"] in ("Deployment", "Job")]
    assert len(pods) == 6
    for pod in pods:
        (container,) = pod["containers"]
        told = {one["name"]: one.get("value") for one in container["env"]}
        (mount,) = (m for m in container["volumeMounts"] if m["name"] == "database-tls")
        assert told["PGSSLROOTCERT"] == f"{mount['mountPath']}/ca.crt"
        assert volume_of(pod, "database-tls")["secret"]["secretName"] == "openiwd-database-ca"


def test_passwords_do_not_stand_in_values() -> None:
    for words in ("redis.url=redis://iwd:secret@redis:6379", "search.urls={https://iwd:secret@search:9200}"):
        with pytest.raises(AssertionError, match="values don't meet the specifications of the schema"):
            render("--set", words)
