"""The sixteen systems that OpenIWD connects: each has its own test file, which really tests."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROWS = {
    1: ("email_provider", "Email → email provider: IMAP, SMTP, Gmail, Microsoft Graph"),
    2: ("email_to_iwd", "Email → IWD: email items and mailbox status, mailbox configuration"),
    3: ("gateway", "source system → application gateway: work items in, status out, by TLS"),
    4: ("service", "application gateway → IWD service: UI, work items, configuration, reports"),
    5: ("pods", "IWD service → IWD pods: the same, spread over several"),
    6: ("search", "IWD → Elasticsearch: work items for search"),
    7: ("redis", "IWD → Redis: sessions, presence, limits, fan-out between pods"),
    8: ("postgresql", "IWD → PostgreSQL: one database per tenant"),
    9: ("mart_feed", "IWD Data Mart → IWD: reporting events"),
    10: ("prometheus", "Prometheus → IWD: metrics"),
    11: ("gws", "IWD → Genesys Web Services: work handed over, taken back, kept in step"),
    12: ("digital_channels", "IWD → Digital Channels: tenants' service configuration, API keys"),
    13: ("mart_token", "IWD Data Mart → GWS: authorises, gets the token for Digital Channels"),
    14: ("info_mart", "IWD Data Mart → Genesys Info Mart: names of agents"),
    15: ("bi", "BI → mart database: what reports are made of"),
    16: ("mart", "IWD Data Mart → mart database: aggregated events, one database per tenant"),
}
HERE = Path(__file__).parent


def cases(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    module = ast.parse(path.read_text(encoding="utf-8"))
    functions = (n for n in ast.walk(module) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return [f for f in functions if f.name.startswith("test_")]


def file_of(number: int) -> Path:
    return HERE / f"test_row_{number:02}_{ROWS[number][0]}.py"


@pytest.mark.parametrize("number", ROWS)
def test_the_row_has_a_file_that_tests(number: int) -> None:
    path = file_of(number)
    assert path.is_file(), f"row {number}: {ROWS[number][1]}"
    assert cases(path), f"{path.name} tests nothing"
    text = path.read_text(encoding="utf-8")
    assert not any(word in text for word in ("mark.skip", "mark.xfail", "importorskip")), "none is left out"


def test_no_file_is_of_no_row() -> None:
    assert list(ROWS) == list(range(1, 17))
    for path in HERE.glob("test_row_*.py"):
        number, _, name = path.stem.removeprefix("test_row_").partition("_")
        own = ROWS[int(number)][0]
        assert name == own or name.startswith(f"{own}_"), path.name
