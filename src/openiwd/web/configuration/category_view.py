"""The category tree and the editor of one category: what the page shows, and what its form means. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec

from openiwd.domain.category import CategoryConfig
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.usecases.category import CategoryView
from openiwd.web.configuration.drafting import Drafting
from openiwd.web.configuration.saving import Plain, json_of
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.form import Field

PATH: Final = "/configuration/categories"
BUILT: Final = ("when", "requirement", "relaxation", "rules", "dispositions")
"""Fields whose inputs hold the plain value as JSON."""
TEXTS: Final = ("name", "schema", "queue", "activeFrom", "activeTo", "description", "contact")
_NOT_IN_ID: Final = re.compile(r"[^a-z0-9]+")
_PAIR: Final = re.compile(r"\s*([^:=]+?)\s*[:=]\s*(.*?)\s*")


class Branch(NamedTuple):
    """A node of the tree as it is drawn."""

    id: str
    name: str
    href: str
    current: bool
    archived: bool
    note: str
    """What stands at the right: the queue that the node names."""
    children: list[Branch]


def category_path(category_id: str) -> str:
    return f"{PATH}/{quote(category_id, safe='')}"


def tree_of(at: Drafting, current: str | None) -> list[Branch]:
    queues = {q.id: q.name for q in at.document.queues}

    def branch(node: CategoryConfig) -> Branch:
        return Branch(
            node.id,
            node.name,
            at.address(category_path(node.id)),
            node.id == current,
            node.archived,
            queues.get(node.queue, node.queue) if node.queue else "",
            [branch(c) for c in node.children],
        )

    return [branch(c) for c in at.document.categories]


def plain_category(view: CategoryView) -> Plain:
    """The category's own values as a rule set writes them, without its children."""
    own = {f: getattr(view, f) for f in CategoryConfig.__struct_fields__ if f != "children"}
    plain: Plain = msgspec.to_builtins(CategoryConfig(**own))
    return plain


def fields_of(
    body: Mapping[str, Any],
    document: RuleSetDocument,
    parent: CategoryView | None,
    t: Catalogue,
    *,
    new: bool,
) -> dict[str, Field]:
    """The plain inputs of the form by name."""

    def inherited(part: str) -> tuple[str, str]:
        own = getattr(parent, f"effective_{part}") if parent is not None else None
        names = {o.id: o.name for o in (document.schemas if part == "schema" else document.queues)}
        text = t("category.inherited", name=names.get(own, own)) if own else t("category.choose")
        return ("", text)

    schemas = [inherited("schema"), *((s.id, s.name) for s in document.schemas)]
    queues = [inherited("queue"), *((q.id, q.name) for q in document.queues)]
    attached = "\n".join(f"{k}: {_shown(v)}" for k, v in (body.get("attachedData") or {}).items())
    value = {k: "" if body.get(k) is None else str(body[k]) for k in (*TEXTS, "targetHandleTime", "id")}
    found = [
        Field("name", t("conf_field.name"), value=value["name"], required=True),
        Field("schema", t("conf_field.schema"), "select", value["schema"], _with(schemas, value["schema"])),
        Field("queue", t("conf_field.queue"), "select", value["queue"], _with(queues, value["queue"])),
        Field(
            "activeFrom", t("conf_field.activeFrom"), value=value["activeFrom"], hint=t("category.date_hint")
        ),
        Field(
            "activeTo", t("conf_field.activeTo"), value=value["activeTo"], hint=t("category.last_day_hint")
        ),
        Field("description", t("conf_field.description"), "textarea", value["description"]),
        Field("contact", t("conf_field.contact"), value=value["contact"], hint=t("category.contact_hint")),
        Field(
            "targetHandleTime",
            t("conf_field.targetHandleTime"),
            value=value["targetHandleTime"],
            hint=t("category.handle_time_hint"),
        ),
        Field(
            "dispositionRequired",
            t("conf_field.dispositionRequired"),
            "checkbox",
            bool(body.get("dispositionRequired")),
        ),
        Field(
            "attachedData",
            t("conf_field.attachedData"),
            "textarea",
            attached,
            hint=t("category.attached_hint"),
        ),
    ]
    if new:
        found.append(Field("id", t("conf_field.id"), value=value["id"], hint=t("category.id_hint")))
    return {f.name: f for f in found}


def _with(options: Sequence[tuple[str, str]], value: str) -> Sequence[tuple[str, str]]:
    """The options, and the value that is set even where there is no such option any more."""
    return options if any(v == value for v, _ in options) else [*options, (value, value)]


def _shown(value: Any) -> str:
    plain = isinstance(value, str) and _value(value) == value
    return value if plain else msgspec.json.encode(value).decode()


def body_of(sent: Mapping[str, Any], before: Plain | None) -> Plain:
    """The category that a form means. What the form does not show stays as it was."""
    body: Plain = {k: v for k, v in (before or {}).items() if k == "archived"}
    for name in TEXTS:
        text = str(sent.get(name) or "").strip()
        if text:
            body[name] = text
    handle_time = str(sent.get("targetHandleTime") or "").strip()
    if handle_time:
        body["targetHandleTime"] = int(handle_time) if handle_time.isdigit() else handle_time
    if sent.get("dispositionRequired"):
        body["dispositionRequired"] = True
    for name in BUILT:
        value = json_of(sent, name)
        if value not in (None, [], {}):
            body[name] = value
    attached = attached_data(str(sent.get("attachedData") or ""))
    if attached:
        body["attachedData"] = attached
    return body


def attached_data(text: str) -> dict[str, Any]:
    """`key: value` line by line; a line without a colon is a key with nothing."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        match = _PAIR.fullmatch(line)
        key, value = (match[1], match[2]) if match else (line.strip(), "")
        found[key] = _value(value)
    return found


def _value(text: str) -> Any:
    """A value as it was written: numbers, true, false and JSON are read as such."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def fresh_id(name: str, taken: set[str]) -> str:
    """An id made of a name that no other has."""
    plain = name.lower()
    for letter, written in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        plain = plain.replace(letter, written)
    stem = _NOT_IN_ID.sub("_", plain).strip("_")[:48] or "new"
    return next(i for i in (stem, *(f"{stem}_{n}" for n in range(2, 10_000))) if i not in taken)
