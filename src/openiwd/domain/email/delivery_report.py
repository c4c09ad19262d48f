"""Reports about our own emails: not delivered, delayed, delivered, read. From DSNs and what others write."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from msgspec import Struct

from openiwd.domain.email.address import is_address, normal, read_addresses
from openiwd.domain.email.charset import decode
from openiwd.domain.email.header import Headers, split
from openiwd.domain.email.message import ParsedEmail
from openiwd.domain.email.mime import Part
from openiwd.domain.email.reading import message_ids, parts_of

MAX_RECIPIENTS: Final = 100
MAX_REASON: Final = 500


class Delivery(StrEnum):
    FAILED = "failed"
    DELAYED = "delayed"
    DONE = "done"
    READ = "read"


class FailedRecipient(Struct, frozen=True, kw_only=True, rename="camel"):
    """One recipient of a report."""

    address: str
    delivery: Delivery
    status: str = ""
    """The enhanced status code, such as 5.1.1."""
    reason: str = ""


class DeliveryReport(Struct, frozen=True, kw_only=True):
    """A report: about which email (by the ids that it gives, the surest first), and what became of it for whom."""

    message_ids: list[str]
    delivery: Delivery
    recipients: list[FailedRecipient]

    @property
    def reason(self) -> str:
        return next((r.reason for r in self.recipients if r.reason), "")


_BOUNCE_SENDER: Final = re.compile(
    r"^(?:mailer[-_]?daemon|postmaster|mail-daemon|bounce[sd]?|microsoftexchange[0-9a-f]{32})(?:[@+=-]|$)",
    re.IGNORECASE,
)
_BOUNCE_NAME: Final = re.compile(
    r"^(?:internet )?mail delivery (?:sub)?system$|^mail delivery service$|^mailer-daemon$",
    re.IGNORECASE,
)
_BOUNCE_SUBJECT: Final = re.compile(
    r"undeliver(?:ed|able)|delivery (?:status notification|failure|has failed|report|notification)|returned mail"
    r"|failure notice|non[- ]?delivery"
    r"|mail (?:delivery|system) (?:failed|failure|error|subsystem)|message (?:delivery|not) (?:failure|delivered)"
    r"|nicht zugestellt|unzustellbar|zustellung fehlgeschlagen|nicht zustellbar|mail delivery failed|nondeliverable"
    r"|no se puede entregar|no entregado|échec de (?:remise|la remise)|non remis|mancato recapito"
    r"|impossibile recapitare|onbestelbaar"
    r"|niet bezorgd|não (?:é possível|foi possível) entregar|não entregue|niedostarcz|nie dostarcz"
    r"|не ?доставлен|недоставленн"
    r"|det gick inte att leverera|ej levererat|kan ikke leveres|kunne ikke leveres|kan ikke levere"
    r"|ei voitu toimittaa|nedoruč|teslim edilemedi"
    r"|配信不能|配信できません|未配信|退信|無法傳遞|无法送达|전달되지 않",
    re.IGNORECASE,
)
_DELAY_SUBJECT: Final = re.compile(
    r"delay(?:ed)?|warning: |verzöger|will be retried|retard|retras|demora|ritard|atras|vertraag|försen|forsink"
    r"|viiväst|opóźn|zpožd"
    r"|задерж|затрим|gecik|延迟|延遲|遅延|지연",
    re.IGNORECASE,
)
_DELAY_TEXT: Final = re.compile(
    r"not yet been delivered|not been delivered yet|not (?:yet )?be delivered yet"
    r"|will (?:be retried|keep trying|continue to try)"
    r"|still being retried|warning (?:only|message only)|no action is required|do not need to (?:re-?send|resend)"
    r"|has not (?:yet )?been (?:able to|possible to) deliver|will retry"
    r"|delivery will be attempted|temporarily (?:delayed|deferred)"
    r"|noch nicht zugestellt|weiterhin versucht|erneut versucht|pas encore (?:été|pu)|aún no se ha|todavía no"
    r"|non è ancora stat|nog niet|ainda não|jeszcze nie|ännu inte|endnu ikke|ennå ikke"
    r"|ei ole vielä|ještě ne|ещё не|еще не|尚未|まだ",
    re.IGNORECASE,
)
_DONE_SUBJECT: Final = re.compile(
    r"^(?:delivered|relayed|expanded|zugestellt|übermittelt|remis|entregado|consegnato|bezorgd|entregue|dostarczono)\s?:"
    r"|successful mail delivery|delivery status notification \((?:success|relay|expanded)",
    re.IGNORECASE,
)
_CODE: Final = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_REPLY: Final = re.compile(r"\b([45]\d\d)[ -](?:[45]\.\d{1,3}\.\d{1,3}[ -])?([^\r\n]{3,300})")
_FAILED_ADDRESS: Final = re.compile(r"<([^<>\s@]{1,200}@[^<>\s@]{1,200})>\s*(?::|\.\.\.|\(|$)", re.MULTILINE)
_BARE_ADDRESS: Final = re.compile(
    r"^\s{0,8}<?([^<>\s@]{1,200}@[^<>\s@:;,]{1,200})>?\s*(?:<mailto:[^<>\s]{1,300}>\s*|on \d[^\n]{1,60})?:?\s*$",
    re.MULTILINE,
)
_STATED: Final = re.compile(rb"^final-recipient:", re.IGNORECASE | re.MULTILINE)
_RETURNED_ID: Final = re.compile(r"^[ \t]*message-id:\s*<([^<>\s]{1,900})>", re.IGNORECASE | re.MULTILINE)
_ACTIONS: Final = {
    "failed": Delivery.FAILED,
    "delayed": Delivery.DELAYED,
    "delivered": Delivery.DONE,
    "relayed": Delivery.DONE,
    "expanded": Delivery.DONE,
}


def read_report(email: ParsedEmail, root: Part) -> DeliveryReport | None:
    """The report that an email is; None when it is none."""
    parts = parts_of(root)
    kind = root.parameters.get("report-type", "").lower()
    is_bounce = _looks_like_bounce(email)
    status = _status_of(parts, is_bounce=is_bounce)
    disposition = next((p for p in parts if p.content_type == "message/disposition-notification"), None)
    about = _reported_ids(email, parts)
    if status is not None and (root.content_type == "multipart/report" or is_bounce):
        recipients = _from_status(status)
        if not recipients:
            return _from_text(email, about)
        return DeliveryReport(message_ids=about, delivery=_overall(recipients), recipients=recipients)
    if disposition is not None and (
        kind == "disposition-notification" or root.content_type == "multipart/report"
    ):
        return _from_disposition(disposition, about)
    return _from_text(email, about) if is_bounce else None


def _status_of(parts: list[Part], *, is_bounce: bool) -> Part | None:
    """The part for machines; some send it as a text."""
    found = next((p for p in parts if p.content_type.endswith("delivery-status")), None)
    if found is not None or not is_bounce:
        return found
    texts = (p for p in parts[1:] if p.content_type in ("text/plain", "application/octet-stream"))
    return next((p for p in texts if _STATED.search(p.body[:20_000])), None)


def stated_action(root: Part) -> str | None:
    """The first action that a delivery-status states, such as `relayed`; None where there is none."""
    status = next((p for p in parts_of(root) if p.content_type.endswith("delivery-status")), None)
    content = b"" if status is None else status.parts[0].body if status.parts else status.content()[0]
    stated = (_action(fields) for fields in _blocks(content))
    return next((one for one in stated if one in _ACTIONS), None)


def _looks_like_bounce(email: ParsedEmail) -> bool:
    """Mail of a mail system that says that something was not delivered; a subject alone proves nothing."""
    sender = email.sender.address if email.sender else ""
    name = email.sender.name if email.sender else ""
    from_system = email.return_path == "" or bool(_BOUNCE_SENDER.match(sender) or _BOUNCE_NAME.match(name))
    if "x-failed-recipients" in email.headers:
        return True
    return from_system and any(
        p.search(email.subject) for p in (_BOUNCE_SUBJECT, _DELAY_SUBJECT, _DONE_SUBJECT)
    )


def _reported_ids(email: ParsedEmail, parts: list[Part]) -> list[str]:
    """From the returned original or its headers first, then from our own fields, then from the text."""
    found: list[str] = []
    for part in parts[1:]:
        if part.content_type in ("message/rfc822", "message/global") and part.parts:
            found += message_ids(part.parts[0].headers.plain("message-id"))
        elif part.content_type in ("text/rfc822-headers", "message/global-headers"):
            found += message_ids(split(part.content()[0])[0].plain("message-id"))
        elif part.content_type == "message/disposition-notification":
            found += message_ids(split(part.content()[0])[0].plain("original-message-id"))
    found += [*email.in_reply_to, *reversed(email.references)]
    found += _RETURNED_ID.findall(email.text)
    return list(dict.fromkeys(found))[:20]


def _blocks(content: bytes) -> list[Headers]:
    text = content.replace(b"\r\n", b"\n").strip(b"\n")
    return [split(block + b"\n\n")[0] for block in re.split(rb"\n[ \t]*\n", text)[: MAX_RECIPIENTS + 1]]


def _from_status(part: Part) -> list[FailedRecipient]:
    """The recipients' groups of a delivery-status; the first group is about the message."""
    found: list[FailedRecipient] = []
    content = part.parts[0].body if part.parts else part.content()[0]
    for fields in _blocks(content):
        address = _typed(fields.plain("final-recipient")) or _typed(fields.plain("original-recipient"))
        action = _action(fields)
        status = fields.plain("status")
        if not address and not action:
            continue
        code = _CODE.search(status)
        found.append(
            FailedRecipient(
                address=normal(address)[:320],
                delivery=_ACTIONS.get(action) or _by_code(status),
                status=code[1] if code else status[:20],
                reason=_typed(fields.plain("diagnostic-code"))[:MAX_REASON],
            )
        )
    return found


