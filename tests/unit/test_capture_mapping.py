"""The mapping of foreign records: what is read, what is refused and how that is said, and laws that hold for any
record.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openiwd.domain.capture.mapping_compiler import CompiledMapping, compile_mapping, read_point
from openiwd.domain.capture.message import (
    Cancel,
    Complete,
    Create,
    GetInfo,
    Hold,
    Message,
    MessageKind,
    Ping,
    Restart,
    Update,
)
from openiwd.domain.capture.outside_source import SecretText
from openiwd.domain.capture.point import CapturePoint, secret_names
from openiwd.domain.capture.target import target_by_name, target_of
from openiwd.domain.errors import InvalidInputError, OpenIwdError


def mapping(**fields: Any) -> CompiledMapping:
    return compile_mapping(read_point({"id": "p", "name": "P", **fields}))


def line(to: str, source: str | None = "x", **fields: Any) -> dict[str, Any]:
    return {"to": to, **({"from": source} if source else {}), **fields}


def mapped(value: Any, to: str = "data.x", zone: str = "Europe/Berlin", **fields: Any) -> Any:
    """What one value becomes under one line."""
    made = mapping(
        timeZone=zone, mapping={"unmapped": "ignore", "fields": [line("captureId", "id"), line(to, **fields)]}
    )
    message = made.message({"id": "1", "x": value})
    assert isinstance(message, Create)
    inner: Any = msgspec.to_builtins(message.item)
    for name in to.split("."):
        inner = inner[name] if isinstance(inner, dict) else inner
    return inner


@pytest.mark.parametrize(
    ("value", "form", "instant"),
    [
        ("2026-07-01T10:00:00Z", None, "2026-07-01T10:00:00Z"),
        ("2026-07-01T10:00+02:00", None, "2026-07-01T08:00:00Z"),
        ("2026-07-01 10:00", None, "2026-07-01T08:00:00Z"),
        ("2026-07-01", "iso", "2026-06-30T22:00:00Z"),
        ("2026-07-01T10:00:00,123456789", None, "2026-07-01T08:00:00.123456Z"),
        ("1.7.2026", "%d.%m.%Y", "2026-06-30T22:00:00Z"),
        ("01/07/26 3:05 PM", "%d/%m/%y %I:%M %p", "2026-07-01T13:05:00Z"),
        ("2026-07-01T00:00:00", "%d.%m.%Y", "2026-06-30T22:00:00Z"),
        (1782900000, "epochSeconds", "2026-07-01T10:00:00Z"),
        ("1782900000000", "epochMilliseconds", "2026-07-01T10:00:00Z"),
        (46204.5, "excel", "2026-07-01T10:00:00Z"),
        (datetime.fromisoformat("2026-07-01T12:00"), None, "2026-07-01T10:00:00Z"),
    ],
)
def test_dates_are_read_in_the_form_and_zone_of_the_mapping(
    value: Any, form: str | None, instant: str
) -> None:
    found = mapped(value, "dueDateTime", **({"date": form} if form else {}))
    assert datetime.fromisoformat(found).astimezone(UTC) == datetime.fromisoformat(instant)


@pytest.mark.parametrize(
    "value",
    ["31.02.2026", "tomorrow", "2026-13-01", "20260701", 17, True, [], "2026-07-01T25:00", "\u0662026-07-01"],
)
def test_what_is_no_date_is_refused_with_its_field_and_a_remedy(value: Any) -> None:
    with pytest.raises(InvalidInputError) as refused:
        mapped(value, "dueDateTime")
    assert refused.value.field == "x"
    assert "dueDateTime" in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize(
    ("text", "form", "number"),
    [
        ("1.234,50", "1.234,56", 1234.5),
        ("1,234.50", "1,234.56", 1234.5),
        ("1 234,5", "1 234,56", 1234.5),
        ("1\u00a0234,5", "1 234,56", 1234.5),
        ("1'234.5", "1'234.56", 1234.5),
        ("-7", "1234.56", -7),
        ("−7", "1234.56", -7),
        ("7.0", "1234.56", 7),
        (7.0, "1.234,56", 7),
        (1234.5, "1.234,56", 1234.5),
    ],
)
def test_numbers_are_read_as_they_are_written(text: Any, form: str, number: float) -> None:
    assert mapped(text, number=form) == number


@pytest.mark.parametrize("text", ["12,5 EUR", "", "NaN", "Infinity", "1e400", "--5", "0x10", "1,2,3"])
def test_what_is_no_number_is_refused(text: str) -> None:
    if not text:
        assert mapped(text, number="1234.56") is None, "nothing is said"
        return
    with pytest.raises(InvalidInputError, match="no number"):
        mapped(text, number="1234.56")


def test_whole_numbers_take_no_decimals() -> None:
    assert mapped("7", "businessValue") == 7
    with pytest.raises(InvalidInputError, match="no whole number"):
        mapped("7.5", "businessValue")


def test_values_are_looked_up() -> None:
    table: dict[str, Any] = {"values": {"A": "Claims", "7": "Sales"}}
    assert mapped("A", "category", **table) == "Claims"
    assert mapped(7.0, "category", **table) == "Sales", "as a table of a workbook has it"
    assert mapped("B", "category", **table, otherwise="Other") == "Other"
    with pytest.raises(InvalidInputError) as refused:
        mapped("B", "category", **table)
    assert (refused.value.field, refused.value.code) == ("x", "unknownValue")


def test_fields_go_where_their_names_say_however_they_are_written() -> None:
    names = {
        "Capture ID": "captureId", "due_date_time": "dueDateTime", "BUSINESSVALUE": "businessValue",
        "CustomerId": "ext.customerId", "ext.CustomerSegment": "ext.customerSegment", "contact.name": "contact.name",
        "Colour": "data.Colour", "data.a.b": "data.a.b", "ExternalId": "captureId",
    }  # fmt: skip
    assert {name: target_by_name(name).name for name in names} == names


def test_each_message_takes_what_concerns_it() -> None:
    made = mapping()
    hold = made.message(
        {"message": "HOLD", "captureId": "1", "reason": "r", "holdUntil": "2026-12-01", "subject": "s"}
    )
    assert isinstance(hold, Hold)
    assert (hold.capture_id, hold.reason) == ("1", "r")
    assert hold.hold_until == datetime(2026, 12, 1, tzinfo=UTC)
    complete = made.message({"captureId": "1", "resultCode": "paid"}, "complete")
    assert isinstance(complete, Complete)
    assert complete.result_code == "paid"
    update = made.message({"message": "update", "captureId": "1", "subject": None, "description": "", "a": 1})
    assert isinstance(update, Update)
    assert update.item.subject is None, "null clears"
    assert update.item.description is msgspec.UNSET, "empty says nothing"
    assert update.item.data == {"a": 1}
    restart = made.message({"message": "restart", "captureId": "1"})
    assert isinstance(restart, Restart)
    assert restart.item is None
    assert isinstance(made.message({"captureId": "1"}, "getinfo"), GetInfo)
    created = made.message(
        {"captureId": "1", "requestedSkill": "german;motor>=5", "contact": {"emails": ["a@b"]}}
    )
    assert isinstance(created, Create)
    assert created.item.ext is not None
    assert created.item.ext.requested_skill == ["german", "motor>=5"]


def test_all_that_is_wrong_with_a_mapping_is_told_at_once() -> None:
    with pytest.raises(InvalidInputError) as refused:
        mapping(
            timeZone="Berlin",
            defaults={"chanel": "x", "businessValue": "many"},
            mapping={
                "fields": [
                    line("captureID"), line("subject", None), line("subject", constant="x"),
                    line("dueDateTime", date="%Q"), line("subject", date="iso"), line("tags"), line("tags"),
                ]
            },
        )  # fmt: skip
    faults = refused.value.details["errors"]
    fields = [f["field"] for f in faults]
    assert fields[:2] == ["timeZone", "mapping.fields[0].to"]
    assert "did you mean captureId?" in {f["hint"] for f in faults}
    assert {
        "defaults.chanel",
        "defaults.businessValue",
        "mapping.fields[1].from",
        "mapping.fields[3].date",
    } <= set(fields)
    assert all(f["hint"] for f in faults)


ATTRIBUTES = st.sampled_from(
    [
        "captureId",
        "subject",
        "businessValue",
        "dueDateTime",
        "tags",
        "ext.customerId",
        "data.a",
        "priority",
        "contact.name",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.dictionaries(
    st.sampled_from(
        [
            "a",
            "b",
            "message",
            "captureId",
            "id",
            "due_date_time",
            "data",
            "ext",
            "contact",
            "tags",
            "priority",
        ]
    )
    | st.text(max_size=12),
    VALUES,
    max_size=8,
)


@given(
    fields=st.lists(ATTRIBUTES, unique=True, max_size=5),
    record=RECORDS,
    unmapped=st.sampled_from(["byName", "data", "ignore"]),
    named=st.none() | st.sampled_from(["create", "update", "hold", "getInfo", "restart", "complete"]),
)
def test_any_record_gives_a_message_or_an_error_that_names_a_remedy(
    fields: list[str], record: dict[str, Any], unmapped: str, named: str | None
) -> None:
    lines = [line(to, source) for to, source in zip(fields, "abcde", strict=False)]
    made = mapping(mapping={"fields": lines, "unmapped": unmapped})
    before = repr(record)
    error: OpenIwdError | None = None
    try:
        message: Message | None = made.message(record, named)
    except OpenIwdError as refused:
        message, error = None, refused
    assert repr(record) == before, "a record is only read"
    assert error is None or (error.message and error.hint)
    if isinstance(message, Create):
        assert message.item.capture_point == "p"
        msgspec.to_builtins(message)


@given(
    at=st.datetimes(datetime.fromisoformat("2000-01-01"), datetime.fromisoformat("2100-01-01")),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]),
)
def test_a_date_written_in_a_form_is_read_back_in_its_zone(at: datetime, zone: str) -> None:
    at = at.replace(microsecond=0)
    found = mapped(at.strftime("%d.%m.%Y %H:%M:%S"), "data.x", zone, date="%d.%m.%Y %H:%M:%S")
    assert datetime.fromisoformat(found) == at.replace(tzinfo=ZoneInfo(zone))
    assert abs(datetime.fromisoformat(found) - at.replace(tzinfo=UTC)) <= timedelta(hours=6)


@given(number=st.integers(-(10**12), 10**12), decimals=st.integers(0, 99))
def test_a_number_written_in_any_form_is_the_same_number(number: int, decimals: int) -> None:
    plain = f"{abs(number):,}.{decimals:02}"
    sign = "-" if number < 0 else ""
    forms = {
        "1,234.56": plain,
        "1.234,56": plain.translate(str.maketrans(",.", ".,")),
        "1234.56": plain.replace(",", ""),
        "1 234,56": plain.translate(str.maketrans(",.", " ,")),
        "1'234.56": plain.replace(",", "'"),
    }
    assert len({mapped(sign + text, number=form) for form, text in forms.items()}) == 1


def test_targets_are_the_attributes_of_items() -> None:
    assert target_of("ext.customerId") is not None
    assert target_of("ext.colour") is None
    assert target_of("data.a.b") is not None
    assert target_of("data.") is None
    assert target_of("capturePoint") is None, "it is the capture point's own"


def test_secrets_are_found_by_their_type() -> None:
    class Source(msgspec.Struct, rename="camel"):
        pass_word: SecretText
        key: SecretText | None = None
        name: str = ""

    assert secret_names(Source) == ["passWord", "key"]  # type: ignore[arg-type]
    assert secret_names(type(CapturePoint(id="a", name="A").source)) == []


def test_a_ping_is_refused_for_nothing_that_a_mapping_asks() -> None:
    lines = [line("captureId", "id", required=True), line("dueDateTime", "due", date="%d.%m.%Y")]
    made = mapping(mapping={"fields": lines})
    for record in ({}, {"due": "never"}, {"priority": "high"}):
        assert made.message(record, "ping") == Ping()
        assert made.values(record, MessageKind.PING) == {}


def test_of_an_item_that_exists_nothing_is_asked_and_nothing_is_made_up() -> None:
    lines = [
        line("captureId", "id", required=True),
        line("subject", "title", required=True),
        line("businessValue", "value", default=7),
        line("reason", "why", default="by the source"),
    ]
    made = mapping(mapping={"fields": lines})
    hold = made.message({"id": "1"}, "hold")
    assert isinstance(hold, Hold)
    assert hold.reason == "by the source", "what a message says of itself has its default"
    named = made.message({"message": "cancel", "id": ""} | {"Interaction Id": str(UUID(int=1))})
    assert isinstance(named, Cancel), "named by id, although the mapping requires a captureId"
    assert named.id == UUID(int=1)
    update = made.message({"id": "1", "title": "new"}, "update")
    assert isinstance(update, Update)
    assert update.item.business_value is msgspec.UNSET, "absent is unchanged"
    with pytest.raises(InvalidInputError) as refused:
        made.message({"id": "1"}, "create")
    assert refused.value.field == "title"


def test_a_mapping_remembers_no_more_names_than_it_may() -> None:
    made = mapping(mapping={"fields": [line("captureId", "n0")], "unmapped": "data"})
    names = [f"n{n}" for n in range(3_000)] + ["x" * 200]
    for _ in range(2):
        for start in range(0, 3_000, 500):
            record = dict.fromkeys(["n0", *names[start : start + 500], names[-1]], "v")
            created = made.message(record)
            assert isinstance(created, Create)
            assert set(created.item.data or {}) == set(record) - {"n0"}
