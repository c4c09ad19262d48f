"""Pages of reports, their files and the items behind: the same numbers as the API's, in both languages."""

from __future__ import annotations

import csv
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from io import BytesIO, StringIO
from typing import Any

import httpx

from openiwd.adapters.files.xlsx_form import XlsxForm
from openiwd.api.app import create_app
from openiwd.domain.capture.point import FileSource
from openiwd.domain.privilege import Role
from openiwd.domain.report import REPORTS, Chart, Report
from openiwd.domain.report_measure import Unit
from openiwd.processes.wiring import mart_database
from openiwd.usecases.priority_sample import PrioritySampler
from openiwd.web.app import create_web
from openiwd.web.shell.rendering import CATALOGUES
from tests.factories.api import PASSWORD, PREFIX, World
from tests.integration.test_mart import loaded
from tests.servers.postgres import PostgresServer

_ROW = re.compile("<tr>(.*?)</tr>", re.DOTALL)
_FIGURE = re.compile('<td class="num">(.*?)</td>', re.DOTALL)
_TAG = re.compile("<[^>]+>")
_LINK = re.compile('href="(/reports/[^"]*/items[^"]*)"[^>]*>([^<]*)<')


def number(text: str) -> int:
    return int(text.strip().replace("\u202f", "").replace("−", "-"))


def shown_rows(html: str) -> list[list[str]]:
    """The figures of the table's lines, as a reader sees them."""
    table = html[html.index('id="report-table"') :]
    body = table[table.index("<tbody>") : table.index("</tbody>")]
    return [[unescape(_TAG.sub("", f)).strip() for f in _FIGURE.findall(row)] for row in _ROW.findall(body)]


def plain(value: Any) -> float | str:
    """A cell as it is meant, whichever kind of file it comes from."""
    try:
        return round(float(value), 6)
    except (TypeError, ValueError):
        return str(value or "")


def from_file(kind: str, content: bytes, report: Report) -> list[list[float | str]]:
    """The measures of each line of a report's file."""
    if kind == "csv":
        head, *lines = csv.reader(StringIO(content.decode("utf-8-sig")))
        rows: list[dict[str, Any]] = [dict(zip(head, line, strict=True)) for line in lines]
    else:
        book = XlsxForm().rows(BytesIO(content), FileSource(folder="x"))
        rows = [dict(row.fields) for row in book]
    return [[plain(row.get(m)) for m in report.measures] for row in rows]


async def fill(api: World) -> None:
    """Items of several fates, work of an agent, and a sample of what waits."""
    services = await api.follow(decide=True)
    await api.add_agent("anna")
    now = datetime.now(UTC)
    soon, late = (now + timedelta(hours=2)).isoformat(), (now - timedelta(minutes=5)).isoformat()
    done = await api.item("c1", dueDateTime=soon, businessValue=250)
    dropped = await api.item("c2", businessValue=20_000)
    await api.item("c3", dueDateTime=late, mediaType="email")
    await api.item("c4", businessValue=-1)
    assert await PrioritySampler(services).step()
    for item, action, body in (
        (done, "assign", {"agent": "anna"}), (done, "complete", {}), (dropped, "cancel", {}),
    ):  # fmt: skip
        answer = await api.post(f"/items/{item['id']}/{action}", body)
        assert answer.status_code == 200, answer.text


@asynccontextmanager
async def browsing(api: World) -> AsyncIterator[httpx.AsyncClient]:
    """A reader of the pages, logged in."""
    site = create_app(api.platform, holidays=api.wiring.holidays, web=create_web)
    transport = httpx.ASGITransport(app=site, raise_app_exceptions=True)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://iwd", timeout=30) as client:
        answer = await client.post(f"{PREFIX}/sessions", json={"login": "ines", "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        yield client
    await site.close()


async def check(client: httpx.AsyncClient, report: Report, language: str) -> int:
    """How many links to items were followed."""
    told = (await client.get(f"{PREFIX}/reports/{report.id}?period=week")).json()
    html = (await client.get(f"/reports/{report.id}?period=week")).text
    assert CATALOGUES[language](f"report_title.{report.id}") in unescape(html)
    assert ('class="chart' in html) is bool(set(report.charts) - {Chart.STACK})
    assert html.count('class="sbar"') == (len(told["lines"]) if report.bar else 0)
    drawn = any(round(line["values"][m] or 0) > 0 for line in told["lines"] for m in report.bar)
    table = html[html.find('id="report-table"') :].partition("<tbody>")[2]
    assert ('<rect class="age-' in table) is drawn
    assert html.count('class="barkey"') == len(report.bar)
    empty = await client.get(f"/reports/{report.id}?period=custom&from=2020-01-01&to=2020-01-02")
    assert CATALOGUES[language]("report.nothing") in unescape(empty.text), report.id
    for shown, line in zip(shown_rows(html), told["lines"], strict=True):
        assert len(shown) == len(report.columns)
        for text, measure in zip(shown, report.columns, strict=True):
            if measure.unit is Unit.COUNT:
                assert number(text) == line["values"][measure.name], (report.id, measure.name)
    expected = [[plain(line["values"][m]) for m in report.measures] for line in told["lines"]]
    for kind in ("csv", "xlsx"):
        file = await client.get(f"/reports/{report.id}/file?period=week&format={kind}")
        assert from_file(kind, file.content, report) == expected, (report.id, kind)
    links = _LINK.findall(html)
    for address, text in links:
        behind = await client.get(unescape(address).replace("/reports/", f"{PREFIX}/reports/", 1))
        assert behind.json()["found"] == number(text), address
    return len(links)


async def test_page_files_and_items_behind_say_what_the_api_says(
    api: World, postgres_server: PostgresServer
) -> None:
    await fill(api)
    await api.add_user("ines", Role.ADMINISTRATOR, language="de")
    loop = await loaded(api, postgres_server)
    try:
        async with browsing(api) as client:
            followed = {r.id: await check(client, r, "de") for r in REPORTS if r.source != "work"}
            html = (await client.get("/reports/capture-point-business-value?period=week")).text
            assert [
                text for text in ("unter 0", "ab 10\u202f000", "100\u2009–\u2009999") if text not in html
            ] == []
            assert "and more" not in html
            assert (await client.get("/reports/work-detail?period=week")).text.count("/items/") >= 1
            for agents in ("resource-performance", "queue-duration"):
                html = (await client.get(f"/reports/{agents}?period=week")).text
                (address,) = re.findall('<th scope="row" class="name"><a href="([^"]+)"', html)
                assert address.startswith("/reports/work-detail?period=week&amp;")
                behind = (await client.get(unescape(address))).text
                assert ">c1</a>" in behind
                nobody = unescape(address).rpartition("=")[0] + "=nobody"
                assert ">c1</a>" not in (await client.get(nobody)).text
        assert min(followed[r] for r in ("intraday-process", "item-age", "email-volume")) > 0
        assert followed["queue-priority"] == 0
    finally:
        await loop.stop()
        await postgres_server.drop_database(mart_database((await api.services()).tenant))