def _action(fields: Headers) -> str:
    """The word, whatever comes behind it."""
    found = re.match(r"[a-z-]+", fields.plain("action").lower())
    return "" if found is None else found[0]


def _typed(value: str) -> str:
    """`rfc822; someone@example.org` without its type."""
    kind, semicolon, rest = value.partition(";")
    return (rest if semicolon else kind).strip()


def _by_code(text: str) -> Delivery:
    match text.strip()[:1]:
        case "2":
            return Delivery.DONE
        case "4":
            return Delivery.DELAYED
        case _:
            return Delivery.FAILED


def _overall(recipients: list[FailedRecipient]) -> Delivery:
    """The worst of them: a failure for one is a failure; a report that says nothing is taken for one."""
    told = {r.delivery for r in recipients}
    if not told or Delivery.FAILED in told:
        return Delivery.FAILED
    return Delivery.DELAYED if Delivery.DELAYED in told else Delivery.DONE


def _from_disposition(part: Part, about: list[str]) -> DeliveryReport:
    fields = split(part.content()[0].strip(b"\r\n") + b"\n\n")[0]
    address = normal(_typed(fields.plain("final-recipient")))
    told = FailedRecipient(
        address=address[:320], delivery=Delivery.READ, reason=fields.plain("disposition")[:MAX_REASON]
    )
    return DeliveryReport(message_ids=about, delivery=Delivery.READ, recipients=[told])


