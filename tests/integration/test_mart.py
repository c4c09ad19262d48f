"""The mart on real databases: fed over HTTP by the real API, views, the BI role, Info Mart, reports by API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from openiwd.adapters.info_mart.resource_table import InfoMartResources
from openiwd.adapters.postgres.mart import READER
from openiwd.adapters.postgres.migrations.history import History, migrations_of
from openiwd.adapters.reporting_feed.http_feed import HttpReportingFeed
from openiwd.domain.agent import AgentProfile, Capacity
from openiwd.domain.mart_column import COLUMNS
from openiwd.domain.mart_dictionary import all_views
from openiwd.domain.privilege import system
from openiwd.ports.mart import FedAgent, MartBusyError, RuleSetNames
from openiwd.processes.mart import MartLoop, prepare_mart
from openiwd.processes.wiring import mart_database
from openiwd.usecases import agent as agent_use
from openiwd.usecases.mart_run import Chain, MartSource, run
from openiwd.usecases.priority_sample import PrioritySampler
from openiwd.usecases.workforce import COLUMNS as COLUMNS_OF_WORKFORCE
from tests.factories.api import World, problem
from tests.factories.mail import ServiceCalls, raw_email
from tests.factories.mart import MartUnderTest
from tests.factories.mart_log import LogWriter
from tests.servers.postgres import PostgresServer
from tests.servers.until import until


@pytest.fixture
async def mart(mart_database: str) -> AsyncIterator[MartUnderTest]:
    made = MartUnderTest(mart_database)
    yield made
    await made.mart.close()


async def loaded(api: World, postgres_server: PostgresServer) -> MartLoop:
    """The mart of the tenant `t`, loaded over HTTP as its process does it."""
    services = await api.services()
    key = await api.add_key("mart", privileges=["reporting.read", "categories.view", "agents.view"])
    transport = httpx.ASGITransport(app=api.api)  # type: ignore[arg-type]
    feed = HttpReportingFeed("http://iwd", key, transport=transport)
    source = MartSource(tenant_id="t", time_zone="UTC", feed=feed)
    loop = MartLoop(
        api.wiring.mart(services.tenant),
        source,
        postgres_server.dsn,
        mart_database(services.tenant),
    )
    result = await loop.run(Chain.INTRADAY)
    assert result.verdict.balanced, result.verdict.detail
    return loop


async def test_reports_by_api_agree_with_what_was_done(api: World, postgres_server: PostgresServer) -> None:
    await api.add_agent("anna")
    first = await api.item("c1", dueDateTime=(datetime.now(UTC) + timedelta(hours=2)).isoformat())
    await api.item("c2")
    await api.item("c3")
    await api.ready("anna")
    assert (await api.post(f"/items/{first['id']}/assign", {"agent": "anna"})).status_code == 200
    assert (await api.post(f"/items/{first['id']}/complete", {})).status_code == 200
    loop = await loaded(api, postgres_server)
    try:
        listed = (await api.get("/reports")).json()
        assert {r["id"] for r in listed["reports"]} >= {"intraday-process", "resource-performance"}
        report = (await api.get("/reports/intraday-process")).json()
        totals = report["totals"]
        assert (totals["new"], totals["completed"], totals["pending"]) == (3, 1, 2)
        assert totals["service_level"] == 1
        assert report["balanced"] is True
        assert sum(line["values"]["new"] for line in report["lines"]) == 3
        behind = (await api.get("/reports/intraday-process/items?measure=pending")).json()
        assert {i["captureId"] for i in behind["items"]} == {"c2", "c3"}
        key = report["lines"][0]["key"]
        line = (
            await api.get("/reports/intraday-process/items", params={"measure": "new", "key": key})
        ).json()
        assert line["found"] == report["lines"][0]["values"]["new"]
        agents = (await api.get("/reports/resource-performance")).json()
        assert [(x["key"], x["name"], x["values"]["assigned"]) for x in agents["lines"]] == [
            ("anna", "Anna", 1)
        ]
        for one in listed["reports"]:
            answer = await api.get(f"/reports/{one['id']}?period=month")
            assert answer.status_code == 200, answer.text
            file = await api.get(f"/reports/{one['id']}/file")
            assert file.status_code == 200, file.text
            assert (await api.get(f"/reports/{one['id']}/file?format=xlsx")).content[:2] == b"PK"
        rows = (await api.get("/reports/workforce/file?period=week")).text.splitlines()
        assert rows[0].replace('"', "").split(",") == list(COLUMNS_OF_WORKFORCE)
        cells = [row.replace('"', "").split(",") for row in rows[1:]]
        assert sum(int(row[3]) for row in cells) == 3
        assert sum(int(row[5]) for row in cells) == 1
        assert {row[2] for row in cells} == {line["key"] for line in report["lines"]}
        none = (await api.get("/reports/workforce/file", params={"category": "No such"})).text
        assert none.splitlines() == rows[:1]
        assert (await api.get("/reports/workforce/file?format=xlsx")).content[:2] == b"PK"
        problem(await api.get("/reports/workforce/file?format=pdf"), 400)
        problem(await api.get("/reports/nothing"), 404)
        problem(await api.get("/reports/queue-duration/items?measure=assigned"), 400)
        runs = (await api.get("/reports/runs")).json()["runs"]
        assert {r["job"] for r in runs} >= {"chain", "load configuration", "load events", "aggregate"}
        assert all(r["status"] == "done" for r in runs)
    finally:
        await loop.stop()
        await postgres_server.drop_database(mart_database((await api.services()).tenant))


async def test_mailboxes_say_what_became_of_their_emails(api: World, postgres_server: PostgresServer) -> None:
    care, sales = ServiceCalls(api), ServiceCalls(api, "sales")
    await care.set_up(category="Claims/Motor")
    await sales.set_up(address="sales@example.com")
    done = (await care.received(raw_email("one")))["itemId"]
    dropped = (await care.received(raw_email("two")))["itemId"]
    await care.received(raw_email("three"))
    await sales.received(raw_email("four", to="sales@example.com"))
    await api.item("c1", mediaType="email")
    await api.item("c2")
    assert (await api.post(f"/items/{done}/complete", {"resultCode": "paid"})).status_code == 200
    assert (await api.post(f"/items/{dropped}/cancel", {})).status_code == 200
    loop = await loaded(api, postgres_server)
    try:
        report = (await api.get("/reports/mailbox?period=month")).json()
        columns = ("mail_received", "mail_open", "mail_completed", "mail_dropped")
        assert {x["key"]: tuple(x["values"][c] for c in columns) for x in report["lines"]} == {
            "": (1, 1, 0, 0), "care": (3, 1, 1, 1), "sales": (1, 1, 0, 0),
        }  # fmt: skip
        assert tuple(report["totals"][c] for c in columns[:2]) == (5, 3)
        assert 0 <= report["lines"][1]["values"]["mail_finish"] < 3600
        for query, count in (("mail_received", 5), ("mail_received&key=care", 3), ("mail_open&key=care", 1)):
            behind = await api.get(f"/reports/mailbox/items?period=month&measure={query}")
            assert (behind.status_code, behind.json()["found"]) == (200, count), behind.text
        behind = (await api.get("/reports/mailbox/items?period=month&measure=mail_completed")).json()
        assert [i["itemId"] for i in behind["items"]] == [done]
        problem(await api.get("/reports/mailbox/items?measure=new"), 400)
        problem(await api.get("/reports/intraday-process/items?measure=mail_open"), 400)
    finally:
        await loop.stop()
        await postgres_server.drop_database(mart_database((await api.services()).tenant))


async def test_the_backlog_by_priority_is_told_once_per_quarter_and_reported(
    api: World, postgres_server: PostgresServer
) -> None:
    services = await api.follow(decide=True)
    for name in ("c1", "c2"):
        await api.item(name)
    await api.item("c3", priority=950)
    sampler = PrioritySampler(services)
    assert await sampler.step()
    await api.item("c4")
    while await sampler.step():  # a quarter of an hour has begun meanwhile
        pass
    loop = await loaded(api, postgres_server)
    try:
        report = (await api.get("/reports/queue-priority?period=week")).json()
        assert report["totals"]["waiting"] in (3, 4)
        assert {x["key2"] for x in report["lines"]} >= {"800 to 1000"}
        assert sum(x["values"]["waiting"] for x in report["lines"]) == report["totals"]["waiting"]
        file = (await api.get("/reports/queue-priority/file?period=week")).text
        columns = ["queue", "queue_name", "priority_range", "waiting", "mean_waiting", "waits", "mean_wait"]
        assert file.splitlines()[0] == ",".join(f'"{name}"' for name in columns)
        problem(await api.get("/reports/queue-priority/items?measure=waiting"), 400)
        problem(await api.get("/reports/queue-priority/items?measure=pending"), 400)
    finally:
        await loop.stop()
        await postgres_server.drop_database(mart_database((await api.services()).tenant))


async def test_the_log_tells_the_priority_of_grants_and_the_focus_of_desks(
    api: World, postgres_server: PostgresServer
) -> None:
    """Offered, pulled, or assigned by a supervisor: each wait has its range; focus is at most the assigned time."""
    services = await api.follow(decide=True)
    await api.add_agent("anna")
    await api.add_agent("ben")
    offered = await api.item("c1", priorityFixed=950)
    await api.ready("anna")
    offers: list[str] = []

    async def is_offered() -> bool:
        found = (await api.get("/agents/me/offers", "anna")).json()["offers"]
        offers[:] = [o["id"] for o in found]
        return bool(offers)

    await until(is_offered)
    assert (await api.post(f"/offers/{offers[0]}/accept", None, "anna")).status_code in (200, 201)
    for agent in ("anna", "ben"):
        away = {"state": "notReady", "reason": "lunch"}
        assert (await api.post("/agents/me/state", away, agent)).status_code == 200
    pulled = await api.item("c2", priorityFixed=-3, data={"kind": "loan"})
    taken: list[Any] = []

    async def is_taken() -> bool:
        taken[:] = [(await api.post("/agents/me/next", None, "ben")).json()["item"]]
        return taken[0] is not None

    await until(is_taken)
    given = await api.item("c3")
    assert (await api.post(f"/items/{given['id']}/assign", {"agent": "ben"})).status_code == 200
    done = {"resultCode": "paid", "focusSeconds": 900}
    assert (await api.post(f"/items/{offered['id']}/complete", done, "anna")).status_code == 200
    assert (
        await api.post(f"/items/{pulled['id']}/complete", {"resultCode": "granted"}, "ben")
    ).status_code == 200
    problem(await api.post(f"/items/{given['id']}/return", {"focusSeconds": -1}, "ben"), 400)
    loop = await loaded(api, postgres_server)
    try:
        report = (await api.get("/reports/queue-priority?period=week")).json()
        waits = {x["key2"]: x["values"]["waits"] for x in report["lines"] if x["values"]["waits"]}
        assert waits == {"below 0": 1, "0 to 200": 1, "800 to 1000": 1}
        detail = (await api.get("/reports/work-detail?period=week")).json()["work"]
        told = {w["captureId"]: w["focusSeconds"] for w in detail}
        assert told["c2"] is None
        assert told["c1"] is not None
        lasted = next(w["workSeconds"] for w in detail if w["captureId"] == "c1")
        assert 0 <= told["c1"] <= lasted
    finally:
        await loop.stop()
        await postgres_server.drop_database(mart_database(services.tenant))


async def test_names_of_agents_are_those_of_then_and_now(api: World, postgres_server: PostgresServer) -> None:
    """Of each change the log is asked over HTTP what the agent is called from then on."""
    services = await api.services()
    await api.add_agent("anna")
    for name in ("Anna", "Anna Neu"):
        profile = AgentProfile(id="anna", name=name, capacity=Capacity(total=2))
        await agent_use.save_profile(services, profile, system("test", "t"))
    loop = await loaded(api, postgres_server)
    connection = await asyncpg.connect(postgres_server.dsn(mart_database(services.tenant)))
    try:
        rows = await connection.fetch("SELECT * FROM iwd_dim_agent ORDER BY valid_from")
        assert [(r["agent_id"], r["name"]) for r in rows] == [("anna", "Anna"), ("anna", "Anna Neu")]
        assert rows[0]["valid_from"] < rows[0]["valid_to"] == rows[1]["valid_from"]
        assert rows[1]["valid_to"] is None
        feed = loop._source.feed
        assert await feed.agent_name("anna", rows[0]["valid_from"] - timedelta(days=1)) is None
        assert await feed.agent_name("nobody", rows[0]["valid_from"]) is None
    finally:
        await connection.close()
        await loop.stop()
        await postgres_server.drop_database(mart_database(services.tenant))


async def test_attributes_of_the_real_feed_are_mapped(api: World, postgres_server: PostgresServer) -> None:
    await api.item("c1")
    services = await api.services()
    feed = HttpReportingFeed("http://iwd", api.keys["t"], transport=httpx.ASGITransport(app=api.api))  # type: ignore[arg-type]
    page = await feed.events(None, 100, personal=True)
    assert any(b"motor" in bytes(event.personal) for event in page.events)
    page = await feed.events(None, 100)
    assert all(bytes(event.personal) == b"null" for event in page.events)
    assert page.next == page.head
    await feed.close()
    assert services.runtime.mart is not None


async def test_a_tenant_without_rules_has_a_mart_all_the_same(api: World) -> None:
    await api.add_tenant("bare", rules=None)
    feed = HttpReportingFeed("http://iwd", api.keys["bare"], transport=httpx.ASGITransport(app=api.api))  # type: ignore[arg-type]
    assert (await feed.rule_sets(0), await feed.report_attributes()) == ([], [])
    assert (await feed.events(None, 10)).events == []
    await feed.close()


async def test_without_a_mart_reports_say_so(api: World, postgres_server: PostgresServer) -> None:
    problem(await api.get("/reports/intraday-process"), 404, "noMart")
    # Made, but not yet migrated: the first run is on its way.
    name = await postgres_server.create_database(name=mart_database((await api.services()).tenant))
    try:
        problem(await api.get("/reports/intraday-process"), 404, "noMart")
        problem(await api.get("/reports/runs"), 404, "noMart")
        # Behind this server, version by version: what it does not have yet is missing, and no error.
        connection = await asyncpg.connect(postgres_server.dsn(name))
        try:
            for migration in migrations_of(History.MART):
                await connection.execute(migration.path.read_text(encoding="utf-8"))
                for path in ("intraday-process", "queue-priority", "queue-duration", "runs"):
                    answer = await api.get(f"/reports/{path}")
                    assert answer.status_code in (200, 404), (migration.path.name, path, answer.text)
        finally:
            await connection.close()
        assert answer.status_code == 200
    finally:
        await postgres_server.drop_database(name)


async def test_readers_outlive_a_migration(mart: MartUnderTest) -> None:
    """Connections that are kept have prepared for columns as they were."""
    await mart.load([])
    before = await mart.mart.state()
    await asyncio.gather(*(mart.mart.state() for _ in range(3)))
    await mart.fetch("ALTER TABLE mart_state ADD COLUMN of_a_later_version int")
    assert await mart.mart.state() == before
    assert {run.job for run in await mart.mart.runs(10)} >= {"chain"}


async def test_views_are_as_the_dictionary_declares_them(mart: MartUnderTest) -> None:
    await mart.load(
        LogWriter()
        .write("09:00 1 new claims/motor\n09:05 1 pull anna\n09:20 1 complete\n10:00 anna state =ready")
        .events
    )
    await mart.mart.publish_views()
    rows = await mart.fetch("""SELECT c.relname, a.attname, col_description(c.oid, a.attnum) AS told,
            obj_description(c.oid) AS about
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relkind = 'v' AND c.relname LIKE 'iwd%' AND a.attnum > 0
        ORDER BY 1, a.attnum""")
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["relname"], []).append(row["attname"])
        assert row["told"] == COLUMNS[row["attname"]]
        assert row["about"]
    assert found == {v.name: list(v.columns) for v in all_views()}
    for view in all_views():
        assert await mart.fetch(f"SELECT * FROM {view.name}") is not None
    assert (
        await mart.rows("SELECT day::text, sum(new), sum(finished) FROM iwd_agg_task_classif_day GROUP BY 1")
        == "2026-03-02 1 1"
    )
    assert (
        await mart.rows("SELECT period_start::text, sum(new) FROM iwd_agg_task_queue_month GROUP BY 1")
        == "2026-03-01 1"
    )
    assert await mart.rows("SELECT interval_start, pending FROM iwd_agg_task_level_15min") == "09:00 1"


async def test_the_bi_role_reads_views_and_nothing_else(mart: MartUnderTest) -> None:
    await mart.load(LogWriter().write("09:00 1 new claims/motor").events)
    await mart.mart.publish_views("secret of the reader")
    connection = await asyncpg.connect(mart.dsn)
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {READER}")
            assert await connection.fetchval("SELECT sum(new) FROM iwd_agg_task_classif_15min") == 1
            assert await connection.fetchval("SELECT data_as_of IS NOT NULL FROM iwd_data_state")
        for refused in (
            "SELECT * FROM task_fact",
            "DELETE FROM iwd_task_event_fact",
            "CREATE TABLE mine (x int)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"SET ROLE {READER}; {refused}")
            await connection.execute("RESET ROLE")
    finally:
        await connection.close()


async def test_the_second_run_leaves_at_once(mart: MartUnderTest) -> None:
    async with mart.mart.loading():
        with pytest.raises(MartBusyError):
            await mart.load([])
    await mart.load([])


async def test_names_have_a_history(mart: MartUnderTest) -> None:
    document = {
        "queues": [{"id": "motor", "name": "Motor"}],
        "categories": [{"id": "claims", "name": "Claims", "children": [{"id": "glass", "name": "Glass"}]}],
    }
    renamed = {**document, "queues": [{"id": "motor", "name": "Cars"}]}
    at = datetime(2026, 3, 1, tzinfo=UTC)
    mart.feed.names = [RuleSetNames(1, at, document), RuleSetNames(2, at + timedelta(days=1), renamed)]
    await mart.load([])
    assert await mart.rows(
        "SELECT id, name, valid_from::date::text, valid_to::date::text FROM dimension ORDER BY 1, valid_from"
    ) == (
        "claims Claims 2026-03-01 -\nglass Glass 2026-03-01 -\n"
        "motor Motor 2026-03-01 2026-03-02\nmotor Cars 2026-03-02 -"
    )
    assert await mart.rows("SELECT path, level FROM dimension WHERE id = 'glass'") == "Claims/Glass 2"


async def test_mapped_attributes_keep_their_slots(mart: MartUnderTest) -> None:
    mart.feed.attributes = ["region"]
    await mart.load([])
    mart.feed.attributes = ["brand"]
    await mart.load([])
    assert await mart.rows("SELECT slot, attribute FROM etl_custom_map ORDER BY 1") == "1 region\n2 brand"
    log = LogWriter().write("09:00 1 new claims/motor")
    log.events[0].personal = msgspec.Raw(
        b'{"data": {"region": "north", "iban": "secret"}, "subject": "secret"}'
    )
    await mart.load(log.events)
    assert await mart.rows("SELECT custom_1, custom_2 FROM task_fact") == "north -"
    assert "secret" not in str(await mart.content())


async def test_statistics_and_retention(mart: MartUnderTest) -> None:
    log = LogWriter().write("09:00 1 new claims/motor\n09:30 1 complete\n10:00 2 new claims/motor")
    later = datetime(2026, 8, 1, tzinfo=UTC)
    await mart.load(log.events, Chain.HISTORICAL, now=datetime(2026, 3, 3, tzinfo=UTC))
    assert await mart.rows("SELECT count(*) FROM task_event_fact") == "5"
    await mart.load(log.events, Chain.HISTORICAL, now=later)
    # The finished item's events are past their 90 days, the item itself is not, and the open one keeps everything.
    assert await mart.rows("SELECT item_number, count(*) FROM task_event_fact GROUP BY 1") == "2 2"
    assert await mart.rows("SELECT count(*) FROM task_fact") == "2"
    await mart.load(log.events, Chain.HISTORICAL, now=datetime(2027, 8, 1, tzinfo=UTC))
    assert await mart.rows("SELECT item_number FROM task_fact") == "2"
    assert await mart.rows("SELECT count(*) FROM agg_task_15min") == "."
    assert await mart.rows("SELECT sum(new) FROM agg_task_day") == "2"
    stats = {(kind, name): value for kind, name, value in await mart.mart.stats()}
    assert stats["general", "pending"] == 1
    assert stats["general", "max_events"] == 5


@pytest.mark.parametrize("upper", [True, False])
async def test_names_of_agents_from_info_mart(
    mart: MartUnderTest, empty_database: str, *, upper: bool
) -> None:
    """In either letter case, with columns missing; only agents, only rows that hold now, the last of one employee."""
    columns = (
        "RESOURCE_KEY int, RESOURCE_TYPE_CODE varchar(32), AGENT_FIRST_NAME varchar(64), AGENT_LAST_NAME varchar(64), "
        "EMPLOYEE_ID varchar(255), GMT_START_TIME int, GMT_END_TIME int"
    )
    name = '"RESOURCE_"' if upper else "resource_"
    if upper:
        columns = ", ".join(f'"{c.split()[0]}" {c.split()[1]}' for c in columns.split(", "))
    connection = await asyncpg.connect(empty_database)
    try:
        await connection.execute(f"CREATE TABLE {name} ({columns})")
        await connection.execute(f"""INSERT INTO {name} VALUES
            (1, 'AGENT', 'Anna', 'Alt', 'e1', 1000, 2000), (2, 'AGENT', 'Anna', 'Neu', 'e1', 2000, 2147483647),
            (3, 'QUEUE', 'Not', 'Me', 'e2', 1000, 2147483647), (4, 'AGENT', NULL, 'Berg', 'e3', 1000, NULL)""")
    finally:
        await connection.close()
    mart.feed.people = [
        FedAgent("anna", "A. from IWD", "e1", True),
        FedAgent("ben", "Ben", "e2", True),
        FedAgent("carl", "Carl", "e3", True),
    ]
    mart.directory = InfoMartResources(empty_database)
    await mart.load([])
    await mart.load([])
    assert (
        await mart.rows("SELECT agent_id, name, info_mart_key FROM resource_ ORDER BY 1")
        == "anna Anna Neu 2\nben Ben -\ncarl Berg 4"
    )
    mart.directory = InfoMartResources("postgresql://nobody@127.0.0.1:1/nothing")
    await mart.load([])
    assert (await mart.rows("SELECT name FROM resource_ WHERE agent_id = 'anna'")) == "Anna Neu"


async def test_a_failing_balance_is_found_and_shown(mart: MartUnderTest) -> None:
    log = LogWriter().write("09:00 1 new claims/motor\n09:40 2 new claims/motor")
    await mart.load(log.events)
    await mart.fetch("DELETE FROM task_state_fact WHERE item_number = 1")
    await mart.fetch("UPDATE agg_task_day SET new = new + 1, n = n + 1")
    source = MartSource(tenant_id="t", time_zone="UTC", feed=mart.feed)
    log.write("10:20 2 complete")
    mart.feed.log = log.events
    verdict = (await run(mart.mart, source, Chain.INTRADAY)).verdict
    assert not verdict.balanced
    assert verdict.findings >= 1
    assert (await mart.mart.state()).balance_detail == verdict.detail
    assert "expected" in (verdict.detail or "")
    await mart.load(log.events, Chain.FULL)


async def test_a_missing_database_is_made(postgres_server: PostgresServer) -> None:
    await prepare_mart(postgres_server.dsn(), "test-made-mart")
    await prepare_mart(postgres_server.dsn(), "test-made-mart")
    await postgres_server.drop_database("test-made-mart")
