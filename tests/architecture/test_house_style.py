"""House style that would otherwise be remarked again: heads, types, links, nothing from elsewhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.architecture.source_tree import ROOT, name_of, source_files, text_files, tree

HEAD_LINES = 5
# written in halves, so that this file does not hold what it forbids
REGISTRIES = [
    *(
        "pypi" + ".org",
        "python" + "hosted.org",
        "npmjs" + ".",
        "repo1" + ".maven",
        "repo.maven" + ".apache",
        "crates" + ".io",
    ),
    *("proxy.golang" + ".org", "rubygems" + ".org", "docker" + ".io", "ghcr" + ".io", "quay" + ".io"),
]
MACHINE_PATHS = re.compile(
    "|".join(["/work" + "/", "/home" + r"/\w+/\w", "/root" + r"/\w", "/opt" + "/wheels", "/Users" + "/"])
)
FOREIGN = re.compile(
    r"\bissue\s+#?\d|\bissue number|\bAI assistant|\blanguage model|\bas an assistant"
    r"|\bthe (earlier|previous|next) session\b|\b(cla" + r"ude|chat" + r"gpt|co" + r"pilot)\b",
    re.IGNORECASE,
)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")


def _lines_with(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    return [
        f"{name_of(path)}:{number}: {line.strip()[:100]}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def test_modules_say_what_they_decide_or_touch() -> None:
    wrong = []
    for path in source_files():
        module = tree(path)
        head = ast.get_docstring(module)
        if module.body and head is None:
            wrong.append(f"{name_of(path)} has no head")
        elif head and len(head.splitlines()) > HEAD_LINES:
            wrong.append(f"{name_of(path)} has a head of more than {HEAD_LINES} lines")
    assert wrong == []


def test_ports_are_documented() -> None:
    wrong = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in source_files("ports")
        for node in tree(path).body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)
        and ast.get_docstring(node) is None
    ]
    assert wrong == []


def test_every_function_is_typed() -> None:
    wrong = []
    for path in source_files():
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            bare = [a.arg for a in arguments if a.annotation is None and a.arg not in {"self", "cls"}]
            if bare or node.returns is None:
                wrong.append(f"{name_of(path)}:{node.lineno} {node.name}")
    assert wrong == []


def test_no_machine_paths() -> None:
    assert _lines_with(MACHINE_PATHS, list(text_files())) == []


def test_no_registry_is_named() -> None:
    pattern = re.compile("|".join(re.escape(host) for host in REGISTRIES), re.IGNORECASE)
    assert _lines_with(pattern, list(text_files())) == []


def test_the_project_speaks_of_itself_alone() -> None:
    assert _lines_with(FOREIGN, list(text_files())) == []


def test_links_between_documents_lead_somewhere() -> None:
    wrong = [
        f"{name_of(path)} -> {target}"
        for path in text_files()
        if path.suffix == ".md"
        for target in LINK.findall(path.read_text(encoding="utf-8"))
        if not (path.parent / target).exists() and not (ROOT / target.lstrip("/")).exists()
    ]
    assert wrong == []
