"""The image and the compose file, as far as they can be read without an engine."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import yaml

from openiwd.cli.main import COMMANDS
from tests.servers.shared import ROOT

DEPLOY = ROOT / "deploy"
INSTRUCTION = re.compile(r"^([A-Z]+)\s+(.*)$", re.DOTALL)


def instructions() -> list[tuple[str, str]]:
    text = (DEPLOY / "Dockerfile").read_text()
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    found = [match.groups() for line in lines if line.strip() and (match := INSTRUCTION.match(line))]
    assert len(found) == len([line for line in lines if line.strip()]), "every line is an instruction"
    return [(name, value) for name, value in found]


def test_the_image_runs_without_rights() -> None:
    found = instructions()
    stages = [n for n, (name, _) in enumerate(found) if name == "FROM"]
    assert len(stages) == 2, "what builds is not what runs"
    last = dict(found[stages[-1] :])
    assert last["USER"] == "10001:10001"
    assert last["ENTRYPOINT"] == '["openiwd"]'
    assert "/livez" in last["HEALTHCHECK"]
    assert not any(name == "ADD" for name, _ in found)
    assert all("latest" not in value for name, value in found if name == "FROM")


def test_the_build_copies_only_what_is_there_and_not_ignored() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for name, value in instructions():
        if name == "COPY" and not value.startswith("--from"):
            *sources, _ = value.split()
            for source in sources:
                assert (ROOT / source).exists(), source
                assert source.removeprefix("./") in let_in, source


def test_extras_of_the_image_exist() -> None:
    named = set(re.findall(r"--extra (\w+)", (DEPLOY / "Dockerfile").read_text()))
    text = (ROOT / "pyproject.toml").read_text()
    known = set(tomllib.loads(text)["project"]["optional-dependencies"])
    assert named == known - {"mssql"}, "what can be set works in the image"


def test_the_compose_file() -> None:
    compose: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = compose["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", [])) <= services.keys(), name
        for secret in service.get("secrets", []):
            assert (secret if isinstance(secret, str) else secret["source"]) in compose["secrets"], name
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in compose["volumes"] or (DEPLOY / source).exists(), f"{name}: {volume}"
        if "openiwd:" in service.get("image", ""):
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name
            assert service["command"][0] in COMMANDS, name
            assert service["env_file"] == [{"path": "./openiwd.env", "required": False}], name
            addresses = "".join(str(v) for v in service["environment"].values())
            assert set(re.findall(r"(?:http|redis)://([\w-]+):", addresses)) <= services.keys(), name
    pods = (DEPLOY / "gateway" / "pods.conf").read_text()
    assert set(re.findall(r"server ([\w-]+):4024", pods)) <= services.keys()
    scraped = yaml.safe_load((DEPLOY / "monitoring" / "prometheus.yml").read_text())
    (targets,) = (s["static_configs"][0]["targets"] for s in scraped["scrape_configs"])
    assert {t.partition(":")[0] for t in targets} <= services.keys()


def test_commands_of_the_chart_exist() -> None:
    for path in (DEPLOY / "helm" / "openiwd" / "templates").glob("*.yaml"):
        for name in re.findall(r'"args" \(?list "(\w+)"|\$args := list "(\w+)"', path.read_text()):
            assert {n for n in name if n} <= COMMANDS.keys(), path.name
