"""Letters as customers write them: plain, with HTML, with a file, with what is quoted. Each is unlike all others."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from random import Random

WORDS = ("water", "basement", "storm", "photos", "policy", "claim", "parcel", "invoice", "please", "damage")
ADDRESS = "care@example.com"


def _text(chance: Random, words: int) -> str:
    lines = [" ".join(chance.choices(WORDS, k=12)) for _ in range(words // 12)]
    return "\n".join(lines)


def letters(seed: int, count: int) -> Iterator[bytes]:
    """A third plain, a third with HTML, a third with HTML and a file of 60 KB; every other one quotes something."""
    chance = Random(seed)
    for number in range(count):
        message = EmailMessage(policy=SMTP)
        message["From"] = f"Ada Number {number} <ada{chance.randrange(5_000)}@example.org>"
        message["To"] = ADDRESS
        message["Subject"] = f"Grüße: {_text(chance, 12)[:60]}"
        message["Date"] = "Thu, 26 Nov 2026 09:00:00 +0000"
        message["Message-ID"] = f"<{seed}.{number}@example.org>"
        for hop in range(5):
            message[f"X-Hop-{hop}"] = _text(chance, 12)
        quoted = (
            "\n\nOn Monday care wrote:\n> " + _text(chance, 120).replace("\n", "\n> ") if number % 2 else ""
        )
        text = _text(chance, 180) + quoted
        message.set_content(text)
        if number % 3:
            message.add_alternative(f"<p>{'</p><p>'.join(text.splitlines())}</p>" * 3, subtype="html")
        if number % 3 == 2:
            message.add_attachment(
                chance.randbytes(60_000),
                maintype="application",
                subtype="pdf",
                filename=f"claim {number}.pdf",
            )
        yield message.as_bytes()
