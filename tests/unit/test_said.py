"""What use cases refuse, in German: known by its form, with the same values, and no translation of what nobody says."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from openiwd.domain.errors import InvalidTransitionError
from openiwd.domain.lifecycle import Action, require
from openiwd.domain.work_item import Status
from openiwd.web.shell.rendering import ENVIRONMENT, catalogue
from openiwd.web.shell.said import said, texts_of

SOURCES = Path(__file__).parents[2] / "src" / "openiwd"
GERMAN, ENGLISH = catalogue("de"), catalogue("en")


def sources() -> list[str]:
    """The code, with texts that go on in the next line as one."""
    texts = (path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py"))
    return [re.sub(r'"\s*\n\s*f?"', "", text) for text in texts]


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("the database is away", "Die Datenbank ist nicht erreichbar"),
        ("the login 'anna' is taken", "Der Anmeldename „anna“ ist vergeben"),
        ("there was no queue 'q{1}' at 9:00", "Am 9:00 gab es keine Warteschlange „q{1}“"),
        ("there is no agent 'held' yet", "Es gibt noch keinen Bearbeiter „held“"),
        ("there is no agent 'held'", "Es gibt keinen Bearbeiter „held“"),
        ("nobody has ever said this", "nobody has ever said this"),
    ],
)
def test_texts_are_known_by_their_form(english: str, german: str) -> None:
    assert said(english, GERMAN) == german
    assert said(english, ENGLISH) == english


def test_an_act_that_is_not_possible_is_told_with_the_words_of_the_ui() -> None:
    with pytest.raises(InvalidTransitionError) as refused:
        require(Action.RESUME, Status.QUEUED)
    error = refused.value
    assert said(error.message, GERMAN) == "Der Vorgang ist wartend: „Fortsetzen“ ist so nicht möglich"
    hint = "„Fortsetzen“ geht bei Vorgängen, die so stehen: angehalten, Fehler"
    assert said(error.hint, GERMAN) == hint


def test_templates_say_it_in_the_language_of_their_reader() -> None:
    template = ENVIRONMENT.from_string("{{ text|said }}")
    assert template.render(t=GERMAN, text="load it again") == "Laden Sie die Seite neu"
    assert template.render(t=ENGLISH, text="load it again") == "load it again"


def test_no_text_is_translated_that_the_code_does_not_have() -> None:
    code = sources()
    unsaid = [
        english
        for english in texts_of("de")
        if not any(all(part in text for part in english.split("{}")) for text in code)
    ]
    assert unsaid == []


def test_translations_have_values_of_their_text_only() -> None:
    for english, german in texts_of("de").items():
        values, used = english.count("{}"), list(Formatter().parse(german))
        names = [name for _, name, _, _ in used if name is not None]
        assert all(name == "" or int(name) < values for name in names), english
        assert names.count("") in (0, values), english
        groups = [group for _, name, group, _ in used if name is not None and group]
        assert all(re.fullmatch(r"status|said_act|said_family", group) for group in groups), english


def test_every_act_has_a_name() -> None:
    assert [a.value for a in Action if not GERMAN.has(f"said_act.{a.value}")] == []
