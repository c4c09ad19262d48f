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
REQUIRED: Final = "dispositionRequired"
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
    attached = "\n".join(f"{k}: {_shown(v)}" for k, v in (body.get("attachedData") or {}).items())
    value = {k: "" if body.get(k) is None else str(body[k]) for k in (*TEXTS, "targetHandleTime", "id")}

    def plain(name: str, kind: str = "text", hint: str = "", *, required: bool = False) -> Field:
        told = t(f"category.{hint}") if hint else ""
        return Field(name, t(f"conf_field.{name}"), kind, value[name], required=required, hint=told)

    def chosen(name: str) -> Field:
        options = _with(_options(name, document, parent, t), value[name])
        return plain(name, "select")._replace(options=options)

    found = [
        plain("name", required=True),
        chosen("schema"),
        chosen("queue"),
        plain("activeFrom", hint="date_hint"),
        plain("activeTo", hint="last_day_hint"),
        plain("description", "textarea"),
        plain("contact", hint="contact_hint"),
        plain("targetHandleTime", hint="handle_time_hint"),
        Field(REQUIRED, t(f"conf_field.{REQUIRED}"), "checkbox", bool(body.get(REQUIRED))),
        Field(
            "attachedData",
            t("conf_field.attachedData"),
            "textarea",
            attached,
            hint=t("category.attached_hint"),
        ),
        *([plain("id", hint="id_hint")] if new else []),
    ]
    return {f.name: f for f in found}


def _options(
    part: str, document: RuleSetDocument, parent: CategoryView | None, t: Catalogue
) -> Sequence[tuple[str, str]]:
    """The schemas or queues; first what is inherited."""
    objects = [(o.id, o.name) for o in (document.schemas if part == "schema" else document.queues)]
    own = getattr(parent, f"effective_{part}") if parent is not None else None
    first = t("category.inherited", name=dict(objects).get(own, own)) if own else t("category.choose")
    return [("", first), *objects]


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
    if sent.get(REQUIRED):
        body[REQUIRED] = True
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
