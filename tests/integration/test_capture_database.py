"""Tables of real databases whose rows are odd: the row alone is refused and told why; only what is lost is away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pymysql
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from openiwd.adapters.source_database.engine import database_errors, make_engine
from openiwd.domain.capture.outside_source import DatabaseSource
from openiwd.domain.errors import InvalidInputError, OpenIwdError, UnavailableError
from openiwd.processes.capture import CapturingTenant
from openiwd.usecases import capture_reader
from openiwd.usecases.capture_reader import CaptureReader
from tests.factories.api import World
from tests.factories.capture import (
    OutsideWay,
    inbox,
    items_at,
    put_point,
    reading,
    set_point,
    step_until,
    way_by,
)
from tests.factories.outside import Table
from tests.servers.mariadb import PASSWORD
from tests.servers.shared import free_port
from tests.servers.until import until

DATABASES = ("sqlite", "mariadb", "postgresql")
every_database = pytest.mark.parametrize("database", DATABASES)
COLUMNS = "seq, captureid, subject, kind, line, nr, art"
WAITING = "FROM handed_over WHERE state = 'new' ORDER BY nr, seq LIMIT :most"
"""NULL comes first in MariaDB and SQLite."""

Server = Callable[[str], Any]


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Server:
    return request.getfixturevalue


@asynccontextmanager
async def table_of(
    api: World, database: str, server: Server, folder: Path, **source: Any
) -> AsyncIterator[tuple[OutsideWay, Table]]:
    """A capture point on a table of a database, with settings of its own."""
    async with way_by(database, server, folder) as way:
        assert isinstance(way, OutsideWay)
        table = way.outside
        assert isinstance(table, Table)
        table.source = {**table.source, "captureQuery": f"SELECT {COLUMNS} {WAITING}", **source}
        await set_point(api, way)
        yield way, table


def states(table: Table) -> dict[str, str]:
    return dict(table.rows("SELECT captureid, state FROM handed_over"))


def answered(table: Table) -> int:
    return sum(state != "new" for state in states(table).values())


async def _kept(api: World, count: int) -> bool:
    return len(await inbox(api)) >= count


async def created(api: World) -> list[str]:
    return [item["captureId"] for item in await items_at(api)]


# Keys ----------------------------------------------------------------------------------------------------------------


@every_database
async def test_rows_with_null_in_their_key_are_told_and_hold_up_no_other(
    api: World, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    monkeypatch.setattr(capture_reader, "BATCH", 2)
    update = "UPDATE handed_over SET state = :outcome WHERE nr = :row_nr AND art = :row_art"
    keys = {"keyColumns": ["NR", "art"], "updateQuery": update}
    async with table_of(api, database, server, tmp_path, **keys) as (way, table):
        rows = [
            (None, "x"),
            (None, "x"),
            (None, "y"),
            (None, None),
            ("1", None),
            ("2", "x"),
            ("3", "x"),
            ("4", "x"),
        ]
        await way.hand_over(
            [{"captureId": f"r{n}", "nr": nr, "art": art} for n, (nr, art) in enumerate(rows)]
        )
        async with reading(api) as reader:
            await step_until(reader, lambda: answered(table) == 3)
            await step_until(reader, lambda: _kept(api, 5))
            detail = (await reader._source.ping()).detail
    assert await created(api) == ["r5", "r6", "r7"], "what has a key is taken, however many have none"
    assert "rows stay" in detail
    kept = await inbox(api)
    assert [e["code"] for e in kept] == ["noKey"] * 5, "each row once"
    assert sorted(e["field"] for e in kept) == ["art", "nr", "nr", "nr", "nr"]
    assert all(f"'{e['field']}' is empty (NULL)" in e["reason"] for e in kept)
    assert all("IS NOT NULL" in e["hint"] for e in kept)
    assert {e["position"] for e in kept} == {"row NULL|x", "row NULL|y", "row NULL|NULL", "row 1|NULL"}
    assert {c for e in kept for c in ("r0", "r1", "r2", "r3", "r4") if c in e["raw"]} == {
        "r0",
        "r1",
        "r2",
        "r3",
        "r4",
    }


@every_database
async def test_keys_that_differ_in_a_space_at_the_end_are_two(
    api: World, server: Server, tmp_path: Path, database: str
) -> None:
    by_seq = "UPDATE handed_over SET state = :outcome WHERE seq = :row_seq"
    keys = {"keyColumns": ["nr"], "updateQuery": by_seq}
    async with table_of(api, database, server, tmp_path, **keys) as (way, table):
        numbers = ["a", "a ", " a", "A"]
        await way.hand_over([{"captureId": f"r{n}", "nr": nr} for n, nr in enumerate(numbers)])
        async with reading(api) as reader:
            await step_until(reader, lambda: answered(table) == 4)
        assert states(table) == dict.fromkeys(("r0", "r1", "r2", "r3"), "created")


async def test_a_number_and_the_text_of_it_are_two_keys(api: World, server: Server, tmp_path: Path) -> None:
    one = "CASE seq WHEN 1 THEN 1 WHEN 2 THEN '1' WHEN 3 THEN x'31' WHEN 4 THEN '''1' ELSE 'x''31' END AS one"
    keys = {
        "captureQuery": f"SELECT {COLUMNS}, {one} {WAITING}",
        "keyColumns": ["one"],
        "updateQuery": "UPDATE handed_over SET state = :outcome, item = :key WHERE seq = :row_seq",
    }
    async with table_of(api, "sqlite", server, tmp_path, **keys) as (way, table):
        await way.hand_over([{"captureId": f"r{n}"} for n in range(5)])
        async with reading(api) as reader:
            await step_until(reader, lambda: answered(table) == 5)
        assert await created(api) == ["r0", "r1", "r2", "r3", "r4"]
        told = [row[0] for row in table.rows("SELECT item FROM handed_over ORDER BY seq")]
        assert told == ["1", "1", "1", "'1", "x'31"], "statements get the key as it is"


@every_database
async def test_rows_that_are_not_told_apart_by_their_key_are_told_of(
    api: World, server: Server, tmp_path: Path, database: str
) -> None:
    by_seq = "UPDATE handed_over SET state = :outcome WHERE seq = :row_seq"
    twice = f"SELECT {COLUMNS} FROM handed_over CROSS JOIN (SELECT 1 AS a UNION ALL SELECT 2) AS two"
    keys = {
        "captureQuery": f"{twice} WHERE state = 'new' ORDER BY seq LIMIT :most",
        "keyColumns": ["nr"],
        "updateQuery": by_seq,
    }
    async with table_of(api, database, server, tmp_path, **keys) as (way, table):
        await way.hand_over([{"captureId": f"r{n}", "nr": nr} for n, nr in enumerate(["1", "2", "1", "3"])])
        async with reading(api) as reader:
            await step_until(reader, lambda: answered(table) == 4)
        assert states(table)["r2"] == "error"
    assert await created(api) == ["r0", "r1", "r3"], "a row that a join gives twice is one"
    (kept,) = await inbox(api)
    assert (kept["code"], kept["field"]) == ("keyTwice", "source.keyColumns")
    assert "the key 1" in kept["reason"]
    assert "no two rows" in kept["hint"]


# Values --------------------------------------------------------------------------------------------------------------


async def test_text_that_is_none_concerns_its_row_alone(api: World, server: Server, tmp_path: Path) -> None:
    async with table_of(api, "sqlite", server, tmp_path) as (way, table):
        await way.hand_over([{"captureId": c, "nr": "1"} for c in "abc"])
        table.run(("UPDATE handed_over SET subject = CAST(x'4dfc6c' AS TEXT) WHERE captureid = 'b'", {}))
        async with reading(api) as reader:
            await step_until(reader, lambda: answered(table) == 3)
        assert states(table) == {"a": "created", "b": "error", "c": "created"}
    (kept,) = await inbox(api)
    assert (kept["code"], kept["field"], kept["position"]) == ("invalidText", "subject", "row 2")
    assert kept["hint"]


async def test_what_a_driver_cannot_turn_into_a_value_stays_text(
    api: World, server: Server, tmp_path: Path
) -> None:
    odd = {
        "midnight": "TIME '24:00:00'",
        "never": "TIMESTAMP 'infinity'",
        "far": "DATE '12026-01-01'",
        "caesar": "TIMESTAMPTZ '0044-03-15 BC'",
        "numbers": "ARRAY[1.5, 2]",
        "addresses": "ARRAY[inet '10.0.0.1']",
        "span": "int4range(1, 5)",
        "deep": "(repeat('[', 3000) || repeat(']', 3000))::json",
    }
    columns = ", ".join(f"{sql} AS {name}" for name, sql in odd.items())
    query = {"captureQuery": f"SELECT {COLUMNS}, {columns} {WAITING}"}
    async with table_of(api, "postgresql", server, tmp_path, **query) as (way, table):
        mapped = [{"to": f"data.{name}", "from": name} for name in odd if name != "deep"]
        await put_point(
            api, source=table.source,
            mapping={"unmapped": "ignore", "fields": [{"to": "captureId", "from": "captureid"}, *mapped]},
        )  # fmt: skip
        await way.hand_over([{"captureId": "a"}])
        async with reading(api) as reader:
            await step_until(reader, lambda: answered(table) == 1)
    (item,) = await items_at(api)
    data = (await api.get(f"/items/{item['id']}")).json()["data"]
    assert (data["midnight"], data["never"], data["far"]) == ("24:00:00", "infinity", "12026-01-01")
    assert "BC" in data["caesar"]
    assert (data["numbers"], data["addresses"]) == ([1.5, 2], ["10.0.0.1"])


# What a database refuses ---------------------------------------------------------------------------------------------

SIGNAL = "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'"
RAISE = "BEGIN IF NEW.captureid = 'b' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END"
BEFORE = "CREATE TRIGGER no BEFORE UPDATE ON handed_over FOR EACH ROW"
REFUSING = {
    "mariadb": [f"{BEFORE} IF NEW.captureid = 'b' THEN {SIGNAL}; END IF"],
    "postgresql": [
        f"CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $${RAISE}$$",
        f"{BEFORE} EXECUTE FUNCTION no()",
    ],
}
MENDING = {"mariadb": "DROP TRIGGER no", "postgresql": "DROP TRIGGER no ON handed_over"}


@pytest.mark.parametrize("database", REFUSING)
async def test_a_row_that_cannot_be_updated_holds_up_no_other(
    api: World, server: Server, tmp_path: Path, database: str
) -> None:
    async with table_of(api, database, server, tmp_path) as (way, table):
        table.run(*((sql, {}) for sql in REFUSING[database]))
        await way.hand_over([{"captureId": c, "nr": c} for c in "abc"])
        async with reading(api) as reader:
            await step_until(reader, lambda: answered(table) == 2)
            assert reader.status.state != "away"
            assert "not this one" in (await reader._source.ping()).detail
            await way.hand_over([{"captureId": "d", "nr": "d"}])
            await step_until(reader, lambda: answered(table) == 3)
            table.run((MENDING[database], {}))
            await step_until(reader, lambda: answered(table) == 4)
            await step_until(reader, lambda: _told_nothing(reader))
    assert await created(api) == ["a", "b", "c", "d"], "each once"


async def _told_nothing(reader: CaptureReader) -> bool:
    return (await reader._source.ping()).detail == ""


@every_database
@pytest.mark.parametrize(
    ("field", "sql"),
    [
        ("updateQuery", "UPDATE handed_over SET nothing_of_the_kind = :outcome WHERE seq = :row_seq"),
        ("captureQuery", "SELECT nothing_of_the_kind FROM handed_over LIMIT :most"),
    ],
)
async def test_a_statement_that_is_wrong_is_no_database_that_is_away(
    api: World, server: Server, tmp_path: Path, database: str, field: str, sql: str
) -> None:
    async with table_of(api, database, server, tmp_path, **{field: sql}) as (way, _):
        await way.hand_over([{"captureId": "a"}])
        capturing = CapturingTenant(api.platform, await api.services())

        async def is_told() -> bool:
            await capturing.step()
            told = (await api.get("/capture-points/claims/status")).json()["reader"]
            assert told["state"] != "away", told
            return told["state"] == "failed" and "nothing_of_the_kind" in told["lastError"]

        try:
            await until(is_told)
        finally:
            await capturing.stop()


class Asked:
    """A statement at a real MariaDB, by one who may do everything, who may only read, or with a wrong password."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self.run("CREATE TABLE t (a VARCHAR(3) UNIQUE CHECK (a <> 'no'), b INT NOT NULL DEFAULT 0, d DATE)")
        self.run("INSERT INTO t (a) VALUES ('one')")
        name = self._url.database or ""
        self.run(f"CREATE USER '{name}'@'127.0.0.1' IDENTIFIED BY 'w'")
        self.run(f"GRANT SELECT ON {name}.* TO '{name}'@'127.0.0.1'")
        self.reader = {"username": name, "password": "w"}

    def engine(self, **parts: Any) -> Engine:
        password = parts.pop("password", PASSWORD)
        body = {
            "kind": "database", "url": str(self._url.set(**parts)), "password": password, "captureQuery": "SELECT 1",
            "updateQuery": "SELECT 1", "timeoutSeconds": 5,
        }  # fmt: skip
        return make_engine(msgspec.convert(body, DatabaseSource), None)

    def run(self, sql: str, before: str = "SELECT 1", **parts: Any) -> OpenIwdError | None:
        engine = self.engine(**parts)
        try:
            with database_errors("f"), engine.begin() as connection:
                connection.execute(text(before))
                connection.execute(text(sql))
        except OpenIwdError as error:
            return error
        finally:
            engine.dispose()
        return None

    def drop_reader(self) -> None:
        self.run(f"DROP USER '{self._url.database}'@'127.0.0.1'")


