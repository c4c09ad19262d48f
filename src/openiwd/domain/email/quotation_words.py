# ruff: noqa: RUF001, E501 (words of many scripts)
"""The words by which mail programs say that a quotation or a signature begins, in their languages. Data only."""

from __future__ import annotations

import re
from typing import Final

_WROTE: Final = (
    r"\b(?:wrote|writes|schrieb|schrieben|geschrieben|écrit|escribi[óo]|scritto|scrisse|schreef|geschreven|escreveu"
    r"|skrev|pisze|napisał|napisała|napsala?|napísala?|napisao|napisala|kirjoitti|kirjutas|rašė|rakstīja|yazdı|írta|scris|escrigué"
    r"|viết|έγραψε|menulis|tulis)\b"
    r"|написал|пише|пишет|написа|napisał|写道|寫道|님이 작성|작성:|のメール|のメッセージ|のメール:|تمت كتابة|כתב"
    r"|^(?:quoting|zitat von|citando a?|citation de|citerar|citat fra|cytowanie) "
)
WROTE: Final = re.compile(_WROTE, re.IGNORECASE)
STARTS: Final = re.compile(
    r"^[-\s>]*(?:(?:on|am|at|le|el|il(?: giorno)?|op|em|no dia|a|den|dne|dnia|w dniu|vào|în|wiadomość napisana"
    r"|[^\W\d]{2,9}\.?,?)\s(?=.*\d)|\d{4}[-/.]\s?\d{1,2}[-/.]\s?\d{1,2}\b)",
    re.IGNORECASE,
)
"""The beginning of `On 26 Nov 2026 … wrote:`; `Thu, 26 Nov …` and `2026-11-26 …` too."""
DATED: Final = re.compile(r"^[-\s>]*(?:[^\W\d]{1,14}\.?,?\s{1,2})?\d{1,4}(?:[-/.:年]|\.?\s[^\W\d])")
"""Begins with a date, or with a weekday and one: no sentence does so and ends with an address."""
INSIDE: Final = re.compile(
    r"(?<=\S)(?:\s+|\s?-{2,}\s*)(?=on\s.{0,40}\b(?:19|20)\d\d\b.{0,40}\d{1,2}[:.]\d{2}(?:.{0,250}\bwrote:|.{0,120}<)\s*$)",
    re.IGNORECASE,
)
"""Where a line of the author goes over into `On … wrote:`, as programs of some telephones have it."""
PHONE_WROTE: Final = re.compile(
    r"^\s*sent from (?:my )?\S{2,20} (?:mobile|phone|tablet)[^\W\d].{0,80}<[^<>\s]{1,200}@[^<>\s]{1,200}> wrote:\s*$",
    re.IGNORECASE,
)
ENDS_WITH_ADDRESS: Final = re.compile(r"@[^\s<>()\[\]]{1,200}[>)\]]{1,3}\s?[:：]?\s*$")
STAMP: Final = re.compile(r"\b(?:19|20)\d\d\b.{0,3}\s\d{1,2}:\d{2}:\d{2}\s(?:[+-]\d{4}|[A-Z]{2,5}\b)")
"""A date as in a header: programs write so, people do not."""
OPENS: Final = re.compile(
    r"^[-\s>]*(?:on|am|at|le|el|il|in data|op|em|no dia|às|den|på|dne|dnia|w dniu|vào|în|pe|στις|在)\b",
    re.IGNORECASE,
)
ADDRESS: Final = re.compile(
    r"[<(\[]\s?[^<>()\[\]\s@]{1,100}@[^<>()\[\]\s]{1,200}[>)\]]|\bmailto:\S+@|\bby [^\s@]{1,100}@[^\s@:]{1,200}:$"
)
TIME: Final = re.compile(r"\b\d{1,2}\s?[:.h]\s?\d{2}\b|\b\d{1,2}\s?(?:am|pm)\b", re.IGNORECASE)
DAY: Final = re.compile(
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.? \d{1,2}\b"
    r"|\b\d{1,2} (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)",
    re.IGNORECASE,
)
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
    r"|元のメッセージ|オリジナルメッセージ|転送されたメッセージ|원본 메시지|원본 메일|전달된 메시지|轉寄郵件|轉寄訊息|轉發郵件|转发的邮件"
    r"|oprindelig besked|videresendt besked|original melding|antwort nachricht|messaggio inoltrato|pôvodná správa|preposlaná správa"
    r"|přeposlaná zpráva|välitetty viesti|оригинальное сообщение|оригінальне повідомлення|переслане повідомлення|препратено съобщение"
    r"|αρχικό μήνυμα|προωθημένο μήνυμα|הודעה מקורית|הודעה שהועברה|الرسالة الأصلية|رسالة معاد توجيهها|izvorna poruka|originalna poruka"
    r"|algne kiri|missatge original|thư gốc|pesan asli|mesaj redirecționat|továbbított üzenet|iletilen mesaj"
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
RULE: Final = re.compile(r"^\s*(?:_{4,}|-{4,}|={4,}|\*(?: \*){2,9})\s*$")

