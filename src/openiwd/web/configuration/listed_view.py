"""The lists of the rule set that one form edits: rules, tables, attributes, tests. What their forms mean. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec

from openiwd.domain.attribute import AttributeConfig, AttributeType
from openiwd.domain.rule import DecisionTableConfig, RuleConfig
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.usecases.rule_set_object import (
    ATTRIBUTES,
    DECISION_TABLES,
    RULES,
    TESTS,
    DraftedKind,
    listed,
    named,
)
from openiwd.web.configuration import rule_test_view
from openiwd.web.configuration.category_view import Branch
from openiwd.web.configuration.drafting import Drafting
from openiwd.web.configuration.saving import Plain, json_of
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.form import Field

Sent = Mapping[str, Any]


class Listed(NamedTuple):
    """A list of the rule set: where it lies, and how its form is read and drawn."""

    kind: DraftedKind
    section: str
    path: str
    fields: Callable[[Plain, Catalogue, bool, RuleSetDocument], list[Field]]
    body: Callable[[Sent], Plain]
    """InvalidInputError for what cannot be read."""
    note: Callable[[Any, Catalogue], str]
    start: Plain
    ordered: bool = False
    wide: bool = False
    """Its editor needs the whole page."""
    typed: Callable[[Sent], Plain] = dict
    """What the form shows again of what cannot be read."""

    def address(self, object_id: str) -> str:
        return f"{self.path}/{quote(object_id, safe='')}"

    @property
    def view(self) -> str:
        return f"{self.kind.privilege}.view"

    @property
    def update(self) -> str:
        return f"{self.kind.privilege}.update"


def branches(spec: Listed, at: Drafting, current: str | None, t: Catalogue) -> list[Branch]:
    """The objects as lines of the list beside the form."""
    return [
        Branch(
            named(spec.kind, value),
            name_of(value),
            at.address(spec.address(named(spec.kind, value))),
            named(spec.kind, value) == current,
            False,
            spec.note(value, t),
            [],
        )
        for value in listed(at.document, spec.kind)
    ]


def name_of(value: Any) -> str:
    """What an object is called: its label or name, else its id."""
    if isinstance(value, AttributeConfig):
        return value.label or value.name
    return str(value.name or value.id)


def plain_of(value: Any) -> Plain:
    plain: Plain = msgspec.to_builtins(value)
    return plain


def _name_fields(body: Plain, t: Catalogue, new: bool, _: RuleSetDocument) -> list[Field]:
    found = [Field("name", t("conf_field.name"), value=body.get("name") or "")]
    if new:
        found.append(Field("id", t("conf_field.id"), value=body.get("id") or "", hint=t("category.id_hint")))
    return found


def _rule_body(sent: Sent) -> Plain:
    return _filled(
        {"name": _text(sent, "name"), "when": json_of(sent, "when"), "then": json_of(sent, "then")}
    )


def _table_body(sent: Sent) -> Plain:
    grid = json_of(sent, "table") or {}
    name = _text(sent, "name")
    return {
        **({"name": name} if name else {}),
        "columns": grid.get("columns") or [],
        "rows": grid.get("rows") or [],
    }


def _attribute_fields(body: Plain, t: Catalogue, new: bool, _: RuleSetDocument) -> list[Field]:
    types = [(a.value, t.named("attribute_type", a.value)) for a in AttributeType]
    found = [
        Field("label", t("conf_field.label"), value=body.get("label") or "", hint=t("attribute.label_hint")),
        Field("type", t("conf_field.type"), "select", body.get("type") or AttributeType.STRING.value, types),
        Field("searchable", t("attribute.searchable"), "checkbox", bool(body.get("searchable"))),
        Field("reportDimension", t("attribute.dimension"), "checkbox", bool(body.get("reportDimension"))),
    ]
    if new:
        hint = t("attribute.name_hint")
        found.insert(
            0, Field("name", t("conf_field.name"), value=body.get("name") or "", required=True, hint=hint)
        )
    return found


def _attribute_body(sent: Sent) -> Plain:
    type_ = _text(sent, "type") or AttributeType.STRING.value
    return _filled(
        {
            "name": _text(sent, "name"),
            "label": _text(sent, "label"),
            "type": type_,
            "allowed": [_allowed(str(v), type_) for v in json_of(sent, "allowed") or []],
            "searchable": bool(sent.get("searchable")),
            "reportDimension": bool(sent.get("reportDimension")),
        }
    )


def _allowed(text: str, type_: str) -> Any:
    """An allowed value as its type has it; what is none is left to the check."""
    if type_ in (AttributeType.INTEGER, AttributeType.DECIMAL):
        try:
            return int(text) if type_ == AttributeType.INTEGER else float(text.replace(",", "."))
        except ValueError:
            return text
    if type_ == AttributeType.BOOLEAN and text in ("true", "false"):
        return text == "true"
    return text


def _text(sent: Sent, name: str) -> str:
    return str(sent.get(name) or "").strip()


def _filled(body: Plain) -> Plain:
    return {k: v for k, v in body.items() if v not in (None, "", False, [], {})}


def _rule_note(rule: RuleConfig, t: Catalogue) -> str:
    return t("listed.actions", n=len(rule.then))


def _table_note(table: DecisionTableConfig, t: Catalogue) -> str:
    return t("conf_value.rows", n=len(table.rows))


def _attribute_note(attribute: AttributeConfig, t: Catalogue) -> str:
    return t.named("attribute_type", attribute.type.value)


SPECS: Final[Sequence[Listed]] = (
    Listed(
        RULES,
        "rules",
        "/configuration/rules",
        _name_fields,
        _rule_body,
        _rule_note,
        {"then": []},
        ordered=True,
    ),
    Listed(
        DECISION_TABLES,
        "decision_tables",
        "/configuration/decision-tables",
        _name_fields,
        _table_body,
        _table_note,
        {"columns": [{"attribute": "", "operator": "eq"}], "rows": []},  # one column to begin with
        ordered=True,
        wide=True,
    ),
    Listed(
        ATTRIBUTES,
        "attributes",
        "/configuration/attributes",
        _attribute_fields,
        _attribute_body,
        _attribute_note,
        {},
    ),
    Listed(
        TESTS,
        "tests",
        "/configuration/tests",
        rule_test_view.fields_of,
        rule_test_view.body_of,
        rule_test_view.note_of,
        {},
        typed=rule_test_view.typed_of,
    ),
)
