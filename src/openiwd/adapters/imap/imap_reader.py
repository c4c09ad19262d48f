"""Reads a mailbox by IMAP, with imap-tools in a thread of its own; every call has a time-out. Decides nothing."""

from __future__ import annotations

import asyncio
import imaplib
import re
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError, MailboxLoginError
from imap_tools.imap_utf7 import utf7_encode

from openiwd.domain.email.mailbox import AfterStoring, Incoming, Mailbox, Security
from openiwd.domain.email.sasl import TokenSignIn, mechanism_of
from openiwd.ports.mail_provider import AccessTokens, Fetched, FolderState, MailProviderError, Room

TIMEOUT_SECONDS: Final = 30.0
BEGINNING: Final = 256 * 1024
"""So much is fetched of a message that is larger than allowed."""
RECENT: Final = timedelta(days=3)
_MONTHS: Final = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_INTERNAL_DATE: Final = re.compile(
    rb'INTERNALDATE "([ \d]\d)-(\w{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"'
)
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d+)")
_UNSEEN: Final = re.compile(rb"UNSEEN (\d+)")
T = TypeVar("T")


class _SignInRefusedError(Exception):
    """The server does not take the access token."""


class _Measured(NamedTuple):
    """What a server tells of a message before it is fetched."""

    size: int
    received_at: datetime | None


