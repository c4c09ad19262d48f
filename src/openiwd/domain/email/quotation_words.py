# ruff: noqa: RUF001, E501 (words of many scripts)
"""The words by which mail programs say that a quotation or a signature begins, in their languages. Data only."""

from __future__ import annotations

import re
from typing import Final

_WROTE: Final = (
    r"\b(?:wrote|writes|schrieb|geschrieben|écrit|escribi[óo]|scritto|scrisse|schreef|geschreven|escreveu"
    r"|skrev|pisze|napisał|napisała|napsala?|kirjoitti|yazdı|írta|scris|viết|έγραψε)\b"
    r"|написал|пише|пишет|napisał|写道|寫道|님이 작성"
)
WROTE: Final = re.compile(_WROTE, re.IGNORECASE)
STARTS: Final = re.compile(
    r"^[-\s>]*(?:on|am|at|le|el|il(?: giorno)?|op|em|no dia|a|den|dne|dnia|w dniu|vào|în|wiadomość napisana"
    r"|[^\W\d]{2,9}\.?,?)\s(?=.*\d)",
    re.IGNORECASE,
)
"""The beginning of `On 26 Nov 2026 … wrote:`; `Thu, 26 Nov …` too."""
OPENS: Final = re.compile(
    r"^[-\s>]*(?:on|am|at|le|el|il|op|em|no dia|den|dne|dnia|w dniu|vào|în)\b", re.IGNORECASE
)
ADDRESS: Final = re.compile(r"[<(\[][^<>()\[\]\s@]{1,100}@[^<>()\[\]\s]{1,200}[>)\]]|\bmailto:\S+@")
TIME: Final = re.compile(r"\b\d{1,2}\s?[:.h]\s?\d{2}\b|\b\d{1,2}\s?(?:am|pm)\b", re.IGNORECASE)
DATE: Final = re.compile(r"\b(?:19|20)\d\d\b|\b\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2,4}\b|\d{4}年")

_SEPARATORS: Final = (
    r"original message|original appointment|forwarded message|forwarded by .{1,80}|original e-?mail"
    r"|original[- ]?nachricht|ursprüngliche (?:nachricht|e-?mail)|weitergeleitete (?:nachricht|e-?mail)"
    r"|message (?:d['’]origine|original|transféré|transféré)|mensaje (?:original|reenviado)"
    r"|messaggio (?:originale|inoltrato)|(?:oorspronkelijk|doorgestuurd|origineel) bericht"
    r"|mensagem (?:original|encaminhada)|(?:wiadomość|wiadomosc) (?:oryginalna|przekazana)"
    r"|(?:oryginalna|przekazana|treść przekazanej) wiadomość?i?|ursprungligt meddelande|vidarebefordrat meddelande"
    r"|original meddelelse|oprindelig meddelelse|videresendt (?:melding|meddelelse)|opprinnelig melding"
    r"|alkuperäinen viesti|původní (?:zpráva|e-?mail)|eredeti üzenet|mesaj original|özgün ileti|orijinal mesaj"
    r"|исходное сообщение|пересылаемое сообщение|пересланное сообщение|reply message|原始邮件|原始郵件|转发邮件"
    r"|元のメッセージ|원본 메시지"
)
SEPARATOR: Final = re.compile(
    rf"^\s*(?:[-_=*–—]\s?){{2,}}\s*(?:{_SEPARATORS})\s*:?\s*(?:[-_=*–—]\s?){{2,}}\s*$",
    re.IGNORECASE,
)
FORWARDS: Final = re.compile(
    r"^\s*(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-?mail)"
    r"|début du (?:message réexpédié|message transféré|courriel transféré)|inizio messaggio inoltrato"
    r"|inicio del mensaje reenviado|begin doorgestuurd bericht|início da mensagem re-?encaminhada"
    r"|początek przekazywanej wiadomości|vidarebefordrat brev|videresendt besked)\s*:\s*$",
    re.IGNORECASE,
)
ABOVE: Final = re.compile(
    r"(?:please )?(?:type|write) your reply above this line|reply above this line"
    r"|bitte (?:schreiben|antworten) sie (?:ihre antwort )?(?:über|oberhalb) dieser (?:zeile|linie)"
    r"|répondez au-dessus de cette ligne|escriba su respuesta (?:por )?encima de esta línea",
    re.IGNORECASE,
)
RULE: Final = re.compile(r"^\s*(?:_{10,}|-{20,})\s*$")

