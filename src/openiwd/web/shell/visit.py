"""A visit: who asks for a page, in which tenant, language and zone. Sessions by cookie, CSRF token on every POST."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from secrets import compare_digest
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.di import NamedDependency

from openiwd.api.call import within_limits, within_share
from openiwd.domain.errors import (
    ForbiddenError,
    LimitedError,
    NotFoundError,
    OpenIwdError,
    UnavailableError,
)
from openiwd.domain.privilege import Caller, Role
from openiwd.ports.holiday_source import HolidaySource
from openiwd.usecases.platform import Platform, TenantServices
from openiwd.web.shell.admission import SESSION_COOKIE, LoginNeededError
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.rendering import catalogue, html, nothing, redirect, trigger
from openiwd.web.shell.said import said
from openiwd.web.shell.time_text import TimeText

THEMES: Final = ("light", "dark")
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

AnyRequest = Request[Any, Any, Any]


class Visit:
    """One request of a logged-in person."""

    def __init__(
        self,
        request: AnyRequest,
        platform: Platform,
        services: TenantServices,
        caller: Caller,
        holidays: HolidaySource | None,
        start_bulk: Callable[[TenantServices, UUID], None],
    ) -> None:
        self.request = request
        self.holidays = holidays
        self.start_bulk = start_bulk
        self.platform = platform
        self.services = services
        self.caller = caller
        self.t: Catalogue = catalogue(caller.language)
        self.now: datetime = _now(services)
        self.times = TimeText(self.t, caller.time_zone, self.now)
        head = services.feed.head
        self.cursor = "" if head is None else str(head)
        """Where the log stood before anything was read for the page."""

    @property
    def is_htmx(self) -> bool:
        """Whether a fragment is asked for; a page restored from history wants all of it."""
        headers = self.request.headers
        return headers.get("hx-request") == "true" and headers.get("hx-history-restore-request") != "true"

    @property
    def is_agent(self) -> bool:
        return self.caller.role is Role.AGENT

    def refuse_agents(self) -> None:
        """What supervisors work with tells of queues, colleagues and rules: agents have their workspace."""
        if self.is_agent:
            raise ForbiddenError(self.t("error.not_for_agents"), hint=self.t("error.not_for_agents_hint"))

    def context(self, **values: Any) -> dict[str, Any]:
        """What every template may use, and `values`."""
        caller = self.caller
        return {
            "t": self.t,
            "times": self.times,
            "who": caller,
            "cursor": self.cursor,
            "tenant": self.services.tenant,
            "theme": theme_of(self.request),
            "home": "/workspace" if self.is_agent else "/",
            "initials": initials(caller.name),
            "active": "",
            **values,
        }

    def page(
        self, template: str, *, status: int = 200, headers: dict[str, str] | None = None, **values: Any
    ) -> Response[str]:
        return html(template, self.context(**values), status=status, headers=headers)

    def toast(self, text: str, *, hint: str | None = None, **events: Any) -> dict[str, str]:
        """Headers that show what was done, and raise further events in the page."""
        return trigger(toast={"text": text, "hint": hint, "kind": "ok"}, **events)


def now_utc() -> datetime:
    return datetime.now(UTC)


CurrentVisit = NamedDependency[Visit]
CurrentPlatform = NamedDependency[Platform]


def _now(services: TenantServices) -> datetime:
    virtual = services.runtime.virtual
    if virtual is not None and not virtual.started:
        return now_utc()
    return services.runtime.now()


def initials(name: str) -> str:
    parts = [p for p in name.replace(".", " ").split() if p[0].isalnum()]
    return "".join(p[0] for p in (parts[:1] + parts[-1:] if len(parts) > 1 else parts)).upper() or "?"


def theme_of(request: AnyRequest) -> str | None:
    theme = request.cookies.get("theme")
    return theme if theme in THEMES else None


def language_of(request: AnyRequest) -> str:
    """That of who is logged in; before the login the first that the browser asks for."""
    caller: Caller | None = request.scope["state"].get("caller")
    if caller is not None:
        return caller.language
    return request.headers.get("accept-language", "en").split(",")[0].split(";")[0].strip()[:2] or "en"


def session_token(request: AnyRequest) -> str | None:
    return request.cookies.get(SESSION_COOKIE)


def is_secure(request: AnyRequest) -> bool:
    """By TLS as far as the client: what a trusted gateway says of that is in the scheme already."""
    return request.url.scheme == "https"


async def base_of(request: AnyRequest, platform: Platform, tenant_id: str) -> str:
    """The address that browsers reach the UI at, without a path."""
    told = (await platform.control.login_settings(tenant_id)).settings.public_url
    if told is not None:
        return told.rstrip("/")
    scheme = "https" if is_secure(request) else "http"
    return f"{scheme}://{request.headers.get('host', '') or request.url.netloc}"


def session_cookie(request: AnyRequest, token: str | None) -> Cookie:
    return Cookie(
        key=SESSION_COOKIE,
        value=token or "",
        path="/",
        httponly=True,
        samesite="lax",
        secure=is_secure(request),
        max_age=0 if token is None else None,
    )


def check_origin(request: AnyRequest) -> None:
    """Refuses requests that another site makes a browser send."""
    site = request.headers.get("sec-fetch-site")
    if site not in (None, "same-origin", "none"):
        raise ForbiddenError(
            "this request comes from another site", code="crossSite", hint="use the page itself"
        )


async def check_csrf(request: AnyRequest, caller: Caller) -> None:
    """A change needs the session's token, in the header (htmx) or in the form."""
    if request.method in SAFE_METHODS:
        return
    check_origin(request)
    given = request.headers.get("x-csrf-token")
    if given is None and request.headers.get("content-type", "").startswith(
        ("application/x-www-form-urlencoded", "multipart/form-data")
    ):
        given = str((await request.form()).get("csrf_token") or "")
    if (
        not caller.csrf_token
        or not given
        or not compare_digest(given.encode("utf-8", "replace"), caller.csrf_token.encode())
    ):
        raise ForbiddenError("the page is out of date", code="csrf", hint="reload the page and try again")