class ImapReader:
    """Implements `openiwd.ports.mail_provider.MailReader`."""

    by_token = False
    sent_folder: str | None = None

    def __init__(
        self, mailbox: Mailbox, secrets: Mapping[str, str], tokens: AccessTokens | None = None
    ) -> None:
        self._incoming: Incoming = mailbox.incoming
        self._certificate = mailbox.ca_certificate
        self._password = secrets.get("imapPassword", "")
        self._tokens = tokens if mailbox.oauth is not None else None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"imap-{mailbox.id}")
        self._box: BaseMailBox | None = None
        self._folder: str | None = None
        self._capabilities: frozenset[str] = frozenset()

    async def open(self) -> None:
        if self._tokens is None:
            await self._run(lambda: self._open(None))
            return
        token = await self._tokens(None)
        try:
            await self._run(lambda: self._open(token))
        except MailProviderError as error:
            if error.field != "login":
                raise
            fresh = await self._tokens(token)
            await self._run(lambda: self._open(fresh))

    async def look(self, folder: str, first_uid: int | None, token: str | None = None) -> FolderState:
        del token
        return await self._run(lambda: self._look(folder, first_uid))

    async def fetch(self, folder: str, uid: int, max_bytes: int, room: Room) -> Fetched | None:
        found = await self._run(lambda: self._measure(folder, uid))
        if found is None:
            return None
        most = found.size if found.size <= max_bytes else min(BEGINNING, max_bytes)
        await room.ask(most)
        return await self._run(lambda: self._fetch(folder, uid, found, most))

    async def settle(self, folder: str, uid: int, after: AfterStoring, move_to: str) -> None:
        await self._run(lambda: self._settle(folder, uid, after, move_to))

    async def wait(self, folder: str, seconds: float) -> None:
        await self._run(lambda: self._wait(folder, seconds), seconds)

    async def find(self, folder: str, message_id: str) -> bool:
        return await self._run(lambda: self._find(folder, message_id))

    async def unread(self, folder: str) -> int:
        return await self._run(lambda: self._unread(folder))

    async def file(self, folder: str, raw: bytes) -> None:
        await self._run(lambda: self._append(folder, raw))

    async def close(self) -> None:
        box, self._box = self._box, None
        if box is not None:
            with suppress(OSError):
                box.client.shutdown()  # a thread that waits for the server ends with it
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self, call: Callable[[], T], more_seconds: float = 0.0) -> T:
        try:
            async with asyncio.timeout(2 * TIMEOUT_SECONDS + more_seconds):
                return await asyncio.get_running_loop().run_in_executor(self._thread, call)
        except TimeoutError as error:
            raise self._failed("no answer in time", "connection") from error
        except _SignInRefusedError as error:
            what = f"the sign-in of '{self._incoming.user}' by token is refused: {error}"
            raise self._failed(what, "login") from error
        except MailboxLoginError as error:
            what = f"the login of '{self._incoming.user}' is refused: {_words(error)}"
            raise self._failed(what, "login") from error
        except ssl.SSLError as error:
            raise self._failed(f"TLS fails: {error.reason or error}", "tls") from error
        except (ImapToolsError, imaplib.IMAP4.error) as error:
            raise self._failed(_words(error), "folder") from error
        except OSError as error:
            raise self._failed(f"no connection: {error.strerror or error}", "connection") from error

    def _failed(self, what: str, step: str) -> MailProviderError:
        place = f"IMAP {self._incoming.host}:{self._incoming.port}"
        hint = "check the mailbox's incoming settings"
        return MailProviderError(f"{place}: {what}"[:1_000], field=step, hint=hint)

    def _open(self, token: str | None) -> None:
        incoming = self._incoming
        place = (incoming.host, incoming.port)
        box: BaseMailBox
        match incoming.security:
            case Security.TLS:
                box = MailBox(*place, timeout=TIMEOUT_SECONDS, ssl_context=tls_context(self._certificate))
            case Security.STARTTLS:
                box = MailBoxStartTls(
                    *place, timeout=TIMEOUT_SECONDS, ssl_context=tls_context(self._certificate)
                )
            case Security.NONE:
                box = MailBoxUnencrypted(*place, timeout=TIMEOUT_SECONDS)
        try:
            if token is None:
                box.login(incoming.user, self._password, initial_folder=None)
            else:
                self._sign_in(box.client, token)
            # Servers tell more of them after the login.
            _, told = _checked(box.client.capability(), "CAPABILITY fails")
            self._capabilities = frozenset(_told(told).upper().split())
        except BaseException:
            with suppress(OSError):
                box.client.shutdown()
            raise
        self._box = box
        self._folder = None

    def _sign_in(self, client: imaplib.IMAP4, token: str) -> None:
        offered = [
            c.upper().removeprefix("AUTH=") for c in client.capabilities if c.upper().startswith("AUTH=")
        ]
        mechanism = mechanism_of(offered)
        if mechanism is None:
            raise _SignInRefusedError(f"the server offers {', '.join(offered) or 'nothing'} only")
        incoming = self._incoming
        sign_in = TokenSignIn(
            mechanism=mechanism, user=incoming.user, token=token, host=incoming.host, port=incoming.port
        )
        try:
            client.authenticate(mechanism.value, sign_in.answer)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            raise _SignInRefusedError(_words(error)) from error

    def _opened(self) -> BaseMailBox:
        if self._box is None:
            raise ConnectionError("not connected")
        return self._box

    def _select(self, folder: str, *, again: bool = False) -> BaseMailBox:
        box = self._opened()
        if again or self._folder != folder:
            self._folder = None
            box.folder.set(folder)
            self._folder = folder
        return box

    def _look(self, folder: str, first_uid: int | None) -> FolderState:
        client = self._select(folder, again=True).client
        validity, following = _number(client.response("UIDVALIDITY")), _number(client.response("UIDNEXT"))
        if first_uid is None:
            since = datetime.now(UTC) - RECENT
            criteria = f"OR UNSEEN SINCE {since.day}-{_MONTHS[since.month - 1]}-{since.year}"
        else:
            criteria = f"UID {first_uid}:*"
        _, found = _checked(client.uid("SEARCH", criteria), f"folder '{folder}' cannot be searched")
        uids = sorted(int(word) for line in found if line for word in line.split())
        # `n:*` names the last message even where its uid is below n.
        uids = [uid for uid in uids if first_uid is None or uid >= first_uid]
        return FolderState(uid_validity=validity, uid_next=following or max([0, *uids]) + 1, uids=uids)

    def _measure(self, folder: str, uid: int) -> _Measured | None:
        client = self._select(folder).client
        _, about = _checked(client.uid("FETCH", str(uid), "(UID INTERNALDATE RFC822.SIZE)"), "FETCH fails")
        head = b" ".join(_flat(about))
        size = _SIZE.search(head)
        return None if size is None else _Measured(int(size[1]), _instant(head))

    def _fetch(self, folder: str, uid: int, found: _Measured, most: int) -> Fetched | None:
        client = self._select(folder).client
        is_large = found.size > most
        wanted = f"(BODY.PEEK[]<0.{most}>)" if is_large else "(BODY.PEEK[])"
        _, parts = _checked(client.uid("FETCH", str(uid), wanted), "FETCH fails")
        raw = next((part[1] for part in parts if isinstance(part, tuple)), None)
        if raw is None:
            return None
        return Fetched(
            uid=uid,
            raw=bytes(raw),
            received_at=found.received_at,
            full_size=found.size if is_large else None,
        )

    def _settle(self, folder: str, uid: int, after: AfterStoring, move_to: str) -> None:
        client = self._select(folder).client
        match after:
            case AfterStoring.KEEP:
                return
            case AfterStoring.MARK_SEEN:
                _checked(client.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Seen)"), "STORE fails")
            case AfterStoring.MOVE:
                self._move(client, uid, move_to)
            case AfterStoring.DELETE:
                self._expunge(client, uid)

    def _move(self, client: imaplib.IMAP4, uid: int, move_to: str) -> None:
        target = _quoted(move_to)
        if "MOVE" in self._capabilities and "MOVE" in imaplib.Commands:
            _checked(client.uid("MOVE", str(uid), target), f"moving to '{move_to}' fails")
            return
        _checked(client.uid("COPY", str(uid), target), f"copying to '{move_to}' fails")
        self._expunge(client, uid)

    def _expunge(self, client: imaplib.IMAP4, uid: int) -> None:
        _checked(client.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Deleted)"), "STORE fails")
        if "UIDPLUS" in self._capabilities:
            _checked(client.uid("EXPUNGE", str(uid)), "EXPUNGE fails")

    def _wait(self, folder: str, seconds: float) -> None:
        box = self._select(folder)
        if "IDLE" in self._capabilities:
            box.idle.wait(timeout=seconds)
        else:
            _checked(box.client.noop(), "NOOP fails")

    def _find(self, folder: str, message_id: str) -> bool:
        client = self._select(folder, again=True).client
        _, found = _checked(
            client.uid("SEARCH", "HEADER", "Message-ID", _quoted(f"<{message_id}>")), "SEARCH fails"
        )
        return any(line for line in found)

    def _unread(self, folder: str) -> int:
        _, told = _checked(
            self._opened().client.status(_quoted(folder), "(UNSEEN)"), f"folder '{folder}' cannot be counted"
        )
        found = _UNSEEN.search(b" ".join(_flat(told)))
        return int(found[1]) if found is not None else 0

    def _append(self, folder: str, raw: bytes) -> None:
        _checked(
            self._opened().client.append(_quoted(folder), r"(\Seen)", None, raw),
            f"filing into '{folder}' fails",
        )


