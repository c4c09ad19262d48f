"""Mailboxes: what a test of the connections stands for, sign-in by tokens, and how long completed items are kept."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from openiwd.domain.email.mailbox import (
    Access,
    Cloud,
    Incoming,
    Mailbox,
    Outgoing,
    check_mailbox,
    connection_digest,
)
from openiwd.domain.email.reopen_window import Kept, contradiction
from openiwd.domain.email.server_oauth import ServerOAuth, SignIn
from openiwd.domain.errors import InvalidInputError

OAUTH = ServerOAuth(token_url="https://sso.example.com/token", client_id="app")
BOX = Mailbox(
    id="care",
    name="Care",
    address="care@example.com",
    enabled=True,
    incoming=Incoming(host="imap.example.com", user="care"),
    outgoing=Outgoing(host="smtp.example.com", user="care"),
)


@pytest.mark.parametrize(
    "change",
    [
        {"incoming": replace(BOX.incoming, host="other.example.com")},
        {"incoming": replace(BOX.incoming, user="other")},
        {"incoming": replace(BOX.incoming, folders=["INBOX", "Letters"])},
        {"outgoing": replace(BOX.outgoing, port=465)},
        {"outgoing": replace(BOX.outgoing, sent_folder="Sent")},
        {"oauth": OAUTH},
        {"access": Access.GMAIL},
        {"ca_certificate": "-----BEGIN CERTIFICATE-----"},
    ],
)
def test_other_connections_want_another_test(change: dict[str, Any]) -> None:
    assert connection_digest(replace(BOX, **change)) != connection_digest(BOX)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Other"},
        {"enabled": False},
        {"signature": "Care team"},
        {"incoming": replace(BOX.incoming, poll_seconds=5, move_to="Done")},
        {"secret_expires_on": date(2027, 1, 1)},
    ],
)
def test_what_is_no_matter_of_connections_wants_none(change: dict[str, Any]) -> None:
    assert connection_digest(replace(BOX, **change)) == connection_digest(BOX)


def test_another_address_is_another_mailbox_at_a_provider() -> None:
    cloud = replace(BOX, access=Access.GMAIL)
    assert connection_digest(replace(cloud, address="x@example.com")) != connection_digest(cloud)
    named = replace(cloud, cloud=Cloud(user="care@example.com"))
    assert connection_digest(replace(named, address="x@example.com")) == connection_digest(named)


@pytest.mark.parametrize(
    ("oauth", "field"),
    [
        (replace(OAUTH, token_url=""), "oauth.tokenUrl"),
        (replace(OAUTH, client_id=""), "oauth.clientId"),
        (replace(OAUTH, sign_in=SignIn.USER), "oauth.consentUrl"),
    ],
)
def test_an_enabled_mailbox_knows_where_its_tokens_come_from(oauth: ServerOAuth, field: str) -> None:
    check_mailbox(replace(BOX, oauth=OAUTH))
    check_mailbox(replace(BOX, oauth=oauth, enabled=False))
    with pytest.raises(InvalidInputError) as caught:
        check_mailbox(replace(BOX, oauth=oauth))
    assert caught.value.field == field


def test_smtp_without_a_login_signs_nobody_in() -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_mailbox(replace(BOX, oauth=OAUTH, outgoing=Outgoing(host="smtp.example.com")))
    assert caught.value.field == "outgoing.user"


def test_addresses_for_tokens_are_addresses() -> None:
    for wrong in ("sso.example.com/token", "file:///etc/passwd", "https://x/#y", "https://x y"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"tokenUrl": wrong}, ServerOAuth)


def test_who_is_let_in_follows_the_way_of_access() -> None:
    assert BOX.sign_in is None
    assert replace(BOX, oauth=replace(OAUTH, sign_in=SignIn.USER)).sign_in is SignIn.USER
    gmail = replace(BOX, access=Access.GMAIL, oauth=OAUTH)
    assert (gmail.sign_in, gmail.token_place) == (SignIn.APPLICATION, "gmail")
    assert replace(BOX, oauth=OAUTH).token_place == OAUTH.token_url


@pytest.mark.parametrize(
    ("rules", "first"),
    [
        ([Kept("completed", None, 31)], None),
        ([Kept("completed", None, 30)], 0),
        ([Kept(None, None, 7)], 0),
        ([Kept("canceled", None, 1), Kept("rejected", None, 1)], None),
        ([Kept("completed", None, 60), Kept(None, None, 7)], None),
        ([Kept("completed", "Claims", 60), Kept(None, None, 7)], 1),
        ([Kept("completed", "Claims/Motor/Theft", 7)], 0),
        ([Kept("completed", "Leads", 7)], None),
        ([Kept("completed", "Claims/Motorcycle", 7)], None),
    ],
)
def test_items_are_kept_for_longer_than_replies_may_reopen_them(rules: list[Kept], first: int | None) -> None:
    found = contradiction(rules, [replace(BOX, category="Claims/Motor")])
    assert (None if found is None else found[0]) == first


def test_a_mailbox_without_a_category_may_make_items_of_any() -> None:
    rule = [Kept("completed", "Leads", 7)]
    assert contradiction(rule, [BOX]) == (0, BOX)
    assert contradiction(rule, [replace(BOX, reopen_days=6)]) is None
    assert contradiction(rule, [replace(BOX, enabled=False)]) is None
    assert contradiction(rule, [replace(BOX, incoming=Incoming())]) is None
