"""The page that says which test holds which promise of the data mart names tests that are there."""

from __future__ import annotations

import re

from tests.servers.shared import ROOT

PAGE = ROOT / "docs" / "reference" / "data-mart-tests.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_each_promise_is_held_by_a_test_that_is_there() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    promises = [row for row in rows if not row.startswith("| promise |")]
    assert promises
    for row in promises:
        assert NAMED.search(row), row
        for file, name in NAMED.findall(row):
            text = (ROOT / file).read_text(encoding="utf-8")
            assert re.search(rf"^(?:async )?def {name}\(", text, re.MULTILINE), name
