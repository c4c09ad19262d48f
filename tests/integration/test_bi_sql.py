"""What the charts of the BI bundle ask says what the report pages say: their SQL on the mart, without a BI tool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from openiwd.domain.bi_chart import Drawn, charts_of
from openiwd.domain.bi_source import SOURCES
from openiwd.domain.report import REPORTS, Report
from tests.factories.bi_pages import check, mart_of_a_day, page
from tests.factories.mart import MartUnderTest

TRUNCATED = {"PT1H": "hour", "P1D": "day"}


@pytest.fixture
async def mart(mart_database: str) -> AsyncIterator[MartUnderTest]:
    made = await mart_of_a_day(mart_database)
    yield made
    await made.mart.close()


def asked(report: Report, drawn: Drawn) -> str:
    """The statement that a BI tool makes of a chart, for 2 March 2026."""
    source = SOURCES[drawn.source]
    keys = list(drawn.raw or drawn.by)
    if drawn.grain is not None:
        start = f"date_trunc('{TRUNCATED[drawn.grain]}', interval_start)"
        keys.append(f"extract(epoch FROM {start})::float8 * 1000 AS interval_start")
    shown = [f"{source.measures[name]} AS {name}" for name in drawn.measures]
    conditions = ["true"]
    if source.time is not None:
        conditions.append(f"{source.time} >= '2026-03-02' AND {source.time} < '2026-03-03'")
    if report.media_type is not None:
        conditions.append(f"media_type = '{report.media_type}'")
    grouped = f" GROUP BY {', '.join(str(n) for n in range(1, len(keys) + 1))}" if shown and keys else ""
    return f"SELECT {', '.join([*keys, *shown])} FROM {source.view} WHERE {' AND '.join(conditions)}{grouped}"


async def test_each_chart_asks_for_what_the_page_says(mart: MartUnderTest) -> None:
    compared = 0
    for report in REPORTS:
        told = await page(mart, report)
        for drawn in charts_of(report):
            rows: list[dict[str, Any]] = [dict(r.items()) for r in await mart.fetch(asked(report, drawn))]
            compared += check(report, drawn, rows, told)
    assert compared > 200
