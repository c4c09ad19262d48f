"""Changing the key of stored secrets: all are sealed anew, the old key opens until then, nothing is lost on the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from openiwd.adapters.secret_box.aes_gcm import AesGcmBox
from openiwd.domain.login import LoginSettings, Provider
from openiwd.domain.privilege import Role
from openiwd.ports.control_store import StoredLoginSettings
from openiwd.ports.email import MailboxConsent
from openiwd.usecases import capture_secret
from openiwd.usecases.integration import unsealed
from openiwd.usecases.integration_settings import stored_settings
from openiwd.usecases.login_settings import secret_context
from openiwd.usecases.mailbox import purpose
from openiwd.usecases.mailbox_consent import consent_purpose
from openiwd.usecases.secret_rotation import Resealed, rotate
from openiwd.usecases.tenant_access import outside_context
from openiwd.usecases.webhook_sending import context_of
from tests.factories.api import SECRET_KEY, World
from tests.factories.mail import mailbox, set_up_mailbox

SEALED = 3 + 7
NEW_KEY = "another key for tests that nobody keeps secret"
WEBHOOK = {"name": "W", "url": "https://receiver.example.com/in"}


async def fill(api: World) -> str:
    """One sealed value of each kind; the webhook's secret."""
    await api.add_user("sue", Role.SUPERVISOR)
    user = await api.wiring.control.user("t", "sue")
    assert user is not None
    await api.platform.identities.factors.begin(user)
    provider = Provider(issuer="https://id.example.com", client_id="iwd")
    sealed = api.platform.secrets.seal("client secret", secret_context("t"))
    stored = StoredLoginSettings(settings=LoginSettings(provider=provider), client_secret=sealed)
    await api.wiring.control.save_login_settings("t", stored, revision=None)
    made = await api.call("PUT", "/webhooks/w", json=WEBHOOK)
    assert made.status_code in (200, 201), made.text
    services = await api.services()
    await services.email_tools.mark_key(services.runtime)
    point = {
        "name": "P",
        "source": {"kind": "webhook", "secret": "s" * 32},
    }
    put = await api.call("PUT", "/capture-points/p", json=point)
    assert put.status_code in (200, 201), put.text
    await fill_connections(api)
    return str(made.json()["secret"])


async def fill_connections(api: World) -> None:
    """A mailbox with a secret and a consent on its way, a router with its secrets, and what the platform keeps."""
    services, box = await api.services(), api.platform.secrets
    put = await set_up_mailbox(api, "care", mailbox())
    assert put.status_code in (200, 201), put.text
    kept = await api.call("PUT", "/mailboxes/care/secrets", json={"clientSecret": "c" * 20})
    assert kept.status_code == 200, kept.text
    now = services.runtime.now()
    consent = MailboxConsent(
        state=b"s" * 32,
        mailbox_id="care",
        actor="user:sue",
        session=b"x",
        sealed=box.seal("verifier", consent_purpose("t", "care")),
        expires_at=now + timedelta(minutes=10),
    )
    async with services.runtime.store.writing() as tx:
        await tx.add_mailbox_consent(consent, now)
    router = {"clientSecret": "of the router", "apiKey": "of the channels"}
    put = await api.call("PUT", "/integrations/gws", json=router, headers={"If-Match": '"0"'})
    assert put.status_code in (200, 201), put.text
    owner = api.platform.tenants
    assert owner is not None
    outside = box.seal("{}", outside_context("t"))
    await owner.store.save_outside("t", {}, outside, datetime.now(UTC))


async def turn(api: World, *keys: str) -> dict[str, Resealed]:
    api.platform._secrets = AesGcmBox(keys)
    return {each.where: each for each in await rotate(api.platform)}


async def test_every_secret_is_sealed_anew_and_still_opens(api: World) -> None:
    secret = await fill(api)
    before = await turn(api, SECRET_KEY)
    count = {where: each.current for where, each in before.items()}
    assert count["control database"] == 3
    assert count["tenant t"] == 7, "webhook, tenant, capture point, mailbox, consent, two of the router"
    during = await turn(api, NEW_KEY, SECRET_KEY)
    assert {where: each.resealed for where, each in during.items()} == count
    again = await turn(api, NEW_KEY, SECRET_KEY)
    assert {where: each.current for where, each in again.items()} == count
    alone = await turn(api, NEW_KEY)
    assert {where: (each.current, each.unopened) for where, each in alone.items()} == {
        where: (n, 0) for where, n in count.items()
    }
    box = api.platform.secrets
    async with (await api.services()).runtime.store.reading() as reading:
        [kept] = await reading.webhook_secrets("w")
    assert box.open(kept.sealed, context_of("t", "w")) == secret
    stored = await api.wiring.control.login_settings("t")
    assert stored.client_secret is not None
    assert box.open(stored.client_secret, secret_context("t")) == "client secret"
    async with (await api.services()).runtime.store.reading() as reading:
        router = await stored_settings(reading)
        consents = [v for v in await reading.sealed_values() if v.kind == "consent"]
    assert router is not None
    assert unsealed(api.platform, "t", router[0]).client_secret == "of the router"
    assert [box.open(c.sealed, consent_purpose("t", c.owner)) for c in consents] == ["verifier"]


async def test_what_a_suspended_tenant_keeps_is_sealed_anew(api: World) -> None:
    await fill(api)
    tenant = await api.wiring.control.tenant("t")
    assert tenant is not None
    await api.wiring.control.save_tenant(replace(tenant, active=False))
    api.platform.close("t")
    during = await turn(api, NEW_KEY, SECRET_KEY)
    assert during["tenant t"].resealed == 7


async def test_what_no_key_opens_is_counted_and_left_as_it_is(api: World) -> None:
    await fill(api)
    lost = await turn(api, NEW_KEY)
    assert sum(each.unopened for each in lost.values()) == SEALED
    assert sum(each.resealed for each in lost.values()) == 0
    found = await turn(api, NEW_KEY, SECRET_KEY)
    assert sum(each.resealed for each in found.values()) == SEALED


async def test_a_secret_that_is_stored_meanwhile_wins(api: World) -> None:
    await fill(api)
    store = (await api.services()).runtime.store
    async with store.reading() as reading:
        [value] = [v for v in await reading.sealed_values() if v.kind == "webhook"]
    async with store.writing() as tx:
        assert await tx.reseal_value(value, b"newer")
        assert not await tx.reseal_value(value, b"older")


def test_contexts_are_told_by_who_seals() -> None:
    assert capture_secret.context_of_capture("t", "p", "secret") != purpose("t", "p", "secret")
