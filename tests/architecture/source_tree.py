"""What the architecture tests read: the files of this repository, parsed once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "openiwd"
_ROOMS = ("src", "tests", "docs", "deploy", "benchmarks", ".ci")
_SUFFIXES = {
    ".py",
    ".md",
    ".sql",
    ".html",
    ".jinja",
    ".js",
    ".css",
    ".yaml",
    ".yml",
    ".toml",
    ".json",
    ".txt",
    ".ini",
    ".mako",
    "",
}


@cache
def text_files() -> tuple[Path, ...]:
    """Every text file that belongs to the project, vendored assets and the lock file apart."""
    found = [
        path
        for path in ROOT.iterdir()
        if path.is_file() and path.suffix in _SUFFIXES and path.name not in (".git", "uv.lock")
    ]
    for room in _ROOMS:
        found += [
            p
            for p in (ROOT / room).rglob("*")
            if p.is_file() and p.suffix in _SUFFIXES and "__pycache__" not in p.parts
        ]
    return tuple(
        sorted(path for path in found if "vendor" not in path.parts and path.stat().st_size < 2_000_000)
    )


def source_files(*rooms: str) -> list[Path]:
    """The Python modules of the package, or of the named floors of it."""
    roots = [PACKAGE / room for room in rooms] or [PACKAGE]
    return sorted(path for root in roots for path in root.rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of each import of a module."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or "."
