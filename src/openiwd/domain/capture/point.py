"""A capture point as it is configured: where records come from, how they are mapped, what its source is told. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from openiwd.domain.capture.mapping import MappingConfig
from openiwd.domain.capture.notification import NotificationFilter
from openiwd.domain.capture.outside_source import (
    SECRET,
    AmqpSource,
    DatabaseSource,
    KafkaSource,
    WebhookSource,
)
from openiwd.domain.errors import InvalidInputError

PointId = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,15}$")]


class DuplicatePolicy(StrEnum):
    """What happens to a creation whose captureId exists with other content; equal content is always taken as known."""

    REFUSE = "refuse"
    KEEP = "keep"
    """The existing item stays as it is, and that is no error."""
    UPDATE = "update"


class RestSource(
    Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, tag_field="kind", tag="rest"
):
    """Messages come by the API."""


class FileSource(
    Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, tag_field="kind", tag="file"
):
    """Messages come as files in a watched folder."""

    folder: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}){0,4}$")
    ]
    """Below the folder that the installation gives to the tenant's capture points."""
    format: Literal["auto", "csv", "xlsx", "xml", "json", "ndjson"] = "auto"
    """auto: by the ending of the file's name."""
    encoding: Literal["auto", "utf-8", "utf-16", "latin-1", "cp1252"] = "auto"
    """Of CSV and JSON; auto: by its mark, else UTF-8 where it is that, else Windows-1252."""
    delimiter: Literal["auto", ",", ";", "\t", "|"] = "auto"
    sheet: Annotated[str, Meta(max_length=31)] | None = None
    """Of a workbook; none: the first."""
    settle_seconds: Annotated[float, Meta(ge=0, le=3_600)] = 2.0
    """A file is taken once its size has stood still for so long."""
    answers: Literal["all", "asked", "none"] = "asked"
    """Which answers come back as a file: all, those to getInfo and ping, or none. What failed comes back anyhow."""
    notifications: Literal["ndjson", "xml"] = "ndjson"


Source = RestSource | FileSource | DatabaseSource | KafkaSource | AmqpSource | WebhookSource


class CapturePoint(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Where items come from; its id is the `capturePoint` of its items."""

    id: PointId
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    description: Annotated[str, Meta(max_length=2_000)] = ""
    enabled: bool = True
    source: Source = msgspec.field(default_factory=RestSource)
    mapping: MappingConfig = msgspec.field(default_factory=MappingConfig)
    defaults: dict[str, Any] = {}
    """Attribute → value that a new item gets where its record has none."""
    time_zone: Annotated[str, Meta(max_length=64)] = "UTC"
    """Of dates that come without an offset."""
    on_duplicate: DuplicatePolicy = DuplicatePolicy.REFUSE
    notify: NotificationFilter = msgspec.field(default_factory=NotificationFilter)

    @property
    def kind(self) -> str:
        return kind_of_source(type(self.source))

    @property
    def is_read(self) -> bool:
        """Whether a process is to read it; to the others messages are sent."""
        return self.enabled and not isinstance(self.source, RestSource | WebhookSource)


def kind_of_source(source: type[Source]) -> str:
    """The name of a kind of capture point: rest, file, …"""
    return str(source.__struct_config__.tag)


def secret_names(source: type[Source]) -> list[str]:
    """The settings of a kind (as JSON names them) that nobody reads back."""
    return [
        f.encode_name for f in msgspec.structs.fields(source) if _is_secret(msgspec.inspect.type_info(f.type))
    ]


def _is_secret(kind: msgspec.inspect.Type) -> bool:
    if isinstance(kind, msgspec.inspect.Metadata):
        return bool((kind.extra or {}).get("secret")) or _is_secret(kind.type)
    return isinstance(kind, msgspec.inspect.UnionType) and any(_is_secret(t) for t in kind.types)


def shown(point: CapturePoint) -> dict[str, Any]:
    """The JSON form of a capture point for readers: in the place of each secret stands a sign that there is one."""
    body: dict[str, Any] = msgspec.to_builtins(point)
    for name in secret_names(type(point.source)):
        if body["source"].get(name):
            body["source"][name] = SECRET
    return body


def with_kept_secrets(sent: CapturePoint, stored: CapturePoint | None) -> CapturePoint:
    """What was sent, with the stored secrets where only their sign came back."""
    body: dict[str, Any] = msgspec.to_builtins(sent)
    before: dict[str, Any] = msgspec.to_builtins(stored.source) if stored is not None else {}
    for name in secret_names(type(sent.source)):
        if body["source"].get(name) != SECRET:
            continue
        if stored is None or stored.kind != sent.kind or not before.get(name):
            raise InvalidInputError(
                f"there is no secret to keep for {name}",
                field=f"source.{name}",
                hint="give the secret itself",
            )
        body["source"][name] = before[name]
    return msgspec.convert(body, CapturePoint)
