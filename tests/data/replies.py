# ruff: noqa: E501, ISC004, RUF001 (as programs write it)
"""Replies as mail programs write them, in the languages that they speak: all made up here."""

from __future__ import annotations

from typing import Final

ANSWER: Final = "Yes, Tuesday at 10:30 works for us.\n\nPlease bring: the key, the papers."
"""The author's words; each program puts its own below."""
_BODY: Final = "Dear Ada,\n\nwould Tuesday suit you?\n\nCare\n"
_MARKED: Final = "".join(f"> {line}".rstrip() + "\n" for line in _BODY.splitlines())

_LINES: Final = {
    "Gmail, English": "On Thu, Nov 26, 2026 at 5:00 AM Care <care@example.com> wrote:",
    "Gmail, English, broken": "On Thu, Nov 26, 2026 at 5:00 AM Customer Care of Nordhaven <\ncare@example.com> wrote:",
    "Gmail, old": "2026-11-26 5:00 GMT+01:00 Care <care@example.com>:",
    "Gmail, German": "Am Do., 26. Nov. 2026 um 05:00 Uhr schrieb Care <care@example.com>:",
    "Gmail, German, broken": "Am Do., 26. Nov. 2026 um 05:00 Uhr schrieb Care der Nordhaven <\ncare@example.com>:",
    "Gmail, French": "Le jeu. 26 nov. 2026 à 05:00, Care <care@example.com> a écrit :",
    "Gmail, French, broken": "Le jeu. 26 nov. 2026 à 05:00, Care <care@example.com> a\nécrit :",
    "Gmail, Spanish": "El jue, 26 nov 2026 a las 5:00, Care (<care@example.com>) escribió:",
    "Gmail, Italian": "Il giorno gio 26 nov 2026 alle ore 05:00 Care <care@example.com> ha scritto:",
    "Gmail, Dutch": "Op do 26 nov 2026 om 05:00 schreef Care <care@example.com>:",
    "Gmail, Portuguese": "Em qui., 26 de nov. de 2026 às 05:00, Care <care@example.com> escreveu:",
    "Gmail, Polish": "czw., 26 lis 2026 o 05:00 Care <care@example.com> napisał(a):",
    "Gmail, Swedish": "Den tors 26 nov. 2026 kl 05:00 skrev Care <care@example.com>:",
    "Gmail, Norwegian": "tor. 26. nov. 2026 kl. 05:00 skrev Care <care@example.com>:",
    "Gmail, Finnish": "to 26. marrask. 2026 klo 5.00 Care (care@example.com) kirjoitti:",
    "Gmail, Czech": "čt 26. 11. 2026 v 5:00 odesílatel Care <care@example.com> napsal:",
    "Gmail, Russian": "чт, 26 нояб. 2026 г. в 05:00, Care <care@example.com>:",
    "Gmail, Turkish": "Care <care@example.com>, 26 Kas 2026 Per, 05:00 tarihinde şunu yazdı:",
    "Gmail, Hungarian": "Care <care@example.com> ezt írta (időpont: 2026. nov. 26., Cs, 5:00):",
    "Gmail, Romanian": "În joi, 26 nov. 2026 la 05:00, Care <care@example.com> a scris:",
    "Gmail, Japanese": "2026年11月26日(木) 5:00 Care <care@example.com>:",
    "Gmail, Chinese": "Care <care@example.com> 于2026年11月26日周四 05:00写道：",
    "Apple, English": "On 26 Nov 2026, at 05:00, Care <care@example.com> wrote:",
    "Apple, American": "On Nov 26, 2026, at 5:00\u202fAM, Care <care@example.com> wrote:",
    "Apple, German": "Am 26.11.2026 um 05:00 schrieb Care <care@example.com>:",
    "Apple, French": "Le 26 nov. 2026 à 05:00, Care <care@example.com> a écrit :",
    "Apple, Spanish": "El 26 nov 2026, a las 5:00, Care <care@example.com> escribió:",
    "Apple, Italian": "Il giorno 26 nov 2026, alle ore 05:00, Care <care@example.com> ha scritto:",
    "Apple, Dutch": "Op 26 nov. 2026, om 05:00 heeft Care <care@example.com> het volgende geschreven:",
    "Apple, Portuguese": "No dia 26/11/2026, às 05:00, Care <care@example.com> escreveu:",
    "Apple, Polish": "Wiadomość napisana przez Care <care@example.com> w dniu 26 lis 2026, o godz. 05:00:",
    "Apple, Danish": "Den 26. nov. 2026 kl. 05.00 skrev Care <care@example.com>:",
    "Thunderbird, English": "On 11/26/26 05:00, Care wrote:",
    "Thunderbird, German": "Am 26.11.26 um 05:00 schrieb Care:",
    "Thunderbird, French": "Le 26/11/2026 à 05:00, Care a écrit\u00a0:",
    "Thunderbird, Spanish": "El 26/11/26 a las 5:00, Care escribió:",
    "Thunderbird, Italian": "Il 26/11/2026 05:00, Care ha scritto:",
    "Thunderbird, Dutch": "Op 26-11-2026 om 05:00 schreef Care:",
    "Thunderbird, Portuguese": "Em 26/11/2026 05:00, Care escreveu:",
    "Thunderbird, Polish": "W dniu 26.11.2026 o 05:00, Care pisze:",
    "Thunderbird, Czech": "Dne 26. 11. 26 v 5:00 Care napsal(a):",
    "name first": "Care <care@example.com> wrote:",
    "name first, broken": "Care der Nordhaven <care@example.com> schrieb am Do., 26. Nov. 2026,\n05:00:",
    "name first, Dutch": "Care schreef op 26-11-2026 05:00:",
    "IONOS": "Care <care@example.com> hat am 26.11.2026 05:00 CET geschrieben:",
    "Eudora": "At 05:00 AM 11/26/2026, Care wrote:",
    "Yahoo": "On Thursday, 26 November 2026, 05:00:00 GMT, Care <care@example.com> wrote:",
    "Yahoo, German": "Am Donnerstag, 26. November 2026 um 05:00:00 MEZ hat Care <care@example.com> Folgendes geschrieben:",
    "Yandex": '26.11.2026, 05:00, "Care" <care@example.com>:',
    "Outlook for telephones": 'On 26/11/2026, 05:00, "Care" <care@example.com> wrote:',
    "Zoho": "---- On Thu, 26 Nov 2026 05:00:00 +0100 Care <care@example.com> wrote ----",
    "in words": "On Thursday, Care wrote:",
}
"""The line above marked lines."""
_UNMARKED: Final = frozenset({"in words"})


