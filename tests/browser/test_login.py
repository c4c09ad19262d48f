"""Logging in and out, as each role; what the cookie and the headers look like; what is refused."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, Watch
from tests.browser.site import PASSWORD, Site

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("login", ["vera", "ines", "bea", "ada"])
def test_people_land_in_the_queue(open_as: Open, login: str) -> None:
    page = open_as(login)
    expect(page).to_have_title("Universal Queue · OpenIWD")
    expect(page.locator("#rows tr[data-id]").first).to_be_visible()


def test_agents_land_in_their_workspace(open_as: Open) -> None:
    page = open_as("amara", "/")
    expect(page).to_have_title("Workspace · OpenIWD")
    expect(page.locator("#state-button")).to_contain_text("Logged out")


def test_a_wrong_password_is_said_and_the_login_kept(open_as: Open, watch: Watch) -> None:
    watch.expect("401")
    page = open_as(None)
    page.fill("[name=login]", "ines")
    page.fill("[name=password]", "wrong")
    page.click("main button")
    expect(page.get_by_role("alert")).to_contain_text("Login or password is wrong")
    expect(page.locator("[name=login]")).to_have_value("ines")
    assert page.url.endswith("/login")


def test_ten_wrong_passwords_lock_the_login_and_say_for_how_long(
    site: Site, open_as: Open, watch: Watch
) -> None:
    watch.expect("401")
    with httpx.Client(base_url=site.url) as client:
        for _ in range(10):
            assert client.post("/login", data={"login": "lock", "password": "wrong"}).status_code == 401
    page = open_as(None)
    page.fill("[name=login]", "lock")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    expect(page.get_by_role("alert")).to_contain_text("locked for 1")


def test_the_session_cookie_is_out_of_reach_of_scripts_and_ends_at_logout(open_as: Open) -> None:
    page = open_as("vera", fresh=True)
    cookie = next(c for c in page.context.cookies() if c["name"] == "openiwd_session")
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    page.click("[data-menu=user-menu]")
    page.get_by_role("menuitem", name="Log out").click()
    expect(page).to_have_title("Log in · OpenIWD")
    page.goto("/")
    expect(page).to_have_title("Log in · OpenIWD")


def test_pages_send_strict_headers_and_no_inline_code(site: Site) -> None:
    with httpx.Client(base_url=site.url) as client:
        client.post("/login", data={"login": "ines", "password": PASSWORD})
        for path in ("/login", "/", "/queues", "/agents", "/configuration", "/nowhere"):
            answer = client.get(path)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'self'" in policy, path
            assert "frame-ancestors 'none'" in policy, path
            assert "unsafe" not in policy, path
            assert " style=" not in answer.text, path
            assert "<script>" not in answer.text, path
            assert " onclick=" not in answer.text, path


def test_a_change_without_the_token_is_refused(site: Site) -> None:
    with httpx.Client(base_url=site.url) as client:
        client.post("/login", data={"login": "ada", "password": PASSWORD})
        for headers in ({}, {"X-CSRF-Token": "guessed"}):
            assert (
                client.post(
                    "/agents/state", data={"agent": "rossi", "state": "ready"}, headers=headers
                ).status_code
                == 403
            )
        assert client.post("/logout").status_code == 403
        assert client.get("/").status_code == 200


def test_another_site_cannot_log_a_browser_in(site: Site) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = httpx.post(f"{site.url}/login", data={"login": "ada", "password": PASSWORD}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_the_page_after_the_login_stays_on_this_site(site: Site) -> None:
    for target in (
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/x\r\nSet-Cookie: a=b",
        "/€",
    ):
        answer = httpx.post(f"{site.url}/login", data={"login": "vera", "password": PASSWORD, "next": target})
        assert answer.headers["location"] == "/"


def test_an_address_with_odd_characters_is_kept_for_after_the_login(site: Site) -> None:
    answer = httpx.get(f"{site.url}/items/%E2%82%AC")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/items/%E2%82%AC")


def test_the_theme_is_kept_and_pages_come_in_it(open_as: Open) -> None:
    page = open_as("vera", scheme="light", fresh=True)
    page.click("[data-menu=user-menu]")
    page.click("[data-theme-toggle]")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(14, 15, 19)"
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"


@pytest.mark.parametrize(
    ("login", "path"), [("vera", "/workspace"), ("amara", "/agents"), ("amara", "/queues")]
)
def test_pages_of_others_are_refused_with_a_sentence(
    open_as: Open, watch: Watch, login: str, path: str
) -> None:
    watch.expect("403")
    page = open_as(login)
    page.goto(path)
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("link", name="To the start page")).to_be_visible()
