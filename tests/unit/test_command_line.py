"""The command line loads what the command needs that is run, and nothing that only another one needs."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from openiwd.cli.main import COMMANDS, Later, app

LOADED = """
import sys
from openiwd.cli.main import Later
Later(sys.argv[1]).load()
print(*sys.modules)
"""
HELP = """
import sys
from openiwd.cli.main import app
try:
    app(["--help"])
except SystemExit as ended:
    assert not ended.code
print(*sys.modules, file=sys.stderr)
"""


def loaded_by(program: str, *arguments: str) -> set[str]:
    """The modules that an interpreter of its own has loaded by the end of the program."""
    command = [sys.executable, "-c", program, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return set((ended.stderr if program is HELP else ended.stdout).split())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_listed_as_it_says_itself(name: str) -> None:
    listed = Later(name)
    command = listed.load()
    assert listed.help == command.help.partition("\n\n")[0]
    shown = CliRunner().invoke(app, [name, "--help"])
    assert shown.exit_code == 0, shown.output
    assert f"Usage: openiwd {name} " in shown.output


def test_the_list_of_commands_loads_none() -> None:
    loaded = loaded_by(HELP)
    assert "openiwd.cli.main" in loaded
    assert not loaded & {f"openiwd.cli.{place.partition(':')[0]}" for place, _ in COMMANDS.values()}
    assert not loaded & {"asyncio", "asyncpg", "httpx", "litestar", "numpy", "uvicorn"}


@pytest.mark.parametrize(
    ("command", "needs", "spares"),
    [
        ("serve", {"openiwd.web.app", "openiwd.api.app"}, {"openiwd.processes.mart", "sqlalchemy"}),
        ("capture", {"openiwd.processes.capture"}, {"openiwd.web", "openiwd.api.app", "jinja2", "segno"}),
        (
            "email",
            {"openiwd.adapters.imap.imap_reader"},
            {"asyncpg", "litestar", "numpy", "openiwd.processes.wiring"},
        ),
        ("datamart", {"openiwd.adapters.postgres.mart"}, {"litestar", "numpy", "openiwd.processes.wiring"}),
        (
            "migrate",
            {"openiwd.adapters.postgres.migrate"},
            {"alembic", "litestar", "sqlalchemy", "openiwd.api"},
        ),
        ("rules", {"httpx"}, {"asyncpg", "litestar", "numpy"}),
    ],
)
def test_a_process_loads_what_it_needs(command: str, needs: set[str], spares: set[str]) -> None:
    loaded = loaded_by(LOADED, command)
    assert needs <= loaded
    assert not loaded & spares


def test_a_wrong_name_is_refused_with_those_that_are_meant() -> None:
    refused = CliRunner().invoke(app, ["sreve"])
    assert refused.exit_code == 2
    assert "serve" in refused.output
