"""The control store on a real database: logins, sessions, keys, leases by the database's clock, audit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest
from msgspec.structs import replace

from openiwd.adapters.postgres.control_store import PostgresControlStore
from openiwd.adapters.postgres.pools import TenantPools
from openiwd.domain.errors import DuplicateError, NotFoundError, RevisionMismatchError
from openiwd.ports.control_store import AccessGroup, ApiKey, AuditEntry, Session, User
from openiwd.ports.tenant_store import Tenant

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LONG, OVER = 600.0, -1.0


@pytest.fixture
async def control(control_database: str) -> AsyncIterator[PostgresControlStore]:
    pools = TenantPools(lambda _: control_database, budget=4)
    store = PostgresControlStore(pools)
    for name in ("acme", "zeta"):
        await store.save_tenant(Tenant(id=name, name=name.title(), database_name=f"iwd_{name}"))
    yield store
    await pools.close()


def user(login: str = "anna", tenant: str = "acme", **fields: object) -> User:
    values = {"id": uuid4(), "tenant_id": tenant, "login": login, "name": login.title(), "role": "agent"}
    return User(**{**values, **fields})  # type: ignore[arg-type]


def session_of(anna: User) -> Session:
    return Session(user=anna, csrf_token="csrf", expires_at=NOW, over_at=NOW, idle_seconds=60)


async def test_a_tenant_is_saved_and_changed(control: PostgresControlStore) -> None:
    changed = Tenant(id="acme", name="ACME", database_name="other", clock="virtual", settings={"a": [1]})
    await control.save_tenant(changed)
    found = await control.tenant("acme")
    assert found is not None
    assert (found.name, found.settings) == ("ACME", {"a": [1]})
    assert (found.database_name, found.clock) == ("iwd_acme", "real"), "these are made once"
    assert [t.id for t in await control.tenants()] == ["acme", "zeta"]
    assert await control.tenant("none") is None


async def test_a_user_is_found_by_login(control: PostgresControlStore) -> None:
    anna = user(password_hash="argon", access_groups=["north"], agent_id="a1")
    await control.save_user(anna, revision=None)
    assert await control.user("acme", "anna") == anna
    assert await control.user(None, "anna") == anna
    await control.save_user(user(tenant="zeta"), revision=None)
    assert await control.user(None, "anna") is None, "two tenants have this login"
    assert await control.user("acme", "anna") == anna


async def test_a_login_is_taken_once_per_tenant(control: PostgresControlStore) -> None:
    await control.save_user(user(), revision=None)
    with pytest.raises(DuplicateError) as raised:
        await control.save_user(user(), revision=None)
    assert raised.value.field == "login"


async def test_a_user_changes_only_at_the_revision_named(control: PostgresControlStore) -> None:
    anna = user()
    await control.save_user(anna, revision=None)
    anna.name = "Anna B."
    await control.save_user(anna, revision=1)
    with pytest.raises(RevisionMismatchError):
        await control.save_user(anna, revision=1)
    (found,) = await control.users("acme")
    assert (found.name, found.revision) == ("Anna B.", 2)
    with pytest.raises(RevisionMismatchError):
        await control.save_user(user("new"), revision=1)


async def test_logins_are_recorded(control: PostgresControlStore) -> None:
    anna = user()
    await control.save_user(anna, revision=None)
    await control.record_login(anna.id, failed_logins=3, locked_until=None, at=NOW)
    found = await control.user("acme", "anna")
    assert found is not None
    assert (found.failed_logins, found.last_login_at) == (3, None)
    await control.record_login(anna.id, failed_logins=0, locked_until=None, at=NOW)
    found = await control.user("acme", "anna")
    assert found is not None
    assert (found.failed_logins, found.last_login_at) == (0, NOW)


async def test_a_session_lives_until_it_ends(control: PostgresControlStore) -> None:
    anna = user()
    await control.save_user(anna, revision=None)
    for token in (b"1", b"2", b"3"):
        await control.create_session(token, session_of(anna))
    await control.touch_session(b"1", NOW + timedelta(hours=1))
    found = await control.session(b"1")
    assert found is not None
    assert (found.user, found.csrf_token, found.expires_at) == (anna, "csrf", NOW + timedelta(hours=1))
    await control.end_session(b"2")
    assert await control.session(b"2") is None
    await control.forget_sessions(NOW)
    assert await control.session(b"3") is None
    await control.end_sessions(anna.id)
    assert await control.session(b"1") is None


async def test_a_key_is_found_by_its_hash_and_belongs_to_its_tenant(control: PostgresControlStore) -> None:
    key = ApiKey(
        id=uuid4(),
        tenant_id="acme",
        name="crm",
        key_hint="abc…",
        privileges=["workitems.create"],
        created_at=NOW,
    )
    platform = ApiKey(id=uuid4(), tenant_id=None, name="platform", key_hint="xyz…", created_at=NOW)
    await control.save_api_key(key, b"h1")
    await control.save_api_key(platform, b"h2")
    assert await control.api_key(b"h1") == key
    assert await control.api_keys(None) == [platform]
    key.name = "crm2"
    await control.save_api_key(key, None)
    await control.touch_api_keys([(key.id, NOW), (key.id, NOW - timedelta(1)), (platform.id, NOW)])
    found = await control.api_key(b"h1")
    assert found is not None
    assert (found.name, found.last_used_at) == ("crm2", NOW)
    key.tenant_id = "zeta"
    with pytest.raises(NotFoundError):
        await control.save_api_key(key, None)
    assert not await control.delete_api_key("zeta", key.id)
    assert await control.delete_api_key("acme", key.id)
    assert await control.api_key(b"h1") is None


async def test_access_groups(control: PostgresControlStore) -> None:
    group = AccessGroup(id="north", name="North", categories=["Claims/Motor"], queues=["q1"])
    assert await control.save_access_group("acme", group, 0) == 1
    group.queues = []
    assert await control.save_access_group("acme", group) == 2
    for stale in (0, 1, 3):
        with pytest.raises(RevisionMismatchError):
            await control.save_access_group("acme", replace(group, name="Stale"), stale)
    with pytest.raises(RevisionMismatchError):
        await control.save_access_group("acme", replace(group, id="south"), 1)
    assert await control.access_groups("acme") == [replace(group, revision=2)]
    assert await control.access_groups("zeta") == []
    assert not await control.delete_access_group("zeta", "north")
    assert await control.delete_access_group("acme", "north")


async def test_a_process_lives_by_the_clock_of_the_database(control: PostgresControlStore) -> None:
    here, gone = uuid4(), uuid4()
    await control.renew_process(here, "up", None, LONG)
    await control.renew_process(gone, "up", "host:1", LONG)
    assert await control.live_processes() == {here, gone}
    await control.renew_process(gone, "up", "host:1", OVER)
    assert await control.live_processes() == {here}
    await control.end_process(here)
    assert await control.live_processes() == set()


async def test_the_decider_lease_has_one_holder_and_its_epoch_rises(control: PostgresControlStore) -> None:
    first, second = uuid4(), uuid4()
    assert await control.take_decider_lease("acme", first) is None, "only a live process holds a lease"
    await control.renew_process(first, "up", None, LONG)
    await control.renew_process(second, "up", None, LONG)
    assert await control.take_decider_lease("acme", first) == 1
    assert await control.take_decider_lease("acme", second) is None
    assert await control.take_decider_lease("acme", first) == 1, "it has it already"
    await control.renew_process(first, "up", None, OVER)
    assert await control.take_decider_lease("acme", second) == 2
    await control.renew_process(first, "up", None, LONG)
    assert await control.take_decider_lease("acme", first) is None
    await control.give_up_decider_leases(second)
    assert await control.take_decider_lease("acme", first) == 3, "an epoch never comes again"
    assert await control.take_decider_lease("zeta", second) == 1


async def test_a_publication_is_prepared_by_all_who_live_one_at_a_time(control: PostgresControlStore) -> None:
    own, other, mail = uuid4(), uuid4(), uuid4()
    first, second = uuid4(), uuid4()
    assert not await control.prepare("acme", first, own), "only a live process publishes so"
    for process, kind in ((own, "serve"), (other, "serve"), (mail, "email")):
        await control.renew_process(process, kind, None, LONG)
    assert await control.prepare("acme", first, own)
    assert not await control.prepare("acme", second, other)
    assert await control.prepare("zeta", uuid4(), other), "tenants do not wait for each other"
    assert await control.preparations(own) != {}
    assert (await control.preparations(other)) == {first: "acme"}
    assert await control.unprepared(first, own) == {other: None}, "who does not judge is not waited for"
    await control.acknowledge_preparation(first, other, 2, "it does not compile")
    assert await control.unprepared(first, own) == {other: "it does not compile"}
    await control.acknowledge_preparation(first, other, 2, None)
    assert await control.unprepared(first, own) == {}
    await control.renew_process(own, "serve", None, OVER)
    assert await control.preparations(other) == {}, "who dies publishes nothing more"
    assert await control.prepare("acme", second, other)
    assert await control.unprepared(second, other) == {}, "a dead process is not waited for"
    await control.renew_process(own, "serve", None, LONG)
    assert await control.unprepared(second, other) == {own: None}, "an answer to another one does not count"
    await control.end_preparation(second)
    assert second not in await control.preparations(own)


async def test_the_audit_log_is_read_backwards_per_tenant(control: PostgresControlStore) -> None:
    entries = [
        AuditEntry(
            at=NOW + timedelta(n), actor="user:a", action=f"act{n}", object_kind="queue", detail={"n": n}
        )
        for n in range(5)
    ]
    await control.audit("acme", entries)
    await control.audit("zeta", entries[:1])
    newest = await control.audit_log("acme", None, 2)
    assert [entry for _, entry in newest] == [entries[4], entries[3]]
    rest = await control.audit_log("acme", newest[-1][0], 10)
    assert [entry.detail["n"] for _, entry in rest] == [2, 1, 0]


async def test_secrets_are_stored_as_hashes_only(
    control: PostgresControlStore, control_database: str
) -> None:
    connection = await asyncpg.connect(control_database)
    try:
        columns = await connection.fetch(
            "SELECT table_name || '.' || column_name AS name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND column_name ~ 'token|secret|key_'"
        )
    finally:
        await connection.close()
    assert {c["name"] for c in columns} == {
        "session.token_hash", "session.csrf_token", "api_key.key_hash", "api_key.key_hint",
        "session.provider_token", "login_settings.client_secret",  # sealed
    }  # fmt: skip
