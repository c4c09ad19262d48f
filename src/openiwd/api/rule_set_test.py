"""Tests of a draft: kept in it, taken from items, and run. Also run for published versions."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from openiwd.api.call import CurrentCall
from openiwd.api.editing import CurrentEditor, Reason, etag
from openiwd.domain.rule_test_config import RuleTestConfig
from openiwd.usecases import rule_set_example, rule_set_object, rule_set_test
from openiwd.usecases.rule_set_edit import How
from openiwd.usecases.rule_set_object import TESTS, find, listed
from openiwd.usecases.rule_set_test import RuleTestReport

_TAGS: Final = ["configuration"]
_PATH: Final = "/rulesets/drafts/{draft_id:uuid}/tests"


class RuleTests(Struct):
    tests: list[RuleTestConfig]


class ExampleInput(Struct, forbid_unknown_fields=True):
    """`item` is the id of an item; `name` what the test is called."""

    item: UUID
    name: str | None = None


@get(_PATH, tags=_TAGS, operation_id="listDraftTests")
async def list_tests(editor: CurrentEditor, draft_id: FromPath[UUID]) -> Response[RuleTests]:
    """The tests of a draft; the entity tag is its revision."""
    revision, found = await rule_set_object.objects(editor, TESTS, draft_id)
    return Response(RuleTests(found), headers=etag(revision))


@get(f"{_PATH}/{{test_id:str}}", tags=_TAGS, operation_id="getDraftTest")
async def get_test(
    editor: CurrentEditor, draft_id: FromPath[UUID], test_id: FromPath[str]
) -> Response[RuleTestConfig]:
    """One test of a draft."""
    revision, found = await rule_set_object.get(editor, TESTS, test_id, draft_id)
    return Response(found, headers=etag(revision))


@put(f"{_PATH}/{{test_id:str}}", tags=_TAGS, operation_id="putDraftTest")
async def put_test(
    call: CurrentCall,
    editor: CurrentEditor,
    draft_id: FromPath[UUID],
    test_id: FromPath[str],
    data: JSONBody[dict[str, Any]],
) -> Response[RuleTestConfig]:
    """Creates or replaces a test: an item as `POST /items` takes it, and what is expected of it."""
    how = How(draft=draft_id, expected=call.if_match)
    done = await rule_set_object.put(editor, TESTS, test_id, data, how)
    found = find(TESTS, listed(done.document, TESTS), test_id)
    return Response(found, status_code=201 if done.created else 200, headers=etag(done.version))


@delete(f"{_PATH}/{{test_id:str}}", tags=_TAGS, operation_id="deleteDraftTest", status_code=204)
async def delete_test(
    call: CurrentCall, editor: CurrentEditor, draft_id: FromPath[UUID], test_id: FromPath[str]
) -> None:
    """Takes a test out of a draft."""
    await rule_set_object.delete(editor, TESTS, test_id, How(draft=draft_id, expected=call.if_match))


@post(_PATH, tags=_TAGS, operation_id="takeDraftTest", status_code=201)
async def take_test(
    call: CurrentCall, editor: CurrentEditor, draft_id: FromPath[UUID], data: JSONBody[ExampleInput]
) -> RuleTestConfig:
    """Makes a test of an item: what its source handed in, as far as rules read it; it expects where the item is now."""
    return await rule_set_example.take(editor, draft_id, data.item, data.name, call.if_match)


@post("/rulesets/drafts/{draft_id:uuid}/test", tags=_TAGS, operation_id="testDraft", status_code=200)
async def run_draft_tests(
    editor: CurrentEditor, draft_id: FromPath[UUID], reason: Reason = None
) -> RuleTestReport:
    """Runs the tests of a draft: of each what was expected and what came. Audited."""
    return await rule_set_test.of_draft(editor, draft_id, reason)


@post("/rulesets/{version:str}/test", tags=_TAGS, operation_id="testRuleSet", status_code=200)
async def run_version_tests(editor: CurrentEditor, version: FromPath[str]) -> RuleTestReport:
    """Runs the tests of a published version, or of the `live` one, by its own rules."""
    return await rule_set_test.of_version(editor, version)


HANDLERS: Final[list[Any]] = [
    list_tests,
    get_test,
    put_test,
    delete_test,
    take_test,
    run_draft_tests,
    run_version_tests,
]
