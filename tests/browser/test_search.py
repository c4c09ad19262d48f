"""Searches in the Universal Queue while the search server is away: found all the same, and it is said."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from openiwd.processes.settings import SearchSettings
from tests.browser.accessibility import violations
from tests.browser.conftest import Open, go
from tests.browser.site import Site
from tests.faults.proxy import Proxy
from tests.servers.postgres import PostgresServer
from tests.servers.search import running
from tests.servers.shared import free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
SEARCH = "/?q=windscreen"
SECONDS = 90.0


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    """Between the site and the search server, in a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made = Proxy(urlsplit(running("opensearch").url).port or 0)
    asyncio.run_coroutine_threadsafe(made.start(), loop).result(20)
    yield made
    asyncio.run_coroutine_threadsafe(made.stop(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(20)
    loop.close()


@pytest.fixture(scope="module")
def site(postgres_server: PostgresServer, proxy: Proxy) -> Iterator[Site]:
    prefix = f"b{uuid.uuid4().hex[:12]}"
    made = Site(
        postgres_server, search=SearchSettings(urls=(f"http://127.0.0.1:{proxy.port}",), prefix=prefix)
    )
    yield made

    async def drop() -> None:
        indexed = (await made.services()).indexed
        assert indexed is not None
        await indexed.index.drop()

    made.run(drop())
    made.close()


def search_until(page: Page, *, warned: bool) -> None:
    """Searches again and again, as somebody would who waits for it."""
    deadline = time.monotonic() + SECONDS
    while page.locator("#slow-search").count() != int(warned):
        assert time.monotonic() < deadline, f"warned: {not warned}"
        go(page, SEARCH)
    expect(page.get_by_role("main").get_by_text("Windscreen replaced").first).to_be_visible()


def refresh_until(site: Site, page: Page, *, warned: bool) -> None:
    """The page stays open; items that come in refresh its list."""
    deadline = time.monotonic() + SECONDS
    while page.locator("#slow-search").count() != int(warned):
        assert time.monotonic() < deadline, f"warned: {not warned}"
        with page.expect_response("**/queue/refresh**"):
            site.add_one("Windscreen replaced again", "glass")


def test_a_search_server_that_is_away_is_told_until_it_is_back(
    site: Site, proxy: Proxy, open_as: Open, shot: Callable[[Page, str], None]
) -> None:
    real = proxy.target
    page = open_as("ines", SEARCH)
    search_until(page, warned=False)
    proxy.target = free_port()
    proxy.reset()
    search_until(page, warned=True)
    expect(page.locator("#slow-search")).to_contain_text("complete and up to date")
    assert violations(page) == []
    shot(page, "search-away")
    proxy.target = real
    search_until(page, warned=False)


def test_who_only_looks_at_the_list_is_told_as_well_and_told_when_it_is_over(
    site: Site, proxy: Proxy, open_as: Open
) -> None:
    """Nobody searches: the list is that of all open items, and what is told comes with its refreshes."""
    real = proxy.target
    page = open_as("vera", "/")
    told = page.get_by_role("main").get_by_role("status").filter(has_text="search server")
    expect(page.locator("#slow-search")).to_have_count(0)
    proxy.target = free_port()
    proxy.reset()
    refresh_until(site, page, warned=True)
    expect(told).to_be_visible()
    proxy.target = real
    refresh_until(site, page, warned=False)
