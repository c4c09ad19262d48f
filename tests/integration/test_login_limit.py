"""How often somebody may try to log in: by password and by code, through API and pages, once for each log-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from openiwd.adapters.memory.runtime_cache import MemoryRuntimeCache
from openiwd.api.app import create_app
from openiwd.domain.login import LoginSettings
from openiwd.domain.privilege import Role
from openiwd.domain.rate_limit import Limit, Limits
from openiwd.ports.control_store import StoredLoginSettings
from openiwd.usecases.rate_limits import RateLimits
from openiwd.web.app import create_web
from tests.factories.api import PASSWORD, World, problem
from tests.integration.test_second_factor import code, log_in, set_up

MOST = 3


@pytest.fixture
async def pages(api: World) -> AsyncIterator[httpx.AsyncClient]:
    app: Any = create_app(api.platform, web=create_web)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://iwd") as client:
        yield client


def limit(api: World) -> None:
    """Few failures, which nothing gives back in the time of a test."""
    slowly = 1 / 3_600
    limits = Limits(login=Limit("login", slowly, MOST), login_address=Limit("loginAddress", slowly, 100))
    api.platform.limits = RateLimits(MemoryRuntimeCache(), None, limits)


async def test_wrong_codes_count_like_wrong_passwords(api: World) -> None:
    secret, _ = await set_up(api)
    limit(api)
    for _ in range(2 * MOST):
        problem(await log_in(api), 401, "codeNeeded")
    problem(await log_in(api, password="wrong"), 401, "wrongLogin")
    for _ in range(MOST - 1):
        problem(await log_in(api, code="123"), 401, "wrongCode")
    refused = problem(await log_in(api, code=code(secret)), 429, "tooManyLogins")
    assert refused["retryAfter"] > 0


async def test_a_log_in_of_two_steps_counts_once_where_it_fails(api: World, pages: httpx.AsyncClient) -> None:
    secret, _ = await set_up(api)
    limit(api)
    known = {"login": "sue", "password": PASSWORD, "tenant": "t"}
    for _ in range(2 * MOST):
        answer = await pages.post("/login", data=known)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login/code"), "nothing has failed"
    for _ in range(MOST):
        assert (await pages.post("/login/code", data={"code": "123"})).status_code == 401
    refused = await pages.post("/login/code", data={"code": code(secret)})
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert "Too many failed log-ins" in refused.text
    assert (await pages.post("/login", data=known)).status_code == 429
    limit(api)
    await pages.post("/login", data=known)
    opened = await pages.post("/login/code", data={"code": code(secret, 1)})
    assert opened.status_code == 303
    assert "openiwd_session" in opened.cookies


async def test_a_code_that_sets_up_the_app_counts_too(api: World, pages: httpx.AsyncClient) -> None:
    settings = LoginSettings(second_factor_roles=[Role.SUPERVISOR.value])
    await api.wiring.control.save_login_settings("t", StoredLoginSettings(settings=settings), revision=None)
    await api.add_user("sam", Role.SUPERVISOR)
    limit(api)
    begun = await pages.post("/login", data={"login": "sam", "password": PASSWORD})
    assert begun.headers["location"] == "/login/enrol"
    assert (await pages.get("/login/enrol")).status_code == 200
    for _ in range(MOST):
        assert (await pages.post("/login/enrol", data={"code": "123"})).status_code == 401
    assert (await pages.post("/login/enrol", data={"code": "123"})).status_code == 429