def _heads(frm: str, sent: str, to: str, subject: str) -> str:
    return f"{frm}: Care <care@example.com>\n{sent}: 26.11.2026 05:00\n{to}: Ada <ada@example.org>\n{subject}: Tuesday\n"


_BLOCKS: Final = {
    "Outlook, English": _heads("From", "Sent", "To", "Subject"),
    "Outlook, German": _heads("Von", "Gesendet", "An", "Betreff"),
    "Outlook, French": _heads("De ", "Envoyé ", "À ", "Objet "),
    "Outlook, Spanish": _heads("De", "Enviado el", "Para", "Asunto"),
    "Outlook, Italian": _heads("Da", "Inviato", "A", "Oggetto"),
    "Outlook, Dutch": _heads("Van", "Verzonden", "Aan", "Onderwerp"),
    "Outlook, Portuguese": _heads("De", "Enviado", "Para", "Assunto"),
    "Outlook, Polish": _heads("Od", "Wysłano", "Do", "Temat"),
    "Outlook, Swedish": _heads("Från", "Skickat", "Till", "Ämne"),
    "Outlook, Danish": _heads("Fra", "Sendt", "Til", "Emne"),
    "Outlook, Czech": _heads("Od", "Odesláno", "Komu", "Předmět"),
    "Outlook, Russian": _heads("От", "Отправлено", "Кому", "Тема"),
    "Outlook, Chinese": _heads("发件人", "发送时间", "收件人", "主题"),
    "Outlook, bold": _heads("*From:*", "*Sent:*", "*To:*", "*Subject:*").replace(":*:", ":*"),
    "Outlook on the web": "_" * 32 + "\n" + _heads("From", "Sent", "To", "Subject"),
    "Outlook for Mac": "From: Care <care@example.com>\nDate: Thursday, 26 November 2026 at 05:00\n"
    "To: Ada <ada@example.org>\nSubject: Tuesday\n",
    "Outlook for Mac, German": "Von: Care <care@example.com>\nDatum: Donnerstag, 26. November 2026 um 05:00\n"
    "An: Ada <ada@example.org>\nBetreff: Tuesday\n",
    "Outlook, without addresses": "From: Care\nSent: Thursday, November 26, 2026 5:00 AM\nTo: Ada\nSubject: Tuesday\n",
    "Outlook, many recipients": "From: Care <care@example.com>\nSent: Thursday\nTo: Ada <ada@example.org>; "
    "Bob <bob@example.org>;\n Cy <cy@example.org>\nCc: Dee <dee@example.org>\nSubject: Tuesday\nImportance: High\n",
    "Outlook of old": "-----Original Message-----\n" + _heads("From", "Sent", "To", "Subject"),
    "Outlook of old, German": "-----Ursprüngliche Nachricht-----\nVon: Care\nGesendet: gestern\n",
    "Outlook of old, French": "-----Message d'origine-----\nDe : Care\n",
    "Outlook of old, Italian": "-----Messaggio originale-----\nDa: Care\n",
    "Outlook of old, Spanish": "-----Mensaje original-----\nDe: Care\n",
    "Outlook of old, Dutch": "-----Oorspronkelijk bericht-----\nVan: Care\n",
    "Outlook of old, Portuguese": "-----Mensagem original-----\nDe: Care\n",
    "Outlook of old, Polish": "-----Wiadomość oryginalna-----\nOd: Care\n",
    "Hotmail of old": "Date: Thu, 26 Nov 2026 05:00:00 +0100\nSubject: Tuesday\nFrom: care@example.com\nTo: ada@example.org\n",
    "GMX": "Gesendet: Donnerstag, 26. November 2026 um 05:00 Uhr\nVon: Care <care@example.com>\n"
    "An: ada@example.org\nBetreff: Tuesday\n",
    "GMX of old": "-------- Original-Nachricht --------\n> Datum: Thu, 26 Nov 2026\n> Von: Care\n",
    "Samsung": "-------- Original message --------\nFrom: Care <care@example.com>\nDate: 26/11/2026 05:00 (GMT+01:00)\n"
    "To: Ada <ada@example.org>\nSubject: Tuesday\n",
    "Samsung, German": "-------- Ursprüngliche Nachricht --------\nVon: Care <care@example.com>\n",
    "eM Client": "------ Original Message ------\nFrom: Care <care@example.com>\n",
    "Lotus Notes": "From:\tCare/Nordhaven\nTo:\tada@example.org\nDate:\t26.11.2026 05:00\nSubject:\tTuesday\n\n\n",
    "Lotus Notes, German": "Von:\tCare/Nordhaven@Nordhaven\nAn:\tada@example.org\nKopie:\tbob@example.org\n"
    "Datum:\t26.11.2026 05:00\nBetreff:\tTuesday\n\n",
    "Gmail, forwarded": "---------- Forwarded message ---------\nFrom: Care <care@example.com>\n",
    "Thunderbird, forwarded": "-------- Weitergeleitete Nachricht --------\nBetreff: Tuesday\nVon: Care\n",
    "Apple, forwarded": "Begin forwarded message:\n\nFrom: Care <care@example.com>\nSubject: Tuesday\n",
    "help desk": "##- Please type your reply above this line -##\n",
    "without marks": "On Thu, Nov 26, 2026 at 5:00 AM Care <care@example.com> wrote:\n\n",
    "without marks, German": "Am 26.11.2026 um 05:00 schrieb Care <care@example.com>:\n",
}
"""What stands above lines that nothing marks."""

