"""Capture points of outside sources: each kind's form says what it needs, names what is wrong and keeps its secret."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import faults
from tests.browser.conftest import Open, Watch, go

pytestmark = pytest.mark.browser
Shot = Callable[[Page, str], None]
NEW = "/configuration/capture-points/-/new?kind="


SAMPLES = {
    "rest": '{"messages": [{"nr": 7, "title": "Hail", "product": "glass"}]}',
    "file": "nr;title;product\n7;Hail;glass\n",
    "database": "nr\ttitle\tproduct\n7\tHail\tglass\n",
    "kafka": '{"nr": 7, "title": "Hail", "product": "glass"}',
    "amqp": '{"nr": 7, "title": "Hail", "product": "glass"}',
    "webhook": '{"data": [{"nr": 7, "title": "Hail", "product": "glass"}]}',
}
"""A message, a file, a row: as each kind gets it."""


@pytest.mark.parametrize("kind", SAMPLES)
def test_the_mapping_of_each_kind_has_a_live_sample(open_as: Open, kind: str) -> None:
    """Before anything else is filled in: no name, no connection."""
    page = open_as("ada", f"{NEW}{kind}")
    if kind == "webhook":
        page.locator("main [name='source.records']").fill("data")
    for n, (to, source) in enumerate((("captureId", "nr"), ("subject", "title"))):
        page.click("[data-add-line=map-rows]")
        page.locator("#map-rows [name=map_to]").nth(n).fill(to)
        page.locator("#map-rows [name=map_from]").nth(n).fill(source)
    page.locator("[name=sample]").fill(SAMPLES[kind])
    page.click("#try-sample")
    sampled = page.locator("#sample-result li")
    expect(sampled).to_have_count(1)
    expect(sampled.locator(".error")).to_have_count(0)
    expect(sampled).to_contain_text("Hail")
    expect(sampled.locator(".judged")).to_contain_text("Claims/Motor/Glass")
    expect(sampled.locator(".judged")).to_contain_text("Queue")
    expect(sampled.locator(".judged")).to_contain_text("Priority")
    page.locator("#map-rows [name=map_to]").nth(1).fill("dueDateTime")
    page.click("#try-sample")
    expect(sampled.locator(".error")).to_contain_text("'Hail' is no date")


def test_each_kind_has_its_form_and_a_secret_stays_secret(open_as: Open, shot: Shot, watch: Watch) -> None:
    watch.expect("422")
    page = open_as("ada", f"{NEW}kafka")
    for kind in ("kafka", "amqp", "webhook", "database"):
        go(page, f"{NEW}{kind}")
        assert faults(page) == [], kind
        shot(page, f"capture-{kind}")
    page.locator("main [name=name]").fill("Claims table")
    page.locator("main [name=id]").fill("claims_table")
    page.locator("main [name='source.url']").fill("sqlite:///claims.db")
    page.locator("main [name='source.password']").fill("never shown")
    page.locator("main [name='source.captureQuery']").fill(
        "SELECT * FROM claim WHERE state = 'new' LIMIT :most"
    )
    page.locator("main [name='source.keyColumns']").fill("id, version")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("main [aria-invalid=true]").first).to_be_visible()
    page.locator("main [name='source.updateQuery']").fill(
        "UPDATE claim SET state = :outcome WHERE id = :row_id"
    )
    page.get_by_role("button", name="Create").click()
    expect(page.locator("h1")).to_have_text("Claims table")
    expect(page.locator("main [name='source.keyColumns']")).to_have_value("id, version")
    assert "never shown" not in page.content()
