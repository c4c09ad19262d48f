"""What a key holds: a role and single privileges, as they are written with it."""

from __future__ import annotations

from collections.abc import Iterable

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.privilege import OF_ITEMS, PRIVILEGES, Role, Scope, role_privileges


def parse_grant(grant: str) -> tuple[str, Scope | None]:
    """`workitems.read` or `workitems.read:own` as written with an API key."""
    name, _, scope = grant.partition(":")
    if name not in PRIVILEGES:
        raise InvalidInputError(
            f"there is no privilege '{name}'", field="privileges", hint="see the list of privileges"
        )
    if not scope:
        return name, None
    if scope not in tuple(Scope):
        raise InvalidInputError(f"'{scope}' is no scope", field="privileges", hint="use own, group or all")
    if scope != Scope.ALL and not name.startswith(OF_ITEMS):
        raise InvalidInputError(
            f"{name} has no scope: it would reach everything",
            field="privileges",
            hint=f"leave ':{scope}' out; only privileges of items and e-mails can be narrowed",
        )
    return name, Scope(scope)


def held_privileges(role: str | None, grants: Iterable[str], *, grouped: bool) -> dict[str, Scope]:
    """What a role and single grants come to. A stored grant that could not be made today gives nothing."""
    found = role_privileges(Role(role), grouped=grouped) if role else {}
    for grant in grants:
        try:
            name, scope = parse_grant(grant)
        except InvalidInputError:
            continue
        limited = Scope.GROUP if grouped and name.startswith(OF_ITEMS) else Scope.ALL
        found[name] = scope or limited
    return found
