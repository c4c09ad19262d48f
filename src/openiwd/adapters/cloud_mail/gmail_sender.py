"""Sends by the Gmail API; what became of a message whose answer was lost is looked up, never guessed."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from email.parser import BytesHeaderParser
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec

from openiwd.adapters.cloud_mail.cloud_http import CloudError, CloudHttp, failed
from openiwd.domain.email.mailbox import Mailbox
from openiwd.domain.email.outbound import with_hidden_recipients
from openiwd.ports.mail_provider import SendOutcome, SendResult

LARGE: Final = 3 * 1024 * 1024
"""From here on a message is uploaded as it is, instead of within JSON."""
BOUNDARY: Final = "openiwd-part"


class GmailSender:
    """Implements `openiwd.ports.mail_provider.MailSender`."""

    def __init__(self, mailbox: Mailbox, http: CloudHttp) -> None:
        self._http = http
        self._named = f"/gmail/v1/users/{quote(mailbox.cloud_user, safe='@')}"

    async def check(self) -> None:
        await self._json("GET", "/profile")

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
        headers = BytesHeaderParser().parsebytes(raw)
        content = with_hidden_recipients(raw, recipients)
        thread = await self._thread(str(headers.get("In-Reply-To", "")).strip(" <>"))
        await self._http.ready()
        await before_content()
        try:
            told = msgspec.json.decode((await self._hand_over(content, thread)).content, type=dict[str, Any])
        except msgspec.MsgspecError:
            told = {}
        except CloudError as error:
            return await self._outcome(error, str(headers.get("Message-ID", "")).strip(" <>"))
        message_id = await self._final_id(str(told.get("id", "")))
        return SendOutcome(result=SendResult.SENT, message_id=message_id)

    async def _hand_over(self, content: bytes, thread: str | None) -> httpx.Response:
        about = {"threadId": thread} if thread else {}
        if len(content) < LARGE:
            body = {**about, "raw": base64.urlsafe_b64encode(content).decode()}
            return await self._http.ask("POST", f"{self._named}/messages/send", once=True, json=body)
        parts = (
            f"--{BOUNDARY}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".encode(),
            msgspec.json.encode(about),
            f"\r\n--{BOUNDARY}\r\nContent-Type: message/rfc822\r\n\r\n".encode(),
            content,
            f"\r\n--{BOUNDARY}--\r\n".encode(),
        )
        return await self._http.ask(
            "POST",
            f"/upload{self._named}/messages/send?uploadType=multipart",
            once=True,
            content=b"".join(parts),
            headers={"Content-Type": f"multipart/related; boundary={BOUNDARY}"},
        )

    async def _outcome(self, error: CloudError, message_id: str) -> SendOutcome:
        if error.did_nothing:
            result = SendResult.PUT_OFF if error.waits else SendResult.REFUSED
            return SendOutcome(result=result, reason=error.reason)
        found = await self._http.looked_up(partial(self._sent, message_id))
        if found is None:
            return SendOutcome(result=SendResult.UNKNOWN, reason=error.reason)
        return SendOutcome(result=SendResult.SENT, message_id=await self._final_id(found))

    async def _sent(self, message_id: str) -> str | None:
        query = {"labelIds": "SENT", "q": f"rfc822msgid:{message_id}", "maxResults": 1}
        try:
            told = await self._http.json("GET", f"{self._named}/messages", params=query)
        except CloudError:
            return None
        return next((str(m["id"]) for m in told.get("messages", [])), None)

    async def _thread(self, answered: str) -> str | None:
        """Gmail shows a reply beside what it answers only where the thread is named. A failure does not count."""
        if not answered:
            return None
        try:
            told = await self._http.json(
                "GET", f"{self._named}/messages", params={"q": f"rfc822msgid:{answered}", "maxResults": 1}
            )
        except CloudError:
            return None
        return next((str(m["threadId"]) for m in told.get("messages", []) if "threadId" in m), None)

    async def _final_id(self, gmail_id: str) -> str | None:
        """The Message-ID that recipients see."""
        try:
            told = await self._http.json(
                "GET",
                f"{self._named}/messages/{gmail_id}",
                params={"format": "metadata", "metadataHeaders": "Message-ID"},
            )
        except CloudError:
            return None
        headers = (told.get("payload") or {}).get("headers") or []
        named = (str(h.get("value", "")) for h in headers if str(h.get("name", "")).lower() == "message-id")
        return next((value.strip(" <>") for value in named), None) or None

    async def _json(self, method: str, path: str) -> dict[str, Any]:
        try:
            return await self._http.json(method, self._named + path)
        except CloudError as error:
            raise failed(self._http.name, error) from error