_LABELS: Final = {
    "from": "from|von|de|da|van|från|fra|od|lähettäjä|kimden|gönderen|feladó|від|от(?: кого)?|expéditeur|remitente|mittente"
    "|absender|nadawca|发件人|寄件者|寄件人|差出人|보낸 사람|보낸사람|de la|από|מאת|من|šalje|saatja|nuo|từ|dari|จาก",
    "sent": "sent|date|message du|date sent|gesendet(?: am)?|datum|envoyé(?: le)?|enviado(?: el| em)?|enviada(?: em)?|fecha"
    "|inviato(?: il)?|data|verzonden|skickat|sendt|dato|wysłano|wysłane|lähetetty|päivämäärä|odesláno|отправлено"
    "|дата|gönderildi|tarih|elküldve|dátum|trimis|发送时间|日期|寄件日期|傳送時間|傳送日期|發送時間|送信日時|日付|보낸 날짜|보낸날짜|날짜"
    "|στάλθηκε|ημερομηνία|נשלח|תאריך|أرسلت|تاريخ الإرسال|تاريخ|poslano|poslato|odoslané|надіслано|изпратено|saatmisaeg|kuupäev|išsiųsta"
    "|nosūtīts|đã gửi|ngày|dikirim|tanggal|ส่ง|enviat(?: el)?|trimis la",
    "to": "to|an|à|para|a|aan|till|til|do|komu|vastaanottaja|кому|kime|címzett|către|pour|destinatario"
    "|empfänger|收件人|收件者|宛先|받는 사람|받는사람|προς|אל|إلى|prima|до|adressaat|kam|đến|kepada|ถึง|per a|către",
    "cc": "cc|copie à|c\\.c\\.|kopie|kopia|copie|kopi|copia|dw|копия|копія|bilgi|抄送|副本|참조|κοιν\\.?|κοινοποίηση|עותק|نسخة|kópia|koopia|kopija|tembusan|สำเนา",
    "subject": "subject|betreff|objet|sujet|asunto|oggetto|onderwerp|assunto|ämne|emne|temat|aihe|předmět|тема|konu"
    "|tárgy|subiect|主题|主題|主旨|件名|제목|θέμα|נושא|הנדון|الموضوع|predmet|относно|teema|tema|temats|chủ đề|perihal|subjek|เรื่อง|assumpte",
    "other": "reply-?to|antwort an|importance|attachments?|anlagen?|wichtigkeit|organi[sz]ation|organisation"
    "|pièces jointes|priority|priorität|sent by|gesendet von|bcc|resent-.{2,12}|x-.{2,30}",
}
LABEL: Final = re.compile(
    r"^\s*[*_|]{0,3}\s*(?:" + "|".join(f"(?P<{name}>{words})" for name, words in _LABELS.items()) + r")"
    r"\s?[*_]{0,2}\s*[:：]\s*[*_]{0,2}(?P<value>.*)$",
    re.IGNORECASE,
)

