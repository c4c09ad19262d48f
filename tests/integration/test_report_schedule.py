"""Reports by email on real databases: due → exactly one email with its file, whatever is killed on the way."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import asyncpg
import httpx
import pytest

from openiwd.adapters.postgres.tenant_writing import PostgresWriting
from openiwd.adapters.reporting_feed.http_feed import HttpReportingFeed
from openiwd.domain.privilege import Role
from openiwd.processes.background import Background
from openiwd.processes.mart import prepare_mart
from openiwd.processes.wiring import mart_database
from openiwd.usecases import email_aside, report_delivery
from openiwd.usecases.mart_run import Chain, MartSource, run
from tests.factories.api import World, problem, world
from tests.factories.mail import ServiceCalls
from tests.servers.postgres import TEMPLATE_TENANT, PostgresServer
from tests.servers.until import until

FRIDAY = datetime(2025, 3, 28, 11, 0, tzinfo=UTC)
BODY: dict[str, Any] = {
    "name": "Yesterday in Claims",
    "report": "intraday-process",
    "period": "yesterday",
    "format": "csv",
    "recipients": ["ines@example.com", "otto@example.com"],
    "mailbox": "care",
    "time": "07:00",
    "text": "For {{report.period}}, as of {{report.dataAsOf}}, {{report.rows}} rows.",
}


class SetClock:
    """A clock that stands where a test sets it."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class Reports:
    """A tenant in Berlin with one item of Friday, its mart, a mailbox, and a clock to set."""

    def __init__(self, api: World, postgres: PostgresServer) -> None:
        self.api = api
        self.clock = SetClock(FRIDAY)
        self.care = ServiceCalls(api)
        self._postgres = postgres

    async def set_up(self) -> None:
        services = await self.api.services()
        services.runtime.clock = self.clock
        await self.care.set_up()
        await self.api.item("c1")
        key = await self.api.add_key("mart", privileges=["reporting.read", "categories.view", "agents.view"])
        feed = HttpReportingFeed("http://iwd", key, transport=httpx.ASGITransport(app=self.api.api))  # type: ignore[arg-type]
        source = MartSource(tenant_id="t", time_zone="Europe/Berlin", feed=feed)
        await prepare_mart(self._postgres.dsn("postgres"), mart_database(services.tenant))
        mart = self.api.wiring.mart(services.tenant)
        try:
            result = await run(mart, source, Chain.INTRADAY, datetime(2025, 3, 31, tzinfo=UTC))
        finally:
            await feed.close()
        assert result.verdict.balanced, result.verdict.detail
        await self.known_up_to(FRIDAY)

    async def known_up_to(self, at: datetime) -> None:
        """The mart has read the log up to its end at this instant."""
        await self._execute(
            mart_database((await self.api.services()).tenant), "UPDATE mart_state SET fresh_at = $1", at
        )

    async def sql(self, statement: str) -> None:
        await self._execute((await self.api.services()).tenant.database_name, statement)

    async def _execute(self, database: str, statement: str, *values: Any) -> None:
        connection = await asyncpg.connect(self._postgres.dsn(database))
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()

    async def put(self, schedule_id: str = "daily", **fields: Any) -> httpx.Response:
        return await self.api.call("PUT", f"/report-schedules/{schedule_id}", json={**BODY, **fields})

    async def run_due(self, at: str, *, fresh: bool = True) -> int:
        self.clock.at = datetime.fromisoformat(at).replace(tzinfo=UTC)
        if fresh:
            await self.known_up_to(self.clock.at)
        return await report_delivery.run_due(await self.api.services())

    async def outbound(self) -> list[dict[str, Any]]:
        """What the email service is told to send; its lease may have run out on a slow machine."""
        await self.care.take()
        return await self.care.outbound()

    async def state(self, schedule_id: str = "daily") -> dict[str, Any]:
        answer = await self.api.get("/report-schedules")
        assert answer.status_code == 200, answer.text
        return next(s for s in answer.json()["reportSchedules"] if s["schedule"]["id"] == schedule_id)

    def has_run_at(self, due_at: str) -> Callable[[], Awaitable[bool]]:
        async def has_run() -> bool:
            return bool((await self.state())["last"]["dueAt"] == due_at)

        return has_run

    async def message(self, email_id: str) -> EmailMessage:
        answer = await self.api.get(f"/emails/{email_id}/raw")
        assert answer.status_code == 200, answer.text
        read = message_from_bytes(answer.content, policy=default)
        assert isinstance(read, EmailMessage)
        return read


