"""What the pages tell people to type is there: commands, options, targets, settings, routes, values, names."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from openiwd.api.authorisation import ROUTES
from openiwd.cli.main import Later, app
from openiwd.domain.setting_key import DATABASES, KEYS
from openiwd.processes.settings import (
    read_email_settings,
    read_mart_settings,
    read_outbound_allowed,
    read_settings,
    read_told,
)
from tests.deploy.helm import render
from tests.servers.shared import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CONFIGURATION = ROOT / "docs" / "operations" / "configuration.md"
FIRST_HOUR = ROOT / "docs" / "operations" / "kubernetes.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
ROUTE = re.compile(
    r"(?:GET|POST|PUT|PATCH|DELETE) (/iwd/v3/[^\s`?'\"…]+)|http[^\s'\"]*(/iwd/v3/[^\s`?'\"…]+)"
)
NOT_OF_PROCESSES = {
    "OPENIWD_CONFIG": "names the file whose keys stand for variables",
    "OPENIWD_URL": "of commands that ask a server, and of the email service",
    "OPENIWD_API_KEY": "of commands that ask a server",
    "OPENIWD_DATA": "of `make test-replay`",
    "OPENIWD_CHROMIUM": "of browser tests",
}
AS_THEY_ARE_SET = {
    "OPENIWD_REDIS_URL": "redis://redis:6379",
    "OPENIWD_SEARCH_URL": "http://search:9200",
    "OPENIWD_EMAIL_KEYS": "key",
    "OPENIWD_IWD_URL": "http://iwd:4024",
    "OPENIWD_MART_DATABASE_URL": "postgresql://mart",
    "OPENIWD_MART_API_KEY": "key",
    "OPENIWD_MART_GWS_AUTH_URL": "http://gws",
    "OPENIWD_MART_GWS_CLIENT_ID": "id",
    "OPENIWD_MART_GWS_CLIENT_SECRET": "secret",
    "OPENIWD_MART_CONTACT_CENTER_ID": "id",
}


class Asked(Mapping[str, str]):
    """An environment that notes what it is asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return AS_THEY_ARE_SET[name]

    def __iter__(self) -> Iterator[str]:
        return iter(AS_THEY_ARE_SET)

    def __len__(self) -> int:
        return len(AS_THEY_ARE_SET)


def settings_that_are_read() -> set[str]:
    asked = Asked()
    for read in (read_settings, read_mart_settings, read_email_settings, read_told, read_outbound_allowed):
        read(asked)
    return asked.names


def typed(text: str) -> Iterator[str]:
    """Lines of blocks (continued ones as one), and what stands between single backticks."""
    for _, block in BLOCK.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    yield from INLINE.findall(BLOCK.sub("", text))


