"""Who may do what by default: the table of roles, transcribed from the specification on its own."""

from __future__ import annotations

import pytest

from openiwd.domain.errors import ForbiddenError, NotFoundError
from openiwd.domain.privilege import PRIVILEGES, Caller, Role, Scope, role_privileges, system
from openiwd.domain.work_item import WorkItem
from tests.factories.stored_item import stored_item

ITEM_ACTS = (
    "read search create update hold resume cancel complete restart reopen activate assign transfer return pull note "
    "bulk export"
)
CONFIGURED = "categories prioritization queues mailboxes filters capturePoints"
LIVE = "users apiKeys webhooks calendars attributes lookupTables contacts alarms"
OTHER = (
    "workitems.delete dashboard.view rulesets.publish agents.view agents.update agents.state emails.send emails.review "
    "emails.merge reports.view reports.agents reports.schedule contacts.erase reporting.read email.service audit.view"
)


def _each(objects: str, verbs: str) -> set[str]:
    return {f"{o}.{v}" for o in objects.split() for v in verbs.split()}


TENANTS = {"tenants.view", "tenants.update"}
CLOCK = {"clock.set"}
EVERYTHING = (
    _each("workitems", ITEM_ACTS) | _each(CONFIGURED, "view update") | _each(LIVE, "view update")
    | set(OTHER.split()) | TENANTS | CLOCK
)  # fmt: skip
VIEWS = _each(CONFIGURED, "view") | _each(
    "calendars attributes lookupTables contacts alarms agents reports dashboard", "view"
)
VIEWER = VIEWS | _each("workitems", "read search")
SUPERVISOR = (
    VIEWER | _each("workitems", ITEM_ACTS)
    | {"agents.state", "emails.send", "emails.review", "emails.merge", "alarms.update"}
    | {"reports.agents", "reports.schedule"}
)  # fmt: skip
BUSINESS = (
    SUPERVISOR | _each(CONFIGURED, "update") | _each("calendars attributes lookupTables contacts agents", "update")
    | {"rulesets.publish", "audit.view"}
)  # fmt: skip
AGENT = _each("workitems", "read search update hold resume complete transfer return pull note") | {
    "emails.send"
}
EXPECTED = {
    Role.AGENT: AGENT,
    Role.VIEWER: VIEWER,
    Role.SUPERVISOR: SUPERVISOR,
    Role.BUSINESS: BUSINESS,
    Role.ADMINISTRATOR: EVERYTHING - TENANTS,
}


def of(role: Role, *, grouped: bool = False, **fields: object) -> Caller:
    privileges = role_privileges(role, grouped=grouped)
    return Caller(tenant_id="t", actor="user:x", name="x", role=role, privileges=privileges, **fields)  # type: ignore[arg-type]


def test_the_privileges_are_those_of_the_specification() -> None:
    assert PRIVILEGES == EVERYTHING


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("privilege", sorted(EVERYTHING))
def test_role_by_privilege(role: Role, privilege: str) -> None:
    caller = of(role)
    assert caller.may(privilege) is (privilege in EXPECTED[role])
    if privilege in EXPECTED[role]:
        assert caller.require(privilege) is (Scope.OWN if role is Role.AGENT else Scope.ALL)
        return
    with pytest.raises(ForbiddenError) as caught:
        caller.require(privilege)
    assert caught.value.details["privilege"] == privilege


@pytest.mark.parametrize("role", Role)
def test_access_groups_narrow_what_is_about_items_and_nothing_else(role: Role) -> None:
    for name, scope in role_privileges(role, grouped=True).items():
        if role is Role.AGENT:
            assert scope is Scope.OWN
        else:
            assert scope is (Scope.GROUP if name.startswith(("workitems.", "emails.")) else Scope.ALL)


def item(**fields: object) -> WorkItem:
    return stored_item("c", **{"category_path": "Claims/Motor", "queue_id": "claims", **fields})


@pytest.mark.parametrize("field", ["assigned_to", "offered_to", "reserved_for", "keep_for"])
def test_own_items_are_those_in_hand_offered_reserved_or_kept(field: str) -> None:
    amara = of(Role.AGENT, agent_id="amara")
    amara.require_item("workitems.hold", item(**{field: "amara"}))
    with pytest.raises(NotFoundError, match="there is no item"):
        amara.require_item("workitems.hold", item(**{field: "lena"}))


def test_what_can_be_read_is_refused_by_name_and_what_cannot_is_not_there() -> None:
    reader = Caller(
        tenant_id="t", actor="key:x", name="x", privileges={"workitems.read": Scope.ALL, "workitems.hold": Scope.OWN}
    )  # fmt: skip
    assert reader.sees("workitems.hold", item())
    with pytest.raises(ForbiddenError, match=r"workitems\.hold"):
        reader.require_item("workitems.hold", item())
    blind = Caller(tenant_id="t", actor="key:x", name="x", privileges={"workitems.hold": Scope.OWN})
    assert not blind.sees("workitems.hold", item())
    with pytest.raises(NotFoundError):
        blind.require_item("workitems.hold", item())
    with pytest.raises(ForbiddenError, match=r"workitems\.cancel"):
        blind.require_item("workitems.cancel", item())


def test_without_an_agent_profile_nothing_is_ones_own() -> None:
    nobody = of(Role.AGENT)
    assert not nobody.covers(Scope.OWN, item())
    assert nobody.restriction("workitems.search") == {"agent": ""}


@pytest.mark.parametrize(
    ("path", "queue", "covered"),
    [
        ("Claims", "x", True),
        ("Claims/Motor", "x", True),
        ("Claims/Motor/Theft", None, True),
        ("ClaimsOld/Motor", "x", False),
        ("Lending", "x", False),
        (None, "x", False),
        ("Lending", "loans", True),
        (None, None, False),
    ],
)
def test_an_access_group_covers_its_categories_with_all_below_and_its_queues(
    path: str | None, queue: str | None, covered: bool
) -> None:
    lead = of(Role.SUPERVISOR, grouped=True, categories=["Claims"], queues=["loans"])
    found = item(category_path=path, queue_id=queue)
    assert lead.covers(Scope.GROUP, found) is covered
    if not covered:
        with pytest.raises(NotFoundError):
            lead.require_item("workitems.cancel", found)
    assert lead.restriction("workitems.search") == {"categories": ["Claims"], "queues": ["loans"]}


def test_all_covers_everything_and_restricts_no_search() -> None:
    assert of(Role.VIEWER).restriction("workitems.search") is None
    of(Role.SUPERVISOR).require_item("workitems.cancel", item(category_path=None))
    assert all(system("timer").may(privilege) for privilege in EVERYTHING)
