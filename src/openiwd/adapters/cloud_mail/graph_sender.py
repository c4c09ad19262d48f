"""Sends by Microsoft Graph: first a draft, which sends nothing, then `send`; the draft proves what became of it."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from contextlib import suppress
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from email.policy import SMTP
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from openiwd.adapters.cloud_mail.cloud_http import CloudError, CloudHttp, failed
from openiwd.adapters.cloud_mail.graph_folder import HEADERS, user_path
from openiwd.domain.email.mailbox import Mailbox
from openiwd.domain.email.outbound import with_hidden_recipients
from openiwd.ports.mail_provider import MailProviderError, SendOutcome, SendResult

MAX_DRAFT: Final = 2_900_000
"""Of a message as it is: a request has at most 4 MB, and it goes as base64."""
MAX_ATTACHED: Final = 3_000_000
PART: Final = 10 * 320 * 1024
"""Parts of an upload are multiples of 320 KiB."""


class _File(NamedTuple):
    name: str
    content_type: str
    content: bytes


class GraphSender:
    """Implements `openiwd.ports.mail_provider.MailSender`."""

    def __init__(self, mailbox: Mailbox, http: CloudHttp) -> None:
        self._http = http
        self._messages = f"{user_path(mailbox)}/messages"
        self._inbox = f"{user_path(mailbox)}/mailFolders/inbox"
        self._drafts = f"{user_path(mailbox)}/mailFolders/drafts/messages"

    async def check(self) -> None:
        try:
            await self._http.json("GET", self._inbox, params={"$select": "id"}, headers=HEADERS)
        except CloudError as error:
            raise failed(self._http.name, error) from error

    async def close(self) -> None:
        await self._http.close()

    async def send(
        self,
        sender: str,
        recipients: list[str],
        raw: bytes,
        before_content: Callable[[], Awaitable[None]],
    ) -> SendOutcome:
        del sender  # the mailbox's own
        content = with_hidden_recipients(raw, recipients)
        headers = BytesHeaderParser().parsebytes(raw)
        try:
            await self._clear(str(headers.get("Message-ID", "")).strip(" <>"))
            draft = await self._draft(content)
        except CloudError as error:
            if error.status in (401, 403) and not error.is_limit:
                raise failed(self._http.name, error) from error
            refused = 400 <= error.status < 500 and not error.passes
            return SendOutcome(
                result=SendResult.REFUSED if refused else SendResult.PUT_OFF, reason=error.reason
            )
        try:
            await before_content()
        except BaseException:
            await self._remove(draft)
            raise
        try:
            await self._http.ask("POST", f"{draft}/send", once=True, headers=HEADERS)
        except CloudError as error:
            return await self._outcome(draft, error)
        _, message_id = await self._state(draft)
        return SendOutcome(result=SendResult.SENT, message_id=message_id)

    async def _outcome(self, draft: str, error: CloudError) -> SendOutcome:
        """Immutable ids: what was sent is the draft no longer, under the same id."""
        look = partial(self._sent, draft)
        sent = await (look() if error.did_nothing else self._http.looked_up(look))
        if sent is not None:
            return sent
        if not error.did_nothing:
            return SendOutcome(result=SendResult.UNKNOWN, reason=error.reason)
        await self._remove(draft)
        result = SendResult.PUT_OFF if error.waits else SendResult.REFUSED
        return SendOutcome(result=result, reason=error.reason)

    async def _sent(self, draft: str) -> SendOutcome | None:
        """That it was sent, where that is proven."""
        is_draft, message_id = await self._state(draft)
        return SendOutcome(result=SendResult.SENT, message_id=message_id) if is_draft is False else None

    async def _state(self, draft: str) -> tuple[bool | None, str | None]:
        """Whether it is a draft still (None: nobody knows), and the Message-ID that recipients see."""
        try:
            told = await self._http.json(
                "GET", draft, params={"$select": "isDraft,internetMessageId"}, headers=HEADERS
            )
        except CloudError:
            return None, None
        message_id = str(told.get("internetMessageId") or "").strip(" <>") or None
        is_draft = told.get("isDraft")
        return (is_draft if isinstance(is_draft, bool) else None), message_id

    async def _clear(self, message_id: str) -> None:
        """Removes drafts of this email that a process has left which was lost before it sent them. They may not be
        whole, and nobody else sends them: who begins with an email holds its mailbox alone.
        """
        if not message_id:
            return
        named = message_id.replace("'", "''")
        query = {"$filter": f"internetMessageId eq '<{named}>'", "$select": "id,isDraft"}
        told = await self._http.json("GET", self._drafts, params=query, headers=HEADERS)
        for left in told.get("value", []):
            if left.get("isDraft", True):
                path = f"{self._messages}/{quote(str(left['id']), safe='')}"
                await self._http.ask("DELETE", path, headers=HEADERS)

    async def _draft(self, raw: bytes) -> str:
        """A draft, whole; large files are uploaded to it one by one. Its path."""
        body, files = (raw, []) if len(raw) <= MAX_DRAFT else _without_files(raw)
        told = await self._http.json(
            "POST",
            self._messages,
            content=base64.b64encode(body),
            headers={**HEADERS, "Content-Type": "text/plain"},
        )
        draft = f"{self._messages}/{quote(str(told['id']), safe='')}"
        try:
            for file in files:
                await self._attach(draft, file)
        except (CloudError, MailProviderError):
            await self._remove(draft)
            raise
        return draft

    async def _remove(self, draft: str) -> None:
        with suppress(CloudError, MailProviderError):
            await self._http.ask("DELETE", draft, headers=HEADERS)

    async def _attach(self, draft: str, file: _File) -> None:
        if len(file.content) <= MAX_ATTACHED:
            body: dict[str, Any] = {
                "@odata.type": "#microsoft.graph.fileAttachment",
                "name": file.name,
                "contentType": file.content_type,
                "contentBytes": base64.b64encode(file.content).decode(),
            }
            await self._http.json("POST", f"{draft}/attachments", json=body, headers=HEADERS)
            return
        size = len(file.content)
        about = {
            "AttachmentItem": {
                "attachmentType": "file",
                "name": file.name,
                "size": size,
                "contentType": file.content_type,
            }
        }
        path = f"{draft}/attachments/createUploadSession"
        told = await self._http.json("POST", path, json=about, headers=HEADERS)
        for start in range(0, size, PART):
            part = file.content[start : start + PART]
            place = f"bytes {start}-{start + len(part) - 1}/{size}"
            await self._http.put_part(str(told["uploadUrl"]), part, {"Content-Range": place})


def _without_files(raw: bytes) -> tuple[bytes, list[_File]]:
    """A message that we have composed: its text, and its files apart."""
    message = BytesParser(_class=EmailMessage, policy=SMTP).parsebytes(raw)
    parts = list[Any](message.iter_parts()) if message.get_content_type() == "multipart/mixed" else []
    if not parts:
        return raw, []
    files = [
        _File(
            part.get_filename() or "file",
            part.get_content_type(),
            bytes(part.get_payload(decode=True) or b""),
        )
        for part in parts[1:]
    ]
    message.set_payload(parts[:1])
    return message.as_bytes(), files
