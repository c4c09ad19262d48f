"""IMAP and SMTP let in by access tokens: Dovecot and Postfix, which ask an authorization server who a token is."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from msgspec.structs import replace

from openiwd.adapters.imap import imap_reader
from openiwd.adapters.iwd_http.http_iwd import HttpIwd
from openiwd.adapters.smtp import smtp_sender
from openiwd.domain.email.sasl import TokenMechanism
from openiwd.domain.email.server_oauth import ServerOAuth
from openiwd.domain.privilege import Role
from openiwd.ports.mail_provider import MailProviderError, SendResult
from openiwd.processes.email import EmailProcess
from openiwd.processes.mail_provider import MailProviders
from openiwd.usecases.access_tokens import KeptToken
from tests.factories.api import World, problem
from tests.factories.mail import raw_email
from tests.factories.mail_box import ImapBox
from tests.factories.person import Person
from tests.servers.authorization import AuthorizationServer
from tests.servers.mail import MailServer
from tests.servers.until import until


@pytest.fixture
def box(mail_server: MailServer) -> ImapBox:
    """A mailbox without a password."""
    made = ImapBox(mail_server)
    made.mailbox = replace(made.mailbox, oauth=ServerOAuth(token_url="https://x", client_id="x"))
    made.secrets = {}
    return made


def _only(monkeypatch: pytest.MonkeyPatch, mechanism: TokenMechanism) -> None:
    for module in (imap_reader, smtp_sender):
        monkeypatch.setattr(module, "mechanism_of", lambda _: mechanism)


async def _nothing() -> None:
    return


@pytest.mark.parametrize("mechanism", TokenMechanism)
async def test_mail_is_read_and_sent_by_tokens(
    box: ImapBox, mechanism: TokenMechanism, monkeypatch: pytest.MonkeyPatch
) -> None:
    _only(monkeypatch, mechanism)
    authorization, given = box.server.authorization, list[str | None]()

    async def ask() -> tuple[str, int]:
        # the first one is no good any more
        given.append(authorization.token_of(box.address) if given else "outdated")
        return str(given[-1]), 3_600

    tokens = KeptToken(ask)
    reader = box.provider.reader(box.mailbox, box.secrets, tokens)
    await box.put(raw_email("Hello\n"))
    try:
        await reader.open()
        state = await reader.look("INBOX", 1)
        assert len(state.uids) == 1
        assert await reader.unread("INBOX") == 1
    finally:
        await reader.close()
    assert len(given) == 2
    given.clear()
    sender = box.provider.sender(box.mailbox, box.secrets, KeptToken(ask))
    friend = box.server.account("ada", "example.org")
    raw = raw_email("On its way\n", sender=box.address, to=friend)
    outcome = await sender.send(box.address, [friend], raw, _nothing)
    assert outcome.result is SendResult.SENT
    assert len(given) == 2

    async def has_come() -> bool:
        return bool(await box.recipients([friend]))

    await until(has_come)


@pytest.mark.parametrize("mechanism", TokenMechanism)
async def test_a_token_of_somebody_else_lets_nobody_in(
    box: ImapBox, mechanism: TokenMechanism, monkeypatch: pytest.MonkeyPatch
) -> None:
    _only(monkeypatch, mechanism)

    async def tokens(_: str | None = None) -> str:
        return box.server.authorization.token_of("eve@example.com")

    reader = box.provider.reader(box.mailbox, box.secrets, tokens)
    sender = box.provider.sender(box.mailbox, box.secrets, tokens)
    try:
        for refused in (reader.open(), sender.check()):
            with pytest.raises(MailProviderError, match="by token") as caught:
                await refused
            assert caught.value.field == "login"
    finally:
        await reader.close()


async def test_a_server_that_takes_no_tokens_is_told(box: ImapBox, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (imap_reader, smtp_sender):
        monkeypatch.setattr(module, "mechanism_of", lambda _: None)

    async def tokens(_: str | None = None) -> str:
        return "x"

    reader = box.provider.reader(box.mailbox, box.secrets, tokens)
    try:
        with pytest.raises(MailProviderError, match=r"(?i)the server offers .*plain.* only"):
            await reader.open()
    finally:
        await reader.close()
    with pytest.raises(MailProviderError, match=r"(?i)the server offers .*plain.* only"):
        await box.provider.sender(box.mailbox, box.secrets, tokens).check()


# --- by the API ------------------------------------------------------------------------------------------------------


class Client:
    """A mailbox of the tenant whose servers want tokens, and its registration."""

    def __init__(self, api: World, mail: MailServer) -> None:
        self.api, self.mail = api, mail
        self.authorization: AuthorizationServer = mail.authorization
        self.address = mail.account()
        self.name, self.secret = self.authorization.client(self.address)

    def body(self, sign_in: str = "application", **fields: Any) -> dict[str, Any]:
        url, mail = self.authorization.url, self.mail
        return {
            "name": "Care", "address": self.address, "caCertificate": mail.certificate, "category": "Claims/Motor",
            "oauth": {
                "signIn": sign_in, "tokenUrl": f"{url}/token", "consentUrl": f"{url}/authorize",
                "clientId": self.name, "scope": "mail offline_access",
            },
            "incoming": {"host": mail.host, "port": mail.imaps, "user": self.address, "pollSeconds": 1},
            "outgoing": {"host": mail.host, "port": mail.smtp, "user": self.address},
            **fields,
        }  # fmt: skip

    async def put(self, sign_in: str = "application", **fields: Any) -> httpx.Response:
        return await self.api.call("PUT", "/mailboxes/care", json=self.body(sign_in, **fields))

    async def keep_secret(self) -> None:
        kept = await self.api.call("PUT", "/mailboxes/care/secrets", json={"clientSecret": self.secret})
        assert kept.status_code == 200, kept.text

    async def test(self, draft: dict[str, Any] | None = None) -> dict[str, Any]:
        body = {} if draft is None else {"mailbox": draft}
        return dict((await self.api.post("/mailboxes/care/test", body)).json())

    async def enable(self, sign_in: str = "application") -> None:
        tried = await self.test()
        assert tried["ok"], tried
        assert (await self.put(sign_in, enabled=True)).status_code == 200

    async def lease(self) -> dict[str, Any]:
        holder = str(uuid.uuid4())
        (lease,) = (await self.api.post("/mailboxes/leases", {"holder": holder})).json()["leases"]
        return {"holder": holder, "epoch": lease["epoch"]}


@pytest.fixture
def client(api: World, mail_server: MailServer) -> Client:
    return Client(api, mail_server)


async def test_an_application_signs_in_once_it_is_saved_and_tested(client: Client) -> None:
    assert (await client.put()).status_code == 201
    told = await client.test()
    assert [(s["name"], s.get("failedAt")) for s in told["steps"]] == [("token", "token")]
    problem(await client.put(enabled=True), 409, "notTested")
    await client.keep_secret()
    told = await client.test()
    assert [(s["name"], s["ok"]) for s in told["steps"]] == [
        (name, True) for name in ("token", "incoming", "folder", "outgoing")
    ]
    assert client.authorization.asked[-1]["scope"] == "mail offline_access"
    assert (await client.put(enabled=True)).status_code == 200
    lease = await client.lease()
    token = (await client.api.post("/mailboxes/care/token", lease)).json()["accessToken"]
    assert client.authorization.tokens[token] == client.address
    (served,) = (await client.api.get("/mailboxes?for=email")).json()["served"]
    assert served["secrets"] == {}
    assert client.secret not in (await client.api.get("/mailboxes/care")).text


async def test_other_connections_are_tested_again_before_they_are_used(client: Client) -> None:
    await client.put()
    await client.keep_secret()
    await client.enable()
    other = {**client.body()["incoming"], "folders": ["Letters"]}
    told = problem(await client.put(enabled=True, incoming=other), 409, "notTested")
    assert told["field"] == "enabled"
    assert (await client.put(enabled=True, signature="Care team")).status_code == 200, (
        "it is no matter of them"
    )
    assert not (await client.test(client.body(incoming=other)))["ok"]
    problem(await client.put(enabled=True, incoming=other), 409, "notTested")
    await asyncio.to_thread(client.mail.make_folder, client.address, "Letters")
    assert (await client.test(client.body(incoming=other)))["ok"]
    assert (await client.put(enabled=True, incoming=other)).status_code == 200


async def test_a_secret_is_shown_to_nobody_else(client: Client) -> None:
    await client.put()
    await client.keep_secret()
    elsewhere = AuthorizationServer()
    elsewhere.start()
    try:
        moved = client.body()
        moved["oauth"]["tokenUrl"] = f"{elsewhere.url}/token"
        told = await client.test(moved)
        assert [(s["name"], s["failedAt"]) for s in told["steps"]] == [("token", "token")]
        assert (await client.api.call("PUT", "/mailboxes/care", json=moved)).status_code == 200
        assert (await client.api.get("/mailboxes/care")).json()["secrets"] == []
        assert not (await client.test())["ok"]
        assert elsewhere.asked == []
    finally:
        elsewhere.stop()


async def test_tokens_are_not_asked_for_within_the_installation(client: Client) -> None:
    body = client.body()
    body["oauth"]["tokenUrl"] = "http://10.0.0.1/token"
    assert (await client.api.call("PUT", "/mailboxes/care", json=body)).status_code == 201
    await client.keep_secret()
    (step,) = (await client.test())["steps"]
    assert (step["name"], step["failedAt"]) == ("token", "token")
    assert "use https" in step["detail"]


@pytest.fixture
async def ines(api: World) -> AsyncIterator[Person]:
    await api.add_user("ines", Role.ADMINISTRATOR)
    person = Person(api)
    await person.log_in("ines")
    yield person
    await person.http.aclose()


async def test_a_person_consents_and_tokens_are_renewed(client: Client, ines: Person) -> None:
    await client.put("user")
    await client.keep_secret()
    url = await ines.begin()
    assert "scope=mail+offline_access" in url
    state, code = client.authorization.consent(url, client.address)
    problem(await ines.returned("google", "x" * 20, code=code), 403, "consentUnknown")
    done = await ines.returned("imap", state, code=code)
    assert done.status_code == 303, done.text
    await client.enable("user")
    lease = await client.lease()
    assert (await client.api.post("/mailboxes/care/token", lease)).status_code == 200

    # a new refresh token replaces the one before
    client.authorization.rotates = True
    first = [t for t, owner in client.authorization.refresh_tokens.items() if owner == client.address]
    try:
        assert (await client.api.post("/mailboxes/care/token", lease)).status_code == 200
    finally:
        client.authorization.rotates = False
    for token in first:
        del client.authorization.refresh_tokens[token]
    assert (await client.api.post("/mailboxes/care/token", lease)).status_code == 200
    shown = (await client.api.get("/mailboxes/care")).text
    assert not any(refresh in shown for refresh in client.authorization.refresh_tokens)
    assert "refreshToken" in msgspec.json.decode(shown)["secrets"]


async def test_a_password_mailbox_needs_no_consent_and_no_token(client: Client, ines: Person) -> None:
    await client.put(oauth=None)
    problem(await ines.http.post("/iwd/v3/mailboxes/care/consent"), 409, "noConsentNeeded")
    await client.put("user", oauth={**client.body("user")["oauth"], "consentUrl": ""})
    told = problem(await ines.http.post("/iwd/v3/mailboxes/care/consent"), 400)
    assert told["field"] == "oauth.consentUrl"


async def test_a_customers_mail_comes_in_and_the_answer_goes_out(client: Client) -> None:
    await client.put()
    await client.keep_secret()
    await client.enable()
    api, mail = client.api, client.mail
    ada = mail.account("ada", "example.org")
    transport = httpx.ASGITransport(app=api.api)  # type: ignore[arg-type]
    process, stopping = (
        EmailProcess(HttpIwd("http://iwd", api.keys["t"], transport), MailProviders()),
        asyncio.Event(),
    )
    running = asyncio.create_task(process.run(stopping))

    async def items() -> list[dict[str, Any]]:
        return list((await api.post("/items/search", {"limit": 100})).json()["items"])

    try:
        await asyncio.to_thread(mail.deliver, ada, [client.address], raw_email(sender=ada, to=client.address))
        await until(items)
        (item,) = await items()
        # what was given out is taken away: the next connection asks for another token
        client.authorization.revoke(client.address)
        answer = await api.post(f"/items/{item['id']}/emails", {"text": "It is on its way."})
        assert answer.status_code == 201, answer.text

        async def has_come() -> bool:
            return bool(await asyncio.to_thread(mail.messages, ada))

        await until(has_come)
    finally:
        stopping.set()
        await running
