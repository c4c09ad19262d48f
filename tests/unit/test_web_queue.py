"""The Universal Queue's address, filters in words, columns and forms: pure, without a server."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from typing import Any
from urllib.parse import parse_qsl

import pytest
from litestar.datastructures import MultiDict

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.instant import parse_now
from openiwd.domain.work_item import OPEN
from openiwd.usecases.open_counts import CategoryCount
from openiwd.web.item.row_view import Shown, media_name
from openiwd.web.queue import drawn_tree
from openiwd.web.queue.column_view import DEFAULT, chosen_columns, columns, read_widths, value_of
from openiwd.web.queue.drawn_tree import DrawnTrees
from openiwd.web.queue.filter_view import Words, filter_chips, for_editing, from_editing
from openiwd.web.queue.queue_filter import QueueFilter, attributes_of, read_filter, tree_text
from openiwd.web.queue.queue_view import TreeLinks, TreeNode, business_tree
from openiwd.web.queue.vocabulary import vocabulary
from openiwd.web.shell.catalogue import load_catalogues, number
from openiwd.web.shell.rendering import render
from openiwd.web.shell.time_text import TimeText
from tests.factories.rule_set import compiled, document
from tests.factories.stored_item import stored_item

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
CATALOGUES = load_catalogues()


def shown(language: str = "en") -> Shown:
    t = CATALOGUES[language]
    return Shown(t, TimeText(t, "Europe/Berlin", NOW), None, {"rossi": "Amara Rossi"}, 100.0)


def asked(query: str) -> QueueFilter:
    return read_filter(MultiDict(parse_qsl(query)))


def said(node: dict[str, Any], language: str = "en") -> str:
    one = shown(language)
    return Words(one.t, one.times, vocabulary(one)).node(node)


def test_an_address_comes_back_as_it_was() -> None:
    chosen = QueueFilter(
        status=("queued", "held"),
        category="Claims/Motor & more",
        queue="q1",
        text="über",
        filter=tree_text({"any": [{"attribute": "tags", "operator": "contains", "value": "a&b"}]}),
        sort="-businessValue",
        columns=("subject", "ext.customerSegment"),
        base="x",
    )
    assert asked(chosen.address(path="").removeprefix("?")) == chosen
    assert asked("") == QueueFilter()
    assert QueueFilter().address() == "/"


def test_old_links_stay_valid_and_nonsense_is_left_out() -> None:
    assert asked("sort=due").sort == "dueDateTime"
    assert asked("sort=age").sort == "createdDateTime"
    assert asked("sort=priority").sort == "-priority"
    assert asked("status=queued&status=none&status=queued").status == ("queued",)


def test_the_search_is_of_open_items_unless_something_else_is_asked_for() -> None:
    opened = {"attribute": "status", "operator": "in", "value": sorted(s.value for s in OPEN)}

    def conditions(query: str) -> list[Any]:
        return [
            {**c, "value": sorted(c["value"])} if c.get("attribute") == "status" else c
            for c in asked(query).conditions()["all"]
        ]

    assert conditions("") == [opened]
    assert conditions("overdue=1") == [
        opened,
        {"attribute": "dueDateTime", "operator": "before", "value": "now"},
    ]
    by_status = {"attribute": "status", "operator": "in", "value": ["completed"]}
    assert conditions(f"filter={tree_text(by_status)}") == [by_status]
    group = {"any": [{"attribute": "segment", "operator": "isSet"}]}
    assert conditions(f"filter={tree_text(group)}") == [group, opened]
    assert asked("finished=1").order() == ["-completedDateTime"]


@pytest.mark.parametrize("text", ["{", "[]", "7", '"x"', "[" * 5_000])
def test_what_is_no_filter_tree_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        QueueFilter(filter=text).tree()
    assert refused.value.field == "filter"


def test_attributes_are_found_in_any_depth_and_whatever_else_is_wrong() -> None:
    tree = {"all": [{"attribute": "a"}, {"not": {"any": [{"attribute": "b"}, 7]}}, None]}
    assert attributes_of(tree) == {"a", "b"}


@pytest.mark.parametrize(
    ("node", "english", "german"),
    [
        (
            {"attribute": "dueDateTime", "operator": "between", "value": ["now", "now+4h"]},
            "Due (SLA) within the next 4 h",
            "Fällig (SLA) in den nächsten 4 h",
        ),
        (
            {"attribute": "createdDateTime", "operator": "between", "value": ["now-2d", "now"]},
            "Created within the last 2 d",
            "Erstellt in den letzten 2 d",
        ),
        (
            {"attribute": "dueDateTime", "operator": "before", "value": "2026-11-26T12:00:00+00:00"},
            "Due (SLA) before 2026-11-26 13:00",
            "Fällig (SLA) vor 2026-11-26 13:00",
        ),
        (
            {"attribute": "assignedToUser", "operator": "in", "value": ["rossi", "gone"]},
            "Assigned to any of Amara Rossi, gone",
            "Zugewiesen an eines von Amara Rossi, gone",
        ),
        (
            {"attribute": "createdDateTime", "operator": "olderThan", "value": "1d6h30m"},
            "Created more than 1 d 6 h 30 m ago",
            "Erstellt vor mehr als 1 T 6 h 30 min",
        ),
        (
            {"attribute": "createdDateTime", "operator": "olderThan", "value": "soon"},
            "Created more than soon ago",
            "Erstellt vor mehr als soon",
        ),
        (
            {"attribute": "dueDateTime", "operator": "before", "value": "now-25h90s"},
            "Due (SLA) more than 1 d 1 h 1 m 30 s ago",
            "Fällig (SLA) vor mehr als 1 T 1 h 1 min 30 s",
        ),
        (
            {"attribute": "dueDateTime", "operator": "after", "value": "now+90m"},
            "Due (SLA) more than 1 h 30 m from now",
            "Fällig (SLA) in mehr als 1 h 30 min",
        ),
        (
            {"not": {"any": [{"attribute": "error", "operator": "isSet"}]}},
            "not (Error is set)",
            "nicht (Fehler ist gesetzt)",
        ),
        (
            {"all": [{"attribute": "businessValue", "operator": "ge", "value": 5}, {"any": []}]},
            "Business value ≥ 5 AND (nothing)",
            "Geschäftswert ≥ 5 UND (nichts)",
        ),
        ({"attribute": "overdue", "operator": "eq", "value": False}, "Overdue no", "Überfällig nein"),
        ({"attribute": "data.x", "operator": "eq", "value": "y"}, "data.x is y", "data.x ist y"),
    ],
)
def test_filters_in_words(node: dict[str, Any], english: str, german: str) -> None:
    texts = {"en": english, "de": german}
    found = {language: said(node, language) for language in texts}
    # "4 h" and "2 d" are texts of the general catalogue, which German may have in other words.
    assert found["en"] == texts["en"]
    assert found["de"].split(" 4 ")[0].split(" 2 ")[0] == texts["de"].split(" 4 ")[0].split(" 2 ")[0]


def test_each_part_of_a_filter_is_a_chip_that_can_be_taken_away() -> None:
    tree = {
        "any": [
            {"attribute": "tags", "operator": "contains", "value": "vip"},
            {"attribute": "error", "operator": "isSet"},
        ]
    }
    one = shown()
    chosen = QueueFilter(filter=tree_text(tree), queue="q")
    first, second = filter_chips(chosen, tree, Words(one.t, one.times, vocabulary(one)), one.t)
    assert (first.joined, second.joined) == ("", "OR")
    assert asked(first.href.partition("?")[2]).tree() == {"any": [tree["any"][1]]}
    assert asked(first.href.partition("?")[2]).queue == "q"


def test_dates_are_local_while_they_are_edited() -> None:
    one = shown()
    known = vocabulary(one)
    tree = {
        "all": [
            {
                "attribute": "dueDateTime",
                "operator": "between",
                "value": ["2026-06-01T08:00:00+00:00", "now+1d"],
            }
        ]
    }
    edited = for_editing(tree, known, one.times)
    assert edited["all"][0]["value"] == ["2026-06-01T10:00", "now+1d"]
    back = from_editing(edited, known, one.times)["all"][0]["value"]
    assert back == ["2026-06-01T10:00:00+02:00", "now+1d"]


def test_columns_come_from_the_address_else_from_the_reader_else_are_the_usual_ones() -> None:
    assert chosen_columns(QueueFilter(), None) == DEFAULT
    assert chosen_columns(QueueFilter(), "nonsense") == DEFAULT
    assert chosen_columns(QueueFilter(), "status%2Csubject") == ("status", "subject")
    assert chosen_columns(QueueFilter(columns=("data.x",)), "status") == ("subject", "data.x")
    assert read_widths("subject:300,status:9,x:y,data.a:b:99999") == {
        "subject": 300,
        "status": 48,
        "data.a:b": 900,
    }


def test_a_click_on_a_head_sorts_and_turns() -> None:
    one = shown()
    known = vocabulary(one)

    def head(chosen: QueueFilter, name: str) -> tuple[str, str]:
        column = columns([name], {}, known, chosen, one)[0]
        return column.sorted, asked(column.href.partition("?")[2]).sort if column.href else ""

    assert head(QueueFilter(), "priority") == ("descending", "priority")
    assert head(QueueFilter(), "businessValue") == ("", "-businessValue")
    assert head(QueueFilter(sort="-businessValue"), "businessValue") == ("descending", "businessValue")
    assert head(QueueFilter(sort="createdDateTime"), "createdDateTime") == ("descending", "-createdDateTime")
    assert head(QueueFilter(), "tags") == ("", "")
    assert head(QueueFilter(), "ext.customerSegment") == ("", "ext.customerSegment")


def test_values_of_columns() -> None:
    item = stored_item(
        "x",
        data={"deep": {"er": [1, 2]}},
        ext={"sourceDueDateTime": "2026-11-26T10:00:00+01:00"},
        due_at=datetime(2026, 11, 26, 11, 0, tzinfo=UTC),
    )
    one = shown()
    assert value_of(item, "data.deep.er", one) == [1, 2]
    assert value_of(item, "data.deep.no", one) is None
    assert value_of(item, "overdue", one) is True
    assert value_of(item, "ext.sourceDueDateTime", one) == datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
    assert value_of(item, "captureId", one) == "x"
    assert value_of(item, "constructor", one) is None


def test_a_drawn_tree_has_the_numbers_and_the_links_of_each_search() -> None:
    """Drawn for whatever search came first, it is the tree that would be drawn for this one."""
    trees = DrawnTrees()
    searches = [
        QueueFilter(),
        QueueFilter(queue="q&1", text='"<b>"'),
        QueueFilter(category="Claims/Motor & more", overdue=True, sort="dueDateTime"),
        QueueFilter(unclassified=True, columns=("subject", "tags")),
    ]
    for n in (1, 1, 12_000):
        counts = [
            CategoryCount(category_path=path, status=status, count=n, overdue=n // 2)
            for path in ("Claims/Motor & more", "Claims", "<i>", None)
            for status in ("queued", "held")
        ]
        for language, chosen in product(("en", "de"), searches):
            t = CATALOGUES[language]
            nodes = business_tree(None, counts, chosen, TreeLinks.of(chosen), t)
            drawn = trees.html(None, counts, chosen, t)
            assert drawn == render("queue/queue_tree.html", {"t": t, "tree": nodes})
            assert f">{number(2 * n)}<" in drawn
            assert drawn.count('aria-current="true"') == 1


def test_a_tree_is_drawn_anew_only_for_other_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    def counted(*given: Any) -> list[TreeNode]:
        drawn.append(len(given[1]))
        return business_tree(*given)

    monkeypatch.setattr(drawn_tree, "business_tree", counted)
    trees, t = DrawnTrees(), CATALOGUES["en"]

    def counts(n: int) -> list[CategoryCount]:
        return [CategoryCount(category_path="A", status="queued", count=n, overdue=0)]

    for n, chosen in (
        (1, QueueFilter()),
        (1, QueueFilter(queue="q")),
        (1, QueueFilter(text="x")),
        (2, QueueFilter()),
    ):
        trees.html(None, counts(n), chosen, t)
    assert len(drawn) == 2
    for n in range(drawn_tree.KEPT + 5):
        trees.html(None, counts(2), QueueFilter(category=f"C{n}"), t)
    trees.html(None, counts(2), QueueFilter(category=f"C{n}"), t)
    assert len(drawn) == 2 + drawn_tree.KEPT + 5
    trees.html(None, counts(2), QueueFilter(), t)
    assert len(drawn) == 3 + drawn_tree.KEPT + 5, "no more are kept than allowed"


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("now", 0),
        ("now+2h", 7_200_000_000),
        (" now - 90s ", -90_000_000),
        ("now+x", None),
        ("nowadays", None),
    ],
)
def test_how_far_a_date_lies_from_now(text: str, micros: int | None) -> None:
    assert parse_now(text) == micros


def test_media_types_are_told_by_their_names_and_the_products_own_in_the_readers_language() -> None:
    renamed = [
        {"id": "lead", "name": "Prospect"},
        {"id": "webform", "name": "Web form"},
        {"id": "fax", "name": "Fax"},
    ]
    rules = compiled(document(mediaTypes=renamed))
    told = {
        m: media_name(m, rules, CATALOGUES["de"]) for m in ("workitem", "webform", "lead", "fax", "letter")
    }
    assert told == {
        "workitem": "Vorgang", "webform": "Webformular", "lead": "Prospect", "fax": "Fax", "letter": "letter",
    }  # fmt: skip
    assert media_name("email", None, CATALOGUES["de"]) == "E-Mail"
