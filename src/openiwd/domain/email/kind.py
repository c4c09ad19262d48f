"""Tells what an inbound email is: a customer's, a report about one of ours, or what a machine has answered."""

from __future__ import annotations

import re
from typing import Final

from openiwd.domain.email.delivery_report import Delivery, DeliveryReport
from openiwd.domain.email.message import EmailKind, ParsedEmail

_AUTO_SUBJECT: Final = re.compile(
    r"^\s*(?:(?:re|aw|fwd?|wg)\s*:\s*)?(?:out of (?:the )?office|automatic reply|autoreply|vacation reply"
    r"|auto(?:matic)?[- ]?(?:reply|response|antwort)|abwesenheits(?:notiz|nachricht|assistent|agent)"
    r"|automatische antwort|abwesend:|ich bin nicht im (?:büro|haus)|réponse automatique|absence du bureau"
    r"|respuesta automática|fuera de (?:la )?oficina|risposta automatica|automatisch antwoord|afwezig"
    r"|resposta automática|ausência|odpowiedź automatyczna|automatická odpověď|automatiskt svar|automatisk svar"
    r"|autosvar|frånvaro"
    r"|automaattinen vastaus|poissaolo|автоматический ответ|автоответ|自動応答|自動返信|自动回复|自動回覆"
    r"|자동 (?:응답|회신)|otomatik yan\u0131t)",
    re.IGNORECASE,
)
_AUTO_HEADERS: Final = ("x-autoreply", "x-autorespond", "x-autorespond-to", "x-autoreply-from")


def kind_of(email: ParsedEmail, report: DeliveryReport | None, *, joins: bool) -> EmailKind:
    """The kind of an inbound email; `joins` says whether evidence ties it to a thread."""
    if report is not None:
        match report.delivery:
            case Delivery.FAILED:
                return EmailKind.INBOUND_NDR
            case Delivery.READ:
                return EmailKind.INBOUND_DISPOSITION
            case Delivery.DELAYED | Delivery.DONE:
                return EmailKind.INBOUND_REPORT
    if is_auto_reply(email):
        return EmailKind.INBOUND_AUTO_REPLY
    return EmailKind.INBOUND_CUSTOMER_REPLY if joins else EmailKind.INBOUND_NEW


def is_auto_reply(email: ParsedEmail) -> bool:
    """A machine's answer to something (RFC 3834 and the usual ones): it reopens nothing, and none answers it."""
    submitted = email.headers.get("auto-submitted", "").partition(";")[0].strip().lower()
    if submitted.startswith("auto-replied"):
        return True
    if email.headers.get("precedence", "").strip().lower() in ("auto_reply", "auto-reply"):
        return True
    if any(email.headers.get(name, "").strip().lower() not in ("", "no", "false") for name in _AUTO_HEADERS):
        return True
    # Exchange's answers while somebody is away, in whatever language their subject is.
    is_answer = bool(email.in_reply_to) and "x-auto-response-suppress" in email.headers
    if is_answer and submitted.startswith("auto-generated"):
        return True
    return _AUTO_SUBJECT.match(email.subject) is not None


def is_automatic(email: ParsedEmail) -> bool:
    """Whether a machine sent it at all: newsletters, lists and notices included. No automatic mail answers these."""
    submitted = email.headers.get("auto-submitted", "").partition(";")[0].strip().lower()
    if submitted not in ("", "no"):
        return True
    if email.headers.get("precedence", "").strip().lower() in ("bulk", "list", "junk"):
        return True
    if any(name in email.headers for name in ("list-id", "list-unsubscribe", "feedback-id", "x-loop")):
        return True
    suppressed = email.headers.get("x-auto-response-suppress", "").lower()
    if any(word in suppressed for word in ("all", "oof", "autoreply")):
        return True
    return email.return_path == "" or is_auto_reply(email)
