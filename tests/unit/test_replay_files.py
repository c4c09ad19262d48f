"""Reading logs from files: XES, tables with a mapping, and what is wrong with either."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from openiwd.adapters.event_log_file.log import load_plan
from openiwd.adapters.event_log_file.xes import read_cases
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.replay.plan import Plan
from tests.factories.xes import believable_log, from_table, write_xes

ROOT = Path(__file__).resolve().parents[2]
INCIDENTS = ROOT / "docs" / "how-to" / "incident-log-mapping.yaml"
MAPPING = """
format: csv
item: number
at: updated
instants: "%d-%m-%Y %H:%M"
timeZone: Europe/Lisbon
unknown: ["?", ""]
created: opened
category: kind
agent: who
reopens: reopened
state: {column: state, completed: [Closed], held: {Waiting: customer}}
businessValue: [{column: impact, values: {High: 60}, otherwise: 10}]
due: {column: impact, after: {High: 4h}, otherwise: 2d}
withinSla: {column: sla, met: [yes!]}
data: {team: team}
"""
HEADER = "number,updated,opened,kind,who,state,reopened,impact,sla,team\n"


def table_plan(rows: str, folder: Path, mapping: str = MAPPING) -> Plan:
    (folder / "log.csv").write_text(
        HEADER + "\n".join(row.strip() for row in rows.strip().splitlines()) + "\n"
    )
    (folder / "mapping.yaml").write_text(mapping)
    return load_plan(folder / "log.csv", folder / "mapping.yaml")


def moves(plan: Plan) -> list[str]:
    return [
        " ".join(filter(None, [f"{op.at:%H:%M}", op.capture_id, op.kind, op.agent, op.reason])) for op in plan
    ]


def test_xes_keeps_instants_to_the_millisecond_and_values(tmp_path: Path) -> None:
    text = """<log><trace><string key="concept:name" value="7"/><string key="AMOUNT_REQ" value="20000"/>
        <date key="REG_DATE" value="2011-10-01T00:38:44.546+02:00"/>
        <event><string key="concept:name" value="A_SUBMITTED"/>
        <string key="lifecycle:transition" value="COMPLETE"/>
        <date key="time:timestamp" value="2011-10-01T00:38:44.546+02:00"/></event>
        <event><string key="concept:name" value="W_Check/it"/>
        <string key="lifecycle:transition" value="SCHEDULE"/>
        <date key="time:timestamp" value="2011-10-01T00:39:38.875+02:00"/></event></trace></log>"""
    (tmp_path / "log.xes").write_text(text)
    (op,) = load_plan(tmp_path / "log.xes")
    assert op.at.isoformat() == "2011-09-30T22:39:38.875000+00:00"
    assert op.item == {
        "captureId": "7/W_Check/it/1",
        "category": "W_Check-it",
        "subject": "W_Check/it",
        "createdDateTime": "2011-09-30T22:39:38.875Z",
        "businessValue": 20000,
        "ext": {"sourceCreatedDateTime": "2011-09-30T22:38:44.546Z"},
        "data": {"case": "7"},
    }


def test_gzipped_or_not_is_the_same_log(tmp_path: Path) -> None:
    log = believable_log(20)
    plain = load_plan(write_xes(tmp_path / "log.xes", log))
    packed = load_plan(write_xes(tmp_path / "log.xes.gz", log))
    assert list(plain) == list(packed)
    assert (tmp_path / "log.xes.gz").stat().st_size < (tmp_path / "log.xes").stat().st_size


def test_a_mapping_changes_what_counts_as_work(tmp_path: Path) -> None:
    write_xes(tmp_path / "log.xes", from_table("0 c a SCHEDULE \n 1 c b SCHEDULE"))
    (tmp_path / "mapping.yaml").write_text("{format: xes, activityPrefix: W_b}")
    assert load_plan(tmp_path / "log.xes", tmp_path / "mapping.yaml").categories == ("W_b",)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("log.xes", b"<log><trace>", "no sound XES file"),
        ("log.xes", b"<html/>", "root element is <html>"),
        ("log.xes", b'<!DOCTYPE log [<!ENTITY a "b">]><log>&a;</log>', "no sound XES file"),
        ("log.xes.gz", b"plain", "cannot be read"),
        ("log.xes.gz", gzip.compress(b"<log/>", mtime=0)[:-6], "no sound XES file"),
        ("log.pdf", b"", "no log that can be replayed"),
        ("log.csv", b"", "needs a mapping file"),
        ("log.xes", b"<log/>", "no work items"),
    ],
)
def test_bad_logs_are_refused_with_the_reason(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInputError, match=message):
        load_plan(tmp_path / name)


def test_a_missing_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="No such file"):
        list(read_cases(tmp_path / "absent.xes"))


def test_a_table_becomes_operations(tmp_path: Path) -> None:
    plan = table_plan(
        """
        I1,04-07-2024 10:00,04-07-2024 09:30,Mail,?,New,0,High,yes!,red
        I1,04-07-2024 10:05,04-07-2024 09:30,Mail,ada,Active,0,High,yes!,red
        I2,04-07-2024 10:06,04-07-2024 10:06,?,ben,New,0,Low,yes!,?
        I1,04-07-2024 10:07,04-07-2024 09:30,Mail,ben,Active,0,High,yes!,red
        I1,04-07-2024 10:08,04-07-2024 09:30,Mail,ben,Waiting,0,High,yes!,red
        I1,04-07-2024 10:09,04-07-2024 09:30,Mail,ben,Active,0,High,yes!,red
        I2,04-07-2024 10:10,04-07-2024 10:06,?,?,Active,0,Low,yes!,?
        I1,04-07-2024 10:11,04-07-2024 09:30,Mail,ben,Closed,0,High,yes!,red
        I2,04-07-2024 10:12,04-07-2024 10:06,?,?,Closed,0,Low,no,?
        I1,04-07-2024 10:13,04-07-2024 09:30,Mail,ada,Active,1,High,no,red
        I1,04-07-2024 10:14,04-07-2024 09:30,Mail,ada,Closed,1,High,yes!,red
        """,
        tmp_path,
    )
    assert moves(plan) == [
        "09:00 I1 create",
        "09:05 I1 assign ada",
        "09:06 I2 create",
        "09:06 I2 assign ben",
        "09:07 I1 assign ben",
        "09:08 I1 hold customer",
        "09:09 I1 resume",
        "09:09 I1 assign ben",
        "09:10 I2 return ben",
        "09:11 I1 complete ben",
        "09:12 I2 complete",
        "09:13 I1 reopen",
        "09:13 I1 assign ada",
        "09:14 I1 complete ada",
    ]
    first = next(iter(plan))
    assert first.item == {
        "captureId": "I1",
        "category": "Mail",
        "subject": "I1",
        "createdDateTime": "2024-07-04T08:30:00.000Z",
        "dueDateTime": "2024-07-04T12:30:00.000Z",
        "businessValue": 60,
        "data": {"team": "red"},
    }
    assert plan.within_sla == {"I1": True, "I2": False}
    assert plan.categories == ("(uncategorised)", "Mail")
    assert plan.hold_reasons == ("customer",)
    figures = plan.figures
    assert (figures.reopened, figures.held, figures.resumed, figures.completed_at_end) == (1, 1, 1, 2)
    assert (figures.completed_by_agents, figures.completed_by_source) == (2, 1)


def test_rows_count_by_their_instant_and_reopening_shows_in_the_count_alone(tmp_path: Path) -> None:
    plan = table_plan(
        """
        I1,04-07-2024 10:05,04-07-2024 11:00,Mail,?,Closed,0,Low,yes!,?
        I1,04-07-2024 10:06,04-07-2024 11:00,Mail,?,Closed,1,Low,yes!,?
        I1,04-07-2024 10:00,04-07-2024 11:00,Mail,?,Waiting,0,Low,yes!,?
        """,
        tmp_path,
    )
    expected = ["create", "hold customer", "complete", "reopen", "complete"]
    assert [line.split(" ", 2)[2] for line in moves(plan)] == expected
    first = next(iter(plan))
    assert first.item is not None
    assert (
        first.item["createdDateTime"] == "2024-07-04T09:00:00.000Z"
    )  # not after the first that is known of it


@pytest.mark.parametrize(
    ("row", "mapping", "message"),
    [
        ("I1,2024-07-04,,,,New,0,,,", MAPPING, "Row 1: .*does not match format"),
        (",04-07-2024 10:05,,,,New,0,,,", MAPPING, "Row 1: column number is empty"),
        ("I1,04-07-2024 10:05,,,,New,many,,,", MAPPING, "Row 1: invalid literal"),
        ("", MAPPING.replace("item: number", "item: id"), "no column id"),
        ("", MAPPING.replace("timeZone: Europe/Lisbon", "timeZone: Nowhere/Land"), "no time zone"),
        ("", MAPPING.replace("otherwise: 2d", "otherwise: soon"), "not a duration"),
        ("", MAPPING + "colour: red", "unknown field `colour`"),
        ("", "format: xes", "for another kind of log"),
        ("", "format: [", "mapping file is wrong"),
    ],
)
def test_bad_tables_and_mappings_are_refused(row: str, mapping: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=message):
        table_plan(row, tmp_path, mapping)


def test_the_example_mapping_reads_the_incident_log(tmp_path: Path) -> None:
    columns = (
        "number,incident_state,reopen_count,made_sla,opened_at,sys_updated_at,category,subcategory,impact"
    )
    columns += ",urgency,priority,assignment_group,assigned_to,caller_id"
    row = "INC1,Resolved,0,TRUE,29-02-2016 01:16,29-02-2016 08:53,Category 5,?,1 - High,2 - Medium,2 - High"
    row += ",G,Res 1,C"
    (tmp_path / "log.csv").write_text(f"{columns}\n{row}\n")
    plan = load_plan(tmp_path / "log.csv", INCIDENTS)
    assert moves(plan) == ["08:53 INC1 create", "08:53 INC1 assign Res 1", "08:53 INC1 complete Res 1"]
    first = next(iter(plan))
    assert first.item is not None
    assert (first.item["businessValue"], first.item["dueDateTime"]) == (80, "2016-02-29T09:16:00.000Z")
