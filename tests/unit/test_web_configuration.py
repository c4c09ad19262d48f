"""Pages of the configuration: comparisons by type, forms, merged fields, differences and faults in words."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import msgspec
import pytest

from openiwd.domain.attribute import AttributeConfig, AttributeType, Family, Vocabulary
from openiwd.domain.calendar import WALL
from openiwd.domain.category import CategoryConfig
from openiwd.domain.criteria import CriteriaConfig, Surroundings, compile_criteria
from openiwd.domain.problem import Problems
from openiwd.domain.rule import ActionConfig
from openiwd.domain.rule_set import RuleSetDocument, parse_document
from openiwd.domain.rule_set_diff import diff
from openiwd.domain.rule_set_merge import merge
from openiwd.usecases.rule_set_draft import Fault
from openiwd.web.configuration.category_view import attached_data, body_of, fields_of, fresh_id
from openiwd.web.configuration.difference_view import changes_of, choices_of, fault_lines, object_at
from openiwd.web.configuration.drafting import local_path
from openiwd.web.configuration.listed_view import SPECS
from openiwd.web.configuration.rule_text import actions_text, criteria_text, relaxation_text, requirement_text
from openiwd.web.configuration.saving import canonical, merge_fields
from openiwd.web.configuration.vocabulary_view import COMPARISONS
from openiwd.web.shell.catalogue import load_catalogues

CATALOGUES = load_catalogues()
EN = CATALOGUES["en"]
DECLARED = [AttributeConfig(t.value, t) for t in AttributeType]
VALUES: dict[Family, Any] = {
    Family.TEXT: "x",
    Family.INTEGER: 3,
    Family.NUMBER: 3,
    Family.DECIMAL: 2.5,
    Family.BOOLEAN: True,
    Family.INSTANT: "2026-05-01T08:00",
    Family.LIST: "x",
    Family.ANY: "x",
}
DOCUMENT: dict[str, Any] = {
    "name": "Nordhaven",
    "schemas": [{"id": "motor", "name": "Motor claims", "points": [{"age": "0h", "priority": 1}]}],
    "queues": [{"id": "one", "name": "One"}, {"id": "two", "name": "Two"}],
    "rules": [
        {"id": "vip", "name": "VIP first", "then": [{"raiseBusinessValue": 1}]},
        {"id": "late", "then": []},
    ],
    "categories": [
        {
            "id": "claims",
            "name": "Claims",
            "schema": "motor",
            "queue": "one",
            "children": [{"id": "theft", "name": "Theft"}, {"id": "glass", "name": "Glass"}],
        }
    ],
}


def document(**changes: Any) -> RuleSetDocument:
    return parse_document({**DOCUMENT, **changes})


def value_for(name: str, family: Family) -> Any:
    match name:
        case "isSet" | "isNotSet":
            return msgspec.UNSET
        case "in" | "notIn":
            return [VALUES[family]]
        case "between":
            return [VALUES[family], VALUES[family]] if family is not Family.ANY else [1, 2]
        case "lt" | "le" | "gt" | "ge" if family is Family.ANY:
            return 3
        case "before" | "after":
            return "now+2h"
        case "olderThan":
            return "8h"
        case "withinBusinessTime":
            return "wall"
        case _:
            return VALUES[family]


@pytest.mark.parametrize(
    ("family", "name"),
    [(f, name) for f, names in COMPARISONS.items() for name in names if f is not Family.NUMBER],
)
def test_every_comparison_that_is_offered_for_a_type_compiles(family: Family, name: str) -> None:
    vocabulary = Vocabulary(DECLARED)
    attribute = next(
        (a.name for a in vocabulary.known.values() if a.family is family and a.name.startswith("data.")),
        "data.any",
    )
    problems = Problems()
    around = Surroundings(vocabulary, {"wall": WALL}, UTC, problems)
    condition = CriteriaConfig(attribute=attribute, operator=name, value=value_for(name, family))
    compile_criteria(condition, "test", "when", around)
    assert list(problems.found) == []


def test_every_comparison_has_its_words_in_each_language() -> None:
    for names in COMPARISONS.values():
        for name in names:
            assert EN.has(f"comparison.{name}"), name


@pytest.mark.parametrize(
    ("criteria", "text"),
    [
        (None, "always"),
        ({"attribute": "a", "operator": "isSet"}, "a is set"),
        ({"not": {"attribute": "a", "operator": "eq", "value": 1}}, "not (a is 1)"),
        (
            {
                "all": [
                    {"attribute": "a", "operator": "eq", "value": {"attribute": "b"}},
                    {
                        "any": [
                            {"attribute": "c", "operator": "lt", "value": 1},
                            {"attribute": "d", "operator": "isSet"},
                        ]
                    },
                ]
            },
            "a is b and (c < 1 or d is set)",
        ),
    ],
)
def test_criteria_in_words(criteria: Any, text: str) -> None:
    assert criteria_text(criteria, EN) == text


@pytest.mark.parametrize(
    ("action", "text"),
    [
        ({"setBusinessValue": {"attribute": "data.value"}}, "set the business value to data.value"),
        ({"raiseBusinessValue": 10}, "raise the business value by 10"),
        ({"adjustPriority": -5}, "adjust the priority by -5"),
        ({"setDue": {"after": "8h", "from": "created", "clock": "office"}}, "due 8h from creation on office"),
        ({"setDue": {"after": "2d"}}, "due 2d from now"),
        ({"addSkill": {"skill": {"attribute": "data.language"}, "level": 3}}, "require data.language ≥ 3"),
        ({"setRequirement": {"skills": [{"skill": "german", "level": 5}]}}, "require german ≥ 5"),
        ({"setAttribute": {"name": "data.x", "value": True}}, "set data.x to true"),
        (
            {
                "lookup": {
                    "table": "regions",
                    "key": {"attribute": "data.zip"},
                    "into": {"office": "data.office"},
                }
            },
            "look up data.zip in regions: office → data.office",
        ),
        ({"hold": {"reason": "review", "until": "2h"}}, "hold for 'review' for 2h"),
        ({"reject": "spam"}, "reject: spam"),
    ],
)
def test_every_action_in_words(action: Any, text: str) -> None:
    assert actions_text([action], EN) == text


def test_no_action_is_without_words() -> None:
    for name in ActionConfig.__struct_encode_fields__:
        assert EN.has(f"action_text.{name}"), name
        assert EN.has(f"builder.action_{name}"), name


def test_requirements_in_words() -> None:
    requirement = {"agents": ["rossi"], "agentsOnly": True, "groups": ["motor"], "excluded": ["nowak"]}
    assert requirement_text(requirement, EN) == "only by rossi; preferably by group motor; not by nowak"
    assert requirement_text(None, EN) == "nothing"
    steps = [
        {"after": "1h", "skill": "a", "level": 2},
        {"after": "2h", "dropSkill": "a"},
        {"after": "3h", "group": "g"},
    ]
    assert relaxation_text(steps, EN) == "after 1h a ≥ 2; after 2h without a; after 3h also group g"


def test_a_categorys_form_means_what_it_shows() -> None:
    stored = {
        "id": "theft",
        "name": "Theft",
        "queue": "two",
        "targetHandleTime": "20m",
        "archived": True,
        "dispositions": ["Settled", "Declined, finally"],
        "dispositionRequired": True,
        "attachedData": {"number": 5, "text": "5", "on": True, "open": "a: b"},
        "when": {"attribute": "data.product", "operator": "eq", "value": "theft"},
    }
    fields = fields_of(stored, document(), None, EN, new=False)
    sent = {f.name: f.value for f in fields.values() if f.value not in ("", False)}
    sent |= {n: msgspec.json.encode(stored.get(n)).decode() for n in ("when", "dispositions", "requirement")}
    assert canonical(CategoryConfig, {**body_of(sent, stored), "id": "theft"}) == stored


def test_attached_data_is_read_line_by_line() -> None:
    assert attached_data('a: 1\n\nb = "2"\nc: https://x/y\nd') == {
        "a": 1,
        "b": "2",
        "c": "https://x/y",
        "d": "",
    }


def test_ids_are_made_of_names() -> None:
    assert fresh_id("Kfz-Schäden (groß)", set()) == "kfz_schaeden_gross"
    assert fresh_id("Theft", {"theft", "theft_2"}) == "theft_3"
    assert fresh_id("日本", set()) == "new"


def test_an_attributes_values_follow_its_type() -> None:
    spec = next(s for s in SPECS if s.section == "attributes")
    sent = {"name": "level", "type": "integer", "allowed": '["1","2","x"]', "searchable": "true"}
    assert spec.body(sent) == {"name": "level", "type": "integer", "allowed": [1, 2, "x"], "searchable": True}


def test_two_editors_fields_come_together_and_clashes_keep_ones_own() -> None:
    before = {"name": "Theft", "queue": "one", "contact": "Bea", "description": "old"}
    now = {"name": "Theft", "queue": "two", "description": "theirs"}
    mine = {"name": "Thefts", "queue": "one", "contact": "Bea", "description": "mine"}
    changes, merged = merge_fields(before, now, mine)
    assert merged == {"name": "Thefts", "queue": "two", "description": "mine"}
    assert [(c.field, c.clash) for c in changes] == [
        ("queue", False),
        ("contact", False),
        ("description", True),
    ]


def test_differences_are_told_by_object_with_names() -> None:
    after = document(
        queues=[{"id": "one", "name": "One"}, {"id": "three", "name": "Three", "delivery": "pull"}],
        rules=[{"id": "late", "then": []}, {"id": "vip", "name": "VIP first", "then": [{"raiseBusinessValue": 2}]}],
        categories=[
            {
                "id": "claims", "name": "Claims", "schema": "motor", "queue": "three",
                "children": [{"id": "theft", "name": "Theft", "when": {"attribute": "tags", "operator": "isSet"}}],
            },
            {"id": "glass", "name": "Glass"},
        ],
        timeZone="Europe/Berlin",
    )  # fmt: skip
    found = changes_of(diff(document(), after), document(), after, EN, "?draft=d")
    told = {c.title: (c.change, c.href, [(f.label, f.before, f.after) for f in c.fields]) for c in found}
    assert told["Settings"] == ("changed", None, [("Time zone", None, "Europe/Berlin")])
    assert told["Queue Two"] == ("removed", None, [])
    assert told["Queue Three"] == (
        "added",
        "/configuration/queues/three?draft=d",
        [("Delivery", None, "pull")],
    )
    assert told["Category Claims"][2] == [("Queue", "One", "Three")]
    assert told["Category Claims › Theft"][2] == [("Condition", None, "tags is set")]
    assert told["Category Glass"][2] == [
        ("Below", "Claims", "nothing: a department"),
        ("After", "Theft", "Claims"),
    ]
    assert told["Rule VIP first"][2] == [
        ("Actions", "raise the business value by 1", "raise the business value by 2"),
        ("After", "nothing: it comes first", "late"),
    ]


def test_what_both_sides_changed_is_told_with_both_values() -> None:
    mine = document(queues=[{"id": "one", "name": "Mine"}, {"id": "two", "name": "Two"}], name="Mine")
    theirs = document(queues=[{"id": "two", "name": "Two"}], name="Theirs")
    merged = merge(document(), mine, theirs, {"settings/name": "theirs"})
    found = {c.key: (c.title, c.fields, c.choice) for c in choices_of(merged.twice, mine, theirs, EN)}
    assert found["settings/name"] == ("Settings", [("Name", "Mine", "Theirs")], "theirs")
    assert found["queues/one"] == ("Queue Mine", [("Name", "Mine", None)], None)


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("categories[0].children[1].queue", ("categories", "glass", "queue")),
        ("categories[0].rules[0].when", ("categories", "claims", "rules[0].when")),
        ("rules[1].then[0]", ("rules", "late", "then[0]")),
        ("queues[7].name", ("", "", "queues[7].name")),
        ("timeZone", ("", "", "timeZone")),
    ],
)
def test_a_fault_is_found_in_its_object(field: str, found: tuple[str, str, str]) -> None:
    assert object_at(document(), field) == found


def test_faults_lead_to_their_object_in_the_draft() -> None:
    faults = [
        Fault(field="categories[0].children[0].queue", message="no such queue"),
        Fault(field=None, message="bad"),
    ]
    lines = fault_lines(faults, document(), EN, "?draft=d")
    assert [(f.object, f.href) for f in lines] == [
        ("Category Claims › Theft", "/configuration/categories/theft?draft=d"),
        ("Settings", None),
    ]


@pytest.mark.parametrize(
    ("given", "followed"),
    [
        ("/configuration/rules", "/configuration/rules"),
        ("/configuration/rules?draft=x&all=1", "/configuration/rules?all=1"),
        ("//evil.example/configuration", "/configuration"),
        ("https://evil.example/configuration", "/configuration"),
        ("/configuration\\evil", "/configuration"),
        ("/", "/configuration"),
    ],
)
def test_only_pages_of_the_configuration_are_followed(given: str, followed: str) -> None:
    assert local_path(given) == followed