BELOW: Final[dict[str, str]] = {
    **{name: f"{line}\n\n{_MARKED}" for name, line in _LINES.items()},
    **{f"{name}, no blank line": f"{line}\n{_MARKED}" for name, line in _LINES.items()},
    **{f"{name}.": f"{block}\n{_BODY}" for name, block in _BLOCKS.items()},
    "marks alone": _MARKED,
}

SIGNATURES: Final[dict[str, str]] = {
    "by the rule": "-- \nAda Lovelace\nAnalytical Engines Ltd\n+44 20 1234",
    "without the blank": "--\nAda",
    "iPhone": "Sent from my iPhone",
    "iPhone, German": "Von meinem iPhone gesendet",
    "iPhone, French": "Envoyé de mon iPhone",
    "iPhone, Spanish": "Enviado desde mi iPhone",
    "iPhone, Italian": "Inviato da iPhone",
    "iPhone, Dutch": "Verstuurd vanaf mijn iPhone",
    "iPhone, Portuguese": "Enviado do meu iPhone",
    "iPhone, Polish": "Wysłane z iPhone'a",
    "Samsung": "Sent from my Galaxy",
    "Samsung, German": "Von meinem Samsung Galaxy Smartphone gesendet.",
    "Outlook": "Get Outlook for iOS<https://aka.ms/o0ukef>",
    "Outlook, sent from": "Sent from Outlook for iOS",
    "Windows": "Gesendet von Mail für Windows",
    "Windows, English": "Sent from Mail for Windows 10",
    "Yahoo": "Sent from Yahoo Mail on Android",
    "GMX": "Diese Nachricht wurde von meinem Android Mobiltelefon mit GMX Mail gesendet.",
    "name": "-Ada",
    "disclaimer": "This e-mail and any attachments are confidential and intended solely for the addressee.\n"
    "If you are not the addressee, delete it.",
    "disclaimer, wrapped": "This email and any files transmitted with it\nare confidential and may be privileged.",
    "disclaimer, German": "Diese E-Mail enthält vertrauliche und/oder rechtlich geschützte Informationen.",
    "disclaimer, French": "Ce message et toutes les pièces jointes sont confidentiels.",
    "disclaimer, Spanish": "Este mensaje y sus anexos son confidenciales.",
    "disclaimer, Italian": "Questo messaggio contiene informazioni riservate.",
    "disclaimer, Dutch": "Dit e-mailbericht is vertrouwelijk.",
    "disclaimer, Portuguese": "Esta mensagem contém informação confidencial.",
    "disclaimer, Polish": "Niniejsza wiadomość zawiera informacje poufne.",
    "list": "_" * 47 + "\nCare mailing list\ncare@lists.example.com\nhttps://lists.example.com/listinfo/care",
    "scanner": "Virus-free. www.example.net",
}