_LABELS: Final = {
    "from": "from|von|de|da|van|från|fra|od|lähettäjä|kimden|gönderen|feladó|від|от|expéditeur|remitente|mittente"
    "|absender|nadawca|发件人|寄件者|差出人|보낸 사람|de la",
    "sent": "sent|date|date sent|gesendet(?: am)?|datum|envoyé(?: le)?|enviado(?: el| em)?|enviada(?: em)?|fecha"
    "|inviato(?: il)?|data|verzonden|skickat|sendt|dato|wysłano|wysłane|lähetetty|päivämäärä|odesláno|отправлено"
    "|дата|gönderildi|tarih|elküldve|dátum|trimis|发送时间|日期|送信日時|보낸 날짜",
    "to": "to|an|à|para|a|aan|till|til|do|komu|vastaanottaja|кому|kime|címzett|către|pour|destinatario"
    "|empfänger|收件人|宛先|받는 사람",
    "cc": "cc|c\\.c\\.|kopie|kopia|copie|kopi|copia|dw|копия|bilgi|抄送",
    "subject": "subject|betreff|objet|sujet|asunto|oggetto|onderwerp|assunto|ämne|emne|temat|aihe|předmět|тема|konu"
    "|tárgy|subiect|主题|主旨|件名|제목",
    "other": "reply-?to|antwort an|importance|attachments?|anlagen?|wichtigkeit|organi[sz]ation|organisation"
    "|pièces jointes|priority|priorität|sent by|gesendet von|bcc|resent-.{2,12}|x-.{2,30}",
}
LABEL: Final = re.compile(
    r"^\s*[*_|]{0,3}\s*(?:" + "|".join(f"(?P<{name}>{words})" for name, words in _LABELS.items()) + r")"
    r"\s?[*_]{0,2}\s*[:：]\s*[*_]{0,2}(?P<value>.*)$",
    re.IGNORECASE,
)

SENT_FROM: Final = re.compile(
    r"^\s*[*_-]{0,2}\s*(?:sent (?:from|via|with|by) (?:my |outlook|mail\b|e?m client|yahoo|proton|gmail|aol|samsung|blackberry"
    r"|windows|the|an? |nine|spark|airmail|iphone|ipad|android)|get (?:outlook|bluemail|typeapp) for "
    r"|von meinem .{2,60} gesendet|gesendet (?:von|mit|über|aus) |von (?:iphone|ipad|unterwegs) gesendet"
    r"|(?:holen sie sich|laden sie|beziehen sie|outlook für (?:ios|android)).{0,20}(?:outlook|herunter)"
    r"|envoyé (?:de(?:puis)?|à partir) |obtenez outlook pour|télécharger outlook pour"
    r"|enviado (?:desde|do|a partir|mediante|com|con|via) |enviada (?:do|desde)|obtener outlook para|obter o outlook"
    r"|inviato (?:da|dal|con) |scarica outlook per|ottieni outlook per"
    r"|(?:verstuurd|verzonden) (?:vanaf|vanuit|met|via|door) |outlook voor (?:ios|android) "
    r"|wysłan[eoay] (?:z|ze|za|przy) |pobierz (?:aplikację )?outlook|skickat från |sendt fra |lähetetty "
    r"|odesláno z |отправлено (?:с|из) |diese nachricht wurde von mein)",
    re.IGNORECASE,
)
DISCLAIMER: Final = re.compile(
    r"^[\s*_>-]{0,4}(?:(?:(?:important|legal|confidentiality|privacy) (?:notice|note|statement)|disclaimer"
    r"|vertraulichkeitshinweis|avis de confidentialité|aviso (?:legal|de confidencialidad))\s*[*_]{0,2}\s*(?:[:.–-]|$)"
    r"|(?:this|the (?:information|content)s?\b.{0,20}\b(?:in )?this) (?:e-?mail|electronic mail|message|communication"
    r"|transmission)\b.{0,250}(?:confidential|privileged|intended (?:only|solely|recipient))"
    r"|(?:diese|die in dieser|der inhalt dieser) (?:e-?mail|nachricht|mail)\b.{0,250}(?:vertraulich|rechtlich geschützt)"
    r"|ce (?:message|courriel|mail|courrier)\b.{0,250}confidentiel"
    r"|(?:este (?:mensaje|correo|e-?mail)|esta (?:mensagem|e-?mail|comunicaci[óo]n))\b.{0,250}confiden[ct]ia"
    r"|(?:questo messaggio|questa e-?mail|il presente messaggio|la presente (?:e-?mail|comunicazione))\b.{0,250}"
    r"(?:riservat|confidenzial)"
    r"|(?:dit (?:e-?mail)?bericht|deze e-?mail|de informatie in dit)\b.{0,250}vertrouwelijk"
    r"|(?:ta|niniejsza|ten) (?:wiadomość|e-?mail|korespondencja)\b.{0,250}poufn"
    r"|virus-free\. |this (?:e-?mail|message) (?:has been|was) (?:checked|scanned) (?:for|by)"
    r"|diese e-?mail wurde von .{2,40}(?:viren|geprüft))",
    re.IGNORECASE,
)
LIST_FOOTER: Final = re.compile(
    r"mailing list|listinfo|unsubscribe|you received this message because|abmelden", re.IGNORECASE
)
NAMED: Final = re.compile(r"^-{1,2}[^\W\d_][\w.'’-]{0,20}(?: [^\W\d_][\w.'’-]{0,20}){0,2}$")
"""`-Ada` or `--Ada Lovelace` as the last line: how some sign."""
