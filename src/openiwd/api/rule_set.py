"""Rule sets as a whole: versions, publishing from YAML or JSON, rolling back, differences."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from litestar import Request, Response, get, post
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from openiwd.api.call import CurrentCall
from openiwd.api.decoding import JSON_TYPES, decode
from openiwd.api.editing import LARGE, Comment, CurrentEditor, DespiteTests, DryRun, Reclassify, etag, how
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.rule_set import RuleSetDocument, parse_document
from openiwd.domain.rule_set_diff import ObjectDifference, diff
from openiwd.domain.work_item import check_text
from openiwd.usecases import rule_set, rule_set_edit, rule_set_lint
from openiwd.usecases.rule_set import VersionInfo
from openiwd.usecases.rule_set_edit import Published
from openiwd.usecases.rule_set_lint import LintReport

YAML_TYPES: Final = frozenset(
    {"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/plain"}
)
YAML: Final = "application/yaml; charset=utf-8"
_JSON: Final = "json"


class Versions(Struct):
    versions: list[VersionInfo]


class VersionView(Struct, kw_only=True, rename="camel"):
    """One version in full."""

    version: int
    published_at: datetime
    published_by: str
    comment: str | None
    document: RuleSetDocument


class Differences(Struct, rename="camel"):
    """What the second version has that the first has not, and the other way round."""

    before: int
    after: int
    differences: list[ObjectDifference]


@get("/rulesets", tags=["configuration"], operation_id="listRuleSets")
async def list_versions(call: CurrentCall) -> Versions:
    """All published versions, newest first."""
    return Versions(await rule_set.versions(call.services))


@get("/rulesets/{version:str}", tags=["configuration"], operation_id="getRuleSet")
async def get_version(
    call: CurrentCall,
    version: FromPath[str],
    form: Annotated[
        str, QueryParameter(name="format", description="json, or yaml: the document alone, fit for POST.")
    ] = _JSON,
) -> Response[Any]:
    """One version by number, or `live`. As YAML it reads back as the same document."""
    if form not in (_JSON, "yaml"):
        raise InvalidInputError(f"format is '{form[:40]}'", field="format", hint="use json or yaml")
    found = await rule_set.read_version(call.services, version)
    document = parse_document(found.document)
    if form == "yaml":
        return Response(rule_set.to_yaml(document).encode(), media_type=YAML, headers=etag(found.version))
    view = VersionView(
        version=found.version,
        published_at=found.published_at,
        published_by=found.published_by,
        comment=found.comment,
        document=document,
    )
    return Response(view, headers=etag(found.version))


@post(
    "/rulesets",
    tags=["configuration"],
    operation_id="publishRuleSet",
    status_code=201,
    request_max_body_size=LARGE,
)
async def publish(
    call: CurrentCall,
    editor: CurrentEditor,
    request: Request[Any, Any, Any],
    dry_run: DryRun = False,
    comment: Comment = None,
    reclassify: Reclassify = "changed",
    despite_tests: DespiteTests = None,
) -> Response[Published]:
    """Publishes a document (YAML, or JSON) as the new live version: all of it, or nothing with every fault named.

    With `dryRun` answers 200 with what would change. With `If-Match`, only if that version is live (else 409).
    409 `testsFailed` when its tests fail, `approvalNeeded` where the tenant asks for four eyes.
    """
    raw, source = read_body(await request.body(), request.headers.get("content-type"))
    done = await rule_set_edit.publish_document(
        editor, raw, how(call, comment, reclassify, None, despite_tests), source=source, dry_run=dry_run
    )
    return Response(done, status_code=200 if dry_run else 201, headers=etag(done.version))


def read_body(body: bytes, content_type: str | None) -> tuple[Any, str | None]:
    """The plain values of a body, and the text where it was written by hand."""
    media_type = (content_type or "application/yaml").partition(";")[0].strip().lower()
    if media_type in JSON_TYPES:
        return decode(body, dict[str, Any]), None
    if media_type not in YAML_TYPES:
        raise InvalidInputError(
            f"{media_type[:80]} is not read here",
            field="Content-Type",
            code="unsupportedMediaType",
            hint="send application/yaml or application/json",
        )
    source = body.decode("utf-8")
    check_text(source, "body")
    value = rule_set.read_source(source)
    _check_texts(value)
    return value, source


def _check_texts(value: Any) -> None:
    """Escapes of YAML can write characters that cannot be stored."""
    stack = [value]
    while stack:
        inner = stack.pop()
        if isinstance(inner, str):
            check_text(inner, "body")
        elif isinstance(inner, dict):
            stack += [*inner, *inner.values()]
        elif isinstance(inner, list):
            stack += inner


@post(
    "/rulesets/{version:str}/rollback",
    tags=["configuration"],
    operation_id="rollBackRuleSet",
    status_code=201,
)
async def roll_back(
    call: CurrentCall,
    editor: CurrentEditor,
    version: FromPath[str],
    comment: Comment = None,
    reclassify: Reclassify = "changed",
) -> Response[Published]:
    """Publishes an earlier version's document again, as a new version."""
    done = await rule_set_edit.roll_back(editor, version, how(call, comment, reclassify))
    return Response(done, headers=etag(done.version))


@get("/rulesets/{version:str}/diff/{other:str}", tags=["configuration"], operation_id="diffRuleSets")
async def get_differences(call: CurrentCall, version: FromPath[str], other: FromPath[str]) -> Differences:
    """Objects added, removed and changed from one version to another, with the paths inside them."""
    before = await rule_set.read_version(call.services, version)
    after = await rule_set.read_version(call.services, other)
    found = diff(parse_document(before.document), parse_document(after.document))
    return Differences(before.version, after.version, found)


@get("/rulesets/{version:str}/lint", tags=["configuration"], operation_id="lintRuleSet")
async def lint(editor: CurrentEditor, version: FromPath[str]) -> LintReport:
    """What is odd about a version (or `live`): what never matches, is never reached, or nobody can take."""
    return await rule_set_lint.of_version(editor, version)


HANDLERS: Final[list[Any]] = [list_versions, get_version, publish, roll_back, get_differences, lint]
