"""Texts of the UI: every key that is used exists, plural forms, durations and instants in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter

import pytest

import openiwd.web
from openiwd.domain.lifecycle import Action
from openiwd.usecases.item_action import ACTIONS
from openiwd.web.login.login_page import safe_next
from openiwd.web.shell.catalogue import Catalogue, load_catalogues, number
from openiwd.web.shell.time_text import TimeText

WEB = Path(openiwd.web.__file__).parent
CATALOGUES = load_catalogues()
EN = CATALOGUES["en"]
NOW = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)
USED = re.compile(r"""\bt\(\s*['"]([\w.]+)['"]\s*[,)]""")


def used_keys() -> set[str]:
    files = [*WEB.rglob("*.html"), *WEB.rglob("*.py")]
    return {key for file in files for key in USED.findall(file.read_text(encoding="utf-8"))}


def test_every_text_that_pages_name_exists() -> None:
    assert len(used_keys()) > 150
    assert sorted(key for key in used_keys() if not EN.has(key)) == []


def test_another_language_has_every_text_with_the_same_places() -> None:
    for language, other in CATALOGUES.items():
        assert sorted(EN.keys - other.keys) == [], language
        assert sorted(other.keys - EN.keys) == [], language
        for key in sorted(EN.keys):
            assert places(other.find(key)) == places(EN.find(key)), f"{language}: {key}"


def places(text: str | Mapping[str, str] | None) -> set[str]:
    """The names that a text fills in."""
    assert text is not None
    texts = [text] if isinstance(text, str) else text.values()
    return {name for each in texts for _, name, _, _ in Formatter().parse(each) if name}


@pytest.mark.parametrize("action", ACTIONS)
def test_every_act_has_its_words(action: Action) -> None:
    for group in ("act", "act_name", "act_title", "act_text", "act_done"):
        assert EN.has(f"{group}.{action.value}"), group


def test_plural_forms_and_values() -> None:
    assert EN("bulk.selected", n=1) == "1 selected"
    assert EN("queue.overdue", n=1_234) == "1\u202f234 items are overdue"
    assert EN("no.such.key") == "no.such.key"


def test_a_language_that_lacks_a_text_falls_back() -> None:
    german = Catalogue("de", {"nav": {"queue": "Liste"}}, EN)
    assert german("nav.queue") == "Liste"
    assert german("nav.agents") == "Agents"


def test_values_are_never_read_as_patterns() -> None:
    assert EN("event.reason", reason="{n} {0}") == "“{n} {0}”"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (12, "12 s"), (60, "1 m"), (3_599, "59 m"), (7_740, "2 h 09 m"), (86_400, "1 d 0 h"),
        (93_600, "1 d 2 h"), (-2_280, "−38 m"), (-90_000, "−1 d 1 h"),
    ],
)  # fmt: skip
def test_durations(seconds: int, text: str) -> None:
    assert TimeText(EN, "UTC", NOW).duration(seconds) == text


@pytest.mark.parametrize(
    ("offset", "text"),
    [
        (timedelta(0), "today 14:00"),
        (timedelta(hours=-13), "today 00:00"),
        (timedelta(days=-2), "Fri 13:00"),
        (timedelta(days=-40), "17 Feb 13:00"),
        (timedelta(days=-400), "22 Feb 2025"),
    ],
)
def test_instants_in_the_readers_zone_across_the_change_of_the_clocks(offset: timedelta, text: str) -> None:
    times = TimeText(EN, "Europe/Berlin", NOW)
    moment = times.moment(NOW + offset)
    assert moment is not None
    assert moment.text == text


def test_an_unknown_zone_is_utc() -> None:
    moment = TimeText(EN, "Mars/Olympus", NOW).moment(NOW)
    assert moment is not None
    assert moment.text == "today 12:00"


def test_numbers_are_grouped() -> None:
    assert [number(n) for n in (0, 999, 1_000, -1_234_567)] == [
        "0",
        "999",
        "1\u202f000",
        "−1\u202f234\u202f567",
    ]


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil", "\\\\evil", "evil", "", None]
)
def test_no_way_off_the_site_after_the_login(target: str | None) -> None:
    assert safe_next(target) is None


def test_paths_of_the_site_are_kept() -> None:
    assert safe_next("/items/1?tab=why") == "/items/1?tab=why"
