"""Outside sources without a server: addresses refused, statements, rows as records, clients that are missing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from openiwd.adapters.source_database.engine import make_engine
from openiwd.adapters.source_database.source import DatabaseCaptureSource
from openiwd.adapters.source_database.statement import Statement, answer_values, plain, record_of
from openiwd.domain.capture.answer import Answer, Outcome
from openiwd.domain.capture.outside_source import DatabaseSource
from openiwd.domain.capture.point import CapturePoint
from openiwd.domain.errors import InvalidInputError
from openiwd.processes.capture_kinds import OnDemand

QUERY = "SELECT * FROM t WHERE state = 'new' LIMIT :most"
UPDATE = "UPDATE t SET state = :outcome WHERE id = :row_id"


def settings(url: str = "sqlite:///a.db", **fields: Any) -> DatabaseSource:
    body = {"kind": "database", "url": url, "captureQuery": QUERY, "updateQuery": UPDATE, **fields}
    return msgspec.convert(body, DatabaseSource)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "no URL"),
        ("redis://host/0", "no kind of database"),
        ("postgresql://user:word@host/db", "holds a password"),
        ("postgresql://user@host/db?sslcert=/etc/passwd", "cannot be set"),
        ("mariadb://user@host/db?read_default_file=/etc/my.cnf", "cannot be set"),
        ("sqlite:///../outside.db", "outside of the tenant's folder"),
        ("sqlite:////etc/passwd/../../x/../..", "outside of the tenant's folder"),
        ("sqlite://", "outside of the tenant's folder"),
    ],
)
def test_addresses_that_are_refused(tmp_path: Path, url: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says) as refused:
        make_engine(settings(url), tmp_path / "tenant")
    assert refused.value.field == "source.url"
    assert refused.value.hint


def test_files_of_sqlite_lie_in_the_tenants_folder(tmp_path: Path) -> None:
    engine = make_engine(settings("sqlite:///sub/a.db"), tmp_path)
    assert engine.url.database == str(tmp_path / "sub" / "a.db")
    engine.dispose()
    with pytest.raises(InvalidInputError, match="no folder"):
        make_engine(settings(), None)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"captureQuery": "SELECT :limit"}, "source.captureQuery"),
        ({"updateQuery": "UPDATE t SET x = :nonsense"}, "source.updateQuery"),
        ({"hooks": {"held": "UPDATE t SET x = :row_id"}}, "source.hooks.held"),
    ],
)
def test_a_parameter_that_nothing_fills_is_named(tmp_path: Path, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError, match="nothing fills") as refused:
        DatabaseCaptureSource(settings(**fields), tmp_path)
    assert refused.value.field == field


def test_a_row_becomes_a_record_with_its_key() -> None:
    row = {"ID": 7, "VERSION": Decimal(2), "AMOUNT": Decimal("12.50"), "NOTHING": None, "RAW": b"\xff"}
    record = record_of(row, ["id", "version"])
    assert (record.key, record.stream, record.position) == ("7|2", "rows", "row 7|2")
    assert record.fields == {"ID": 7, "VERSION": 2, "AMOUNT": 12.5, "RAW": "/w=="}
    with pytest.raises(InvalidInputError, match="no column 'other'") as refused:
        record_of(row, ["other"])
    assert "AMOUNT" in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("1234567890123456789.5"), "1234567890123456789.5"),
        (Decimal("NaN"), "NaN"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (b"text", "text"),
        (date(2026, 3, 2), date(2026, 3, 2)),
        ({"a": 1}, {"a": 1}),
        (True, True),
    ],
)
def test_values_of_drivers_are_plain(value: Any, shown: Any) -> None:
    assert plain(value) == shown


def test_an_update_gets_what_it_asks_for_and_values_stay_values() -> None:
    record = record_of({"id": 7, "Name": "x'; DROP TABLE t; --"}, ["id"])
    answer = Answer(outcome=Outcome.CREATED, id=UUID(int=3), capture_id="c")
    values = Statement("UPDATE t SET a = :itemId, b = :row_name, c = :error WHERE id = :row_id").values(
        answer_values(record, answer)
    )
    assert values == {
        "itemId": str(UUID(int=3)),
        "row_name": "x'; DROP TABLE t; --",
        "error": None,
        "row_id": 7,
    }


def test_a_client_that_is_missing_is_named_with_its_extra() -> None:
    missing = OnDemand("openiwd.adapters.nothing_of_the_kind", "Adapter", "kafka")
    point = CapturePoint(id="p", name="P")
    with pytest.raises(InvalidInputError, match="not installed") as refused:
        missing.open(point, "t")
    assert (refused.value.code, refused.value.hint) == (
        "extraMissing",
        "install it with: pip install 'openiwd[kafka]'",
    )
    assert missing.sample(point, b"{}", "") is None
