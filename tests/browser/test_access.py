"""Users, roles, access groups, API keys, one's own settings and the audit: by role, and by main flow."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from openiwd.domain.privilege import Role
from openiwd.usecases import user_admin
from openiwd.usecases.user_admin import NewUser
from tests.browser.accessibility import faults, violations
from tests.browser.conftest import Open, Watch, go, log_in
from tests.browser.people import editor, furnish
from tests.browser.site import PASSWORD, Site

pytestmark = pytest.mark.browser
Shot = Callable[[Page, str], None]
LONG = "Maximiliane Gräfin von Hohenstein-Wittgenstein-Sayn zu Berleburg"


@pytest.fixture(autouse=True)
def _furnished(site: Site) -> None:
    furnish(site)


def add_user(site: Site, role: Role = Role.VIEWER, **fields: object) -> str:
    """A user of its own for a test; the login."""
    login = f"u{uuid4().hex[:8]}"

    async def make() -> None:
        values = {"name": f"User {login}", "password": PASSWORD, **fields}
        await user_admin.create(await editor(site), NewUser(login=login, role=role.value, **values))  # type: ignore[arg-type]

    site.run(make())
    return login


# Users -------------------------------------------------------------------------------------------------


def test_a_user_is_made_changed_and_deactivated(site: Site, open_as: Open, shot: Shot, watch: Watch) -> None:
    watch.expect("422")
    page = open_as("ada", "/configuration/users")
    assert violations(page) == []
    shot(page, "access-users")
    page.get_by_role("link", name="New user").click()
    page.locator("main [name=name]").fill(LONG)
    login = f"max{uuid4().hex[:6]}"
    page.locator("main [name=login]").fill("ada")
    page.get_by_label("Role").select_option("supervisor")
    page.locator("main [name=agentId]").fill("nobody")
    page.locator("main [name=password]").fill("another horse 25")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".field .error")).to_contain_text("there is no agent 'nobody'")
    expect(page.locator("main [name=name]")).to_have_value(LONG)
    page.locator("main [name=agentId]").fill("")
    page.locator("main [name=password]").fill("another horse 25")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".field .error")).to_contain_text("is taken")
    page.locator("main [name=login]").fill(login)
    page.locator("main [name=password]").fill("another horse 25")
    page.get_by_label("Language").select_option("de")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    expect(page.locator("h1")).to_have_text(LONG)
    assert violations(page) == []
    shot(page, "access-user")
    page.click("#set-password")
    page.locator("dialog [name=password]").fill("short")
    page.locator("dialog .confirm").click()
    expect(page.locator("dialog .error")).to_contain_text("8 to 1000 characters")
    assert violations(page) == []
    page.locator("dialog [name=password]").fill(PASSWORD)
    page.locator("dialog .confirm").click()
    expect(page.locator(".toast")).to_contain_text("has a new password")
    theirs = open_as(login, "/queues", fresh=True)
    expect(theirs.locator("h1")).to_have_text("Warteschlangen")
    page.click("#switch-active")
    expect(page.locator("dialog[open]")).to_contain_text("open sessions end at once")
    page.locator("dialog .confirm").click()
    expect(page.locator("main .pagehead")).to_contain_text("inactive")
    theirs.goto("/queues")
    expect(theirs).to_have_url(re.compile("/login"))


def test_the_last_administrator_stays_one(open_as: Open, watch: Watch) -> None:
    watch.expect("422")
    page = open_as("ada", "/configuration/users?q=ada")
    page.locator("#user-table a.strong").first.click()
    expect(page.locator("#switch-active")).to_have_count(0)
    page.get_by_label("Role").select_option("viewer")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").first).to_contain_text("last active administrator")


def test_nobody_gives_away_more_than_they_have(site: Site, open_as: Open, watch: Watch) -> None:
    watch.expect("422", "403")
    page = open_as("ada", "/configuration/access-groups/-/new")
    page.locator("main [name=name]").fill("Complaints only")
    page.locator("main [name=id]").fill("complaints_only")
    page.get_by_label("Complaints", exact=True).first.check()
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    login = add_user(site, Role.ADMINISTRATOR, access_groups=["complaints_only"])
    limited = open_as(login, "/configuration/users?q=bea", fresh=True)
    limited.locator("#user-table a.strong").first.click()
    expect(limited.locator("main")).to_contain_text("This user may do more than you")
    expect(limited.get_by_role("button", name="Save")).to_have_count(0)
    go(limited, "/configuration/users/-/new")
    limited.locator("main [name=name]").fill("Too much")
    limited.locator("main [name=login]").fill(f"much{uuid4().hex[:6]}")
    limited.get_by_label("Role").select_option("supervisor")
    limited.get_by_role("button", name="Create").click()
    expect(limited.get_by_role("alert").first).to_contain_text("which you do not have yourself")
    page.click("#delete-group")
    expect(page.locator("dialog[open]")).to_contain_text(login)
    expect(page.locator("dialog .confirm")).to_have_count(0)


def test_the_second_of_two_who_edit_an_access_group_is_told_in_german(
    site: Site, open_as: Open, watch: Watch
) -> None:
    watch.expect("422")
    page = open_as("ada", "/configuration/access-groups/-/new")
    page.locator("main [name=name]").fill("Edited twice")
    page.locator("main [name=id]").fill("edited_twice")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    login = add_user(site, Role.ADMINISTRATOR, language="de")
    second = open_as(login, "/configuration/access-groups/edited_twice", fresh=True)
    page.locator("main [name=name]").fill("Edited first")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main h1")).to_have_text("Edited first")
    second.locator("main [name=name]").fill("Edited second")
    second.get_by_role("button", name="Speichern").click()
    expect(second.get_by_role("alert").first).to_contain_text("wurde inzwischen geändert")
    expect(second.get_by_role("alert").first).to_contain_text("Laden Sie die Seite neu")
    expect(second.locator("main [name=name]")).to_have_value("Edited second")
    go(second, "/configuration/access-groups/edited_twice")
    expect(second.locator("main [name=name]")).to_have_value("Edited first")


def test_the_table_of_roles_and_access_groups(open_as: Open, shot: Shot) -> None:
    page = open_as("ada", "/configuration/roles")
    line = page.locator("#role-matrix tr:has(td:text-is('workitems.read'))")
    expect(line.locator("td").nth(1)).to_have_text("own")
    expect(line.locator("td").nth(2)).to_contain_text("all")
    assert violations(page) == []
    shot(page, "access-roles")
    go(page, "/configuration/access-groups/-/new")
    page.locator("main [name=name]").fill("Motor and service")
    page.locator("main [name=id]").fill("motor_service")
    page.get_by_label("Motor", exact=True).check()
    page.get_by_label("Service desk").check()
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    expect(page.get_by_label("Motor", exact=True)).to_be_checked()
    assert violations(page) == []
    shot(page, "access-group")
    go(page, "/configuration/access-groups")
    expect(page.locator("tr:has-text('motor_service')")).to_contain_text("Claims › Motor")
    assert violations(page) == []
    page.get_by_role("link", name="Motor and service").click()
    page.click("#delete-group")
    page.locator("dialog .confirm").click()
    page.wait_for_url("**/configuration/access-groups")
    expect(page.locator("main")).not_to_contain_text("motor_service")


# API keys ----------------------------------------------------------------------------------------------


def test_a_keys_secret_is_shown_once_and_works_until_revoked(open_as: Open, shot: Shot, watch: Watch) -> None:
    watch.expect("422")
    page = open_as("ada", "/configuration/api-keys")
    page.click("#new-key")
    expect(page.locator("dialog[open]")).to_be_visible()
    assert violations(page) == []
    name = f"LoanCore {uuid4().hex[:5]}"
    page.locator("dialog [name=name]").fill(name)
    page.locator("dialog .confirm").click()
    expect(page.locator("dialog")).to_contain_text("the key may do nothing")
    page.get_by_label("workitems.create").check()
    page.locator("dialog [name=expiresAt]").fill("2020-01-01T00:00")
    page.locator("dialog .confirm").click()
    expect(page.locator("dialog .error")).to_contain_text("expired already")
    expect(page.get_by_label("workitems.create")).to_be_checked()
    shot(page, "access-api-key-new")
    page.locator("dialog [name=expiresAt]").fill("2031-01-01T00:00")
    page.locator("dialog .confirm").click()
    secret = page.locator("#secret").inner_text()
    assert secret.startswith("oiwd_")
    assert violations(page) == []
    shot(page, "access-api-key-secret")
    page.keyboard.press("Escape")
    expect(page.locator("#secret")).to_be_visible()
    page.get_by_role("button", name="I have copied it").click()
    expect(page.locator("#secret")).to_have_count(0)
    assert secret not in page.content()
    line = page.locator(f"tr:has-text('{name}')")
    expect(line).to_contain_text("workitems.create")
    expect(line).to_contain_text("never")
    answer = page.request.get("/iwd/v3/users/me", headers={"x-api-key": secret})
    assert answer.json()["actor"] == f"key:{name}"
    page.reload()
    expect(line).to_contain_text("ago")
    assert violations(page) == []
    shot(page, "access-api-keys")
    line.get_by_role("button", name="Revoke").click()
    expect(page.locator("dialog[open]")).to_contain_text("It was last used")
    page.locator("dialog .confirm").click()
    expect(page.locator("#list")).not_to_contain_text(name)
    assert page.request.get("/iwd/v3/users/me", headers={"x-api-key": secret}).status == 401


# Who is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["amara", "vera", "ines", "bea"])
def test_who_may_not_see_users_is_refused_with_a_reason(open_as: Open, watch: Watch, login: str) -> None:
    watch.expect("403")
    page = open_as(login, "/workspace" if login == "amara" else "/")
    for path, privilege in (
        ("/configuration/users", "users.view"),
        ("/configuration/roles", "users.view"),
        ("/configuration/access-groups", "users.view"),
        ("/configuration/api-keys", "apiKeys.view"),
    ):
        page.goto(path)
        expect(page.get_by_role("alert")).to_contain_text(privilege)
    assert violations(page) == []


@pytest.mark.parametrize(("login", "may"), [("vera", False), ("ines", False), ("bea", True), ("ada", True)])
def test_the_audit_is_for_who_may_see_it(open_as: Open, watch: Watch, login: str, *, may: bool) -> None:
    watch.expect("403")
    page = open_as(login, "/agents")
    link = page.get_by_role("navigation", name="Main").get_by_role("link", name="Audit")
    expect(link).to_have_count(1 if may else 0)
    page.goto("/audit")
    if may:
        expect(page.locator("h1")).to_have_text("Audit")
    else:
        expect(page.get_by_role("alert")).to_contain_text("audit.view")


# One's own settings ------------------------------------------------------------------------------------


def test_language_look_and_password_are_ones_own(site: Site, open_as: Open, shot: Shot, watch: Watch) -> None:
    watch.expect("422", "401")
    login = add_user(site)
    page = open_as(login, "/queues", fresh=True)
    other = open_as(login, "/queues", fresh=True)
    page.click("[data-menu=user-menu]")
    page.get_by_role("menuitem", name="Your settings").click()
    assert violations(page) == []
    page.get_by_label("Dark").check()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert violations(page) == []
    page.locator("[name=oldPassword]").fill("wrong one")
    page.locator("[name=password]").fill("another horse 25")
    page.locator("[name=again]").fill("another horse 26")
    page.get_by_role("button", name="Change password").click()
    expect(page.locator(".field .error")).to_contain_text("not the same")
    page.locator("[name=oldPassword]").fill("wrong one")
    page.locator("[name=password]").fill("another horse 25")
    page.locator("[name=again]").fill("another horse 25")
    page.get_by_role("button", name="Change password").click()
    expect(page.locator(".field .error")).to_contain_text("old password is wrong")
    page.locator("[name=oldPassword]").fill(PASSWORD)
    page.locator("[name=password]").fill("another horse 25")
    page.locator("[name=again]").fill("another horse 25")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("status").filter(has_text="Your password is changed")).to_be_visible()
    other.goto("/queues")
    expect(other.locator("[name=password]")).to_be_visible()
    log_in(other, login, "/queues")
    expect(other.get_by_role("alert")).to_be_visible()
    page.locator("main [name=timeZone]").fill("Europe/Vienna")
    page.get_by_label("Language").select_option("de")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Ihre Einstellungen")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    shot(page, "access-settings-de")
    assert violations(page) == []


# Audit -------------------------------------------------------------------------------------------------


def test_the_audit_tells_who_changed_what_from_what_to_what(open_as: Open, shot: Shot) -> None:
    page = open_as("bea", "/configuration/skills")
    page.locator("tr:has-text('german')").get_by_role("button", name="Edit").click()
    name = f"German {uuid4().hex[:5]}"
    page.locator("dialog [name=name]").fill(name)
    page.locator("dialog .confirm").click()
    expect(page.locator("#list")).to_contain_text(name)
    go(page, "/audit")
    first = page.locator("#audit-table tbody tr").first
    expect(first).to_contain_text("user:bea".partition(":")[2])
    expect(first.locator("ins")).to_have_text(name)
    expect(first.locator("del")).to_have_text("German")
    assert violations(page) == []
    shot(page, "audit")
    page.get_by_role("searchbox", name="Find an object").fill("german")
    expect(page.locator("#audit-table tbody tr").first).to_contain_text(name)
    page.get_by_label("Everything").select_option("skill")
    expect(page.locator("#audit-table tbody tr").first).to_contain_text(name)
    page.get_by_role("searchbox", name="Find an object").fill("no such object")
    expect(page.locator("#list")).to_contain_text("No entry matches")
    page.get_by_role("link", name="Show all").click()
    page.get_by_label("From").fill("2099-01-01")
    expect(page.locator("#list")).to_contain_text("No entry matches")
    go(page, "/audit?kind=skill&q=german")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Export CSV").click()
    text = waiting.value.path().read_text(encoding="utf-8-sig")
    assert text.splitlines()[0] == '"id","at","actor","action","objectKind","objectId","changes"'
    assert f"name: German → {name}" in text
    page.locator("#audit-table").get_by_role("link", name="german").first.click()
    expect(page.locator("main tbody tr")).to_have_count(1)
    expect(page.locator("main tbody")).to_contain_text(name)


# All of them -------------------------------------------------------------------------------------------

PATHS = (
    "/configuration/users",
    "/configuration/users/-/new",
    "/configuration/roles",
    "/configuration/access-groups",
    "/configuration/access-groups/-/new",
    "/configuration/api-keys",
    "/settings",
    "/audit",
)


@pytest.mark.parametrize("width", [1280, 900])
def test_in_the_dark_and_on_a_tablet_nothing_breaks(
    site: Site, open_as: Open, shot: Shot, width: int
) -> None:
    add_user(site, name=LONG)
    page = open_as("ada", "/queues", scheme="dark", width=width, height=800)
    for path in PATHS:
        go(page, path)
        assert faults(page) == [], path
        shot(page, f"access-{width}-{path.strip('/').replace('/', '_')}")
