"""Folders of a Microsoft 365 mailbox by name: the well-known ones, and those that people have made."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from openiwd.adapters.cloud_mail.cloud_http import CloudError, CloudHttp, failed
from openiwd.domain.email.mailbox import Mailbox
from openiwd.ports.mail_provider import MailProviderError

WELL_KNOWN: Final = {
    "inbox": "inbox",
    "drafts": "drafts",
    "sent items": "sentitems",
    "sentitems": "sentitems",
    "deleted items": "deleteditems",
    "deleteditems": "deleteditems",
    "archive": "archive",
    "junk email": "junkemail",
    "junkemail": "junkemail",
}
HEADERS: Final = {"Prefer": 'IdType="ImmutableId"'}


def user_path(mailbox: Mailbox) -> str:
    return f"/users/{quote(mailbox.cloud_user, safe='@')}"


class GraphFolders:
    """Ids of folders, asked for once."""

    def __init__(self, http: CloudHttp, user: str) -> None:
        self._http = http
        self._user = user
        self._known: dict[str, str] = {}

    async def id_of(self, folder: str) -> str:
        """`Care/Done` is a folder within a folder."""
        well_known = WELL_KNOWN.get(folder.lower())
        if well_known is not None:
            return well_known
        if folder not in self._known:
            path = f"{self._user}/mailFolders"
            found = ""
            for name in folder.split("/"):
                found = await self._child(path, name, folder)
                path = f"{self._user}/mailFolders/{quote(found)}/childFolders"
            self._known[folder] = found
        return self._known[folder]

    async def _child(self, path: str, name: str, folder: str) -> str:
        query = {
            "$filter": f"displayName eq '{name.replace(chr(39), chr(39) * 2)}'",
            "$select": "id",
            "$top": "1",
        }
        try:
            told = await self._http.json("GET", path, params=query, headers=HEADERS)
        except CloudError as error:
            raise failed(self._http.name, error) from error
        for one in told.get("value", []):
            return str(one["id"])
        raise MailProviderError(
            f"Microsoft 365: there is no folder '{folder[:80]}'",
            field="folder",
            hint="make it, or name another one",
        )
