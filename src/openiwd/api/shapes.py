"""Shapes of request bodies that handlers read by hand, for the API's description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from openiwd.api.authorisation import PREFIX
from openiwd.api.item_note import SAFE_TYPES
from openiwd.api.live_object import PATHS
from openiwd.api.rule_set_object import path_of
from openiwd.domain.agent import AgentProfile
from openiwd.domain.capture.point import CapturePoint
from openiwd.domain.category import CategoryConfig
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.domain.webhook import Webhook
from openiwd.usecases.export import MEDIA_TYPES, ExportFormat
from openiwd.usecases.lookup_table import LookupTable
from openiwd.usecases.rule_set_object import KINDS

CategoryInput: Final = msgspec.defstruct(
    "CategoryInput",
    [
        *(
            (f.encode_name, f.type, None)
            for f in msgspec.structs.fields(CategoryConfig)
            if f.name != "children"
        ),
        ("parent", str | None, None),
        ("position", int | None, None),
    ],
    module=__name__,
)
_FILES: Final = ("application/octet-stream", *sorted(SAFE_TYPES))
BODIES: Final[Mapping[str, Any]] = {
    **{f"PUT {PREFIX}{path_of(kind)}/{{object_id}}": kind.type for kind in KINDS},
    **{f"PUT {PREFIX}{path}/{{object_id}}": kind.type for path, kind in PATHS.items()},
    f"PUT {PREFIX}/capture-points/{{object_id}}": CapturePoint,
    f"PUT {PREFIX}/categories/{{category_id}}": CategoryInput,
    f"PUT {PREFIX}/agents/{{agent_id}}": AgentProfile,
    f"PUT {PREFIX}/lookup-tables/{{table_id}}": LookupTable,
    f"PUT {PREFIX}/webhooks/{{object_id}}": Webhook,
}
"""Route → what its JSON body is."""
TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    f"POST {PREFIX}/agents/import": ("text/csv",),
    f"POST {PREFIX}/capture-points/{{object_id}}/messages": ("application/json", "application/x-ndjson"),
    f"POST {PREFIX}/lookup-tables/{{table_id}}/import": ("text/csv",),
}
"""Route → the media types of its text body."""
_XLSX: Final = MEDIA_TYPES[ExportFormat.XLSX]
ANSWERS: Final[Mapping[str, tuple[str, ...]]] = {
    f"GET {PREFIX}/agents/export": ("text/csv",),
    f"GET {PREFIX}/items/export": tuple(MEDIA_TYPES.values()),
    f"GET {PREFIX}/items/{{item_id}}/attachments/{{attachment_id}}": _FILES,
    f"GET {PREFIX}/items/{{item_id}}/emails/{{email_id}}/files/{{ordinal}}": _FILES,
    f"GET {PREFIX}/lookup-tables/{{table_id}}/export": ("text/csv",),
    f"GET {PREFIX}/reporting/events": ("application/x-ndjson",),
    f"GET {PREFIX}/reports/{{report_id}}/file": ("text/csv", _XLSX),
    f"GET {PREFIX}/rulesets/drafts/{{draft_id}}/file": ("application/yaml",),
}
"""Route → the media types of a file that it answers."""
CHANGES: Final = frozenset({
    f"{PREFIX}/absences/{{agent_id}}", f"{PREFIX}/items/{{item_id}}", f"{PREFIX}/rulesets/drafts/{{draft_id}}",
    f"{PREFIX}/users/{{user_id}}", f"{PREFIX}/views/{{view_id}}",
})  # fmt: skip
"""Where PUT creates nothing; at every other object's address it may, and answers 201 then."""
MAKES_OR_NOT: Final = (f"{PREFIX}/provisioning", f"{PREFIX}/rulesets", f"{PREFIX}/rulesets/drafts/import")
"""Where POST answers 201, or 200 when there is nothing new or nothing was to be kept."""
RULE_SET: Final = (f"POST {PREFIX}/rulesets", RuleSetDocument)


def describe_bodies(paths: dict[str, Any], schemas: dict[str, Any], template: str) -> None:
    """Writes the bodies into the description of each route, and their types into the schemas."""
    types = [*dict.fromkeys([*BODIES.values(), RULE_SET[1]])]
    references, components = msgspec.json.schema_components(types, ref_template=template)
    for name, component in components.items():
        schemas.setdefault(name, component)
    by_type = dict(zip(types, references, strict=True))
    for route, type_ in BODIES.items():
        _write(paths, route, {"application/json": {"schema": by_type[type_]}})
    for route, media_types in TEXTS.items():
        _write(paths, route, {m: {"schema": {"type": "string"}} for m in media_types})
    for route, media_types in ANSWERS.items():
        method, _, path = route.partition(" ")
        content: dict[str, Any] = {m: {"schema": {}} for m in media_types}
        paths[path][method.lower()]["responses"]["200"]["content"] = content
    _describe_creation(paths)
    document = {"schema": by_type[RULE_SET[1]]}
    _write(paths, RULE_SET[0], {"application/yaml": document, "application/json": document})


def _describe_creation(paths: dict[str, Any]) -> None:
    for path, operations in paths.items():
        if "put" in operations and path.endswith("}") and path not in CHANGES:
            responses = operations["put"]["responses"]
            responses.setdefault("201", {**responses["200"], "description": "Created"})
    for path in MAKES_OR_NOT:
        responses = paths[path]["post"]["responses"]
        responses.setdefault("200", {**responses["201"], "description": "Nothing new"})


def _write(paths: dict[str, Any], route: str, content: dict[str, Any]) -> None:
    method, _, path = route.partition(" ")
    paths[path][method.lower()]["requestBody"] = {"required": True, "content": content}