def _from_text(email: ParsedEmail, about: list[str]) -> DeliveryReport:
    """Bounces that keep to no standard: qmail, Exim, and what gateways write."""
    text = email.text[:20_000]
    addresses = [a.address for a in read_addresses(email.headers.get("x-failed-recipients"))]
    if not addresses:
        head = re.split(r"(?im)^-{3,}|^return-path:|^received:", text, maxsplit=1)[0]
        addresses = [normal(a) for a in (*_FAILED_ADDRESS.findall(head), *_BARE_ADDRESS.findall(head))]
    code, reply = _CODE.search(text), _REPLY.search(text)
    is_final = bool((reply and reply[1].startswith("5")) or (code and code[1].startswith("5")))
    says_later = _DELAY_TEXT.search(text[:3_000]) is not None
    is_delay = (
        (says_later or not is_final) if _DELAY_SUBJECT.search(email.subject) else says_later and not is_final
    )
    is_done = not is_delay and not is_final and _DONE_SUBJECT.search(email.subject) is not None
    delivery = Delivery.DELAYED if is_delay else Delivery.DONE if is_done else Delivery.FAILED
    reason = decode(f"{reply[1]} {reply[2]}".encode())[0].strip() if reply else ""
    recipients = [
        FailedRecipient(
            address=address,
            delivery=delivery,
            status=code[1] if code else "",
            reason=reason[:MAX_REASON],
        )
        for address in dict.fromkeys(addresses)
        if is_address(address)
    ][:MAX_RECIPIENTS]
    return DeliveryReport(message_ids=about, delivery=delivery, recipients=recipients)
