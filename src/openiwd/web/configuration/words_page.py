"""Criteria and actions in words, while somebody builds them."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from litestar import Response, post
from msgspec import Struct

from openiwd.domain.criteria import CriteriaConfig
from openiwd.domain.errors import InvalidInputError
from openiwd.web.configuration.rule_text import actions_text, criteria_text
from openiwd.web.shell.visit import CurrentVisit


class Words(Struct):
    """What is to be said: criteria, and the actions of each of several rows."""

    when: CriteriaConfig | None
    then: list[list[dict[str, Any]]]


@post("/configuration/words", status_code=200)
async def words(visit: CurrentVisit) -> Response[dict[str, Any]]:
    """The same in the reader's language; nothing is checked."""
    visit.caller.require("categories.view")
    try:
        asked = msgspec.json.decode(await visit.request.body(), type=Words)
    except msgspec.DecodeError as error:
        raise InvalidInputError(str(error), hint="reload the page") from error
    told = [actions_text(actions, visit.t) for actions in asked.then]
    return Response({"when": criteria_text(asked.when, visit.t), "then": told})


PAGES: Final[list[Any]] = [words]