BETWEEN: Final[dict[str, tuple[str, str]]] = {
    "answers between": (
        "On Thu, Nov 26, 2026 at 5:00 AM Care <care@example.com> wrote:\n> First?\nYes.\n> Second?\nNo.\n",
        "Yes.\nNo.",
    ),
    "a line above, answers between": (
        "See below.\n\nAm 26.11.26 um 05:00 schrieb Care:\n> First?\n\nYes.\n\n> Second?\n\nNo.\n\n> Care\n",
        "See below.\n\nYes.\n\nNo.",
    ),
    "answer below": (
        "On 11/26/26 05:00, Care wrote:\n> Would Tuesday suit you?\n> Care\n\nYes, please.\n",
        "Yes, please.",
    ),
    "answer below, signed": (
        "On 11/26/26 05:00, Care wrote:\n> Would Tuesday suit you?\n\nYes, please.\n\n-- \nAda\n",
        "Yes, please.",
    ),
    "answer below marks alone": ("> Would Tuesday suit you?\n\nYes, please.\n", "Yes, please."),
    "answer above and below": (
        "Hello,\n\nOn 11/26/26 05:00, Care wrote:\n> Would Tuesday suit you?\n\nYes, please.\n",
        "Hello,\n\nYes, please.",
    ),
    "a list's footer below the quotation": (
        "Yes.\n\nOn 11/26/26 05:00, Care wrote:\n> Tuesday?\n\n"
        + "_" * 47
        + "\nCare mailing list\nhttps://x.example\n",
        "Yes.",
    ),
    "signed twice": (
        "Yes.\n\n-- \nAda\n\nOn 11/26/26 05:00, Care wrote:\n> Tuesday?\n> -- \n> Care\n",
        "Yes.",
    ),
    "quoted in quoted": ("Yes.\n\nOn 11/26/26 05:00, Care wrote:\n>> One?\n> Two?\n>> Three?\n", "Yes."),
    "time just above the line": (
        "I can be there at 5:00\nOn Thu, Nov 26, 2026 at 5:00 AM Care <care@example.com> wrote:\n> When?\n",
        "I can be there at 5:00",
    ),
}
"""A text, and the author's words in it."""