async def open_visit(
    request: AnyRequest,
    platform: Platform,
    holidays: HolidaySource | None,
    start_bulk: Callable[[TenantServices, UUID], None],
) -> Visit:
    """Who asks, as the table of routes has let them in; raises LoginNeededError without a session."""
    caller: Caller | None = request.scope["state"].get("caller")
    if caller is None or caller.tenant_id is None:
        raise LoginNeededError("log in first", code="loginNeeded")
    await within_limits(platform, caller, None)
    await check_csrf(request, caller)
    services = await platform.services(caller.tenant_id)
    await within_share(platform, services)
    return Visit(request, platform, services, caller, holidays, start_bulk)


# Errors -------------------------------------------------------------------------------------------------------------


def answer_login_needed(request: AnyRequest, _: LoginNeededError) -> Response[Any]:
    htmx = request.headers.get("hx-request") == "true"
    if htmx:
        return redirect("/login", htmx=True)
    path = request.url.path
    wanted = quote(path, safe="/")
    return redirect("/login" if path == "/" or request.method != "GET" else f"/login?next={wanted}")


def answer_error(request: AnyRequest, error: OpenIwdError) -> Response[Any]:
    """What went wrong, as a toast for htmx and as a page otherwise; never half of a page."""
    if isinstance(error, NotFoundError):
        status = 404
    elif isinstance(error, LimitedError):
        return _limited(request, error)
    else:
        status = (
            403 if isinstance(error, ForbiddenError) else 503 if isinstance(error, UnavailableError) else 409
        )
    return _answer(request, status, error.message, error.hint)


def _limited(request: AnyRequest, error: LimitedError) -> Response[Any]:
    seconds = int(error.details.get("retry_after", 1))
    t = catalogue(language_of(request))
    answer = _answer(request, 429, t("limits.too_often"), t("limits.too_often_hint", seconds=seconds))
    answer.headers["retry-after"] = str(seconds)
    return answer


def answer_unknown(request: AnyRequest, status: int, detail: str) -> Response[Any]:
    """The same for what never reached a page."""
    t = catalogue(language_of(request))
    return _answer(
        request, status, t("error.unknown") if status == 404 else t("error.refused"), detail or None
    )


def _answer(request: AnyRequest, status: int, message: str, hint: str | None) -> Response[Any]:
    t = catalogue(language_of(request))
    message, hint = said(message, t), said(hint, t) if hint else None
    if request.headers.get("hx-request") == "true":
        told = {"text": message, "hint": hint, "kind": "bad"}
        return nothing(status=status, headers={**trigger(toast=told), "HX-Reswap": "none"})
    context = {
        "t": t,
        "theme": theme_of(request),
        "status": status,
        "message": message,
        "hint": hint,
    }
    return html("shell/error.html", context, status=status)
