# ruff: noqa: E501, ISC004 (as mail systems write it)
"""Reports of mail systems as they come, of no standard most of them, and what only looks like one: all made up here."""

from __future__ import annotations

from typing import Final

REPORTS: Final[dict[str, tuple[str, str]]] = {
    "exchange text only": (
        "InboundNDR",
        "From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@nordhaven.example>\n"
        "Subject: Undeliverable: Boiler\n"
        "\n"
        "Delivery has failed to these recipients or groups:\n"
        "\n"
        "ada@example.org<mailto:ada@example.org>\n"
        "The email address you entered couldn't be found.\n"
        "\n"
        "Diagnostic information for administrators:\n"
        "\n"
        "Generating server: mx.nordhaven.example\n"
        "\n"
        "ada@example.org\n"
        "Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup'\n",
    ),
    "exchange 2003": (
        "InboundNDR",
        "From: System Administrator <postmaster@nordhaven.example>\n"
        "Subject: Undeliverable: Boiler\n"
        "\n"
        "Your message did not reach some or all of the intended recipients.\n"
        "\n"
        "      Subject: Boiler\n"
        "      Sent: 26.11.2026 05:00\n"
        "\n"
        "The following recipient(s) could not be reached:\n"
        "\n"
        "      ada@example.org on 26.11.2026 05:00\n"
        "            The e-mail account does not exist at the organization this message was sent to. \n"
        "            <mx.nordhaven.example #5.1.1>\n",
    ),
    "name only": (
        "InboundNDR",
        "From: Mail Delivery Subsystem <noreply@mx.example.net>\n"
        "Subject: Returned mail: User unknown\n"
        "\n"
        "   ----- The following addresses had permanent fatal errors -----\n"
        "<ada@example.org>\n"
        "\n"
        "   ----- Transcript of session follows -----\n"
        "550 <ada@example.org>... User unknown\n",
    ),
    "yahoo": (
        "InboundNDR",
        "From: MAILER-DAEMON@yahoo.example\n"
        "Subject: Failure Notice\n"
        "\n"
        "Sorry, we were unable to deliver your message to the following address.\n"
        "\n"
        "<ada@example.org>:\n"
        "No mx record found for domain=example.org\n"
        "\n"
        "--- Below this line is a copy of the message.\n"
        "\n"
        "Message-ID: <a@b>\n",
    ),
    "german": (
        "InboundNDR",
        "From: Mail Delivery System <MAILER-DAEMON@mx.example.net>\n"
        "Subject: Unzustellbar: Kessel\n"
        "\n"
        "Fehler bei der Nachrichtenzustellung an folgende Empfänger:\n"
        "\n"
        "ada@example.org\n"
        "550 5.1.1 unbekannt\n",
    ),
    "french": (
        "InboundNDR",
        "From: Mail Delivery System <MAILER-DAEMON@mx.example.net>\n"
        "Subject: Non remis : Chaudière\n"
        "\n"
        "Echec de la remise\n"
        "\n"
        "ada@example.org\n",
    ),
    "spanish": (
        "InboundNDR",
        "From: postmaster@mx.example.net\nSubject: No se puede entregar: Caldera\n\nada@example.org\n",
    ),
    "portuguese": (
        "InboundNDR",
        "From: postmaster@mx.example.net\nSubject: Não é possível entregar: Caldeira\n\nada@example.org\n",
    ),
    "polish": (
        "InboundNDR",
        "From: postmaster@mx.example.net\nSubject: Niedostarczalne: Kocioł\n\nada@example.org\n",
    ),
    "russian": (
        "InboundNDR",
        "From: postmaster@mx.example.net\nSubject: Недоставленное сообщение: Котёл\n\nada@example.org\n",
    ),
    "dutch": (
        "InboundNDR",
        "From: postmaster@mx.example.net\nSubject: Onbestelbaar: Ketel\n\nada@example.org\n",
    ),
    "swedish": (
        "InboundNDR",
        "From: postmaster@mx.example.net\nSubject: Det gick inte att leverera: Panna\n\nada@example.org\n",
    ),
    "czech": (
        "InboundNDR",
        "From: postmaster@mx.example.net\nSubject: Nedoručitelné: Kotel\n\nada@example.org\n",
    ),
    "japanese": (
        "InboundNDR",
        "From: postmaster@mx.example.net\nSubject: 配信不能: ボイラー\n\nada@example.org\n",
    ),
    "chinese": (
        "InboundNDR",
        "From: postmaster@mx.example.net\nSubject: 系统退信\n\nada@example.org 550 x\n",
    ),
    "italian": (
        "InboundNDR",
        "From: postmaster@mx.example.net\nSubject: Impossibile recapitare: Caldaia\n\nada@example.org\n",
    ),
    "success": (
        "InboundReport",
        "From: MAILER-DAEMON@mx.example.net\n"
        "Subject: Successful Mail Delivery Report\n"
        "\n"
        "This is the mail system at host mx.example.net.\n"
        "\n"
        "Your message was successfully delivered to the destination(s)\n"
        "listed below.\n"
        "\n"
        "<ada@example.org>: delivery via mx[192.0.2.1]:25: 250 2.0.0 OK\n",
    ),
    "relayed words": (
        "InboundReport",
        "From: MAILER-DAEMON@mx.example.net\n"
        "Subject: Delivery Status Notification (Relay)\n"
        "\n"
        "Your message has been successfully relayed to the following recipients, but the requested delivery status notifications may not be generated by the destination.\n"
        "\n"
        "       ada@example.org\n",
    ),
    "delivered words": (
        "InboundReport",
        "From: postmaster@mx.example.net\n"
        "Subject: Delivered: Boiler\n"
        "\n"
        "Your message has been delivered to the following recipients:\n"
        "\n"
        "ada@example.org\n",
    ),
    "customer about bounce": (
        "InboundNew",
        "From: ada@example.org\nSubject: Delivery failure of my parcel\n\nWhere is it?",
    ),
    "postmaster newsletter": (
        "InboundNew",
        "From: postmaster@example.org\nSubject: Maintenance on Sunday\n\nWe are away.",
    ),
    "mdn text": (
        "InboundDisposition",
        "From: ada@example.org\n"
        "Subject: Read: Boiler\n"
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n"
        "\n"
        "--b\n"
        "\n"
        "read\n"
        "--b\n"
        "Content-Type: message/disposition-notification\n"
        "\n"
        "Final-Recipient: rfc822;ada@example.org\n"
        "Disposition: manual-action/MDN-sent-manually; deleted\n"
        "--b--\n",
    ),
    "dsn in base64": (
        "InboundNDR",
        "From: MAILER-DAEMON@x\n"
        "Subject: x\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n"
        "\n"
        "--b\n"
        "\n"
        "x\n"
        "--b\n"
        "Content-Type: message/delivery-status\n"
        "Content-Transfer-Encoding: base64\n"
        "\n"
        "UmVwb3J0aW5nLU1UQTogZG5zOyB4CgpGaW5hbC1SZWNpcGllbnQ6IHJmYzgyMjsgYWRhQGV4YW1wbGUub3JnCkFjdGlvbjogZmFpbGVkClN0YXR1czogNS4xLjEK\n"
        "--b--\n",
    ),
    "dsn as text": (
        "InboundNDR",
        "From: MAILER-DAEMON@x\n"
        "Subject: Undelivered Mail Returned to Sender\n"
        "Content-Type: multipart/mixed; boundary=b\n"
        "\n"
        "--b\n"
        "\n"
        "x\n"
        "--b\n"
        "Content-Type: text/plain; name=details.txt\n"
        "\n"
        "Reporting-MTA: dns; x\n"
        "\n"
        "Final-Recipient: rfc822; ada@example.org\n"
        "Action: failed\n"
        "Status: 5.1.1\n"
        "--b--\n",
    ),
    "delayed in one of two": (
        "InboundReport",
        "From: MAILER-DAEMON@x\n"
        "Subject: x\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n"
        "\n"
        "--b\n"
        "\n"
        "x\n"
        "--b\n"
        "Content-Type: message/delivery-status\n"
        "\n"
        "Reporting-MTA: dns; x\n"
        "\n"
        "Final-Recipient: rfc822; a@example.org\n"
        "Action: delayed\n"
        "Status: 4.0.0\n"
        "\n"
        "Final-Recipient: rfc822; b@example.org\n"
        "Action: delivered\n"
        "Status: 2.0.0\n"
        "--b--\n",
    ),
    "report without groups delayed": (
        "InboundReport",
        "From: MAILER-DAEMON@x\n"
        "Subject: Delivery delayed\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n"
        "\n"
        "--b\n"
        "\n"
        "It has not yet been delivered.\n"
        "--b\n"
        "Content-Type: message/delivery-status\n"
        "\n"
        "Reporting-MTA: dns; x\n"
        "--b--\n",
    ),
}
"""The kind, and the message."""