@lru_cache(maxsize=200)
def tls_context(certificate: str) -> ssl.SSLContext:
    """The usual authorities, and the one that the mailbox names. Reading them takes long: once for each is enough."""
    context = ssl.create_default_context()
    if certificate.strip():
        context.load_verify_locations(cadata=certificate)
    return context


def _words(error: BaseException) -> str:
    result = getattr(error, "command_result", None)
    if isinstance(result, tuple) and len(result) == 2:
        return _told(result[1])
    return str(error)[:500]


def _told(data: object) -> str:
    lines = data if isinstance(data, list) else [data]
    return " ".join(
        line.decode("utf-8", "replace") if isinstance(line, bytes) else str(line) for line in lines
    )[:500]


def _checked(answer: tuple[str, list[Any]], what: str) -> tuple[str, list[Any]]:
    if answer[0] != "OK":
        raise imaplib.IMAP4.error(f"{what}: {_told(answer[1])}")
    return answer


def _flat(data: list[Any]) -> list[bytes]:
    found = []
    for part in data:
        found += [p for p in (part if isinstance(part, tuple) else (part,)) if isinstance(p, bytes)]
    return found


def _number(answer: tuple[str, list[Any]]) -> int:
    value = answer[1][0] if answer[1] else None
    return int(value) if isinstance(value, bytes) and value.isdigit() else 0


def _instant(head: bytes) -> datetime | None:
    match = _INTERNAL_DATE.search(head)
    if match is None or match[2].decode() not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(match[n]) for n in (1, 3, 4, 5, 6))
    offset = timedelta(hours=int(match[8]), minutes=int(match[9])) * (1 if match[7] == b"+" else -1)
    try:
        local = datetime(year, _MONTHS.index(match[2].decode()) + 1, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return local - offset


def _quoted(text: str) -> str:
    """A folder's name, or any text, as IMAP writes it."""
    encoded = utf7_encode(text).decode("ascii")
    return '"' + encoded.replace("\\", "\\\\").replace('"', '\\"') + '"'
