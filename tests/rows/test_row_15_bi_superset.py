"""Row 15: a real BI tool. Superset imports the bundle and reads the mart as `openiwd_bi`; its charts must say what the
report pages say.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner

from openiwd.cli.main import app
from openiwd.domain.bi_chart import charts_of, title_of
from openiwd.domain.report import REPORTS
from tests.factories.bi_pages import PERIOD, check, mart_of_a_day, page
from tests.factories.mart import MartUnderTest
from tests.servers.superset import Superset, superset

pytestmark = [pytest.mark.superset, pytest.mark.timeout(900)]

PASSWORD = "read only, for tests"


@pytest.fixture
async def mart(mart_database: str) -> AsyncIterator[MartUnderTest]:
    made = await mart_of_a_day(mart_database, PASSWORD)
    yield made
    await made.mart.close()


def address(dsn: str) -> str:
    """As SQLAlchemy wants it, for the role of BI tools."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    port = f"&port={query['port'][0]}" if "port" in query else ""
    word = PASSWORD.replace(" ", "%20").replace(",", "%2C")
    return f"postgresql+psycopg2://openiwd_bi:{word}@{parts.path}?host={query['host'][0]}{port}"


async def test_each_chart_says_what_the_report_page_says(mart: MartUnderTest, tmp_path: Path) -> None:
    bundle = tmp_path / "openiwd.zip"
    made = CliRunner().invoke(app, ["superset", str(bundle), "--database", address(mart.dsn)])
    assert made.exit_code == 0, made.output
    told = {report.id: await page(mart, report) for report in REPORTS}

    def compare(server: Superset) -> int:
        numbers = {c["slice_name"]: c["id"] for c in server.listed("chart")}
        boards = {d["dashboard_title"]: d["id"] for d in server.listed("dashboard")}
        assert set(boards) == {title_of(report) for report in REPORTS}
        compared = 0
        for report in REPORTS:
            charts = charts_of(report)
            assert set(server.charts_of(boards[title_of(report)])) == {c.name for c in charts}
            for drawn in charts:
                rows = server.rows(numbers[drawn.name], PERIOD)
                compared += check(report, drawn, rows, told[report.id])
        return compared

    def in_superset() -> int:
        with superset(tmp_path, bundle) as server:
            return compare(server)

    compared = await asyncio.to_thread(in_superset)
    print(f"{compared} numbers compared")  # noqa: T201 - the figure of this run
    assert compared > 200
