"""ID tokens that must not let anybody in, each wrong in one way, beside one that does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from openiwd.adapters.oidc.token import UnknownKeyError, checked
from openiwd.domain.errors import UnauthenticatedError
from openiwd.domain.login import Provider, RoleRow, row_of
from openiwd.ports.identity_provider import Client

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
AT = int(NOW.timestamp())
ISSUER = "https://id.example.com"
CLIENT = Client(issuer=ISSUER, client_id="iwd")
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
KEYS = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})
GOOD = {"iss": ISSUER, "aud": "iwd", "sub": "7", "nonce": "n", "iat": AT, "exp": AT + 300}


def token(changes: dict[str, Any] | None = None, key: Any = KEY, algorithm: str = "RS256") -> str:
    claims = {k: v for k, v in {**GOOD, **(changes or {})}.items() if v is not None}
    return jwt.encode({"alg": algorithm, "kid": "one"}, claims, key, algorithms=[algorithm])


def look(text: str) -> dict[str, Any]:
    return checked(text, KEYS, CLIENT, "n", ISSUER, NOW)


def test_a_right_token_tells_who_it_is() -> None:
    assert look(token())["sub"] == "7"
    assert look(token({"aud": ["iwd", "other"], "azp": "iwd"}))["sub"] == "7"


WRONG = [
    ({"iss": "https://evil.example.com"}, "another issuer"),
    ({"iss": None}, "another issuer"),
    ({"aud": "other"}, "somebody else"),
    ({"aud": None}, "somebody else"),
    ({"aud": ["iwd", "other"]}, "somebody else"),
    ({"azp": "other"}, "somebody else"),
    ({"nonce": "m"}, "another log-in"),
    ({"nonce": None}, "another log-in"),
    ({"sub": ""}, "who logged in"),
    ({"sub": None}, "who logged in"),
    ({"exp": AT - 61}, "is over"),
    ({"exp": None}, "until when"),
    ({"iat": None}, "until when"),
    ({"iat": AT + 61}, "of the future"),
    ({"nbf": AT + 61}, "of the future"),
    ({"iat": AT - 661}, "too old"),
]


@pytest.mark.parametrize(("changes", "said"), WRONG)
def test_a_wrong_token_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UnauthenticatedError, match=said):
        look(token(changes))


@pytest.mark.parametrize("changes", [{"exp": AT - 59}, {"iat": AT + 59}, {"nbf": AT + 59}])
def test_clocks_may_be_a_minute_apart(changes: dict[str, Any]) -> None:
    assert look(token(changes))["sub"] == "7"


def test_no_signature_but_the_providers_counts() -> None:
    head, body, signature = token().split(".")
    stranger = RSAKey.generate_key(2048, {"kid": "one"})
    unsigned = "eyJhbGciOiJub25lIn0." + body + "."
    for text in (
        token(key=stranger),
        unsigned,
        f"{head}.{body}.{signature[:-8]}AAAAAAAA",
        token(key=OctKey.import_key("a secret that both could know " * 2), algorithm="HS256"),
        token(key=ECKey.generate_key("P-256", {"kid": "one"}), algorithm="ES256"),
        "",
        "a.b.c",
    ):
        with pytest.raises(UnknownKeyError):
            look(text)


def test_the_first_row_that_fits_decides() -> None:
    rows = [
        RoleRow(value="admins", role="administrator"),
        RoleRow(value="north", role="supervisor", access_groups=["north"]),
        RoleRow(value="staff", role="viewer"),
    ]
    provider = Provider(issuer=ISSUER, client_id="iwd", roles=rows)
    assert row_of(provider, {"groups": ["staff", "north"]}) == rows[1]
    assert row_of(provider, {"groups": "staff"}) == rows[2]
    for groups in (None, [], "adm", ["ADMINS"], {"admins": True}, [["admins"]], 7, [7]):
        assert row_of(provider, {"groups": groups}) is None
    assert row_of(provider, {}) is None
