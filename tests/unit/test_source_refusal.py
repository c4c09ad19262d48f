"""By its code it is told whether a source database is away, lets nobody in, or refuses what it was asked: for each
driver, with the errors as the driver itself makes them.
"""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pg8000  # type: ignore[import-untyped]
import pymysql
import pytest
from pymysql.err import raise_mysql_exception
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from openiwd.adapters.source_database.engine import database_errors
from openiwd.adapters.source_database.refusal import Cause, cause_of
from openiwd.domain.errors import InvalidInputError, UnavailableError

AWAY, ACCESS, STATEMENT = Cause.AWAY, Cause.ACCESS, Cause.STATEMENT


def cause(original: BaseException) -> Cause:
    return cause_of(DBAPIError("SELECT 1", {}, original))


MARIADB = [
    (1406, "22001", STATEMENT, "data too long"),
    (1264, "22003", STATEMENT, "out of range"),
    (1292, "22007", STATEMENT, "incorrect date"),
    (1366, "22007", STATEMENT, "incorrect string"),
    (1048, "23000", STATEMENT, "column cannot be null"),
    (1062, "23000", STATEMENT, "duplicate key"),
    (1451, "23000", STATEMENT, "foreign key"),
    (4025, "23000", STATEMENT, "check constraint"),
    (1644, "45000", STATEMENT, "SIGNAL of a trigger"),
    (1054, "42S22", STATEMENT, "no such column"),
    (1146, "42S02", STATEMENT, "no such table"),
    (1064, "42000", STATEMENT, "syntax"),
    (1305, "42000", STATEMENT, "no such function"),
    (1142, "42000", STATEMENT, "command denied on the table"),
    (1143, "42000", STATEMENT, "command denied on the column"),
    (1227, "42000", STATEMENT, "a privilege is needed"),
    (1290, "HY000", STATEMENT, "read only"),
    (1365, "22012", STATEMENT, "division by zero"),
    (1114, "HY000", STATEMENT, "the table is full"),
    (1153, "08S01", STATEMENT, "packet too large: it would end the next connection, too"),
    (1044, "42000", ACCESS, "denied to the database"),
    (1045, "28000", ACCESS, "wrong password"),
    (1049, "42000", ACCESS, "no such database"),
    (1130, "HY000", ACCESS, "this host may not connect"),
    (1698, "28000", ACCESS, "denied without a password"),
    (1040, "08004", AWAY, "too many connections"),
    (1047, "08S01", AWAY, "the node is not ready"),
    (1053, "08S01", AWAY, "shutting down"),
    (1159, "08S01", AWAY, "time-out of the network"),
    (1203, "42000", AWAY, "too many connections of the user"),
    (1205, "HY000", AWAY, "lock wait"),
    (1213, "40001", AWAY, "deadlock"),
    (1317, "70100", AWAY, "interrupted"),
    (1927, "70100", AWAY, "connection killed"),
    (1969, "70100", AWAY, "statement too long"),
    (4031, "08S01", AWAY, "idle for too long"),
]


@pytest.mark.parametrize(("code", "state", "expected", "what"), MARIADB)
def test_what_mariadb_says(code: int, state: str, expected: Cause, what: str) -> None:
    packet = b"\xff" + struct.pack("<h", code) + b"#" + state.encode() + what.encode()
    with pytest.raises(pymysql.err.Error) as raised:
        raise_mysql_exception(packet)
    assert cause(raised.value) is expected, what
    raised.value.sqlstate = None  # versions of the driver before 1.2 do not tell it
    assert cause(raised.value) is expected, what


@pytest.mark.parametrize(
    ("original", "expected"),
    [
        (pymysql.err.OperationalError(2003, "Can't connect to MySQL server"), AWAY),
        (pymysql.err.OperationalError(2006, "MySQL server has gone away"), AWAY),
        (pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query"), AWAY),
        (pymysql.err.OperationalError(2026, "SSL connection error"), AWAY),
        (pymysql.err.InternalError("Packet sequence number wrong - got 1 expected 2"), AWAY),
        (pymysql.err.InterfaceError(0, ""), AWAY),
        (pymysql.err.Error("Already closed"), AWAY),
        (pymysql.err.OperationalError(2059, "Authentication plugin not configured"), ACCESS),
        (pymysql.err.ProgrammingError("nan can not be used with MySQL"), STATEMENT),
    ],
)
def test_what_its_driver_says(original: BaseException, expected: Cause) -> None:
    assert cause(original) is expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("22001", STATEMENT), ("22P02", STATEMENT), ("23505", STATEMENT), ("23514", STATEMENT), ("42703", STATEMENT),
        ("42P01", STATEMENT), ("42501", STATEMENT), ("P0001", STATEMENT), ("25006", STATEMENT), ("XX000", STATEMENT),
        ("28P01", ACCESS), ("28000", ACCESS), ("3D000", ACCESS),
        ("08006", AWAY), ("40001", AWAY), ("40P01", AWAY), ("53300", AWAY), ("53100", AWAY), ("55P03", AWAY),
        ("57P01", AWAY), ("57P03", AWAY), ("57014", AWAY), ("58030", AWAY),
    ],
)  # fmt: skip
def test_what_postgresql_says(state: str, expected: Cause) -> None:
    assert cause(pg8000.dbapi.DatabaseError({"S": "ERROR", "C": state, "M": "m"})) is expected


