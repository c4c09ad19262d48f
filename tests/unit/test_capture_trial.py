"""`openiwd capture test`: a file against a mapping, without a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from openiwd.cli.main import app
from openiwd.domain.errors import InvalidInputError
from openiwd.processes.capture_trial import trial_point, try_file

MAPPING = """
timeZone: Europe/Berlin
mapping:
  fields:
    - {to: captureId, from: Nr}
    - {to: dueDateTime, from: Faellig, date: "%d.%m.%Y"}
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "claims.csv"
    path.write_text("Nr;Titel;Faellig\n1;Hail;24.12.2026\n2;Theft;soon\n", encoding="utf-8")
    return path


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "claims.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    return path


def test_a_dry_run_says_what_each_record_would_become(table: Path, mapping: Path) -> None:
    result = CliRunner().invoke(app, ["capture", "test", str(table), "--mapping", str(mapping), "--json"])
    assert result.exit_code == 1, result.output
    told = json.loads(result.output)
    assert (told["records"], told["failed"]) == (2, 1)
    first, second = told["lines"]
    assert first["values"] == {
        "captureId": "1",
        "dueDateTime": "2026-12-24T00:00:00+01:00",
        "data": {"Titel": "Hail"},
    }
    assert (second["error"]["field"], second["error"]["code"]) == ("Faellig", "noDate")
    shown = CliRunner().invoke(app, ["capture", "test", str(table), "--mapping", str(mapping)])
    assert "2 records, 1 would be refused" in shown.output


def test_a_mapping_alone_is_enough_and_names_decide_without_one(table: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.yaml"
    alone.write_text("fields: [{to: captureId, from: Nr}]", encoding="utf-8")
    assert try_file(table, trial_point(alone)).failed == 0
    assert try_file(table, trial_point(None)).failed == 2, "nothing is called like a captureId"


@pytest.mark.parametrize(
    "text", ["- a", "mapping: {fields: [{to: nothing, from: a}]}", "a: [", "colour: red"]
)
def test_a_mapping_that_is_none_is_refused(tmp_path: Path, table: Path, text: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError):
        try_file(table, trial_point(path))


def test_a_broken_file_fails_where_it_breaks(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"captureId": "1"}, {', encoding="utf-8")
    result = try_file(path, trial_point(None))
    assert (result.records, result.failed) == (1, 1)
    assert result.lines[-1].error is not None


def test_what_is_printed_names_the_field_and_takes_nothing_in_the_file_for_markup(
    table: Path, mapping: Path, tmp_path: Path
) -> None:
    shown = CliRunner().invoke(app, ["capture", "test", str(table), "--mapping", str(mapping)])
    assert "Faellig: " in " ".join(shown.output.split())
    odd = tmp_path / "odd.csv"
    odd.write_text("captureId;subject;dueDateTime\n[/b];[red]x[/];\nb;x;[/y]\n", encoding="utf-8")
    shown = CliRunner().invoke(app, ["capture", "test", str(odd)])
    assert shown.exception is None or isinstance(shown.exception, SystemExit), shown.output
    assert "[/b]" in shown.output
    assert "[/y]" in shown.output


def test_a_broken_file_says_how_much_of_it_would_be_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"captureId": "1"}, {"captureId": ""}, {', encoding="utf-8")
    shown = CliRunner().invoke(app, ["capture", "test", str(path)])
    assert shown.exit_code == 1
    assert "2 records, 1 would be refused" in shown.output
    assert "The file is broken there: 1 before it would be taken" in shown.output


def test_records_that_no_text_can_hold_are_refused_and_told(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    records = [
        '{"captureId": "a", "dueDateTime": "\\ud800"}',
        '{"captureId": "\\ud800"}',
        '{"message": "\\udfff"}',
    ]
    path.write_text("[" + ", ".join(records) + "]", encoding="utf-8")
    shown = CliRunner().invoke(app, ["capture", "test", str(path), "--json"])
    assert shown.exit_code == 1, shown.output
    assert [line["number"] for line in json.loads(shown.output)["lines"] if "error" in line] == [1, 2, 3]
