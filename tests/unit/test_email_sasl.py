"""What is said to servers that let in by access tokens."""

from __future__ import annotations

import pytest

from openiwd.domain.email.sasl import TokenMechanism, TokenSignIn, mechanism_of


def sign_in(mechanism: TokenMechanism, user: str = "care@example.com") -> TokenSignIn:
    return TokenSignIn(mechanism=mechanism, user=user, token="ya29.x", host="imap.example.com", port=993)


@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        (["PLAIN", "xoauth2", "oauthbearer"], TokenMechanism.OAUTHBEARER),
        (["LOGIN", "XOAUTH2"], TokenMechanism.XOAUTH2),
        (["PLAIN", "LOGIN"], None),
        ([], None),
    ],
)
def test_the_standard_mechanism_is_taken_where_it_is_offered(
    offered: list[str], taken: TokenMechanism | None
) -> None:
    assert mechanism_of(offered) is taken


def test_both_mechanisms_are_spelled_as_their_papers_say() -> None:
    assert sign_in(TokenMechanism.XOAUTH2).answer(b"") == (
        b"user=care@example.com\x01auth=Bearer ya29.x\x01\x01"
    )
    assert sign_in(TokenMechanism.OAUTHBEARER).answer(b"") == (
        b"n,a=care@example.com,\x01host=imap.example.com\x01port=993\x01auth=Bearer ya29.x\x01\x01"
    )
    assert b"n,a=a=2Cb=3Dc,\x01" in sign_in(TokenMechanism.OAUTHBEARER, "a,b=c").answer(b"")


def test_the_reason_of_a_refusal_is_answered_so_that_the_server_goes_on() -> None:
    reason = b'{"status":"invalid_token"}'
    assert sign_in(TokenMechanism.XOAUTH2).answer(reason) == b""
    assert sign_in(TokenMechanism.OAUTHBEARER).answer(reason) == b"\x01"
