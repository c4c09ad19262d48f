"""What stands in the fields of the form that modifies items is what their inputs can show."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from openiwd.web.queue.modify_form import typed
from openiwd.web.queue.vocabulary import BOOLEAN, DATE, LIST, NUMBER, TEXT
from openiwd.web.shell.rendering import CATALOGUES
from openiwd.web.shell.time_text import TimeText

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (DATE, NOW, "2026-11-26T13:00"),
        (DATE, "2026-11-21", "2026-11-21T00:00"),
        (DATE, "2026-11-20T07:36:11.867950Z", "2026-11-20T08:36"),
        (DATE, "2026-11-20T07:36", "2026-11-20T07:36"),
        (DATE, "soon", "soon"),
        (TEXT, "2026-11-21", "2026-11-21"),
        (NUMBER, 12.5, "12.5"),
        (BOOLEAN, True, "true"),
        (LIST, ["a", "b"], "a, b"),
        (DATE, None, ""),
    ],
)
def test_a_present_value_is_typed_as_its_input_has_it(kind: str, value: Any, expected: str) -> None:
    assert typed(kind, value, TimeText(CATALOGUES["en"], "Europe/Berlin", NOW)) == expected
