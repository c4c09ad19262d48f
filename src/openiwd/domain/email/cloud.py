"""Gmail and Microsoft 365 as an installation knows them: where they answer, and what is asked to be allowed."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

GOOGLE_SCOPES: Final = ("https://www.googleapis.com/auth/gmail.modify",)
MICROSOFT_SCOPES: Final = (
    "offline_access",
    "https://graph.microsoft.com/Mail.ReadWrite",
    "https://graph.microsoft.com/Mail.Send",
)
MICROSOFT_DEFAULT_SCOPE: Final = "https://graph.microsoft.com/.default"


class CloudAddresses(Struct, frozen=True, kw_only=True):
    """Base addresses. Only an installation sets others (a national cloud, a test); a tenant cannot."""

    gmail: str = "https://gmail.googleapis.com"
    graph: str = "https://graph.microsoft.com/v1.0"
    google_token: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    google_consent: str = "https://accounts.google.com/o/oauth2/v2/auth"
    microsoft_login: str = "https://login.microsoftonline.com"
    public: str = ""
    """Under which browsers reach this installation; empty: as the request says."""
