"""The doctor on a real database: what is broken is found, what fails says so, and who may not see it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from openiwd.adapters.postgres.doctor_reading import DOCTOR_SQL
from openiwd.adapters.postgres.pools import CONTROL
from openiwd.domain.doctor.finding import Finding, Severity, finding
from openiwd.domain.errors import UnavailableError
from openiwd.domain.privilege import Role
from openiwd.domain.work_item import Status
from openiwd.processes.identity import new_id
from openiwd.usecases.doctor import Registered
from openiwd.usecases.doctor_check import Examination
from openiwd.usecases.picture import Picture
from tests.factories.api import World, problem
from tests.factories.capture import put_point
from tests.factories.mail import mailbox, set_up_mailbox
from tests.factories.stored_item import open_offers, store_items, stored_item
from tests.factories.tenant import MovedClock


async def report(api: World, key: str = "t") -> dict[str, Any]:
    api.platform.doctor._latest.clear()
    answer = await api.get("/doctor", key)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def found(api: World, *checks: str) -> list[tuple[str, str]]:
    """(code, severity) of the findings of some checks."""
    told = await report(api)
    return [(f["code"], f["severity"]) for f in told["findings"] if f["check"] in checks]


async def decided(api: World) -> None:
    """A process that decides, as the leases have it."""
    process = (await api.services()).process_id
    await api.wiring.control.renew_process(process, "serve", None, 60.0)
    assert await api.wiring.control.take_decider_lease("t", process) is not None


async def test_a_sound_tenant_has_only_hints(api: World) -> None:
    await decided(api)
    await api.add_agent("amara")
    await api.ready("amara")
    told = await report(api)
    assert {c["check"] for c in told["checks"] if c["state"] != "done"} == set(), told["findings"]
    assert {c["check"] for c in told["checks"]} >= {
        "eligibility",
        "rules",
        "processes",
        "log",
        "database",
        "mart",
    }
    assert told["counts"]["critical"] == 0, told["findings"]
    absent = [f["values"]["area"] for f in told["findings"] if f["code"] == "notInstalled"]
    assert absent == ["mart"], "this process knows none"


async def test_items_for_nobody_with_and_without_a_picture(api: World) -> None:
    await api.item("c1")
    await api.item("c2")
    expected = [("nobodyEver", "critical")]
    assert await found(api, "eligibility") == expected
    services = await api.services()
    services.picture = await Picture.load(services)
    told = await report(api)
    (one,) = [f for f in told["findings"] if f["check"] == "eligibility"]
    assert (one["code"], one["figures"]["items"]) == ("nobodyEver", 2)
    assert one["examples"][0]["link"].startswith("/?item=")
    await api.add_agent("amara")
    assert await found(api, "eligibility") == [("nobodyNow", "warning")]
    await api.ready("amara")
    assert await found(api, "eligibility") == []


async def test_late_items_and_errors(api: World) -> None:
    services = await api.services()
    due = services.runtime.now() - timedelta(hours=1)
    items = [
        stored_item("late", queue_id="claims", category_path="Claims/Motor", due_at=due),
        stored_item("bad1", status=Status.ERRORHELD, error="no category"),
        stored_item("bad2", status=Status.ERRORHELD, error="no category"),
    ]
    await store_items(services.runtime.store, items)
    told = [f for f in (await report(api))["findings"] if f["check"] == "late"]
    assert [(f["code"], f["figures"]["items"]) for f in told] == [("errorheld", 2), ("overdueWaiting", 1)]
    assert {e["text"] for e in told[0]["examples"]} == {"bad1", "bad2"}
    assert told[1]["examples"][0]["text"] == "late"


async def test_nobody_decides_and_leases_are_over(api: World) -> None:
    assert ("noDecider", "critical") in await found(api, "processes")
    await decided(api)
    assert await found(api, "processes") == []
    control = api.wiring.control
    services = await api.services()
    now = services.runtime.now()
    await control.renew_process(new_id(), "serve", "http://10.0.0.7:4024", -5.0)
    await control.renew_process(new_id(), "serve", None, 60.0, now + timedelta(seconds=20))
    item = stored_item(
        "o",
        queue_id="claims",
        offer_id=uuid4(),
        offered_to="amara",
        offer_expires_at=now - timedelta(minutes=5),
    )
    (stored,) = await store_items(services.runtime.store, [item])
    async with api.wiring.pools.acquire("t") as connection:
        await open_offers(connection, [stored])
    assert await found(api, "processes") == [
        ("clockSkew", "critical"), ("offersExpired", "critical"), ("timersLate", "critical"), ("processGone", "info"),
    ]  # fmt: skip


async def test_a_log_with_a_gap_and_an_item_that_changed_without_its_event(api: World) -> None:
    for n in range(4):
        await api.item(f"c{n}")
    assert await found(api, "log") == []
    async with api.wiring.pools.acquire("t") as connection:
        async with connection.transaction():
            await connection.execute("SELECT set_config('openiwd.act', 'log retention', true)")
            await connection.execute("DELETE FROM event WHERE pos = 2")
        await connection.execute("UPDATE item SET revision = 9 WHERE capture_id = 'c3'")
    told = [f for f in (await report(api))["findings"] if f["check"] == "log"]
    assert [(f["code"], f["figures"]) for f in told] == [
        ("logDiffers", {"items": 1}),
        ("logGap", {"missing": 1}),
    ]


async def test_runs_drafts_and_keys(api: World) -> None:
    await api.add_key("soon", Role.VIEWER)
    async with api.wiring.pools.acquire("t") as connection:
        await connection.execute(
            "INSERT INTO bulk_job (id, action, request, actor, created_at)"
            " VALUES (gen_random_uuid(), 'hold', '{}', 'user:x', now() - interval '2 hours')"
        )
        await connection.execute(
            "INSERT INTO rule_set_draft (id, body) VALUES (gen_random_uuid(), jsonb_build_object('name', 'Old',"
            " 'changedAt', '2020-01-01T00:00:00Z'))"
        )
    async with api.wiring.pools.acquire(CONTROL) as connection:
        await connection.execute(
            "UPDATE api_key SET expires_at = now() + interval '3 days', last_used_at = now() WHERE name = 'soon'"
        )
    assert await found(api, "runs", "keys") == [
        ("keyExpires", "warning"), ("bulkStuck", "warning"), ("draftOld", "info"),
    ]  # fmt: skip


async def test_without_rules_it_says_so(api: World) -> None:
    await api.add_tenant("empty", rules=None)
    answer = (await api.get("/doctor", "empty")).json()
    assert [f["code"] for f in answer["findings"] if f["severity"] == "critical"] == [
        "noRuleSet",
        "noDecider",
    ]
    assert {c["state"] for c in answer["checks"]} == {"done"}


async def test_a_check_that_fails_says_so_and_breaks_no_other(api: World) -> None:
    async def broken(_: Examination) -> Sequence[Finding]:
        raise UnavailableError("no answer")

    async def wrong(_: Examination) -> Sequence[Finding]:
        raise KeyError("x")

    async def endless(_: Examination) -> Sequence[Finding]:
        await asyncio.Event().wait()
        return []

    for name, run in (("mart", broken), ("mailboxes", wrong), ("capturePoints", endless)):
        api.platform.doctor.register(Registered(name, run, seconds=0.05))
    told = await report(api)
    failed = {
        f["values"]["name"]: f["values"]["reason"] for f in told["findings"] if f["code"] == "checkFailed"
    }
    assert failed == {
        "mart": "no answer",
        "mailboxes": "KeyError: 'x'",
        "capturePoints": "it took longer than 0.05 s",
    }
    states = {c["check"]: c["state"] for c in told["checks"]}
    assert [c for c, s in states.items() if s == "failed"] == ["mart", "mailboxes", "capturePoints"]
    assert any(f["check"] == "database" for f in told["findings"])


async def test_capture_points_that_nobody_reads(api: World) -> None:
    await put_point(api, "files", source={"kind": "file", "folder": "in"})
    await put_point(api, "portal", source={"kind": "rest"})
    services = await api.services()
    assert await found(api, "capturePoints") == []
    services.runtime.clock = clock = MovedClock(datetime.now(UTC))
    clock.move(minutes=3)
    assert await found(api, "capturePoints") == [("captureUnread", "critical")]
    away = {"state": "away", "lastError": "gone", "awaySince": datetime.now(UTC).isoformat()}
    async with services.runtime.store.writing() as tx:
        await tx.take_capture_leases(uuid4(), "host", {"files": away}, 600)
    assert await found(api, "capturePoints") == [("captureAway", "critical")]


async def test_mailboxes_that_nobody_serves_or_that_fail(api: World) -> None:
    assert (await set_up_mailbox(api, "care", mailbox())).status_code == 200
    assert (
        await api.call("PUT", "/mailboxes/off", json=mailbox("o@example.com", enabled=False))
    ).status_code == 201
    assert await found(api, "mailboxes") == [("mailboxUnserved", "critical")]
    assert (await api.post("/mailboxes/leases", {"holder": str(uuid4())})).status_code == 200
    assert await found(api, "mailboxes") == []
    services = await api.services()
    async with services.runtime.store.writing() as tx:
        failed = datetime.now(UTC) - timedelta(minutes=5)
        await tx.save_mailbox_status("care", "incoming", ok=False, error="535 refused", now=failed)
    told = await report(api)
    (one,) = [f for f in told["findings"] if f["check"] == "mailboxes"]
    assert (one["code"], one["values"]["error"]) == ("mailboxInDown", "535 refused")


async def test_a_statement_is_stopped_in_time(api: World) -> None:
    store = (await api.services()).runtime.store
    with pytest.raises(UnavailableError, match="too long"):
        async with store.examining(0.05) as reading:
            await reading._connection.execute("SELECT pg_sleep(20)")  # type: ignore[attr-defined]
    async with store.examining(5.0) as reading:
        assert await reading.epoch() == 0


async def test_an_area_that_is_installed_takes_its_place(api: World) -> None:
    async def mart(_: Examination) -> Sequence[Finding]:
        return [finding("mart", "notInstalled", Severity.WARNING, area="mart")]

    api.platform.doctor.register(Registered("mart", mart))
    assert ("notInstalled", "warning") in await found(api, "mart")


async def test_a_report_is_kept_for_a_moment_and_metrics_show_it(api: World) -> None:
    await api.item("c1")
    first = (await api.get("/doctor")).json()
    assert (await api.get("/doctor")).json()["at"] == first["at"]
    text = (await api.get("/metrics")).text
    assert 'iwd_doctor_findings{check="eligibility",severity="critical",tenant="t"} 1.0' in text
    assert 'iwd_doctor_findings{check="eligibility",severity="warning",tenant="t"} 0.0' in text
    assert 'iwd_doctor_report_timestamp_seconds{tenant="t"}' in text


async def test_who_sees_what(api: World) -> None:
    await api.add_access_group("lending", categories=["Lending"], queues=[])
    await api.add_key("loans", Role.SUPERVISOR, access_groups=["lending"])
    await api.add_key("viewer", Role.VIEWER)
    await api.add_agent("amara")
    problem(await api.get("/doctor", "loans"), 403, "wholeTenant")
    problem(await api.get("/doctor", "amara"), 403)
    problem(await api.get("/doctor", None), 401)
    seen = {c["check"] for c in (await report(api, "viewer"))["checks"]}
    assert {"eligibility", "processes", "rules"} <= seen
    assert not {"database", "keys", "log"} & seen
    assert all(f["check"] in seen for f in (await report(api, "viewer"))["findings"])


async def test_the_queries_use_their_indexes(api: World) -> None:
    services = await api.services()
    await store_items(services.runtime.store, [stored_item(f"c{n}", queue_id="claims") for n in range(300)])
    async with api.wiring.pools.acquire("t") as connection:
        await connection.execute("ANALYZE")
        await connection.execute("SET enable_seqscan = off")
        asked: dict[str, list[Any]] = {
            "overdue": [services.runtime.now()],
            "overdue_first": [services.runtime.now(), 5],
            "error_causes": [5],
            "expired_offers": [services.runtime.now(), 5],
        }
        for name, arguments in asked.items():
            plan = await connection.fetch(f"EXPLAIN {DOCTOR_SQL[name]}", *arguments)
            text = "\n".join(r[0] for r in plan)
            assert "Seq Scan" not in text, (name, text)
            assert "Index" in text, (name, text)
        await connection.execute("RESET enable_seqscan")
