"""Reads reporting events and configuration of IWD over HTTP, with the mart's key. Writes nothing there."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec

from openiwd.domain.errors import ForbiddenError, NotFoundError, UnavailableError
from openiwd.ports.mart import FedAgent, FedEvent, FeedPage, RuleSetNames

BASE: Final = "/iwd/v3"
TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)
AGENTS_AT_ONCE: Final = 5_000
_events: Final = msgspec.json.Decoder(FedEvent)


class HttpReportingFeed:
    """Implements `openiwd.ports.mart.ReportingFeed`."""

    def __init__(self, url: str, api_key: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            headers={"x-api-key": api_key},
            timeout=TIMEOUT,
            trust_env=False,
            follow_redirects=False,
            transport=transport,
        )
        self._has_rules = True

    async def _get(self, path: str, *, is_sure: bool = True, **query: Any) -> httpx.Response:
        """The answer 200; where what is asked for need not be there (`is_sure` false) 404 as well."""
        try:
            answer = await self._http.get(
                BASE + path, params={k: v for k, v in query.items() if v is not None}
            )
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"IWD cannot be read: {type(error).__name__}", hint="check URL and network", retry_after=5
            ) from error
        if answer.status_code in (401, 403):
            raise ForbiddenError(
                f"the mart's key may not read {path}",
                hint="give it reporting.read, categories.view, agents.view and attributes.view",
            )
        if answer.status_code == 410:
            raise NotFoundError("the events after the watermark are past their retention", code="gone")
        if answer.status_code != 200 and (is_sure or answer.status_code != 404):
            raise UnavailableError(f"IWD answers {answer.status_code} to {path}", retry_after=5)
        return answer

    async def events(self, after: str | None, limit: int, *, personal: bool = False) -> FeedPage:
        answer = await self._get(
            "/reporting/events", after=after, limit=limit, personal="true" if personal else None
        )
        headers = answer.headers
        return FeedPage(
            _events.decode_lines(answer.content), headers["x-openiwd-next"], headers["x-openiwd-head"]
        )

    async def rule_sets(self, after: int) -> list[RuleSetNames]:
        listed = (await self._get("/rulesets")).json()["versions"]
        self._has_rules = bool(listed)
        wanted = sorted(v["version"] for v in listed if v["version"] > after)
        found = []
        for version in wanted:
            content = (await self._get(f"/rulesets/{version}", format="json")).content
            told = msgspec.json.decode(content, type=_Version)
            found.append(RuleSetNames(told.version, told.published_at, told.document))
        return found

    async def agents(self) -> list[FedAgent]:
        found: dict[str, FedAgent] = {}
        offset = 0
        while True:
            answer = await self._get("/agents", limit=AGENTS_AT_ONCE, offset=offset)
            told = msgspec.json.decode(answer.content, type=_Agents).agents
            for a in told:
                skills = tuple((s.skill, s.level) for s in a.skills)
                found[a.id] = FedAgent(a.id, a.name or a.id, a.employee_id, a.active, skills)
            if len(told) < AGENTS_AT_ONCE:
                return list(found.values())
            offset += len(told)

    async def agent_name(self, agent_id: str, at: datetime) -> str | None:
        answer = await self._get(f"/agents/{quote(agent_id, safe='')}", is_sure=False, at=at.isoformat())
        if answer.status_code == 404:
            return None
        return msgspec.json.decode(answer.content, type=_PastAgent).profile.name

    async def report_attributes(self) -> list[str]:
        if not self._has_rules:
            return []
        content = (await self._get("/rulesets/live", format="json")).content
        declared = msgspec.json.decode(content, type=_Version).document.get("attributes", ())
        return [a["name"] for a in declared if a.get("reportDimension")]

    async def close(self) -> None:
        await self._http.aclose()


class _Version(msgspec.Struct, rename="camel"):
    version: int
    published_at: datetime
    document: dict[str, Any]


class _Skill(msgspec.Struct):
    skill: str
    level: int


class _Agent(msgspec.Struct, rename="camel"):
    id: str
    name: str | None = None
    employee_id: str | None = None
    active: bool = True
    skills: list[_Skill] = []


class _Profile(msgspec.Struct):
    name: str | None = None


class _PastAgent(msgspec.Struct):
    profile: _Profile


class _Agents(msgspec.Struct):
    agents: list[_Agent]