@cache
def the_command() -> Any:
    return typer.main.get_command(app)


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that these words name, and what is left of them."""
    found = the_command()
    while inner := getattr(found, "commands", None):
        if not words or words[0].startswith("-"):
            break
        assert words[0] in inner, f"openiwd has no {words[0]}"
        found, words = inner[words[0]], words[1:]
        found = found.load() if isinstance(found, Later) else found
    return found, words


def openiwd_commands(text: str) -> Iterator[list[str]]:
    for line in typed(text):
        for part in re.findall(r"(?:^|\s|-- )openiwd ((?:[a-z][^\s|]*)(?:[^|]*))", line.partition("  #")[0]):
            yield shlex.split(part.replace("…", "").replace("[", "").replace("]", ""))


def options_of(command: Any) -> set[str]:
    return {o for one in command.params for o in (*one.opts, *one.secondary_opts)} | {"--help"}


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_what_is_typed_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for words in openiwd_commands(text):
        command, rest = command_of(words)
        named = {w.partition("=")[0].rstrip(".,;") for w in rest if w.startswith("--")}
        assert named <= options_of(command), words
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for line in typed(text) for name in re.findall(r"(?:^|\s)make ([a-z][a-z-]+)", line)}
    assert named <= targets
    routes = {re.sub(r"\{[^}]*\}", "[^/]+", route.partition(" ")[2]) for route in ROUTES}
    for written in ROUTE.findall(text):
        example = re.sub(r"\{[^}]*\}|\$\w+", "x", "".join(written).rstrip(".,;:)"))
        assert any(re.fullmatch(route, example) for route in routes), example


def settings_in(text: str) -> set[str]:
    return set(re.findall(r"OPENIWD_[A-Z_]*[A-Z]\b", text))


def test_settings_that_are_told_are_read() -> None:
    read = settings_that_are_read()
    places = [*PAGES, ROOT / "deploy" / "compose.yaml", ROOT / "deploy" / "Dockerfile"]
    for path in places:
        unknown = settings_in(path.read_text(encoding="utf-8")) - read - NOT_OF_PROCESSES.keys()
        assert unknown == set(), path.name


def test_every_setting_is_told() -> None:
    told = settings_in(CONFIGURATION.read_text(encoding="utf-8"))
    read = settings_that_are_read()
    beside = {name for name in read if name.endswith("_FILE") and name.removesuffix("_FILE") in read}
    assert told == (read - beside) | {"OPENIWD_API_KEY", "OPENIWD_CONFIG"}


def secrets_in(value: Any) -> Iterator[tuple[str, str | None]]:
    """What manifests take from secrets: name and key (None: whatever key)."""
    if isinstance(value, dict):
        if "secretKeyRef" in value and not value["secretKeyRef"].get("optional"):
            yield value["secretKeyRef"]["name"], value["secretKeyRef"]["key"]
        if "secretName" in value:
            yield value["secretName"], None
        for inner in value.values():
            yield from secrets_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from secrets_in(inner)


def test_the_first_hour(tmp_path: Path) -> None:
    """Its values can be rendered; what they name is made before, what is asked for is there afterwards."""
    text = FIRST_HOUR.read_text(encoding="utf-8")
    blocks = [yaml.safe_load(block) for language, block in BLOCK.findall(text) if language == "yaml"]
    assert len(blocks) == 2, "the chart, then what needs keys"
    files = []
    for number, block in enumerate(blocks):
        files.append(tmp_path / f"{number}.yaml")
        files[-1].write_text(yaml.safe_dump(block))
    manifests = render(*(word for path in files for word in ("--values", str(path))), release="iwd")
    lines = list(typed(text))
    made = {
        (found[1], key)
        for line in lines
        if (found := re.search(r"create secret generic ([\w-]+)", line))
        for key in re.findall(r"--from-literal=([\w-]+)=", line)
    }
    whole = r"create secret (?:tls ([\w-]+)|generic ([\w-]+) --from-file)"
    made |= {(one or other, None) for line in lines for one, other in re.findall(whole, line)}
    assert set(secrets_in(manifests)) == made
    named = {n for line in lines for n in re.findall(r" deploy/(iwd[\w-]+)", line)}
    assert named
    assert named <= {one["metadata"]["name"] for one in manifests if one["kind"] == "Deployment"}
    alerts = {r["alert"] for one in manifests if one["kind"] == "PrometheusRule" for g in one["spec"]["groups"]
              for r in g["rules"]}  # fmt: skip
    assert set(re.findall(r"`(OpenIWD\w+)`", text)) <= alerts
    assert any(one["kind"] == "ConfigMap" for one in manifests), "dashboards come, too"


def test_every_setting_has_a_key_in_the_settings_file() -> None:
    read = settings_that_are_read()
    assert {key.variable for key in KEYS if key.variable} | set(DATABASES.values()) == {
        name for name in read if name.removesuffix("_FILE") not in read - {name}
    }


def test_links_between_pages_lead_somewhere() -> None:
    for path in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
            if not target.startswith(("http", "#", "mailto:")):
                assert (path.parent / target.partition("#")[0]).exists(), f"{path.name}: {target}"
