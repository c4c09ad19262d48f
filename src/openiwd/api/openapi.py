"""The API's description: what the framework knows of its routes, the raw routes, problems and privileges added."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

import msgspec
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme, Tag

from openiwd.api.authorisation import PREFIX, ROUTES, Access
from openiwd.api.errors import PROBLEM_JSON, Problem
from openiwd.api.intake import BatchAnswer, Created
from openiwd.api.operation import Operation, OperationsAnswer, OperationsRequest
from openiwd.api.shapes import describe_bodies
from openiwd.domain.work_item import ItemSubmission, ItemUpdate

_REF: Final = "#/components/schemas/{name}"
_TYPES: Final = (
    ItemSubmission,
    ItemUpdate,
    Created,
    BatchAnswer,
    Operation,
    OperationsRequest,
    OperationsAnswer,
    Problem,
)
_METHODS: Final = ("get", "put", "post", "delete", "patch")

CONFIG: Final = OpenAPIConfig(
    title="OpenIWD",
    version=version("openiwd"),
    description=(
        "Work items in, classified and valued; the best item to the right agent; everything on record.\n\n"
        "Every error is `application/problem+json` with a stable `code`, the `field` at fault and a `hint`. "
        "Instants are ISO 8601 with an offset. Limits: item 64 KB, batch 1,000 items and 8 MB, attachment 25 MB, "
        "everything else 1 MB."
    ),
    use_handler_docstrings=True,
    render_plugins=[JsonRenderPlugin()],
    path=f"{PREFIX}/openapi",
    tags=[
        Tag("items", "Work items and their lifecycle"),
        Tag("search", "Searches, exports, live order"),
        Tag("bulk", "One action on many items"),
        Tag("workspace", "What an agent's workspace asks"),
        Tag("email", "Mailboxes, emails of items, and the ways in and out for the email service"),
        Tag("configuration", "Rule sets and live configuration"),
        Tag("agents", "Agents, their states and absences"),
        Tag("reporting", "The event log"),
        Tag("reports", "Reports of the data mart"),
        Tag("users", "Logging in, users, access groups, API keys"),
        Tag("operations", "Health and metrics"),
    ],
    components=Components(
        security_schemes={
            "apiKey": SecurityScheme(type="apiKey", name="x-api-key", security_scheme_in="header"),
            "session": SecurityScheme(type="apiKey", name="openiwd_session", security_scheme_in="cookie"),
        }
    ),
    security=[{"apiKey": []}, {"session": []}],
)


def document(schema: dict[str, Any]) -> bytes:
    """The finished description as JSON."""
    _, components = msgspec.json.schema_components(_TYPES, ref_template=_REF)
    schemas: dict[str, Any] = schema.setdefault("components", {}).setdefault("schemas", {})
    for name, component in components.items():
        schemas.setdefault(name, component)
    paths: dict[str, Any] = schema["paths"]
    for path, operation in _raw_operations().items():
        paths.setdefault(path, {})["post"] = operation
    for method in ("put", "patch"):
        paths[f"{PREFIX}/items/{{item_id}}"][method]["requestBody"] = _body(_ref("ItemUpdate"))
    uploads = paths[f"{PREFIX}/items/{{item_id}}/attachments"]["post"]
    uploads["requestBody"] = {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
            },
        },
    }
    describe_bodies(paths, schemas, _REF)
    for path, operations in paths.items():
        for method in _METHODS:
            if method in operations:
                _complete(operations[method], ROUTES.get(f"{method.upper()} {path}"))
    _any_of(schema)
    return msgspec.json.encode(schema)


def _any_of(value: Any) -> None:
    """What the framework calls "exactly one of" is "at least one of": a whole number is a number, too."""
    if isinstance(value, dict):
        if "oneOf" in value and "discriminator" not in value:
            value["anyOf"] = value.pop("oneOf")
        for inner in value.values():
            _any_of(inner)
    elif isinstance(value, list):
        for inner in value:
            _any_of(inner)


def _complete(operation: dict[str, Any], need: Access | str | None) -> None:
    """Adds what every operation shares: the problem answer, and what it takes to be let in."""
    responses = operation.setdefault("responses", {})
    for status in [s for s in responses if s.startswith("4")]:
        del responses[status]
    responses.get("204", {}).pop("content", None)
    responses["default"] = {
        "description": "A problem",
        "content": {PROBLEM_JSON: {"schema": _ref("Problem")}},
    }
    text = operation.get("description", "")
    if " " not in operation.get("summary", ""):  # the handler's name, where nobody has written one
        operation["summary"] = text.partition("\n")[0].partition("; ")[0].rstrip(".")
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if {"type": "null"} in body.get("oneOf", ()):
        operation["requestBody"]["required"] = False
    match need:
        case Access.PUBLIC:
            operation["security"] = []
        case Access.AGENT:
            operation["description"] = f"{text}\n\nNeeds an agent profile."
        case str():
            operation["description"] = f"{text}\n\nNeeds the privilege `{need}`."
            operation["x-privilege"] = need


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(name=name)}


def _body(schema: Mapping[str, Any], **others: Any) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}, **others}}


def _answered(status: str, text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {status: {"description": text, "content": {"application/json": {"schema": schema}}}}


_ON_DUPLICATE: Final = {
    "name": "onDuplicate",
    "in": "query",
    "required": False,
    "schema": {"type": "string", "enum": ["refuse", "update"]},
    "description": "What happens to an item that exists with other content.",
}
_IDEMPOTENCY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 200},
    "description": "The same request under the same key is answered as the first time.",
}


def _raw_operations() -> dict[str, dict[str, Any]]:
    """The routes that bypass the framework."""
    items = {"type": "array", "items": _ref("ItemSubmission"), "maxItems": 1000}
    shared = {"tags": ["items"], "parameters": [_ON_DUPLICATE, _IDEMPOTENCY]}
    return {
        f"{PREFIX}/items": {
            **shared,
            "operationId": "createItem",
            "summary": "Create an item",
            "description": (
                "Creates one item, classified and valued; answered once it is committed. "
                "The same captureId again gives 200 with the existing item if the content is equal, else 409."
            ),
            "requestBody": _body(_ref("ItemSubmission")),
            "responses": {
                **_answered("201", "Created", _ref("Created")),
                **_answered("200", "It exists with equal content, or was updated", _ref("Created")),
            },
        },
        f"{PREFIX}/items/batch": {
            **shared,
            "operationId": "createItems",
            "summary": "Create up to 1,000 items",
            "description": "As a JSON array or NDJSON; answered item by item. A bad one never fails the others.",
            "requestBody": _body(items, **{"application/x-ndjson": {"schema": {"type": "string"}}}),
            "responses": _answered("200", "What became of each item", _ref("BatchAnswer")),
        },
        f"{PREFIX}/items/operations": {
            "tags": ["items"],
            "parameters": [_IDEMPOTENCY],
            "operationId": "runOperations",
            "summary": "Run up to 1,000 operations in order",
            "description": (
                "Creates, updates and acts on items in the order given, in one transaction, and stores a checkpoint "
                "with them. Each operation is answered on its own and needs its own privilege; with `atomic`, all are "
                "done or none."
            ),
            "requestBody": _body(
                {
                    "type": "object",
                    "required": ["operations"],
                    "properties": {
                        "operations": {"type": "array", "items": _ref("Operation"), "maxItems": 1000},
                        "checkpoint": _ref("Checkpoint"),
                        "atomic": {"type": "boolean", "default": False},
                    },
                }
            ),
            "responses": _answered("200", "What became of each operation", _ref("OperationsAnswer")),
        },
    }
