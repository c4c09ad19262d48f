"""What use cases refuse, in German: every sentence that a person can meet, known by its form, with the same values."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from enum import Enum
from string import Formatter
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest

from openiwd.domain.attribute import Family
from openiwd.domain.errors import InvalidTransitionError
from openiwd.domain.lifecycle import Action, require
from openiwd.domain.work_item import Status
from openiwd.web.shell.rendering import ENVIRONMENT, catalogue
from openiwd.web.shell.said import LONGEST, files_of, said, texts_of
from tests.unit.refusals import PACKAGE, Refusal, modules, refusals

GERMAN, ENGLISH = catalogue("de"), catalogue("en")
DECODER = "decoder.toml"
"""Of the library that reads what is sent: a test below makes it say them."""
SPEAKING = ("domain", "ports", "usecases", "adapters", "web", "api/decoding.py")
NOT_TO_PEOPLE = re.compile(
    r"domain/replay/|domain/tenant_life\.py|usecases/tenant(_access|_order|_owner)?\.py|usecases/event_log\.py"
    r"|adapters/(embedded_postgres|event_log_file|info_mart|iwd_http|redis|reporting_feed)/"
    r"|adapters/postgres/(binary_copy|dump|migrat\w+|provisioning|routing_store)|web/gallery/"
)
"""Logs are replayed, servers and databases made and fed by command lines and processes of their own, tenants
are the platform key's, which has no pages, the event log is read by programs, the gallery is for developers."""


def sources() -> list[str]:
    """The code, with texts that go on in the next line as one."""
    texts = (path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    return [re.sub(r'"\s*\n\s*f?"', "", text) for text in texts]


def in_german(text: str) -> str:
    return said(text, GERMAN)


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("the database is away", "Die Datenbank ist nicht erreichbar"),
        ("the login 'anna' is taken", "Der Anmeldename „anna“ ist vergeben"),
        ("there was no queue 'q{1}' at 9:00", "Am 9:00 gab es keine Warteschlange „q{1}“"),
        ("there is no agent 'held' yet", "Es gibt noch keinen Bearbeiter „held“"),
        ("there is no agent 'held'", "Es gibt keinen Bearbeiter „held“"),
        ("nobody has ever said this", "nobody has ever said this"),
        ("nothing is known by the name {{x}}", "Unter dem Namen {{x}} ist nichts bekannt"),
        ("data.a cannot take this value", "data.a kann diesen Wert nicht annehmen"),
        ("eq needs text, but data.a is a date", "eq braucht Text, aber data.a ist ein Datum"),
    ],
)
def test_texts_are_known_by_their_form(english: str, german: str) -> None:
    assert in_german(english) == german
    assert said(english, ENGLISH) == english


@pytest.mark.parametrize(
    ("english", "german"),
    [
        (
            "rule 'r': data.a needs an integer for data.b, but the value is text",
            "Regel „r“: data.a braucht eine ganze Zahl für data.b, aber der Wert ist Text",
        ),
        (
            "the record cannot be read: this is no object",
            "Der Datensatz ist nicht lesbar: Das ist kein Objekt",
        ),
        (
            "the provider let nobody in: access_denied",
            "Der Anmeldedienst hat niemanden eingelassen: access_denied",
        ),
    ],
)
def test_a_text_within_a_text_is_told_as_well(english: str, german: str) -> None:
    assert in_german(english) == german


def test_a_sentence_of_somebody_else_is_not_taken_for_ours() -> None:
    """A form of few words fits many sentences: its values must be words that are ours, too."""
    assert in_german("'x' is not a number") == "„x“ ist keine Zahl"
    assert in_german("7 is not text") == "7 passt nicht: erwartet wird Text"
    assert in_german("IMAP is not enabled") == "IMAP is not enabled"


def test_a_very_long_text_is_left_as_it_is() -> None:
    text = f"there is no agent '{'x' * LONGEST}'"
    assert in_german(text) == text


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


@pytest.fixture(scope="module")
def told() -> set[Refusal]:
    return refusals(modules(SPEAKING))


def test_every_refusal_that_a_person_can_meet_is_told_in_german(told: set[Refusal]) -> None:
    """A new sentence of a use case needs a line in `web/said/de/`."""
    known = texts_of("de")
    missing = [
        f"{room}: {form}" for room, form in told if form not in known and not NOT_TO_PEOPLE.match(room)
    ]
    assert sorted(missing) == []