LABELS: Final = re.compile(
    r"(?:^|\s)(?:" + "|".join(f"(?P<{name}>{words})" for name, words in _LABELS.items()) + r")\s?:\s",
    re.IGNORECASE,
)
_LEADS: Final = (
    r"sent(?: wirelessly| securely)? (?:from|via|with|using)|gesendet (?:von|mit|über|aus)|envoyé(?: sans fil)? (?:de(?:puis)?|à partir|avec|par)"
    r"|envia(?:do|da) (?:desde|do|da|a partir|mediante|com|con|via|pelo)|inviat[oa] (?:da|dal|dalla|con|tramite)"
    r"|(?:verstuurd|verzonden) (?:vanaf|vanuit|met|via|door)|wysłan[eoay] (?:z|ze|za|przy)|skickat från|från min|sendt fra|lähetetty"
    r"|odesláno z|odoslané z|trimis de pe|poslano (?:s|z|sa)|отправлено (?:с|из|через)|надіслано (?:з|із|через)|στάλθηκε από|küldve"
)
_EXCUSES: Final = r"(?:excuse|pardon|typo|brevity|brief\b|kürze|kurz|tippfehler|fautes|disculp|scusa|fouten)"
_PROGRAMS: Final = (
    r"i-?phon|i-?pad|ipod|i ?os\b|smartphone|(?:cell|my |windows |mobile )phone|phone\b|mobile|mobil(?:ní|nog|telefon|a\b|en\b)|mobiel|móvil"
    r"|handy|tele(?:phone|fon|foon)|téléphone|teléfono|telemóvel|celular|cellulare|portable|komórk|puhelim|tablet|device|galaxy|android"
    r"|samsung|huawei|xiaomi|redmi|pixel|oneplus|motorola|\bmoto\b|nokia|xperia|\bhtc\b|\bhonor\b|\boppo\b|\bvivo\b|realme|blackberry|cell\b"
    r"|смартфон|телефон|почт|пошт|κινητό|outlook|mail (?:for|für|voor|pour|para|per|för|til) windows|windows|mail\.ru|app(?:likation|lication)? mail"
    r"|e?m client|yahoo|proton|gmail|google|\baol\b|\bnine\b|\bspark\b|airmail|icloud|hotmail|fastmail|thunderbird|\btuta|bluemail|\bk-9\b"
    r"|zoho|\bgmx\b|web\.de|t-online|freenet|superhuman|\bnewton\b|\bspike\b|edison|acompli|mailbird|libero|laposte|\borange\b|seznam"
    r"|unterwegs"
)
SHORT_SENT: Final = re.compile(
    r"^sent (?:from my|via|with) \S{1,20}(?: \S{1,20}){0,3}(?<![.!?:,])$", re.IGNORECASE
)
SENT_FROM: Final = re.compile(
    r"^\s*[*_(\[<-]{0,3}\s*(?:"
    rf"(?:{_LEADS}) (?:[^\s,.;:!?]{{1,20}} ){{0,4}}?\S{{0,12}}?(?:{_PROGRAMS})\S{{0,20}}(?:(?: [^\s.,;:!?<]{{1,30}}){{0,6}}\W{{0,3}}$|.{{0,40}}<http|.{{0,30}}{_EXCUSES})"
    rf"|sent by (?:my )?(?:{_PROGRAMS})\W{{0,3}}$"
    r"|von mein(?:em|er|em/meiner|er/meinem) .{2,60} gesendet|von (?:iphone|ipad|unterwegs) gesendet|diese nachricht wurde von mein"
    r"|yahoo mail: search, organi[sz]e, conquer|(?:get|download) (?:outlook|bluemail|typeapp) for "
    r"|(?:holen sie sich|laden sie|beziehen sie) .{0,20}outlook|outlook (?:für|voor|pour|para|per|til|till|för|for) (?:ios|android|mac)\b"
    r"|(?:obtenez|télécharger|téléchargez|obtener|obter|obtenha|scarica|ottieni|download|haal|pobierz(?: aplikację)?|hämta|hent|skaff(?: deg)?|hanki"
    r"|získat|získajte|descarregar|скачать|скачайте|загрузите|получите|отримайте|preuzmi)(?: o)? outlook (?:\S{1,10} )?(?:ios|android|mac)\b"
    r"|נשלח מה|أُ?رسلت من|تم الإرسال من|đã gửi từ|dikirim dari (?:iphone|ipad|android|samsung|yahoo)"
    r"|(?:私の)?\s?(?:iphone|ipad|android|スマートフォン|携帯)\S{0,12}から送信|outlook for (?:ios|android)\s?を入手|yahoo!?メール.{0,20}から送信"
    r"|[发發]自我的|从我的 ?\S{2,20} ?发送|從我的 ?\S{2,20} ?傳送|(?:获取|取得).{0,10}outlook"
    r"|(?:나의|내) .{2,20}에서 보냄|(?:iphone|ipad|galaxy|android)에서 보냄|(?:ios|android)용 outlook"
    r"|(?:(?:iphone|ipad|android|samsung|galaxy)\S{0,8}|.{0,20}telefonumdan) gönderildi)",
    re.IGNORECASE,
)
LONGEST_SENT_FROM: Final = 160
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
    r"|(?:please )?(?:consider|think of|think about) (?:the|our) environment before|think before you print|save (?:a tree|paper)\b"
    r"|bitte (?:denken|prüfen) sie .{0,60}(?:umwelt|ausdruck|drucken)|pensez à l['’]environnement|antes de imprimir"
    r"|prima di stampare|denk aan het milieu"
    r"|diese e-?mail wurde von .{2,40}(?:viren|geprüft))",
    re.IGNORECASE,
)
LIST_FOOTER: Final = re.compile(
    r"mailing list|listinfo|unsubscribe|you received this message because|abmelden", re.IGNORECASE
)
NAMED: Final = re.compile(r"^-{1,2}[^\W\d_][\w.'’-]{0,20}(?: [^\W\d_][\w.'’-]{0,20}){0,2}$")
"""`-Ada` or `--Ada Lovelace` as the last line: how some sign."""
