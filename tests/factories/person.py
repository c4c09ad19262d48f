"""A person who is logged in, as their browser speaks to the API; on the way to a provider and back."""

from __future__ import annotations

import httpx

from tests.factories.api import PASSWORD, World


class Person:
    """Has a session with its CSRF token."""

    def __init__(self, site: World) -> None:
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=site.api),  # type: ignore[arg-type]
            base_url="http://iwd",
        )

    async def log_in(self, login: str) -> None:
        answer = await self.http.post(
            "/iwd/v3/sessions", json={"login": login, "password": PASSWORD, "tenant": "t"}
        )
        assert answer.status_code in (200, 201), answer.text
        self.http.headers["x-csrf-token"] = answer.json()["csrfToken"]

    async def begin(self) -> str:
        """Where to go, to consent to the mailbox `care`."""
        answer = await self.http.post("/iwd/v3/mailboxes/care/consent")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["url"])

    async def returned(self, provider: str, state: str, **query: str) -> httpx.Response:
        path = f"/iwd/v3/emails/oauth2/{provider}/callback"
        return await self.http.get(path, params={"state": state, **query})
