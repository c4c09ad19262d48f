"""One word per thing: bans the synonyms of the field's terms in names, texts and documents.

Words of libraries and protocols are exempt, and `job` for a bulk run; each exemption is written down here.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.source_tree import name_of, text_files

BANNED = {
    "task": "work item",
    "tasks": "work items",
    "ticket": "work item",
    "tickets": "work items",
    "job": "a bulk run may be called so, nothing else",
    "jobs": "bulk runs may be called so, nothing else",
    "operator": "agent",
    "operators": "agents",
    "worker": "agent",
    "workers": "agents",
}
USER_QUEUE = re.compile(r"\buser[ _-]?queues?\b", re.IGNORECASE)
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

ASYNC_LIBRARY = re.compile(r"^\s*(import asyncio|from asyncio import|import anyio|from anyio)", re.MULTILINE)
BULK = re.compile(r"\bbulk|_bulk|Bulk")
COMPARISON = re.compile(
    r"import operator|from operator import|operator\."
    r"|criteria|criterion|condition|attribute|compar|\bOperator\b.*\b(eq|EQ)\b",
    re.IGNORECASE,
)
LIBRARY_LINES = {
    "task": re.compile(
        r"(create|update|hold|resume|cancel|complete|restart)\)?task|get\)?task|GTLMessages"
        r"|create_task|add_task|TaskID|\{task\.|TaskGroup"
        r"|asyncio\.|background[ _]?task|BackgroundTask|anyio\.|task_[a-z]+\b.*mart",
        re.IGNORECASE,
    ),
    "worker": re.compile(
        r"uvicorn|pytest|xdist|workers=|max_(parallel_)?(maintenance_)?worker|io_workers|service worker",
        re.IGNORECASE,
    ),
    "job": re.compile(r"bulk|/jobs\b|mart run", re.IGNORECASE),
}
GLOSSARY_LINE = re.compile(r"\(not:")
MART_TABLE = re.compile(
    r"\b(iwd_|agg_)*task_[a-z0-9]|\b(iwd_)?agg_task\b|\btask_(classif|capt|queue|agent|level|age)\b"
)
"""The mart's tables and views carry the customary names."""


def _of_the_mart(path: Path) -> bool:
    return any(word == "mart" for word in re.split(r"[^a-z]+", f"{path.parent.name}/{path.name}"))


def _scanned() -> list[Path]:
    return [
        path
        for path in text_files()
        if name_of(path).startswith(("src/", "docs/", "README", "ARCHITECTURE", "CONTRIBUTING", "CHANGELOG"))
        and path.suffix != ".json"
    ]


def _exempt(word: str, line: str, text: str, path: Path) -> bool:
    singular = word.rstrip("s")
    if GLOSSARY_LINE.search(line):
        return True
    pattern = LIBRARY_LINES.get(singular)
    if pattern is not None and pattern.search(line):
        return True
    match singular:
        case "task":
            if MART_TABLE.search(line) is not None:
                return True
            return path.suffix == ".py" and ASYNC_LIBRARY.search(text) is not None
        case "job":
            return BULK.search(text) is not None or _of_the_mart(path)
        case "operator":
            return COMPARISON.search(text) is not None
        case _:
            return False


def synonyms(text: str, path: Path) -> list[str]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        found += [
            f"{number}: '{word}' ({BANNED[word]}): {line.strip()[:90]}"
            for word in {w.lower() for w in WORD.findall(line)}
            if word in BANNED and not _exempt(word, line, text, path)
        ]
        if USER_QUEUE.search(line) and not GLOSSARY_LINE.search(line):
            found.append(f"{number}: 'user queue' (Universal Queue): {line.strip()[:90]}")
    return found


def test_only_the_fields_terms_are_used() -> None:
    wrong = [
        f"{name_of(path)}:{hit}"
        for path in _scanned()
        for hit in synonyms(path.read_text(encoding="utf-8"), path)
    ]
    assert wrong == []


def test_file_names_use_the_fields_terms() -> None:
    allowed = {"job", "jobs"}  # the bulk run's own file
    wrong = [name_of(p) for p in _scanned() if (set(WORD.findall(p.stem.lower())) & set(BANNED)) - allowed]
    assert wrong == []


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("def close_ticket(ticketId):", True),
        ("the next task of the agent", True),
        ("class TaskList:", True),
        ("the user queue", True),
        ("a worker takes it", True),
        ("group = asyncio.TaskGroup()", False),
        ("multitasking", False),
        ("the bulk job is done", False),
        ("work item (not: task, ticket)", False),
    ],
)
def test_the_word_test_itself(line: str, *, is_found: bool) -> None:
    assert bool(synonyms(line, Path("x.py"))) is is_found