def test_a_real_mariadb_that_refuses_is_not_away(mariadb_url: str) -> None:
    asked = Asked(mariadb_url)
    try:
        for sql in (
            "INSERT INTO t (a) VALUES ('four')",
            "INSERT INTO t (a) VALUES ('no')",
            "INSERT INTO t (a) VALUES ('one')",
            "INSERT INTO t (b) VALUES (NULL)",
            "INSERT INTO t (b) VALUES (99999999999)",
            "INSERT INTO t (d) VALUES ('2026-02-31')",
            "INSERT INTO t (nothing) VALUES (1)",
            "INSERT INTO nothing VALUES (1)",
            "SELEKT 1",
            "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'of a trigger'",
            "SELECT nothing(1)",
        ):
            error = asked.run(sql)
            assert isinstance(error, InvalidInputError), (sql, error)
            assert (error.code, error.field) == ("statementRefused", "f"), sql
        denied = asked.run("INSERT INTO t (b) VALUES (1)", **asked.reader)
        assert isinstance(denied, InvalidInputError)
        assert "denied" in denied.message
        for parts in (
            {"password": "wrong"},
            {"username": "nobody_of_this_name"},
            {"database": "nothing_here"},
            {**asked.reader, "database": "mysql"},
        ):
            error = asked.run("SELECT 1", **parts)
            assert isinstance(error, InvalidInputError), parts
            assert (error.code, error.field) == ("accessRefused", "source.url"), (parts, error)
    finally:
        asked.drop_reader()


def test_a_real_mariadb_that_is_lost_or_busy_is_away(mariadb_url: str) -> None:
    asked = Asked(mariadb_url)
    try:
        assert isinstance(asked.run("SELECT 1", port=free_port()), UnavailableError), "nobody listens"
        killed = asked.run("KILL CONNECTION_ID()")
        assert isinstance(killed, UnavailableError), killed
        too_long = asked.run("SET STATEMENT max_statement_time = 0.01 FOR SELECT SLEEP(20)")
        assert isinstance(too_long, UnavailableError), too_long
        url = make_url(mariadb_url)
        with pymysql.connect(
            host=url.host, port=url.port or 0, user=url.username, password=PASSWORD, database=url.database
        ) as holder:
            holder.begin()
            with holder.cursor() as cursor:
                cursor.execute("UPDATE t SET b = 1")
            waited = asked.run("UPDATE t SET b = 2", before="SET innodb_lock_wait_timeout = 0")
            holder.rollback()
        assert isinstance(waited, UnavailableError), waited
    finally:
        asked.drop_reader()