@pytest.fixture
async def reports(postgres_server: PostgresServer, control_database: str) -> AsyncIterator[Reports]:
    made: list[str] = []

    async def make_database() -> str:
        made.append(await postgres_server.create_database(TEMPLATE_TENANT))
        return made[-1]

    async with world(control_database, make_database, tenant=False) as api:
        services = await api.add_tenant("t", time_zone="Europe/Berlin")
        built = Reports(api, postgres_server)
        await built.set_up()
        yield built
        mart = mart_database(services.tenant)
    for name in (*made, mart):
        await postgres_server.drop_database(name)


async def test_what_is_due_goes_out_once_with_its_file(reports: Reports) -> None:
    made = await reports.put()
    assert (made.status_code, made.json()["since"]) == (201, "2025-03-28T11:00:00Z")
    assert await reports.run_due("2025-03-28T23:00") == 0
    assert (await reports.state())["nextDueAt"] == "2025-03-29T06:00:00Z"
    assert await reports.run_due("2025-03-29T06:00") == 1
    assert await reports.run_due("2025-03-29T06:01") == 0
    (email,) = await reports.outbound()
    assert (email["sender"], email["recipients"]) == ("", BODY["recipients"])
    message = await reports.message(email["id"])
    assert message["Subject"] == "Yesterday in Claims: 2025-03-28"
    assert message["Auto-Submitted"] == "auto-generated"
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content().strip() == "For 2025-03-28, as of 2025-03-29 07:00 CET, 1 rows."
    (file,) = message.iter_attachments()
    assert (file.get_content_type(), file.get_filename()) == ("text/csv", "intraday-process-2025-03-28.csv")
    content = file.get_payload(decode=True)
    assert isinstance(content, bytes)
    (row,) = csv.DictReader(content.decode("utf-8-sig").splitlines())
    assert (row["new"], row["pending"]) == ("1", "1")

    assert (await reports.state())["last"]["emailState"] == "queued"
    await reports.care.sent(email["id"])
    last = (await reports.state())["last"]
    assert (last["outcome"], last["emailState"], last["emailId"]) == ("queued", "sent", email["id"])

    # Summer time begins: seven o'clock is an hour earlier. The process that decides finds it by itself.
    assert await reports.run_due("2025-03-30T04:59") == 0
    reports.clock.at = datetime(2025, 3, 30, 5, 0, tzinfo=UTC)
    await reports.known_up_to(reports.clock.at)
    background = Background(reports.api.platform, "test", None, decides=True)
    await background.start()
    try:
        await until(reports.has_run_at("2025-03-30T05:00:00Z"))
    finally:
        await background.stop()
    (other,) = await reports.outbound()
    assert other["id"] != email["id"]
    assert (await reports.message(other["id"]))["Subject"] == "Yesterday in Claims: 2025-03-29"


class Killed(BaseException):
    """The process ends here."""


async def test_killed_between_the_steps_it_still_goes_out_once(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await reports.put()).status_code == 201

    async def killed(*_: Any) -> None:
        raise Killed

    for step in ("add_email", "save_report_run"):
        with monkeypatch.context() as patched:
            patched.setattr(PostgresWriting, step, killed)
            with pytest.raises(Killed):
                await reports.run_due("2025-03-29T06:00")
        assert await reports.outbound() == []
    assert await reports.run_due("2025-03-29T06:00") == 1
    (email,) = await reports.outbound()

    # Whatever becomes of what was noted, and whoever else begins at once: the email is there already.
    await reports.sql("DELETE FROM report_run")
    services = await reports.api.services()
    counts = await asyncio.gather(*(report_delivery.run_due(services) for _ in range(3)))
    assert max(counts) == 1
    assert [e["id"] for e in await reports.outbound()] == [email["id"]]
    await reports.care.sent(email["id"])
    await reports.sql("DELETE FROM report_run")
    assert await reports.run_due("2025-03-29T06:10") == 1
    assert await reports.outbound() == []
    assert (await reports.state())["last"]["emailState"] == "sent"


async def test_it_waits_for_the_mart_and_tries_again_what_failed(reports: Reports) -> None:
    assert (await reports.put()).status_code == 201
    assert await reports.run_due("2025-03-29T06:00", fresh=False) == 1
    state = await reports.state()
    assert state["last"]["outcome"] == "waiting"
    assert await reports.run_due("2025-03-29T06:04", fresh=False) == 0
    assert await reports.run_due("2025-03-29T06:10") == 1
    assert len(await reports.outbound()) == 1

    assert (await reports.api.call("DELETE", "/mailboxes/care")).status_code == 204
    assert await reports.run_due("2025-03-30T05:00") == 1
    last = (await reports.state())["last"]
    assert (last["outcome"], last["emailId"]) == ("failed", None)
    assert "no mailbox 'care'" in last["detail"]
    await reports.care.set_up()
    assert await reports.run_due("2025-03-30T05:05") == 1
    assert (await reports.state())["last"]["outcome"] == "queued"

    # An hour without news from the mart: it goes out and says up to when it knows.
    await reports.known_up_to(FRIDAY)
    assert await reports.run_due("2025-03-31T05:00", fresh=False) == 1
    assert await reports.run_due("2025-03-31T06:00", fresh=False) == 1
    last = (await reports.state())["last"]
    text = (await reports.message(last["emailId"])).get_body(("plain",))
    assert text is not None
    assert "as of 2025-03-28 12:00 CET" in text.get_content()


