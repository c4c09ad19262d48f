"""Speaks to the REST API of a server for the commands about rule sets. Knows addresses and answers; decides nothing."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

import httpx

from openiwd.cli.refusal import AnswerError

PREFIX: Final = "/iwd/v3"
SECONDS: Final = 60.0
YAML: Final = "application/yaml"


class RulesClient:
    """One server and one API key."""

    def __init__(self, url: str, api_key: str, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(
            base_url=url.rstrip("/"), headers={"x-api-key": api_key}, timeout=SECONDS, transport=transport
        )

    def close(self) -> None:
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        source: bytes | None = None,
        if_match: int | None = None,
        **asked: Any,
    ) -> httpx.Response:
        """One request; AnswerError for anything but success."""
        query = {name: _text(value) for name, value in asked.items() if value is not None}
        headers = {} if if_match is None else {"If-Match": f'"{if_match}"'}
        more: dict[str, Any] = {}
        if source is not None:
            more["content"] = source
            headers["content-type"] = YAML
        elif body is not None:
            more["json"] = body
        try:
            answer = self._http.request(method, PREFIX + path, params=query, headers=headers, **more)
        except httpx.HTTPError as error:
            raise AnswerError(
                f"{self._http.base_url} does not answer: {error}",
                hint="check --url, and whether the server runs",
            ) from error
        if answer.is_success:
            return answer
        raise _refusal(answer)

    def get(self, path: str, **asked: Any) -> Any:
        return self.call("GET", path, **asked).json()

    def post(self, path: str, **more: Any) -> Any:
        answer = self.call("POST", path, **more)
        return answer.json() if answer.content else {}

    def draft(self, named: str) -> str:
        """The id of a draft by its id or its name; AnswerError when there is none, or several have the name."""
        try:
            return str(UUID(named))
        except ValueError:
            pass
        found = [d["id"] for d in self.get("/rulesets/drafts")["drafts"] if d["name"] == named]
        if len(found) == 1:
            return str(found[0])
        raise AnswerError(
            f"there is no draft '{named}'" if not found else f"{len(found)} drafts are called '{named}'",
            hint="name it by its id: openiwd rules drafts",
        )

    def place(self, draft: str | None, version: str) -> str:
        """The address of a draft, or of a version."""
        if draft is not None:
            return f"/rulesets/drafts/{self.draft(draft)}"
        return f"/rulesets/{quote(version, safe='')}"


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _refusal(answer: httpx.Response) -> AnswerError:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    text = str(problem.get("detail") or problem.get("title") or f"the server answers {answer.status_code}")
    field = f" ({problem['field']})" if problem.get("field") else ""
    return AnswerError(f"{text}{field}", hint=problem.get("hint"), problem=problem)
