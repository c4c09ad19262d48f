"""The editor of a capture point as data: from a stored one to inputs, and from what was sent back to one. Touches
nothing.

Settings of a source come from its type, so a new kind of capture point needs texts and nothing here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET

from openiwd.domain.capture.answer import NotificationKind
from openiwd.domain.capture.mapping import FieldMapping, MappingConfig, NumberForm, Unmapped
from openiwd.domain.capture.message import MessageKind
from openiwd.domain.capture.outside_source import SECRET
from openiwd.domain.capture.point import CapturePoint, DuplicatePolicy, Source, secret_names
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.form import Field
from openiwd.web.shell.sent import Sent

NUMBERS: Final = NumberForm.__args__  # type: ignore[attr-defined]
OTHERWISE: Final = "*"
LINE: Final = ("to", "from", "constant", "form", "values", "default", "required")
DEFAULT: Final = ("default_to", "default_value")
CHOICE: Final = ("choice_value", "choice_message")


class MappingLine(NamedTuple):
    """One line of the mapping as inputs."""

    to: str
    source: str
    constant: str
    form: str
    values: str
    default: str
    required: bool
    error: str = ""


class Pair(NamedTuple):
    """Two inputs side by side."""

    first: str
    second: str
    error: str = ""


EMPTY_LINE: Final = MappingLine("", "", "", "", "", "", required=False)


def said(value: Any) -> str:
    """A value as an input shows it: text as it is, unless it would be read as something else."""
    if value is UNSET or value is None:
        return ""
    if isinstance(value, str):
        return json.dumps(value) if not isinstance(meant(value), str) else value
    return json.dumps(value, ensure_ascii=False)


def meant(text: str) -> Any:
    """What an input's text stands for: JSON where it is that, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def lines_of(config: MappingConfig) -> list[MappingLine]:
    return [_line(field) for field in config.fields]


def _line(field: FieldMapping) -> MappingLine:
    source = "" if field.from_ is UNSET else field.from_
    values = [f"{key} = {said(value)}" for key, value in (field.values or {}).items()]
    if field.otherwise is not UNSET:
        values.append(f"{OTHERWISE} = {said(field.otherwise)}")
    form = field.number or field.date or (f"split {field.split}" if field.split else "")
    return MappingLine(
        to=field.to,
        source=source if isinstance(source, str) else " + ".join(source),
        constant=said(field.constant),
        form=form,
        values="\n".join(values),
        default=said(field.default),
        required=field.required,
    )


def field_sent(row: dict[str, str], before: FieldMapping | None) -> dict[str, Any]:
    """One line as the API would get it; what the page does not show stays as it was."""
    kept: dict[str, Any] = {} if before is None else msgspec.to_builtins(before)
    body = {k: v for k, v in kept.items() if k in ("join", "timeZone")} if kept.get("to") == row["to"] else {}
    body["to"] = row["to"]
    if row["constant"]:
        body["constant"] = meant(row["constant"])
    if row["from"]:
        sources = [part.strip() for part in row["from"].split(" + ") if part.strip()]
        body["from"] = sources[0] if len(sources) == 1 else sources
    form = row["form"]
    if form in NUMBERS:
        body["number"] = form
    elif form.startswith("split "):
        body["split"] = form.removeprefix("split ")
    elif form:
        body["date"] = form
    values, otherwise = _values_sent(row["values"])
    if values:
        body["values"] = values
    if otherwise is not UNSET:
        body["otherwise"] = otherwise
    if row["default"]:
        body["default"] = meant(row["default"])
    if row["required"] == "yes":
        body["required"] = True
    return body


def _values_sent(text: str) -> tuple[dict[str, Any], Any]:
    values: dict[str, Any] = {}
    otherwise: Any = UNSET
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if not equals or not key.strip():
            continue
        if key.strip() == OTHERWISE:
            otherwise = meant(value.strip())
        else:
            values[key.strip()] = meant(value.strip())
    return values, otherwise


def settings_of(source: Source, t: Catalogue) -> list[Field]:
    """The settings of a kind of source, by the types of its fields."""
    kind, secrets = type(source), secret_names(type(source))
    fields = []
    for f, info in zip(msgspec.structs.fields(kind), msgspec.inspect.type_info(kind).fields, strict=True):  # type: ignore[attr-defined]
        value = getattr(source, f.name)
        name = f"source.{f.encode_name}"
        label, hint = t(f"capture_setting.{f.encode_name}"), t.find(f"capture_setting_hint.{f.encode_name}")
        options = _options(info.type)
        fields.append(
            Field(
                name,
                label,
                _input(info.type, f.encode_name in secrets, options),
                value=_shown(value),
                options=[(o, t.named(f"capture_option_{f.encode_name}", o)) for o in options],
                required=f.required,
                hint=hint if isinstance(hint, str) else "",
            )
        )
    return fields


def is_list(source: type[Source], name: str) -> bool:
    """Whether a setting is a list: shown, and sent, with commas between."""
    found = next(f for f in msgspec.inspect.type_info(source).fields if f.name == name)  # type: ignore[attr-defined]
    return isinstance(_inner(found.type), msgspec.inspect.ListType)


