"""The audit log's pages: where its objects are found."""

from __future__ import annotations

import re

import pytest

from openiwd.web.audit.audit_view import ROOMS
from openiwd.web.authorisation import ROUTES

PAGES = {
    re.sub(r"\{\w+\}", "{id}", route.removeprefix("GET ")) for route in ROUTES if route.startswith("GET ")
}


@pytest.mark.parametrize("kind", ROOMS)
def test_each_kind_leads_to_a_page_that_is_there(kind: str) -> None:
    assert re.split(r"[?#]", ROOMS[kind])[0] in PAGES
