"""The table of privileges by role. Reads only."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get

from openiwd.domain.privilege import Role
from openiwd.usecases import user_admin
from openiwd.web.access.grant_view import matrix_of
from openiwd.web.configuration.navigation import show
from openiwd.web.shell.dialog_page import editor_of
from openiwd.web.shell.visit import CurrentVisit


@get("/configuration/roles")
async def roles_page(visit: CurrentVisit) -> Response[Any]:
    """What each role may, and how many users have it."""
    users = await user_admin.users(editor_of(visit))
    roles = [
        (r.value, visit.t.named("role", r.value), sum(1 for u in users if u.active and u.role == r.value))
        for r in Role
    ]
    return show(visit, "access/roles.html", "roles", roles=roles, parts=matrix_of(visit.t))


PAGES: Final[list[Any]] = [roles_page]