def _shown(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(str(v) for v in value)
    if isinstance(value, dict):
        return json.dumps(msgspec.to_builtins(value), ensure_ascii=False, indent=1) if value else ""
    return f"{value:g}" if isinstance(value, float) else value


def _inner(kind: msgspec.inspect.Type) -> msgspec.inspect.Type:
    while isinstance(kind, msgspec.inspect.Metadata):
        kind = kind.type
    if isinstance(kind, msgspec.inspect.UnionType):
        return _inner(next(k for k in kind.types if not isinstance(_inner(k), msgspec.inspect.NoneType)))
    return kind


def _options(kind: msgspec.inspect.Type) -> list[str]:
    inner = _inner(kind)
    if isinstance(inner, msgspec.inspect.LiteralType):
        return [str(v) for v in inner.values]
    return [str(v.value) for v in inner.cls] if isinstance(inner, msgspec.inspect.EnumType) else []


def _input(kind: msgspec.inspect.Type, secret: bool, options: Sequence[str]) -> str:
    inner = _inner(kind)
    if secret:
        return "password"
    if options:
        return "select"
    if isinstance(inner, msgspec.inspect.BoolType):
        return "checkbox"
    if isinstance(inner, msgspec.inspect.DictType):
        return "textarea"
    if isinstance(inner, msgspec.inspect.StrType) and (inner.max_length or 0) > 1_000:
        return "textarea"
    return "text"


def source_sent(sent: Sent, source: Source) -> dict[str, Any]:
    """The settings as sent; a secret that was left empty is the stored one."""
    kind = type(source)
    body: dict[str, Any] = {"kind": str(kind.__struct_config__.tag)}
    secrets = secret_names(kind)
    for f, info in zip(msgspec.structs.fields(kind), msgspec.inspect.type_info(kind).fields, strict=True):  # type: ignore[attr-defined]
        name, inner = f"source.{f.encode_name}", _inner(info.type)
        if isinstance(inner, msgspec.inspect.BoolType):
            body[f.encode_name] = sent.flag(name)
            continue
        text = sent.raw(name) if f.encode_name in secrets or _options(info.type) else sent.text(name)
        if text == "" and f.encode_name in secrets and getattr(source, f.name):
            body[f.encode_name] = SECRET
        elif isinstance(inner, msgspec.inspect.ListType):
            body[f.encode_name] = [part.strip() for part in text.split(",") if part.strip()]
        elif isinstance(inner, msgspec.inspect.DictType):
            body[f.encode_name] = meant(text) if text else {}
        elif text != "":
            number = isinstance(inner, msgspec.inspect.IntType | msgspec.inspect.FloatType)
            body[f.encode_name] = meant(text) if number else text
    return body


def body_sent(sent: Sent, before: CapturePoint | None, source: Source, point_id: str) -> dict[str, Any]:
    """The capture point as the API would get it."""
    old = list(before.mapping.fields) if before is not None else []
    rows = sent.rows(*(f"map_{name}" for name in LINE))
    fields = [
        field_sent(
            {name: row[f"map_{name}"] for name in LINE},
            next((f for f in old if f.to == row["map_to"]), None),
        )
        for row in rows
        if row["map_to"] or row["map_from"] or row["map_constant"]
    ]
    message: dict[str, Any] = {"otherwise": sent.text("message_otherwise") or MessageKind.CREATE.value}
    if sent.text("message_from"):
        message["from"] = sent.text("message_from")
    message["values"] = {
        r["choice_value"]: r["choice_message"] for r in sent.rows(*CHOICE) if r["choice_value"]
    }
    return {
        "id": point_id,
        "name": sent.text("name"),
        "description": sent.text("description"),
        "enabled": sent.flag("enabled"),
        "source": source_sent(sent, source),
        "mapping": {"message": message, "fields": fields, "unmapped": sent.text("unmapped") or "byName"},
        "defaults": {
            r["default_to"]: meant(r["default_value"]) for r in sent.rows(*DEFAULT) if r["default_to"]
        },
        "timeZone": sent.text("timeZone") or "UTC",
        "onDuplicate": sent.text("onDuplicate") or DuplicatePolicy.REFUSE.value,
        "notify": {
            "kinds": sent.texts("kinds"),
            "categories": [c for c in sent.text("categories").splitlines() if c.strip()],
            "own": sent.flag("own"),
        },
    }


def choices(t: Catalogue) -> dict[str, list[tuple[str, str]]]:
    """What selects of the page offer."""
    return {
        "messages": [(k.value, t.named("capture_message", k.value)) for k in MessageKind],
        "unmapped": [(u.value, t.named("capture_unmapped", u.value)) for u in Unmapped],
        "duplicates": [(d.value, t.named("capture_duplicate", d.value)) for d in DuplicatePolicy],
        "kinds": [(k.value, t.named("capture_notification", k.value)) for k in NotificationKind],
    }
