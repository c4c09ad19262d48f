"""Three-way merge of rule sets: what one side changed is taken, what both changed is chosen, order and tree hold."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Any

import msgspec
import pytest
import yaml

from openiwd.domain.rule_set import RuleSetDocument, parse_document
from openiwd.domain.rule_set_diff import category_nodes
from openiwd.domain.rule_set_merge import merge

Plain = dict[str, Any]
BASE: Plain = {
    "name": "Nordhaven",
    "queues": [{"id": q, "name": q.upper()} for q in ("one", "two", "three")],
    "rules": [{"id": r, "then": [{"raiseBusinessValue": 1}]} for r in ("a", "b", "c", "d")],
    "categories": [
        {
            "id": "claims",
            "name": "Claims",
            "children": [{"id": "motor", "name": "Motor"}, {"id": "glass", "name": "Glass"}],
        },
        {"id": "service", "name": "Service"},
    ],
}


def changed(*changes: Callable[[Plain], Any]) -> RuleSetDocument:
    raw = msgspec.json.decode(msgspec.json.encode(BASE))
    for change in changes:
        change(raw)
    return parse_document(raw)


def rename(part: str, place: int, name: str) -> Callable[[Plain], Any]:
    return lambda raw: raw[part][place].update(name=name)


def reorder(part: str, *places: int) -> Callable[[Plain], Any]:
    return lambda raw: raw.update({part: [raw[part][p] for p in places]})


def put_in(part: str, place: int, value: Plain) -> Callable[[Plain], Any]:
    return lambda raw: raw[part].insert(place, value)


def names(document: RuleSetDocument, part: str) -> list[str]:
    return [each.id for each in getattr(document, part)]


def places(document: RuleSetDocument) -> dict[str, tuple[str | None, int]]:
    return {node.id: (parent, place) for node, parent, _, place in category_nodes(document.categories)}


DEMO = parse_document(
    yaml.safe_load(resources.files("openiwd.processes.demo").joinpath("rule_set.yaml").read_text("utf-8"))
)


@pytest.mark.parametrize(
    "document", [changed(), changed(rename("queues", 0, "x"), reorder("rules", 3, 1, 0)), DEMO]
)
def test_a_side_that_changed_nothing_takes_the_other_as_it_is(document: RuleSetDocument) -> None:
    base = changed()
    assert merge(base, document, base, {}).document == document
    assert merge(base, base, document, {}).document == document
    same = merge(base, document, document, {})
    assert (same.document, same.twice) == (document, [])


def test_changes_of_different_objects_come_together() -> None:
    mine = changed(rename("queues", 0, "mine"), put_in("queues", 3, {"id": "four", "name": "4"}))
    theirs = changed(rename("queues", 1, "theirs"), lambda raw: raw["queues"].pop(2))
    merged = merge(changed(), mine, theirs, {})
    assert merged.twice == []
    assert [(q.id, q.name) for q in merged.document.queues] == [
        ("one", "mine"),
        ("two", "theirs"),
        ("four", "4"),
    ]


@pytest.mark.parametrize(
    ("choice", "name", "left"), [(None, "mine", 1), ("mine", "mine", 0), ("theirs", "theirs", 0)]
)
def test_what_both_have_changed_is_chosen(choice: str | None, name: str, left: int) -> None:
    mine, theirs = changed(rename("queues", 0, "mine")), changed(rename("queues", 0, "theirs"))
    merged = merge(changed(), mine, theirs, {} if choice is None else {"queues/one": choice})
    assert [(t.key, t.mine["name"], t.theirs["name"]) for t in merged.twice] == [
        ("queues/one", "mine", "theirs")
    ]
    assert (merged.document.queues[0].name, len(merged.open)) == (name, left)


@pytest.mark.parametrize(("choice", "there"), [("mine", True), ("theirs", False)])
def test_what_one_changed_and_the_other_removed_is_chosen(choice: str, there: bool) -> None:
    mine, theirs = changed(rename("queues", 0, "mine")), changed(lambda raw: raw["queues"].pop(0))
    merged = merge(changed(), mine, theirs, {"queues/one": choice})
    assert merged.twice[0].theirs is msgspec.UNSET
    assert ("one" in names(merged.document, "queues")) is there


def test_settings_are_chosen_one_by_one() -> None:
    mine = changed(lambda raw: raw.update(name="Mine", timeZone="Europe/Paris"))
    theirs = changed(lambda raw: raw.update(name="Theirs", defaultCategory="service"))
    merged = merge(changed(), mine, theirs, {"settings/name": "theirs"})
    d = merged.document
    assert (d.name, d.time_zone, d.default_category) == ("Theirs", "Europe/Paris", "service")
    assert [t.key for t in merged.twice] == ["settings/name"]


def test_an_order_comes_from_the_side_that_changed_it() -> None:
    new = put_in("rules", 2, {"id": "new", "then": []})
    moved = changed(reorder("rules", 3, 0, 1, 2))
    for mine, theirs in ((changed(new), moved), (moved, changed(new))):
        assert names(merge(changed(), mine, theirs, {}).document, "rules") == ["d", "a", "b", "new", "c"]
    both = merge(changed(), changed(reorder("rules", 1, 0, 2, 3)), moved, {})
    assert names(both.document, "rules") == ["b", "a", "c", "d"]


def test_categories_keep_their_children_and_come_together_by_level() -> None:
    def add_below(raw: Plain) -> None:
        raw["categories"][0]["children"].insert(1, {"id": "theft", "name": "Theft"})

    def move_glass(raw: Plain) -> None:
        raw["categories"][1]["children"] = [raw["categories"][0]["children"].pop(1)]

    for mine, theirs in (
        (changed(add_below), changed(move_glass)),
        (changed(move_glass), changed(add_below)),
    ):
        merged = merge(changed(), mine, theirs, {})
        assert merged.twice == []
        assert places(merged.document) == {
            "claims": (None, 0), "motor": ("claims", 0), "theft": ("claims", 1),
            "service": (None, 1), "glass": ("service", 0),
        }  # fmt: skip


def test_categories_that_were_moved_into_each_other_stay_in_the_tree() -> None:
    def claims_below_service(raw: Plain) -> None:
        claims = raw["categories"].pop(0)
        raw["categories"][0]["children"] = [claims]

    def service_below_claims(raw: Plain) -> None:
        service = raw["categories"].pop(1)
        raw["categories"][0]["children"].append(service)

    merged = merge(changed(), changed(service_below_claims), changed(claims_below_service), {})
    found = places(merged.document)
    assert set(found) == {"claims", "motor", "glass", "service"}
    assert (found["claims"][0], found["service"][0]) == ("service", None)


def test_a_category_whose_parent_is_gone_comes_to_the_top() -> None:
    mine = changed(lambda raw: raw["categories"][1].update(children=[{"id": "new", "name": "New"}]))
    theirs = changed(lambda raw: raw["categories"].pop(1))
    assert places(merge(changed(), mine, theirs, {}).document)["new"] == (None, 1)
