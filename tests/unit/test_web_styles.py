"""Styles of one area leave the other areas alone: all are one file in the browser."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import openiwd.web

STYLES = Path(openiwd.web.__file__).parent / "static" / "styles"
SHARED = ("base", "parts", "zz-narrow")
RULE = re.compile(r"^\s*([^@{}\n]+)\{", re.MULTILINE)
ALONE = re.compile(r"\.([\w-]+)(?:::?[\w-]+)?(?:[ >]+[a-z][a-z0-9]*)*")


def test_each_value_that_is_used_is_a_token() -> None:
    """One that is not defined leaves the browser's own look, in one of the themes often an unreadable one."""
    texts = "\n".join(file.read_text(encoding="utf-8") for file in STYLES.rglob("*.css"))
    defined, used = set(re.findall(r"(--[\w-]+)\s*:", texts)), set(re.findall(r"var\((--[\w-]+)", texts))
    assert len(used) > 40
    assert used - defined == set()


def test_a_class_is_laid_out_by_one_file_only() -> None:
    """A bare class (`.editor {`, `.editor li {`) of two files would come to both pages with the sum of both."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in STYLES.rglob("*.css"):
        if file.stem in SHARED:
            continue
        for selectors in RULE.findall(file.read_text(encoding="utf-8")):
            for selector in selectors.split(","):
                alone = ALONE.fullmatch(selector.strip())
                if alone:
                    found[alone[1]].add(file.name)
    assert len(found) > 100
    assert {name: sorted(files) for name, files in found.items() if len(files) > 1} == {}