@pytest.mark.parametrize(
    ("original", "expected"),
    [
        (pg8000.dbapi.InterfaceError("network error"), AWAY),
        (pg8000.dbapi.InterfaceError("connection is closed"), AWAY),
        (pg8000.dbapi.InterfaceError("Can't create a connection to host a and port 5432"), AWAY),
        (
            pg8000.dbapi.InterfaceError(
                "server requesting MD5 password authentication, but no password was provided"
            ),
            ACCESS,
        ),
        (pg8000.dbapi.ProgrammingError("no result set"), STATEMENT),
    ],
)
def test_what_its_driver_says_of_postgresql(original: BaseException, expected: Cause) -> None:
    assert cause(original) is expected


def test_what_sqlite_says(tmp_path: Path) -> None:
    def asked(sql: str, at: Path = tmp_path / "a.db") -> Cause:
        with pytest.raises(sqlite3.Error) as raised:
            _run(sql, at)
        return cause(raised.value)

    holder = sqlite3.connect(tmp_path / "a.db")
    holder.execute("CREATE TABLE t (a TEXT CHECK (a <> 'b'), CONSTRAINT one UNIQUE (a))")
    holder.execute("CREATE TRIGGER no BEFORE DELETE ON t BEGIN SELECT RAISE(ABORT, 'no'); END")
    holder.execute("INSERT INTO t VALUES ('a')")
    holder.commit()
    assert asked("SELECT x FROM t") is STATEMENT
    assert asked("SELECT a FROM nothing") is STATEMENT
    assert asked("INSERT INTO t VALUES ('b')") is STATEMENT
    assert asked("INSERT INTO t VALUES ('a')") is STATEMENT
    assert asked("DELETE FROM t") is STATEMENT
    assert asked("SELECT 1", tmp_path / "no folder" / "a.db") is AWAY
    holder.execute("BEGIN EXCLUSIVE")
    assert asked("INSERT INTO t VALUES ('c')") is AWAY
    holder.close()
    (tmp_path / "text.db").write_text("no database at all, and long enough to be looked at" * 20)
    assert asked("SELECT 1 FROM sqlite_master", tmp_path / "text.db") is STATEMENT


def _run(sql: str, at: Path) -> None:
    with closing(sqlite3.connect(at, timeout=0)) as connection:
        connection.execute(sql)


def test_drivers_that_are_experimental_go_by_sqlstate_or_by_class() -> None:
    assert cause(Exception("08S01", "Communication link failure")) is AWAY
    assert cause(Exception("HYT00", "Login timeout expired")) is AWAY
    assert cause(Exception("28000", "Login failed")) is ACCESS
    assert cause(Exception("42S22", "Invalid column name")) is STATEMENT
    assert cause_of(OperationalError("", {}, Exception("DPY-6005: cannot connect"))) is AWAY
    assert cause(Exception("ORA-00904: invalid identifier")) is STATEMENT


def test_each_cause_has_its_error_with_the_drivers_words_alone() -> None:
    with (
        pytest.raises(InvalidInputError, match="refuses the statement") as refused,
        database_errors("f"),
    ):
        raise OperationalError(
            "SELECT secret", {"a": "of a person"}, pymysql.err.OperationalError(1054, "no column")
        )
    assert (refused.value.code, refused.value.field) == ("statementRefused", "f")
    assert "person" not in str(refused.value)
    assert refused.value.hint
    with pytest.raises(InvalidInputError, match="lets nobody in") as barred, database_errors("f"):
        raise OperationalError("", {}, pymysql.err.OperationalError(1045, "Access denied"))
    assert (barred.value.code, barred.value.field) == ("accessRefused", "source.url")
    for lost in (
        OperationalError("", {}, pymysql.err.OperationalError(2013, "Lost connection")),
        PoolTimeoutError("no connection is free"),
        ConnectionResetError("reset"),
    ):
        with pytest.raises(UnavailableError, match="the source database"), database_errors("f"):
            raise lost
    with pytest.raises(InvalidInputError, match="cannot pass on a value") as odd, database_errors("f"):
        raise OverflowError("Python int too large to convert to SQLite INTEGER")
    assert odd.value.code == "statementRefused"