def test_refusals_are_found_where_they_stand(told: set[Refusal]) -> None:
    """The test above is only as good as its search: raised at once, through a name, a helper, a table, in parts."""
    assert {form for _, form in told} >= {
        "there is no calendar '{}'",
        "the column id is missing",
        "this log-in took too long",
        "check the folder's name, letter by letter, or make the folder",
        "it is {}, one of its allowed values",
        "the queue has no name",
        "agent '{}' has it",
    }


def test_no_text_is_translated_that_the_code_does_not_have(told: set[Refusal]) -> None:
    found, code = {form for _, form in told}, sources()
    unsaid = [
        english
        for file, texts in files_of("de").items()
        if file != DECODER
        for english in texts
        if english not in found and not any(_says(text, english) for text in code)
    ]
    assert unsaid == []


def _says(text: str, english: str) -> bool:
    """Whether all parts between the values are in the code, plain or with their backslashes doubled."""
    parts = sorted(english.split("{}"), key=len, reverse=True)
    return all(part in text or part.replace("\\", "\\\\") in text for part in parts)


def test_no_text_is_translated_twice() -> None:
    counted = Counter(english for texts in files_of("de").values() for english in texts)
    assert [english for english, n in counted.items() if n > 1] == []


def test_translations_have_values_of_their_text_only() -> None:
    groups = re.compile(r"status|said|said_act|said_family|said_type|mail_state|mail_aside|capture_error")
    for english, german in texts_of("de").items():
        values = english.count("{}")
        if not values:
            continue
        used = [(name, group) for _, name, group, _ in Formatter().parse(german) if name is not None]
        names = [name for name, _ in used]
        assert all(name == "" or int(name) < values for name in names), english
        assert names.count("") in (0, values), english
        assert all(groups.fullmatch(group) for _, group in used if group), english


def test_every_act_and_every_kind_of_value_has_a_name() -> None:
    assert [a.value for a in Action if not GERMAN.has(f"said_act.{a.value}")] == []
    assert [f.value for f in Family if not GERMAN.has(f"said_family.{f.value}")] == []


class Colour(Enum):
    RED = "red"


class Sent(msgspec.Struct, forbid_unknown_fields=True):
    number: Annotated[int, msgspec.Meta(ge=1, le=9)] | None = None
    part: Annotated[float, msgspec.Meta(gt=0, lt=9)] = 5
    name: Annotated[str, msgspec.Meta(min_length=2, max_length=3, pattern="^[a-z]+$")] = "ab"
    colour: Colour = Colour.RED
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    id: UUID | None = None
    kind: int = 0


class Needed(msgspec.Struct):
    kind: str


@pytest.mark.parametrize(
    ("type_", "sent", "german"),
    [
        (Sent, {"number": "x"}, "Erwartet wird eine ganze Zahl oder nichts, nicht Text"),
        (Sent, {"kind": "x"}, "Erwartet wird eine ganze Zahl, nicht Text"),
        (Sent, {"number": 0}, "Der Wert muss mindestens 1 sein"),
        (Sent, {"number": 10}, "Der Wert darf höchstens 9 sein"),
        (Sent, {"part": 0}, "Der Wert muss größer als 0.0 sein"),
        (Sent, {"part": 9}, "Der Wert muss kleiner als 9.0 sein"),
        (Sent, {"name": "a"}, "Das ist zu kurz: Die Länge muss mindestens 2 sein"),
        (Sent, {"name": "abcd"}, "Das ist zu lang: Die Länge darf höchstens 3 sein"),
        (Sent, {"name": "AB"}, "Das passt nicht zum Muster '^[a-z]+$'"),
        (Sent, {"colour": "blue"}, "„blue“ steht nicht zur Wahl"),
        (Sent, {"at": "x"}, "Das ist kein Zeitpunkt nach RFC 3339"),
        (Sent, {"at": "2026-01-01T00:00:00"}, "Dem Zeitpunkt fehlt die Zeitzone"),
        (Sent, {"id": "x"}, "Das ist keine UUID"),
        (Sent, {"other": 1}, "Das Feld other gibt es hier nicht"),
        (Needed, {}, "Das Feld kind fehlt"),
        (Needed, [], "Erwartet wird ein Objekt, nicht eine Liste"),
    ],
)
def test_what_the_decoder_says_is_told_in_german(type_: type[Any], sent: Any, german: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(msgspec.json.encode(sent), type=type_)
    text, _, _ = str(refused.value).partition(" - at `$")
    assert in_german(text) == german
