"""Fields of the editors: what is shown is read back as the same object; faults carry their field."""

from __future__ import annotations

from typing import Any

import pytest

from openiwd.domain.errors import RuleSetError
from openiwd.domain.rule_set import RuleSetDocument, parse_document
from openiwd.domain.rule_set_use import uses_of_calendars, uses_of_queues, uses_of_schemas
from openiwd.web.configuration.calendar_form import calendar_body, calendar_config, calendar_values
from openiwd.web.configuration.object_form import faults_of, identity, row_values, slug
from openiwd.web.configuration.queue_editor_form import queue_body, queue_values
from openiwd.web.configuration.schema_form import schema_body, schema_values
from openiwd.web.shell.rendering import catalogue

ENGLISH, GERMAN = catalogue("en"), catalogue("de")

OFFICE = {
    "id": "office",
    "name": "Office",
    "timeZone": "Europe/Berlin",
    "weekly": {"monday": ["08:00-12:00", "13:00-17:00"]},
    "holidays": {"country": "DE", "region": "HH"},
    "exceptions": [{"date": "2026-12-24", "hours": ["08:00-12:00"], "name": "Christmas Eve"}],
}
DOCUMENT: dict[str, Any] = {
    "name": "x",
    "calendars": [OFFICE],
    "schemas": [
        {
            "id": "s",
            "name": "S",
            "clock": "office",
            "sla": "480m",
            "points": [{"age": "0h", "priority": 1.5}, {"age": "120m", "priority": 300}],
            "valueWeight": 0.25,
        },
        {"id": "falling", "name": "F", "points": [{"age": "-90s", "priority": -5}], "anchor": "due"},
    ],
    "queues": [
        {
            "id": "q",
            "name": "Q",
            "groups": [{"group": "a"}, {"group": "b", "delay": "120m"}],
            "hours": "office",
            "limit": 3,
            "preferLastAgent": {"within": "30d", "wait": "600s"},
            "relaxation": [
                {"after": "1h", "dropSkill": "x"},
                {"after": "2h", "skill": "y", "level": 3},
                {"after": "3h", "group": "b"},
            ],
            "attachedData": {"number": 5, "text": "5", "list": [1, 2], "word": "five", "empty": ""},
        }
    ],
    "rules": [
        {"id": "r", "name": "R", "when": {"attribute": "createdDateTime", "operator": "withinBusinessTime",
         "value": "office"}, "then": [{"raiseBusinessValue": 1}]},
    ],
    "categories": [
        {"id": "c", "name": "C", "schema": "s", "queue": "q", "children": [{"id": "d", "name": "D"}]},
        {"id": "e", "name": "E", "schema": "falling", "queue": "q", "archived": True},
    ],
}  # fmt: skip


def document(**changes: Any) -> RuleSetDocument:
    return parse_document(DOCUMENT | changes)


def test_what_is_shown_is_read_back_as_the_same_object() -> None:
    read = document()
    for schema in read.schemas:
        again = document(schemas=[schema_body(schema.id, schema_values(schema), schema)]).schemas[0]
        assert again == schema
    for queue in read.queues:
        assert document(queues=[queue_body(queue.id, queue_values(queue), queue)]).queues[0] == queue
    for calendar in read.calendars:
        assert calendar_config(calendar_body(calendar.id, calendar_values(calendar), calendar)) == calendar


def test_points_move_and_those_that_stay_keep_their_spelling() -> None:
    schema = document().schemas[0]
    values = schema_values(schema) | {"points[2].age": "3:15", "points[2].priority": "400,5", "sla": ""}
    body = schema_body("s", values, schema)
    assert [p["age"] for p in body["points"]] == ["0h", "120m", "3h15m"]
    assert body["points"][2]["priority"] == 400.5
    assert "sla" not in body


def test_every_fault_is_told_with_its_field() -> None:
    schema = document().schemas[0]
    values = schema_values(schema) | {"points[1].age": "soon", "maximum": "much", "name": " ", "anchor": "x"}
    with pytest.raises(RuleSetError) as told:
        schema_body("s", values, schema)
    fields = {f["field"] for f in faults_of(told.value, ENGLISH)}
    assert fields == {"points[1].age", "maximum", "name", "anchor"}
    queue = document().queues[0]
    wrong = queue_values(queue) | {"limit": "0", "offerTimeout": "x", "groups[2].group": ""}
    with pytest.raises(RuleSetError) as told:
        queue_body("q", wrong, queue)
    assert {f["field"] for f in faults_of(told.value, ENGLISH)} == {
        "limit",
        "offerTimeout",
        "groups[2].group",
    }


def test_faults_are_told_in_the_language_of_their_reader() -> None:
    schema = document().schemas[0]
    with pytest.raises(RuleSetError) as refused:
        schema_body("s", schema_values(schema) | {"name": " ", "maximum": "much"}, schema)
    told = {f["field"]: f["message"] for f in faults_of(refused.value, GERMAN)}
    assert told == {"name": "Das Schema hat keinen Namen", "maximum": "„much“ ist keine Zahl"}


def test_a_calendars_faults_are_told_by_its_own_fields() -> None:
    calendar = document().calendars[0]
    values = calendar_values(calendar) | {"weekly.monday[1]": "11:00-17:00"}
    with pytest.raises(RuleSetError) as told:
        calendar_config(calendar_body("office", values, None))
    assert told.value.field == "weekly.monday[1]"


def test_rows_follow_their_index_whatever_the_order() -> None:
    values = {"g[10].a": "z", "g[2].a": "y", "g[2].b": "1", "other": "x", "g[x].a": "no", "gg[1].a": "no"}
    assert row_values(values, "g") == [{"a": "y", "b": "1"}, {"a": "z"}]


def test_an_object_is_known_again_until_it_changes() -> None:
    assert identity(document().schemas[0]) == identity(document().schemas[0])
    assert identity(document().schemas[0]) != identity(document().schemas[1])
    assert identity(None) == ""


def test_ids_are_made_of_names() -> None:
    assert slug("Schäden & Größe", []) == "schaeden_groesse"
    assert slug("Motor", ["motor", "motor_2"]) == "motor_3"
    assert slug("???", []) == "new"


def test_who_uses_what() -> None:
    read = document()
    assert [u.id for u in uses_of_schemas(read)["s"]] == ["c", "d"]
    assert "falling" not in uses_of_schemas(read)
    assert [u.id for u in uses_of_queues(read)["q"]] == ["c", "d"]
    assert [(u.kind, u.id) for u in uses_of_calendars(read)["office"]] == [
        ("schemas", "s"), ("queues", "q"), ("rules", "r"),
    ]  # fmt: skip
