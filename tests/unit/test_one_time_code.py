"""Codes of authenticator apps, by the vectors of RFC 6238, and around the edges of their steps."""

from __future__ import annotations

import pytest

from openiwd.domain.one_time_code import code_at, matching_step, secret_text, step_of

SECRET = b"12345678901234567890"
VECTORS = [  # RFC 6238, appendix B (SHA-1), the last six of its eight digits
    (59, "287082"),
    (1_111_111_109, "081804"),
    (1_111_111_111, "050471"),
    (1_234_567_890, "005924"),
    (2_000_000_000, "279037"),
    (20_000_000_000, "353130"),
]


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    assert code_at(SECRET, step_of(seconds)) == code
    assert matching_step(SECRET, code, seconds) == step_of(seconds)


def test_a_clock_may_be_one_step_off_and_no_more() -> None:
    at = 1_234_567_890.0
    code = code_at(SECRET, step_of(at))
    assert matching_step(SECRET, code, at - 30) == step_of(at)
    assert matching_step(SECRET, code, at + 30) == step_of(at)
    assert matching_step(SECRET, code, at - 60) is None
    assert matching_step(SECRET, code, at + 60) is None


@pytest.mark.parametrize(
    "code",
    [
        "",
        "12345",
        "1234567",
        "abcdef",
        "28708²",
        "\uff12\uff18\uff17\uff10\uff18\uff12",
        "-87082",
        "287082\x00",
    ],
)
def test_what_is_no_code_fits_nothing(code: str) -> None:
    assert matching_step(SECRET, code, 59) is None


def test_codes_may_be_typed_with_a_space() -> None:
    assert matching_step(SECRET, "287 082", 59) == 1


def test_secrets_are_typed_in_base_32() -> None:
    assert secret_text(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
