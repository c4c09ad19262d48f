# ruff: noqa: E501 (as programs write it)
"""HTML of replies as more programs write it, without a plain text beside it; in each the author's words are ANSWER."""

from __future__ import annotations

from typing import Final

_P: Final = "<p>Yes, Tuesday at 10:30 works for us.</p><p>Please bring: the key, the papers.</p>"
_D: Final = "<div>Yes, Tuesday at 10:30 works for us.</div><div><br></div><div>Please bring: the key, the papers.</div>"
_Q: Final = "<p>Dear Ada,</p><p>would Tuesday suit you?</p>"

MORE_HTML: Final[dict[str, str]] = {
    "iPhone German": _D
    + '<br><div dir="ltr">Von meinem iPhone gesendet</div><div dir="ltr"><br><blockquote type="cite">Am 26.11.2026 um 05:00 schrieb Care &lt;care@example.com&gt;:<br><br></blockquote></div><blockquote type="cite"><div dir="ltr">\ufeff'
    + _Q
    + "</div></blockquote>",
    "Windows Mail": _P
    + '<div data-signatureblock="true"><div>Sent from Windows Mail</div></div><div style="padding-top: 5px; border-top-color: rgb(229, 229, 229); border-top-width: 1px; border-top-style: solid;"><div><font>&nbsp;<b>From:</b>&nbsp;Care<br><b>Sent:</b>&nbsp;Thursday<br><b>To:</b>&nbsp;Ada<br><b>Subject:</b>&nbsp;x</font></div></div>'
    + _Q,
    "Zimbra": _D
    + '<hr id="zwchr" data-marker="__DIVIDER__"><div data-marker="__HEADERS__"><b>From: </b>"Care" &lt;care@example.com&gt;<br><b>To: </b>"Ada"<br><b>Sent: </b>Thursday<br><b>Subject: </b>x<br></div><div data-marker="__QUOTED_TEXT__">'
    + _Q
    + "</div>",
    "Yandex": _D
    + '<div>26.11.2026, 05:00, "Care" &lt;care@example.com&gt;:</div><blockquote>'
    + _Q
    + "</blockquote>",
    "Mail.ru": _D
    + '<br><blockquote style="border-left:1px solid #0857A6; margin:10px; padding:0 0 0 10px;">Четверг, 26 ноября 2026, 5:00 +03:00 от Care &lt;care@example.com&gt;:<br>&nbsp;<div>'
    + _Q
    + "</div></blockquote>",
    "Proton signed": _D
    + '<div class="protonmail_signature_block"><div class="protonmail_signature_block-proton">Sent with <a href="https://proton.me">Proton Mail</a> secure email.</div></div><div class="protonmail_quote">On Thursday, November 26th, 2026 at 5:00 AM, Care &lt;care@example.com&gt; wrote:<br><blockquote class="protonmail_quote" type="cite">'
    + _Q
    + "</blockquote></div>",
    "Tutanota": _D
    + '<br>--<br>Sent with Tuta<br><br>26. Nov 2026, 05:00 by care@example.com:<br><blockquote class="tutanota_quote">'
    + _Q
    + "</blockquote>",
    "Spark": _D
    + '<div name="messageReplySection">On 26 Nov 2026 at 5:00 +0100, Care &lt;care@example.com&gt;, wrote:<br><blockquote type="cite">'
    + _Q
    + "</blockquote></div>",
    "Front": _P
    + '<blockquote type="cite" class="front-blockquote">On November 26, 2026, Care wrote:'
    + _Q
    + "</blockquote>",
    "Missive": _P
    + '<div class="missive_quote">On Nov 26, 2026 at 5:00, Care wrote:<blockquote>'
    + _Q
    + "</blockquote></div>",
    "Superhuman": _D
    + '<br><div class="gmail_signature">Sent via <a href="https://sprh.mn/">Superhuman</a></div><br><div class="gmail_quote">On Thu, Nov 26, 2026 at 5:00 AM, Care &lt;care@example.com&gt; wrote:<blockquote class="gmail_quote sh-color-black">'
    + _Q
    + "</blockquote></div>",
    "Airmail": _D
    + '<br><div class="gmail_quote">On 26 November 2026 at 05:00:00, Care (<a href="mailto:care@example.com">care@example.com</a>) wrote:</div><blockquote type="cite" class="clean_bq">'
    + _Q
    + "</blockquote>",
    "eM Client": _D
    + '<div>------ Original Message ------</div><div>From: "Care" &lt;care@example.com&gt;</div><div>To: "Ada"</div><div>Sent: 26.11.2026 05:00</div><div>Subject: x</div>'
    + _Q,
    "Samsung": _D
    + '<div id="composer_signature"><div style="font-size:85%">Sent from my Galaxy</div></div><div><br></div><div style="font-size:100%;color:#000"><div>-------- Original message --------</div><div>From: Care &lt;care@example.com&gt;</div><div>Date: 26/11/2026 05:00</div><div>To: Ada</div><div>Subject: x</div></div>'
    + _Q,
    "QQ": '<div>Yes, Tuesday at 10:30 works for us.</div><div>&nbsp;</div><div>Please bring: the key, the papers.</div><div><!--emptysign--></div><div>&nbsp;</div><div style="font-size:12px;padding:2px 0">------------------&nbsp;原始邮件&nbsp;------------------</div><div style="font-size:12px;background:#efefef"><div><b>发件人:</b>&nbsp;"Care"&lt;care@example.com&gt;;</div><div><b>发送时间:</b>&nbsp;2026年11月26日</div><div><b>收件人:</b>&nbsp;"Ada";</div><div><b>主题:</b>&nbsp;x</div></div>'
    + _Q,
    "163": _D
    + '<br>At 2026-11-26 05:00:00, "Care" &lt;care@example.com&gt; wrote:<br><blockquote id="isReplyContent" style="PADDING-LEFT:1ex">'
    + _Q
    + "</blockquote>",
    "Fastmail": _D
    + '<div><br></div><div>On Thu, 26 Nov 2026, at 5:00 AM, Care wrote:<br></div><blockquote type="cite" id="qt">'
    + _Q
    + "</blockquote>",
    "Outlook German": _P
    + '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class=MsoNormal><b>Von:</b> Care &lt;care@example.com&gt;<br><b>Gesendet:</b> Donnerstag<br><b>An:</b> Ada<br><b>Betreff:</b> x</p></div></div>'
    + _Q,
    "Outlook new": _P
    + '<div id="ms-outlook-mobile-body-separator-line"><br></div><div id="ms-outlook-mobile-signature">Sent from Outlook for iOS</div><div id="mail-editor-reference-message-container"><hr><div><b>From:</b> Care<br><b>Date:</b> Thursday</div>'
    + _Q
    + "</div>",
    "hr and headers": _P
    + "<hr><p><b>From:</b> Care &lt;care@example.com&gt;<br><b>Date:</b> Thursday, 26 November 2026<br><b>To:</b> Ada<br><b>Subject:</b> x</p>"
    + _Q,
    "table headers": _P
    + "<table><tr><th>Subject: </th><td>x</td></tr><tr><th>Date: </th><td>Thu, 26 Nov 2026 05:00:00 +0100</td></tr><tr><th>From: </th><td>Care &lt;care@example.com&gt;</td></tr><tr><th>To: </th><td>Ada</td></tr></table>"
    + _Q,
    "Thunderbird fwd": _P
    + '<div class="moz-forward-container"><br>-------- Forwarded Message --------<table class="moz-email-headers-table"><tr><th>Subject: </th><td>x</td></tr></table>'
    + _Q
    + "</div>",
    "Gmail mobile": '<div dir="auto">Yes, Tuesday at 10:30 works for us.<div dir="auto"><br></div><div dir="auto">Please bring: the key, the papers.</div></div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Thu, 26 Nov 2026, 05:00 Care, &lt;care@example.com&gt; wrote:<br></div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px #ccc solid">'
    + _Q
    + "</blockquote></div>",
    "Gmail sig div": _D
    + '<div><br></div>-- <br><div dir="ltr" class="gmail_signature">Ada<br>Engines</div><div class="gmail_quote">On x wrote<blockquote>'
    + _Q
    + "</blockquote></div>",
    "Gmail interleaved": '<div dir="ltr"><div class="gmail_quote"><div class="gmail_attr">On Thu, Nov 26, 2026 at 5:00 AM Care &lt;care@example.com&gt; wrote:<br></div><blockquote class="gmail_quote">Would Tuesday suit?</blockquote><div>Yes, Tuesday at 10:30 works for us.</div><blockquote class="gmail_quote">What do we need?</blockquote><div>Please bring: the key, the papers.</div></div></div>',
    "bottom Thunderbird": '<div class="moz-cite-prefix">On 26/11/2026 05:00, Care wrote:<br></div><blockquote type="cite">'
    + _Q
    + "</blockquote>"
    + _P,
    "Apple plain div": _D
    + '<div><br><blockquote type="cite"><div>On Nov 26, 2026, at 5:00 AM, Care &lt;care@example.com&gt; wrote:</div><br class="Apple-interchange-newline"><div>'
    + _Q
    + "</div></blockquote></div><br>",
    "class signature of Apple": _D
    + '<div class="AppleMailSignature" id="AppleMailSignature">Sent from my iPhone</div><div>On Nov 26, 2026, at 5:00 AM, Care &lt;care@example.com&gt; wrote:<br></div><blockquote type="cite">'
    + _Q
    + "</blockquote>",
    "lineBreakAtBeginningOfSignature": _D
    + '<br id="lineBreakAtBeginningOfSignature"><div dir="ltr">Sent from my iPhone</div><div dir="ltr"><br><blockquote type="cite">On Nov 26, 2026, at 5:00 AM, Care &lt;care@example.com&gt; wrote:<br><br></blockquote></div><blockquote type="cite">'
    + _Q
    + "</blockquote>",
    "Horde": _D
    + '<p>Zitat von Care &lt;care@example.com&gt;:</p><blockquote type="cite">'
    + _Q
    + "</blockquote>",
    "Roundcube": _P
    + '<p id="reply-intro">On 2026-11-26 05:00, Care wrote:</p><blockquote type="cite">'
    + _Q
    + "</blockquote>",
    "SOGo": _D
    + '<br>On Thursday, November 26, 2026 05:00 CET, Care &lt;care@example.com&gt; wrote:<br>&nbsp;<blockquote type="cite" cite="x">'
    + _Q
    + "</blockquote>",
    "Zendesk": _D + '<div style="color: #b5b5b5">##- Please type your reply above this line -##</div>' + _Q,
    "Notion-like quoted class": _D + '<div class="quoted_text">' + _Q + "</div>",
    "K-9": '<!DOCTYPE html><html><body>Yes, Tuesday at 10:30 works for us.<br><br>Please bring: the key, the papers.<br><br><div class="gmail_quote">Am 26. November 2026 05:00:00 MEZ schrieb Care &lt;care@example.com&gt;:<blockquote class="gmail_quote" style="margin: 0pt 0pt 0pt 0.8ex; border-left: 1px solid rgb(204, 204, 204); padding-left: 1ex;">'
    + _Q
    + '</blockquote></div><div class="k9mail-signature">-- <br>Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.</div></body></html>',
}
