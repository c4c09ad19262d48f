"""Second factors on a real database: set up, asked for, replayed, recovered, enforced; passwords hashed anew."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from argon2 import PasswordHasher
from msgspec.structs import replace

from openiwd.adapters.memory.runtime_cache import MemoryRuntimeCache
from openiwd.adapters.secret_box.aes_gcm import AesGcmBox
from openiwd.domain.login import LoginSettings
from openiwd.domain.one_time_code import code_at, step_of
from openiwd.domain.privilege import Role
from openiwd.ports.control_store import StoredLoginSettings, User
from openiwd.usecases.session_copies import SessionCopies
from openiwd.usecases.user import Identities, hash_secret
from tests.factories.api import PASSWORD, SECRET_KEY, World, problem


def code(secret: str, ahead: int = 0) -> str:
    raw = base64.b32decode(secret + "=" * (-len(secret) % 8))
    return code_at(raw, step_of(time.time()) + ahead)


async def log_in(api: World, login: str = "sue", **more: Any) -> httpx.Response:
    api.http.cookies.clear()
    body = {"login": login, "password": PASSWORD, **more}
    return await api.post("/sessions", body, None)


async def change(api: World, method: str, path: str, csrf: str, json: Any = None) -> httpx.Response:
    arguments = {} if json is None else {"json": json}
    return await api.call(method, path, None, headers={"X-CSRF-Token": csrf}, **arguments)


async def set_up(api: World) -> tuple[str, list[str]]:
    """A user with a second factor: its secret and recovery codes. The code of the step before now is spent."""
    await api.add_user("sue", Role.SUPERVISOR)
    csrf = (await log_in(api)).json()["csrfToken"]
    begun = await change(api, "POST", "/users/me/second-factor", csrf)
    assert begun.status_code == 201, begun.text
    secret = begun.json()["secret"]
    assert begun.json()["address"].startswith(f"otpauth://totp/OpenIWD%3Asue?secret={secret}&")
    wrong = await change(api, "POST", "/users/me/second-factor/confirm", csrf, {"code": "000000x"})
    problem(wrong, 400, "wrongCode")
    confirmed = await change(api, "POST", "/users/me/second-factor/confirm", csrf, {"code": code(secret, -1)})
    assert confirmed.status_code == 200, confirmed.text
    assert (await log_in(api)).status_code == 401, "a code is needed from now on"
    return secret, confirmed.json()["recoveryCodes"]


async def stored_user(api: World, login: str = "sue") -> User:
    found = await api.wiring.control.user("t", login)
    assert found is not None
    return found


async def test_a_code_is_asked_for_and_good_once(api: World) -> None:
    secret, _ = await set_up(api)
    problem(await log_in(api), 401, "codeNeeded")
    problem(await log_in(api, code="123"), 401, "wrongCode")
    problem(await log_in(api, password="wrong", code=code(secret)), 401, "wrongLogin")
    given = code(secret)
    assert (await log_in(api, code=given)).status_code == 201
    problem(await log_in(api, code=given), 401, "wrongCode")
    assert (await log_in(api, code=code(secret, 1))).status_code == 201, "the next one is good"
    problem(await log_in(api, code=given), 401, "wrongCode")


async def test_recovery_codes_are_good_once_each(api: World) -> None:
    _, codes = await set_up(api)
    assert len(set(codes)) == 10
    first = await log_in(api, code=codes[0].upper().replace("-", " "))
    assert first.status_code == 201
    state = (await api.get("/users/me/second-factor", None)).json()
    assert (state["recoveryCodes"], state["isNeeded"]) == (9, False)
    problem(await log_in(api, code=codes[0]), 401, "wrongCode")
    second = await log_in(api, code=codes[1])
    csrf = second.json()["csrfToken"]
    renewing = {"password": "wrong"}
    problem(
        await change(api, "POST", "/users/me/second-factor/recovery-codes", csrf, renewing),
        400,
        "wrongPassword",
    )
    renewed = await change(
        api, "POST", "/users/me/second-factor/recovery-codes", csrf, {"password": PASSWORD}
    )
    problem(await log_in(api, code=codes[2]), 401, "wrongCode")
    assert (await log_in(api, code=renewed.json()["recoveryCodes"][3])).status_code == 201


async def test_wrong_codes_lock_the_login_like_wrong_passwords(api: World) -> None:
    secret, _ = await set_up(api)
    for _ in range(10):
        problem(await log_in(api, code="123"), 401, "wrongCode")
    problem(await log_in(api, code=code(secret)), 429, "lockedOut")


async def test_the_secret_lies_sealed_and_is_told_nowhere(api: World) -> None:
    secret, codes = await set_up(api)
    factor = await api.wiring.control.second_factor((await stored_user(api)).id)
    assert factor.sealed is not None
    assert base64.b32decode(secret + "=" * (-len(secret) % 8)).hex().encode() not in factor.sealed
    told = (await api.get("/users")).text + (await api.get("/audit")).text
    assert secret not in told
    assert codes[0] not in told
    assert "secondFactorSet" in told


async def test_it_ends_with_the_password_or_by_an_administrator(api: World) -> None:
    _, codes = await set_up(api)
    csrf = (await log_in(api, code=codes[0])).json()["csrfToken"]
    path = "/users/me/second-factor/end"
    problem(await change(api, "POST", path, csrf, {"password": "wrong"}), 400, "wrongPassword")
    assert (await change(api, "POST", path, csrf, {"password": PASSWORD})).status_code == 204
    assert (await log_in(api)).status_code == 201
    csrf = (await log_in(api)).json()["csrfToken"]
    secret = (await change(api, "POST", "/users/me/second-factor", csrf)).json()["secret"]
    await change(api, "POST", "/users/me/second-factor/confirm", csrf, {"code": code(secret)})
    user = await stored_user(api)
    await api.add_key("viewer", Role.VIEWER)
    assert (await api.call("DELETE", f"/users/{user.id}/second-factor", "viewer")).status_code == 403
    assert (await api.call("DELETE", f"/users/{user.id}/second-factor")).status_code == 204
    assert (await log_in(api)).status_code == 201


async def test_a_role_may_not_do_without(api: World) -> None:
    settings = LoginSettings(second_factor_roles=["supervisor"])
    await api.wiring.control.save_login_settings("t", StoredLoginSettings(settings=settings), revision=None)
    await api.add_user("sue", Role.SUPERVISOR)
    await api.add_user("vic", Role.VIEWER)
    problem(await log_in(api), 401, "enrolmentNeeded")
    assert (await log_in(api, "vic")).status_code == 201
    identities = api.platform.identities
    user = await identities.first_step("sue", PASSWORD, "t")
    secret = (await identities.factors.pending(user)).secret
    assert (await identities.factors.pending(user)).secret == secret, "reloading the page keeps it"
    codes = await identities.confirm_enrolment(user, code(secret))
    inside = await log_in(api, code=codes[0])
    assert inside.status_code == 201
    refused = await change(
        api, "POST", "/users/me/second-factor/end", inside.json()["csrfToken"], {"password": PASSWORD}
    )
    problem(refused, 403, "secondFactorNeeded")


async def test_a_confirmed_second_factor_cannot_be_replaced_without_ending_it(api: World) -> None:
    _, codes = await set_up(api)
    csrf = (await log_in(api, code=codes[0])).json()["csrfToken"]
    problem(await change(api, "POST", "/users/me/second-factor", csrf), 409, "secondFactorExists")


async def test_a_hash_of_other_parameters_is_replaced_at_the_next_log_in(api: World) -> None:
    await api.add_user("sue", Role.SUPERVISOR)
    user = await stored_user(api)
    weak = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    await api.wiring.control.save_user(replace(user, password_hash=weak), revision=None)
    problem(await log_in(api, password="wrong"), 401, "wrongLogin")
    assert (await stored_user(api)).password_hash == weak
    assert (await log_in(api)).status_code == 201
    after = (await stored_user(api)).password_hash
    assert after is not None
    assert after.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert (await log_in(api)).status_code == 201
    assert (await stored_user(api)).password_hash == after


async def test_sessions_are_listed_ended_and_end_by_themselves(api: World) -> None:
    await api.add_user("sue", Role.SUPERVISOR)
    await api.add_user("vic", Role.VIEWER)
    first = await log_in(api)
    token = first.cookies["openiwd_session"]
    second = await log_in(api)
    csrf = second.json()["csrfToken"]
    listed = (await api.get("/users/me/sessions", None)).json()["sessions"]
    assert [s["isCurrent"] for s in listed].count(True) == 1
    assert len(listed) == 2
    other = next(s["id"] for s in listed if not s["isCurrent"])
    assert "token" not in str(listed).lower()
    assert (await change(api, "DELETE", f"/users/me/sessions/{other}", csrf)).status_code == 204
    problem(await change(api, "DELETE", f"/users/me/sessions/{other}", csrf), 404)
    mine = next(s["id"] for s in listed if s["isCurrent"])
    csrf_of_vic = (await log_in(api, "vic")).json()["csrfToken"]
    problem(await change(api, "DELETE", f"/users/me/sessions/{mine}", csrf_of_vic), 404)
    api.http.cookies.clear()
    problem(await api.get("/users/me", None, headers={"cookie": f"openiwd_session={token}"}), 401)


async def test_a_session_ends_when_idle_and_after_the_longest_time(api: World) -> None:
    settings = LoginSettings(idle_minutes=30, longest_hours=2)
    await api.wiring.control.save_login_settings("t", StoredLoginSettings(settings=settings), revision=None)
    await api.add_user("sue", Role.SUPERVISOR)
    clock = [datetime.now(UTC)]
    identities = Identities(api.wiring.control, now=lambda: clock[0])
    start = clock[0]

    async def is_open(token: str, minutes: int) -> bool:
        clock[0] = start + timedelta(minutes=minutes)
        identities.forget()
        return await identities.caller_of_session(token) is not None

    idle, _ = await identities.login("sue", PASSWORD)
    assert await is_open(idle, 29)
    assert await is_open(idle, 58), "use prolongs it"
    assert not await is_open(idle, 89)
    clock[0] = start
    long, _ = await identities.login("sue", PASSWORD)
    for minutes in range(20, 120, 20):
        assert await is_open(long, minutes)
    assert not await is_open(long, 121), "however much it is used"


async def test_a_copy_of_a_session_prolongs_nothing_and_outlives_nothing(api: World) -> None:
    settings = LoginSettings(idle_minutes=30, longest_hours=1)
    await api.wiring.control.save_login_settings("t", StoredLoginSettings(settings=settings), revision=None)
    await api.add_user("sue", Role.SUPERVISOR)
    control, clock = api.wiring.control, [datetime.now(UTC)]
    start, cache = clock[0], MemoryRuntimeCache(monotonic=lambda: 0.0)
    one, other = (Identities(control, now=lambda: clock[0]) for _ in range(2))
    one.copies, other.copies = (SessionCopies(cache, AesGcmBox([SECRET_KEY])) for _ in range(2))

    async def is_open(minutes: int) -> bool:
        """By the process that has made no copy itself; which of copies and database answers, is counted."""
        clock[0] = start + timedelta(minutes=minutes)
        other.forget_known()
        return await other.caller_of_session(token) is not None

    token, session = await one.login("sue", PASSWORD)
    assert await one.caller_of_session(token) is not None
    assert await is_open(2)
    assert other.copies.outcomes["hit"] == 1
    stored = await control.session(hash_secret(token))
    assert stored is not None
    assert stored.expires_at == session.expires_at, "a use that a copy answers prolongs nothing"
    assert await is_open(20), "the database prolongs it"
    stored = await control.session(hash_secret(token))
    assert stored is not None
    assert stored.expires_at == start + timedelta(minutes=50)
    assert not await is_open(51)
    assert await is_open(45)
    stored = await control.session(hash_secret(token))
    assert stored is not None
    assert stored.expires_at == session.over_at, "no longer than it may last"
    await one.end(hash_secret(token))
    await control.end_session(hash_secret(token))
    assert not await is_open(46)