async def test_what_cannot_be_sent_is_told_and_settled_by_a_person(reports: Reports) -> None:
    assert (await reports.put(format="xlsx")).status_code == 201
    assert await reports.run_due("2025-03-29T06:00") == 1
    (email,) = await reports.outbound()
    (file,) = (await reports.message(email["id"])).iter_attachments()
    assert file.get_filename() == "intraday-process-2025-03-28.xlsx"
    assert file.get_content()[:2] == b"PK"
    assert (await reports.care.tell(email["id"], "sending")).status_code == 200
    refused = await reports.care.tell(email["id"], "failed", reason="550 no such user")
    assert (refused.status_code, refused.json()["status"]) == (200, "failed")
    last = (await reports.state())["last"]
    assert (last["emailState"], last["emailError"]) == ("failed", "550 no such user")
    await reports.api.add_key("viewer", Role.VIEWER)
    problem(await reports.api.post(f"/emails/{email['id']}/settle", {"status": "queued"}, "viewer"), 403)
    again = await reports.api.post(f"/emails/{email['id']}/settle", {"status": "queued"})
    assert (again.status_code, again.json()["status"]) == (200, "queued")
    await reports.care.sent(email["id"])
    # What has been sent is removed by age, its file with it; what came of the schedule stays.
    reports.clock.at = datetime(2025, 4, 30, tzinfo=UTC)
    await email_aside.age(await reports.api.services())
    problem(await reports.api.get(f"/emails/{email['id']}/raw"), 404)
    last = (await reports.state())["last"]
    assert (last["outcome"], last["emailState"]) == ("queued", None)


async def test_who_may_schedule_what(reports: Reports) -> None:
    api = reports.api
    await api.add_key("viewer", Role.VIEWER)
    await api.add_key("supervisor", Role.SUPERVISOR)
    await api.add_key("narrow", privileges=["reports.view", "reports.schedule", "workitems.read"])
    path = "/report-schedules/daily"
    problem(await api.get("/report-schedules", "viewer"), 403)
    problem(await api.call("PUT", path, "viewer", json=BODY), 403)
    problem(await api.call("PUT", path, "narrow", json={**BODY, "report": "resource-performance"}), 403)
    assert (await api.call("PUT", path, "supervisor", json=BODY)).status_code == 201
    problem(await api.call("DELETE", path, "viewer"), 403)
    for fields, field in (
        ({"report": "nothing"}, "report"), ({"recipients": ["nobody"]}, "recipients"), ({"mailbox": "none"}, "mailbox"),
        ({"time": "7"}, "time"), ({"text": "{{agent.name}}"}, "text"), ({"recipients": []}, "recipients"),
    ):  # fmt: skip
        refused = await reports.put(**fields)
        assert refused.status_code in (400, 422), refused.text
        assert str(refused.json()["field"]).startswith(field), refused.text
    reports.clock.at = datetime(2025, 3, 28, 12, 0, tzinfo=UTC)
    unchanged = await reports.put(recipients=["otto@example.com"])
    assert (unchanged.status_code, unchanged.json()["since"]) == (200, "2025-03-28T11:00:00Z")
    moved = await reports.put(time="08:00", since="2020-01-01T00:00:00Z")
    assert moved.json()["since"] == "2025-03-28T12:00:00Z"
    async with (await api.services()).runtime.store.reading() as reading:
        night, morning = datetime(2025, 3, 29, 1, tzinfo=UTC), datetime(2025, 3, 29, 8, tzinfo=UTC)
        assert "reports" in await reading.reasons_to_wake(night, night)  # nobody has looked at it yet
    assert await reports.run_due("2025-03-28T12:01") == 0
    async with (await api.services()).runtime.store.reading() as reading:
        assert "reports" not in await reading.reasons_to_wake(night, night)
        assert "reports" in await reading.reasons_to_wake(night, morning)
    assert (await api.call("DELETE", path)).status_code == 204
    assert (await api.get("/report-schedules")).json() == {"reportSchedules": []}
    assert await reports.run_due("2025-03-29T09:00") == 0
