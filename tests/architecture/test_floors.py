"""The direction of imports, and what the pure floors may touch at all."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from openiwd.adapters.postgres.tenant_reading import PostgresReading
from openiwd.adapters.postgres.tenant_writing import PostgresWriting
from tests.architecture.source_tree import ROOT, imports, name_of, source_files, tree

IMPURE_STDLIB = {
    *(
        "asyncio",
        "ctypes",
        "http",
        "io",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "random",
        "secrets",
        "select",
        "shutil",
    ),
    *("signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib"),
}
PURE = {"domain": {"msgspec", "re2", "numpy"}, "ports": {"msgspec"}}
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}
BANNED_ROOMS = {"utils", "util", "common", "helpers", "helper", "misc", "manager", "service"}


def test_import_contracts_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [lint, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("floor", sorted(PURE))
def test_pure_floors_import_only_what_is_listed(floor: str) -> None:
    allowed = PURE[floor] | (set(sys.stdlib_module_names) - IMPURE_STDLIB)
    wrong = [
        f"{name_of(path)}:{line} imports {name}"
        for path in source_files(floor)
        for line, name in imports(path)
        if name.split(".")[0] not in allowed and not name.startswith(("openiwd.domain", f"openiwd.{floor}"))
    ]
    assert wrong == []


def test_domain_reads_no_clock_and_makes_no_randomness() -> None:
    wrong = []
    for path in source_files("domain"):
        for node in ast.walk(tree(path)):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and (node.value.id, node.attr) in CLOCKS
            ):
                wrong.append(f"{name_of(path)}:{node.lineno} reads the clock")
            if isinstance(node, ast.Name) and node.id in {"uuid1", "uuid4", "open", "print", "input"}:
                wrong.append(f"{name_of(path)}:{node.lineno} calls {node.id}")
    assert wrong == []


def test_no_imports_hidden_in_functions() -> None:
    wrong = []
    for path in source_files():
        for function in ast.walk(tree(path)):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                inner = (node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom))
                wrong += [f"{name_of(path)}:{node.lineno}" for node in inner]
    assert wrong == []


def test_no_rooms_that_mean_nothing() -> None:
    wrong = [
        name_of(p)
        for p in source_files()
        if BANNED_ROOMS & {*p.parent.parts, p.stem, p.stem.rsplit("_", 1)[-1]}
    ]
    assert wrong == []


def test_settings_are_the_only_reader_of_the_environment() -> None:
    wrong = [
        f"{name_of(path)}:{node.lineno}"
        for path in source_files()
        if path.stem != "settings"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and node.attr in {"environ", "getenv"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    ]
    assert wrong == []


@pytest.mark.parametrize("store", [PostgresReading, PostgresWriting])
def test_a_store_says_each_thing_once(store: type) -> None:
    """Areas add their parts to one store: of two that take the same name, one would silently be the other's."""
    said: dict[str, list[str]] = {}
    for part in store.__mro__:
        if part.__module__.startswith("openiwd"):
            for name in vars(part):
                if inspect.isfunction(vars(part)[name]) and not name.startswith("__"):
                    said.setdefault(name, []).append(part.__name__)
    assert said
    assert {name: parts for name, parts in said.items() if len(parts) > 1} == {}
