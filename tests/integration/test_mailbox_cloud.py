"""Mailboxes at Gmail and Microsoft 365 by the API: who gets tokens, a person's consent, tests of connections."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import httpx
import msgspec
import pytest

from openiwd.domain.privilege import Role
from openiwd.processes.wiring import Wiring
from tests.factories.api import SECRET_KEY, World, problem
from tests.factories.mail import set_up_mailbox
from tests.factories.mail_box import addresses
from tests.factories.person import Person
from tests.servers.cloud import CLIENT, SECRET
from tests.servers.gmail import GmailServer
from tests.servers.graph import GraphServer
from tests.servers.mail import MailServer
from tests.servers.postgres import TEMPLATE_TENANT, PostgresServer

Server = GmailServer | GraphServer


@pytest.fixture(params=["gmail", "graph"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    made: Server = GmailServer() if request.param == "gmail" else GraphServer()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def site(
    server: Server, postgres_server: PostgresServer, control_database: str
) -> AsyncIterator[World]:
    """An installation whose providers are the contract server."""
    database = await postgres_server.create_database(TEMPLATE_TENANT)

    async def make_database() -> str:
        return database

    built = World(
        Wiring(control_database, budget=20, secret_keys=[SECRET_KEY], cloud=addresses(server)), make_database
    )
    await built.add_tenant("t")
    yield built
    await built.close()
    await postgres_server.drop_database(database)


def _mailbox(server: Server, sign_in: str = "application", **fields: Any) -> dict[str, Any]:
    return {
        "name": "Care",
        "address": "care@example.com",
        "enabled": True,
        "access": "gmail" if isinstance(server, GmailServer) else "microsoft365",
        "cloud": {"signIn": sign_in, "directory": "example.com", "clientId": CLIENT},
        **fields,
    }


async def _set_up(site: World, server: Server, sign_in: str = "application", **fields: Any) -> None:
    answer = await set_up_mailbox(site, "care", _mailbox(server, sign_in, **fields))
    assert answer.status_code in (200, 201), answer.text
    secrets = {"clientSecret": SECRET, "serviceAccountKey": server.service_account_key}
    assert (await site.call("PUT", "/mailboxes/care/secrets", json=secrets)).status_code == 200


async def _lease(site: World) -> dict[str, Any]:
    holder = str(uuid.uuid4())
    (lease,) = (await site.post("/mailboxes/leases", {"holder": holder})).json()["leases"]
    return {"holder": holder, "epoch": lease["epoch"]}


async def test_the_holder_gets_a_token_and_no_secret(site: World, server: Server) -> None:
    await _set_up(site, server)
    lease = await _lease(site)
    told = await site.post("/mailboxes/care/token", lease)
    assert told.status_code == 200, told.text
    assert told.json()["accessToken"] in server.tokens
    assert told.headers["cache-control"] == "no-store"
    (served,) = (await site.get("/mailboxes?for=email")).json()["served"]
    assert served["secrets"] == {}
    problem(await site.post("/mailboxes/care/token", {**lease, "epoch": 99}), 409, "leaseLost")
    await site.add_key("chief", Role.SUPERVISOR)
    problem(await site.post("/mailboxes/care/token", lease, "chief"), 403)
    wrong = {"clientSecret": "wrong", "serviceAccountKey": "{}"}
    assert (await site.call("PUT", "/mailboxes/care/secrets", json=wrong)).status_code == 200
    why = problem(await site.post("/mailboxes/care/token", lease), 503, "mailProvider")
    assert why["field"] == "token"


class Browser(Person):
    """A person who is logged in."""

    async def back(self, server: Server, state: str, **query: str) -> httpx.Response:
        name = "google" if isinstance(server, GmailServer) else "microsoft"
        return await self.returned(name, state, **query)


@pytest.fixture
async def ines(site: World) -> AsyncIterator[Browser]:
    await site.add_user("ines", Role.ADMINISTRATOR)
    browser = Browser(site)
    await browser.log_in("ines")
    yield browser
    await browser.http.aclose()


async def test_a_person_consents(site: World, server: Server, ines: Browser) -> None:
    await _set_up(site, server, "user")
    lease = await _lease(site)
    assert problem(await site.post("/mailboxes/care/token", lease), 503, "mailProvider")["field"] == "token"
    state, code = server.consent(await ines.begin())
    done = await ines.back(server, state, code=code)
    assert done.status_code == 303, done.text
    told = await site.post("/mailboxes/care/token", lease)
    assert told.json()["accessToken"] in server.tokens
    shown = (await site.get("/mailboxes/care")).text
    assert not any(refresh in shown for refresh in server.refresh_tokens)
    assert "refreshToken" in msgspec.json.decode(shown)["secrets"]
    problem(await ines.back(server, state, code=code), 403, "consentUnknown")

    # a new refresh token replaces the old one
    server.rotates = True
    (first,) = server.refresh_tokens
    assert (await site.post("/mailboxes/care/token", lease)).status_code == 200
    server.refresh_tokens[first] = False
    assert (await site.post("/mailboxes/care/token", lease)).status_code == 200
    for token in server.refresh_tokens:
        server.refresh_tokens[token] = False
    problem(await site.post("/mailboxes/care/token", lease), 503, "mailProvider")


async def test_another_log_in_does_not_end_it(site: World, server: Server, ines: Browser) -> None:
    await _set_up(site, server, "user")
    await site.add_user("omar", Role.ADMINISTRATOR)
    omar = Browser(site)
    await omar.log_in("omar")
    state, code = server.consent(await ines.begin())
    problem(await omar.back(server, state, code=code), 403, "consentUnknown")
    problem(await ines.back(server, state, code=code), 403, "consentUnknown")  # and it is used up
    await omar.http.aclose()


async def test_a_refusal_and_keys_without_a_person_are_told(
    site: World, server: Server, ines: Browser
) -> None:
    await _set_up(site, server, "user")
    state = parse_qs((await ines.begin()).partition("?")[2])["state"][0]
    problem(await ines.back(server, state, error="access_denied"), 409, "consentRefused")
    problem(await site.post("/mailboxes/care/consent"), 403, "sessionNeeded")
    await _set_up(site, server, "application")
    problem(await ines.http.post("/iwd/v3/mailboxes/care/consent"), 409, "noConsentNeeded")


async def test_the_connection_is_tried_step_by_step(site: World, server: Server) -> None:
    await _set_up(site, server, enabled=False)
    told = (await site.post("/mailboxes/care/test", {})).json()
    assert told["ok"]
    assert [s["name"] for s in told["steps"]] == ["token", "incoming", "folder", "outgoing"]
    draft = _mailbox(server, incoming={"folders": ["INBOX", "Nowhere"]})
    told = (await site.post("/mailboxes/care/test", {"mailbox": draft})).json()
    (failed,) = [s for s in told["steps"] if not s["ok"]]
    assert (failed["name"], failed["about"], failed["failedAt"]) == ("folder", "Nowhere", "folder")
    assert failed["remedy"]
    await site.call("PUT", "/mailboxes/care/secrets", json={"clientSecret": None, "serviceAccountKey": None})
    told = (await site.post("/mailboxes/care/test", {})).json()
    assert [(s["name"], s["failedAt"]) for s in told["steps"]] == [("token", "token")]


async def test_imap_and_smtp_are_tried_step_by_step(api: World, mail_server: MailServer) -> None:
    care = mail_server.account()
    body: dict[str, Any] = {
        "name": "Care", "address": care, "caCertificate": mail_server.certificate,
        "incoming": {
            "host": "localhost", "port": mail_server.imaps, "user": care, "afterStoring": "move", "moveTo": "No",
        },
        "outgoing": {"host": "localhost", "port": mail_server.smtp, "user": care},
    }  # fmt: skip
    assert (await api.call("PUT", "/mailboxes/care", json=body)).status_code == 201
    right = {"imapPassword": mail_server.password, "smtpPassword": "wrong"}
    assert (await api.call("PUT", "/mailboxes/care/secrets", json=right)).status_code == 200
    told = (await api.post("/mailboxes/care/test", {})).json()
    assert [(s["name"], s["ok"], s.get("failedAt")) for s in told["steps"]] == [
        ("incoming", True, None),
        ("folder", True, None),
        ("moveTo", False, "folder"),
        ("outgoing", False, "login"),
    ]
    for change, failed_at in (({"port": 1}, "connection"), ({"host": "no-such-host.invalid"}, "connection")):
        draft = {**body, "incoming": {**body["incoming"], **change}}
        told = (await api.post("/mailboxes/care/test", {"mailbox": draft})).json()
        assert (told["steps"][0]["name"], told["steps"][0]["failedAt"]) == ("incoming", failed_at)
    draft = {**body, "caCertificate": ""}
    told = (await api.post("/mailboxes/care/test", {"mailbox": draft})).json()
    assert told["steps"][0]["failedAt"] == "tls"
