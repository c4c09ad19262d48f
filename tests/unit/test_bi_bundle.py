"""The Superset bundle that is kept: what the code makes, with references that lead somewhere."""

from __future__ import annotations

from pathlib import Path

from openiwd.cli.bi import text_of
from openiwd.domain.bi_bundle import bundle
from openiwd.domain.bi_chart import LEFT_OUT, charts_of
from openiwd.domain.bi_source import SOURCES
from openiwd.domain.mart_dictionary import all_views
from openiwd.domain.report import REPORTS

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "superset" / "openiwd"


def test_the_kept_bundle_is_the_one_that_the_code_makes() -> None:
    kept = {
        str(path.relative_to(FOLDER)): path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.yaml")
    }
    assert kept == {path: text_of(document) for path, document in bundle().items()}, "run: make reference"


def test_every_measure_of_a_report_is_in_its_dashboard() -> None:
    for report in REPORTS:
        charts = charts_of(report)
        assert set(report.measures) - LEFT_OUT <= {m for chart in charts for m in chart.measures}, report.id
        names = [chart.name for chart in charts]
        assert len(set(names)) == len(names), names


def test_charts_read_columns_that_their_views_have() -> None:
    known = {view.name: set(view.columns) for view in all_views()}
    for source in SOURCES.values():
        assert set(source.keys.values()) <= known[source.view], source.view
        assert source.time is None or source.time in known[source.view]
    for report in REPORTS:
        for chart in charts_of(report):
            assert set(chart.by) | set(chart.raw) <= known[SOURCES[chart.source].view], chart.name