KEPT: Final[tuple[str, ...]] = (
    "On Monday I wrote:\nDear all, it is broken.",
    "Hello,\n\nOn Monday I wrote:\n\nDear all, it is broken.",
    "From: the bottom of my heart\nThank you.",
    "My journey:\n\nFrom: Berlin\nTo: Hamburg\nDate: 5 May 2026\n\nPlease book it.",
    "He wrote: nothing.",
    "Prices -- see above -- are high.",
    "Hello,\n\n- the key\n- the papers\n\nThank you",
    "First:\n----------\nit is broken.\n----------\nSecond: it is old.",
    "Please call me between 9:00 and 10:00:\nada@example.org",
    "The mail said:\n\nthis is wrong.\n\nIs that so?",
    "Two things:\n\n--\n" + "\n".join(f"line {n}" for n in range(20)),
    "Sent from my balcony, this is a long report:\n" + "\n".join(f"line {n}" for n in range(20)),
    "---------- Forwarded message ---------\nFrom: Bob <bob@example.org>\nDate: Thu, Nov 26, 2026 at 5:00 AM\n"
    "Subject: broken\nTo: <ada@example.org>\n\nIt is broken.",
    "From: Bob <bob@example.org>\nSent: Thursday\nTo: Ada <ada@example.org>\nSubject: broken\n\nIt is broken.",
)
"""Texts that are all the author's own, or have nothing else to show."""

_GMAIL: Final = (
    '<div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">{line}<br></div>'
    '<blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204)">'
    "Dear Ada,<div>would Tuesday suit you?</div></blockquote></div>"
)
_OUTLOOK: Final = (
    "<p class=MsoNormal><b>From:</b> Care &lt;care@example.com&gt; <br><b>Sent:</b> Thursday, November 26, 2026 5:00 AM"
    "<br><b>To:</b> Ada<br><b>Subject:</b> Tuesday</p></div><p class=MsoNormal>Dear Ada,</p>"
)
_P: Final = "<p>Yes, Tuesday at 10:30 works for us.</p><p>Please bring: the key, the papers.</p>"
_DIV: Final = '<div dir="ltr">Yes, Tuesday at 10:30 works for us.<div><br></div><div>Please bring: the key, the papers.</div></div>'
HTML: Final[dict[str, str]] = {
    "Gmail": _DIV
    + "<br>"
    + _GMAIL.format(
        line="On Thu, Nov 26, 2026 at 5:00 AM Care &lt;<a href='mailto:care@example.com'>"
        "care@example.com</a>&gt; wrote:"
    ),
    "Gmail, a language nobody knows": _DIV + "<br>" + _GMAIL.format(line="Zu Care tlhInganpu' jatlh"),
    "Gmail, signed": _DIV
    + '<br clear="all"><div><br></div><span class="gmail_signature_prefix">-- </span><br>'
    '<div dir="ltr" class="gmail_signature" data-smartmail="gmail_signature"><b>Ada</b><br>Engines Ltd</div><br>'
    + _GMAIL.format(line="Am Do., 26. Nov. 2026 um 05:00 Uhr schrieb Care:"),
    "Outlook": f'<div class=WordSection1>{_P}<p class=MsoNormal><o:p>&nbsp;</o:p></p><div style="border:none;'
    f'border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in">{_OUTLOOK}</div>',
    "Outlook, a language nobody knows": f"<div class=WordSection1>{_P}<div style='border:none;border-top:solid #B5C4DF"
    " 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class=MsoNormal><b>paq:</b> Care</p></div><p>Dear Ada,</p></div>",
    "Outlook on the web": f'{_P}<div id="appendonsend"></div><hr tabindex="-1" style="display:inline-block;width:98%">'
    '<div id="divRplyFwdMsg" dir="ltr"><font face="Calibri"><b>From:</b> Care &lt;care@example.com&gt;<br><b>Sent:</b> '
    "Thursday<br><b>To:</b> Ada<br><b>Subject:</b> Tuesday</font></div><div>Dear Ada,</div>",
    "Outlook on the web, signed": f'{_P}<div id="Signature"><div>Ada</div><div>Engines Ltd</div></div>'
    '<div id="appendonsend"></div><div id="divRplyFwdMsg"><b>Von:</b> Care</div><div>Dear Ada,</div>',
    "Outlook for telephones": f'{_P}<div id="ms-outlook-mobile-signature">Get <a href="https://aka.ms/o0ukef">Outlook for '
    'iOS</a></div><hr><div id="divRplyFwdMsg"><b>From:</b> Care</div>Dear Ada,',
    "Outlook for Mac": f'{_P}<div id="mail-editor-reference-message-container"><div><b>From: </b>Care</div><p>Dear Ada</p></div>',
    "Outlook for Mac of old": f'{_P}<span id="OLK_SRC_BODY_SECTION"><div>From: Care</div><div>Dear Ada,</div></span>',
    "Apple Mail": f'{_P}<br><div><blockquote type="cite"><div>On 26 Nov 2026, at 05:00, Care &lt;<a href="mailto:'
    'care@example.com">care@example.com</a>&gt; wrote:</div><br><div>Dear Ada,</div></blockquote></div>',
    "iPhone": f'{_P}<div dir="ltr">Sent from my iPhone</div><div dir="ltr"><br><blockquote type="cite">On 26 Nov 2026, at '
    "05:00, Care &lt;care@example.com&gt; wrote:<br><br></blockquote></div><blockquote type='cite'>Dear Ada,</blockquote>",
    "Thunderbird": f'{_P}<div class="moz-cite-prefix">Am 26.11.26 um 05:00 schrieb Care:<br></div>'
    '<blockquote type="cite" cite="mid:x@y"><p>Dear Ada,</p></blockquote>',
    "Thunderbird, signed": f'{_P}<div class="moz-cite-prefix">jatlh Care:<br></div><blockquote type="cite">Dear Ada,'
    '</blockquote><pre class="moz-signature" cols="72">-- \nAda</pre>',
    "Yahoo": f'{_P}<div id="yahoo_quoted_1" class="yahoo_quoted"><div>On Thursday, Care &lt;care@example.com&gt; wrote:</div>'
    "<div>Dear Ada,</div></div>",
    "Yahoo on Android": f'{_P}<div id="ymail_android_signature"><a href="https://x.example">Sent from Yahoo Mail on Android'
    "</a></div><br><blockquote style='margin: 0 0 20px 0;'><div>On Thu, Nov 26, 2026 at 5:00, Care</div><div>&lt;"
    "care@example.com&gt; wrote:</div><div>Dear Ada,</div></blockquote>",
    "Proton": f'{_P}<div class="protonmail_quote">On Thursday, Care wrote:<br><blockquote>Dear Ada,</blockquote></div>',
    "GMX": f'{_P}<div name="quote" style="margin:10px 5px"><div><b>Gesendet:</b> gestern<br><b>Von:</b> Care</div>'
    "<div>Dear Ada,</div></div>",
    "Hotmail of old": f'{_P}<hr id="stopSpelling">Date: Thu, 26 Nov 2026<br>From: care@example.com<br>Dear Ada,',
    "Lotus Notes": f"{_P}<br><table><tr><td>From:</td><td>Care/Nordhaven</td></tr><tr><td>To:</td><td>ada@example.org"
    "</td></tr><tr><td>Date:</td><td>26.11.2026 05:00</td></tr><tr><td>Subject:</td><td>Tuesday</td></tr></table><hr>Dear Ada,",
    "moved to the right by the author": "<blockquote style='margin:0 0 0 40px;border:none;padding:0px'>"
    + _P
    + "</blockquote><div class=gmail_quote>On Thursday Care said<blockquote>Dear Ada,</blockquote></div>",
}
"""HTML without a plain text beside it; in each the author's words are ANSWER."""
