# ruff: noqa: E501, RUF001 (as programs and people write it)
"""Whole replies as they come in, each with its author's words: all sentences made up here.

Beside `replies`, which sets one answer above each program's words, these vary what real ones vary: who wrote them, how
lines are broken, what stands around the quotation, and what only looks like one.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Reply(NamedTuple):
    text: str
    words: str
    """What its author wrote, and nothing else."""


def _top(words: str, below: str) -> Reply:
    return Reply(f"{words}\n\n{below}", words)


_ASKED: Final = "Hello,\n\ndid the boiler arrive in one piece?\n\nThe Nordhaven team\n"
_MARKED: Final = "".join(f"> {line}".rstrip() + "\n" for line in _ASKED.splitlines())

TOP: Final[dict[str, Reply]] = {
    "English, over two lines": _top(
        "It did, thank you.",
        "On Mon, Nov 23, 2026 at 9:12 AM Nordhaven Boilers & Heating Support <\n"
        f"support+ticket-4711@nordhaven.example> wrote:\n\n{_MARKED}",
    ),
    "English, over three lines": _top(
        "It did not: the lid is dented.",
        "On Nov 23, 2026, at 9:12 AM, Nordhaven <\n"
        f"0123456789abcdef0123456789abcdef01234567@mail.nordhaven.example>\nwrote:\n\n{_ASKED}",
    ),
    "English, over four lines": _top(
        "Here is the picture.",
        "On Mon, Nov 23, 2026 at 9:12 AM\nNordhaven Boilers\n<support@nordhaven.example>\n"
        f"wrote:\n\n{_MARKED}",
    ),
    "English, an address of its own line": _top(
        "Please call me back.",
        f"On Tue, Nov 24, 2026 at 10:07 PM Cleo Hartmann\n\n<\nmailto:Cleo Hartmann <cleo@nordhaven.example>\n> wrote:\n{_ASKED}",
    ),
    "English, wrote and a blank": _top(
        "Fine by me.", f"On 23 November 2026 at 09:12, Cleo <cleo@nordhaven.example> wrote: \n\n{_MARKED}"
    ),
    "English, a name in quotes": _top(
        "Thanks Cleo",
        ' On Nov 23, 2026 9:12 AM, "Nordhaven.example" <\ncleo@nordhaven.example> wrote:\n\n\n>**\n>  Ticket 4711\n',
    ),
    "English, sent instead of wrote": _top(
        "No, not yet.", f"On 23-Nov-2026, at 9:12 AM, Cleo <cleo@nordhaven.example> sent:\n\n{_MARKED}"
    ),
    "English, an apostrophe and dots": _top(
        "Good.",
        f"On Mon, Nov 23, 2026 at 9:12 AM Dr. Cleo O'Hara-Smith, Ph.D. <c.o'hara@nordhaven.example> wrote:\n\n{_MARKED}",
    ),
    "English, without an address or marks": _top(
        "I will look at it tonight.",
        f"On Monday, 23 November 2026 at 09:12, Cleo Hartmann wrote:\n\n{_ASKED}",
    ),
    "English, in square brackets": _top(
        "Agreed.", f"On Nov 23, 2026, at 9:12 AM, Cleo [cleo@nordhaven.example] wrote:\n\n{_ASKED}"
    ),
    "English, an offset": _top(
        "Agreed again.",
        f'On Mon, Nov 23, 2026 at 9:12 AM -0800, "Cleo" <cleo@nordhaven.example> wrote:\n\n{_ASKED}',
    ),
    "English, a date by the rule of ISO": _top(
        "Still waiting.", f"On 2026-11-23 at 09:12 , Cleo <cleo@nordhaven.example> wrote:\n\n{_MARKED}"
    ),
    "English, a weekday and a time": _top(
        "Nothing came.", f"On Mon, 2026-11-23 at 09:12 +0000, Cleo Hartmann wrote:\n{_MARKED}"
    ),
    "English, name and on": _top(
        "That is right.",
        f"Cleo Hartmann <cleo@nordhaven.example> wrote on Mon, 23 Nov 2026 at 09:12:\n\n{_MARKED}",
    ),
    "English, by way of": _top(
        "We keep it.", f"Cleo via Nordhaven Support <support@nordhaven.example> wrote:\n\n{_MARKED}"
    ),
    "English, in message": _top(
        "It is the small one.", f"In message <4711@nordhaven.example>, Cleo Hartmann writes:\n{_MARKED}"
    ),
    "English, nothing above the marks but a name": _top(
        "Yes.", f"Quoting Cleo Hartmann <cleo@nordhaven.example>:\n\n{_MARKED}"
    ),
    "English, of a telephone": _top("Will do!", f"---- Cleo Hartmann wrote ----\n\n{_MARKED}"),
    "English, with dashes around": _top(
        "The blue one, please.", f"------On 11/23/2026 09:12 AM, Cleo Hartmann wrote-----\n\n{_ASKED}"
    ),
    "English, from Zoho": _top(
        "Two of them.",
        f"---- On Mon, 23 Nov 2026 14:17:36 +0530 Cleo<cleo@nordhaven.example> wrote ----\n\n{_ASKED}",
    ),
    "English, on the answer's own line": Reply(
        "It works now On Mon, Nov 23, 2026 at 9:12 AM, cleo@nordhaven.example wrote:\n> Better?\n",
        "It works now",
    ),
    "English, on the answer's own line with dashes": Reply(
        "It works - for now--- On Mon, Nov 23, 2026 at 9:12 AM, cleo@nordhaven.example wrote:\n> Better?\n",
        "It works - for now",
    ),
    "English, on the telephone's line": Reply(
        f"It works\n\nSent from Samsung MobileCleo <cleo@nordhaven.example> wrote:\n\n{_MARKED}",
        "It works",
    ),
    "English, a first paragraph that begins with On": _top(
        "On the whole it is fine.\n\nOn Tuesday somebody should come, though.",
        f"On Mon, Nov 23, 2026 at 9:12 AM Cleo <cleo@nordhaven.example> wrote:\n\n{_MARKED}",
    ),
    "English, One is not On": _top(
        "One thing is open: who pays the freight?",
        f"On Nov 23, 2026, at 9:12 AM, Cleo wrote:\n\n{_MARKED}",
    ),
    "English, marks without blanks": _top(
        "Understood.", "On Nov 23, 2026, at 9:12 AM, Cleo wrote:\n\n>Hello,\n>\n>did it arrive?\n>>Not yet.\n"
    ),
    "English, marks with bars": _top(
        "Understood.", "On Nov 23, 2026, at 9:12 AM, Cleo wrote:\n| Hello,\n| did it arrive?\n"
    ),
    "English, lines broken without marks": _top(
        "I see.",
        "On Nov 23, 2026, at 9:12 AM, Cleo <cleo@nordhaven.example> wrote:\n\n> A line that is as long as it is, and goes on and on\nuntil it breaks\n> and goes on.\n",
    ),
    "English, quoted in quoted": _top(
        "No more questions.",
        "On Mon, Nov 23, 2026 at 9:12 AM Cleo <cleo@nordhaven.example> wrote:\n\n"
        "> Is it?\n>\n> On Sun, Nov 22, 2026 at 8:00 PM Ada <ada@example.org> wrote:\n>\n>> It is broken.\n>>\n>\n",
    ),
    "English, several unmarked ones below each other": _top(
        "Last word: yes.",
        f'On Mon, Nov 23, 2026 at 9:12 AM -0800, "Cleo" <cleo@nordhaven.example> wrote:\n\n{_ASKED}\n\n'
        "On Nov 22, 2026, at 8:00 PM, Ada <ada@example.org> wrote:\n\nIt is broken.\n\nSent from my iPhone\n",
    ),
    "English, a day without a year over three lines": Reply(
        "On the one hand it is warm.\n\nOn the other hand it leaks.\n\nAda\n\nOn Mon, Nov 23, Cleo Hartmann\n<cleo@nordhaven.example>\n"
        f"wrote:\n{_MARKED}\n--\nMy name is Ada\n",
        "On the one hand it is warm.\n\nOn the other hand it leaks.\n\nAda",
    ),
    "English, without a colon": _top(
        "At ten.", f"On Mon, 23 Nov 2026 08:14:43 -0200 Cleo <cleo@nordhaven.example> wrote\n\n{_ASKED}"
    ),
    "English, an address without brackets": _top(
        "A new one, please.", f"On Nov 23, 2026, 4:15 PM Cleo cleo@nordhaven.example wrote:\n\n{_ASKED}"
    ),
    "English, a zone in letters": _top(
        "Seen.", f"On Monday, November 23, 2026, 06:49:16 PM GMT+3, Cleo Hartmann  wrote:\n\n{_ASKED}"
    ),
    "English, by way of something over two lines": _top(
        "Seen.", f"On Mon, Nov 23, 2026 at 6:13 PM Cleo via Nordhaven\nwrote:\n\n{_ASKED}"
    ),
    "English, long lines broken by a telephone": _top(
        "This is a try.",
        'On Nov 23, 2026 3:18 PM, "Nordhaven" <noreply@nordhaven.example> wrote:\n>\n> Hello Ada\n'
        "> The pipe behind the wall of the cellar has to be changed before the winter,\nsince it leaks.\n"
        "> The lid in front of the burner has to be changed before the winter as well,\nsince it is dented.\n> Nordhaven\n",
    ),
    "English, on the answer's own line and broken": Reply(
        "See the picture\nof the lid On Nov 23, 2026, at 9:12 AM, Cleo Hartmann <\n0123456789abcdef0123456789\n@nordhaven.example>wrote:\n\n> Hi\n",
        "See the picture\nof the lid",
    ),
    "English, from somebody": _top(
        "We keep it.",
        f"Monday, 23 November 2026, 3:32 PM +0300 from cleo@mail.nordhaven.example <cleo@mail.nordhaven.example>:\n\n{_ASKED}",
    ),
    "German, the date broken": _top(
        "Gerne.",
        "Cleo Hartmann <cleo@nordhaven.example> schrieb am So., 23.\nNovember 2026, 21:08:\n\n> Hallo\n>\n> Passt es?",
    ),
    "German": _top(
        "Ja, alles gut angekommen.",
        f"Am Mo., 23. Nov. 2026 um 09:12 Uhr schrieb Cleo Hartmann <cleo@nordhaven.example>:\n\n{_MARKED}",
    ),
    "German, over two lines": _top(
        "Leider nein.",
        f"Am Montag, 23. November 2026 um 09:12 schrieb Nordhaven Kundendienst\n<dienst@nordhaven.example>:\n\n{_MARKED}",
    ),
    "German, over three lines": _top(
        "Bitte um Rückruf.",
        f"Am Mo., 23. Nov. 2026 um 09:12 Uhr schrieb Nordhaven Heizungen\nKundendienst <\ndienst@nordhaven.example>:\n\n{_MARKED}",
    ),
    "German, name first": _top(
        "Passt.",
        f"Cleo Hartmann <cleo@nordhaven.example> schrieb am Mo., 23. Nov. 2026 um\n09:12 Uhr:\n\n{_MARKED}",
    ),
    "German, have written": _top(
        "Danke!", f"Am 23.11.2026 09:12 hat Cleo Hartmann <cleo@nordhaven.example> geschrieben:\n\n{_ASKED}"
    ),
    "German, to the point": _top(
        "Morgen.", f"Am 23.11.26 um 09:12 schrieb cleo@nordhaven.example:\n{_MARKED}"
    ),
    "German, colon on a line of its own": _top(
        "Gern.",
        f"Am 23. November 2026 09:12:44 MEZ schrieb Cleo Hartmann <cleo@nordhaven.example>:\n{_MARKED}",
    ),
    "German, you wrote": _top("Na klar.", f"Am 23.11.2026 um 09:12 schrieben Sie:\n\n{_MARKED}"),
    "German, on": _top("Stimmt.", f"On 23.11.2026 09:12, Cleo Hartmann schrieb:\n\n{_MARKED}"),
    "French": _top(
        "Oui, tout va bien.",
        f"Le lun. 23 nov. 2026 à 09:12, Cléo Hartmann <cleo@nordhaven.example> a écrit :\n\n{_MARKED}",
    ),
    "French, over two lines": _top(
        "Pas encore.",
        f"Le lundi 23 novembre 2026 à 09:12, Service après-vente de Nordhaven <\nsav@nordhaven.example> a écrit :\n\n{_MARKED}",
    ),
    "French, over three lines": _top(
        "D'accord.",
        f"Le lun. 23 nov. 2026 à 09:12, Service après-vente de Nordhaven <\nsav@nordhaven.example> a\nécrit :\n\n{_ASKED}",
    ),
    "French, an address twice": _top(
        "C'est noté.",
        f"Le 23 nov. 2026 à 09:12, Cléo <cleo@nordhaven.example<mailto:cleo@nordhaven.example>> a écrit:\n\n{_ASKED}",
    ),
    "French, capitals": _top(
        "Merci bien.", f"Le Lundi 23 novembre 2026 9h12, Cléo <cleo@nordhaven.example> a écrit :\n\n{_ASKED}"
    ),
    "Spanish": _top(
        "Sí, llegó bien.",
        f"El lun, 23 nov 2026 a las 9:12, Cleo (<cleo@nordhaven.example>) escribió:\n\n{_MARKED}",
    ),
    "Spanish, over two lines": _top(
        "Todavía no.",
        f"El lun., 23 nov. 2026 9:12 a. m., Atención al cliente de Nordhaven <\natencion@nordhaven.example> escribió:\n\n{_MARKED}",
    ),
    "Spanish, in words": _top(
        "Mañana.",
        f"El lunes, 23 de noviembre de 2026 09:12:44 CET, Cleo <cleo@nordhaven.example> escribió:\n\n{_ASKED}",
    ),
    "Spanish, a day only": _top(
        "Gracias.", f"El lunes, 23 de noviembre de 2026, Cleo escribió:\n\n{_MARKED}"
    ),
    "Italian": _top(
        "Sì, tutto a posto.",
        f"Il giorno lun 23 nov 2026 alle ore 09:12 Cleo <cleo@nordhaven.example> ha scritto:\n\n{_MARKED}",
    ),
    "Italian, over two lines": _top(
        "Non ancora.",
        f"Il giorno lun 23 nov 2026 alle ore 09:12 Assistenza Nordhaven <\nassistenza@nordhaven.example> ha scritto:\n\n{_MARKED}",
    ),
    "Italian, on the day": _top(
        "Va bene.", f"In data 23 novembre 2026 09:12:44 Cleo <cleo@nordhaven.example> ha scritto:\n\n{_ASKED}"
    ),
    "Italian, Thunderbird": _top("Domani.", f"Il 23/11/26 09:12, Cleo Hartmann ha scritto:\n{_MARKED}"),
    "Dutch": _top(
        "Ja, alles is heel.",
        f"Op ma 23 nov 2026 om 09:12 schreef Cleo <cleo@nordhaven.example>:\n\n{_MARKED}",
    ),
    "Dutch, over two lines": _top(
        "Nog niet.",
        f"Op ma 23 nov. 2026 om 09:12 schreef Klantenservice Nordhaven <\nservice@nordhaven.example>:\n\n{_MARKED}",
    ),
    "Dutch, Apple": _top(
        "Morgen graag.",
        f"Op 23-nov.-2026, om 09:12 heeft Cleo <cleo@nordhaven.example> het volgende geschreven:\n\n{_ASKED}",
    ),
    "Dutch, without an address": _top("Prima.", f"Op 23-11-2026 09:12 schreef Cleo Hartmann:\n\n{_MARKED}"),
    "Portuguese": _top(
        "Sim, chegou bem.",
        f"Em seg., 23 de nov. de 2026 às 09:12, Cleo <cleo@nordhaven.example>\nescreveu:\n\n{_MARKED}",
    ),
    "Portuguese, over three lines": _top(
        "Ainda não.",
        f"Em seg., 23 de nov. de 2026 às 09:12, Atendimento da Nordhaven <\natendimento@nordhaven.example>\nescreveu:\n\n{_ASKED}",
    ),
    "Portuguese, Apple": _top(
        "Amanhã.", f"No dia 23/11/2026, às 09:12, Cleo <cleo@nordhaven.example> escreveu:\n\n{_MARKED}"
    ),
    "Portuguese, Thunderbird": _top(
        "Obrigado.", f"Às 09:12 de 23/11/2026, Cleo Hartmann escreveu:\n{_MARKED}"
    ),
    "Polish": _top(
        "Tak, wszystko w porządku.",
        f"pon., 23 lis 2026 o 09:12 Cleo <cleo@nordhaven.example> napisał(a):\n\n{_MARKED}",
    ),
    "Polish, user": _top(
        "Jeszcze nie.",
        f"W dniu 23 listopada 2026 09:12 użytkownik Cleo Hartmann <cleo@nordhaven.example>\nnapisał:\n\n{_ASKED}",
    ),
    "Polish, of the day": _top(
        "Jutro.", f"Dnia 23 listopada 2026 09:12 Cleo <cleo@nordhaven.example> napisał(a):\n\n{_MARKED}"
    ),
    "Polish, Thunderbird": _top("Dziękuję.", f"W dniu 23.11.2026 o 09:12, Cleo Hartmann pisze:\n{_MARKED}"),
    "Polish, she wrote": _top(
        "Dobrze.", f"2026-11-23 9:12 GMT+01:00 Cleo <cleo@nordhaven.example> napisała:\n\n{_MARKED}"
    ),
    "Swedish": _top(
        "Ja, allt är bra.", f"Den mån 23 nov. 2026 kl 09:12 skrev Cleo <cleo@nordhaven.example>:\n\n{_MARKED}"
    ),
    "Swedish, in words": _top(
        "Inte än.", f"Den 23 november, 2026 09:12:44, Cleo (cleo@nordhaven.example) skrev:\n\n{_ASKED}"
    ),
    "Swedish, Apple": _top(
        "I morgon.", f"23 nov. 2026 kl. 09:12 skrev Cleo <cleo@nordhaven.example>:\n\n{_MARKED}"
    ),
    "Danish": _top(
        "Ja, alt er godt.",
        f"Den man. 23. nov. 2026 kl. 09.12 skrev Cleo <cleo@nordhaven.example>:\n\n{_MARKED}",
    ),
    "Danish, weekday first": _top(
        "Ikke endnu.", f"man. 23. nov. 2026 kl. 09.12 skrev Cleo <cleo@nordhaven.example>:\n\n{_ASKED}"
    ),
    "Danish, Thunderbird": _top("I morgen.", f"Den 23.11.2026 kl. 09.12 skrev Cleo Hartmann:\n{_MARKED}"),
    "Norwegian": _top(
        "Ja, alt er bra.", f"man. 23. nov. 2026 kl. 09:12 skrev Cleo <cleo@nordhaven.example>:\n\n{_MARKED}"
    ),
    "Norwegian, on": _top(
        "Ikke ennå.", f"På 23 november 2026 på 09:12:44, Cleo (cleo@nordhaven.example) skrev:\n\n{_ASKED}"
    ),
    "Norwegian, Thunderbird": _top("I morgen.", f"Den 23.11.2026 09:12, skrev Cleo Hartmann:\n{_MARKED}"),
    "Finnish": _top(
        "Kyllä, ehjänä tuli.",
        f"ma 23. marrask. 2026 klo 9.12 Cleo (cleo@nordhaven.example) kirjoitti:\n\n{_MARKED}",
    ),
    "Finnish, Apple": _top(
        "Ei vielä.", f"Cleo <cleo@nordhaven.example> kirjoitti 23.11.2026 kello 9.12:\n\n{_ASKED}"
    ),
    "Finnish, Thunderbird": _top("Huomenna.", f"Cleo Hartmann kirjoitti 23.11.2026 klo 9.12:\n{_MARKED}"),
    "Finnish, on the day": _top(
        "Kiitos.", f"pe 23. marraskuuta 2026 klo 09.12 Cleo <cleo@nordhaven.example>\nkirjoitti:\n\n{_ASKED}"
    ),
    "Czech": _top(
        "Ano, v pořádku.",
        f"po 23. 11. 2026 v 9:12 odesílatel Cleo <cleo@nordhaven.example> napsal:\n\n{_MARKED}",
    ),
    "Czech, Thunderbird": _top("Ještě ne.", f"Dne 23. 11. 26 v 9:12 Cleo Hartmann napsal(a):\n{_MARKED}"),
    "Czech, Seznam": _top(
        "Zítra.",
        "---------- Původní e-mail ----------\nOd: Cleo <cleo@nordhaven.example>\nKomu: ada@example.org\nDatum: 23. 11. 2026 9:12:44\nPředmět: Kotel\n\nDobrý den,\n",
    ),
    "Czech, wrote on": _top(
        "Děkuji.", f"Cleo Hartmann <cleo@nordhaven.example> napsala dne po 23. 11. 2026 v 9:12:\n\n{_MARKED}"
    ),
    "Slovak": _top("Áno.", f"po 23. 11. 2026 o 9:12 Cleo <cleo@nordhaven.example> napísal(a):\n\n{_MARKED}"),
    "Russian": _top(
        "Да, всё в порядке.", f"пн, 23 нояб. 2026 г. в 09:12, Cleo <cleo@nordhaven.example>:\n\n{_MARKED}"
    ),
    "Russian, Thunderbird": _top("Ещё нет.", f"23.11.2026 09:12, Клео Хартманн пишет:\n{_MARKED}"),
    "Russian, user": _top(
        "Завтра.", f"понедельник, 23 ноября 2026 г. пользователь Cleo написал:\n\n{_MARKED}"
    ),
    "Russian, Mail.ru": _top(
        "Спасибо.", f"Понедельник, 23 ноября 2026, 9:12 +03:00 от Cleo <cleo@nordhaven.example>:\n\n{_ASKED}"
    ),
    "Russian, Apple": _top(
        "Хорошо.", f"23 нояб. 2026 г., в 09:12, Cleo <cleo@nordhaven.example> написал(а):\n\n{_MARKED}"
    ),
    "Ukrainian": _top(
        "Так.", f"пн, 23 лист. 2026 р. о 09:12 Cleo <cleo@nordhaven.example> пише:\n\n{_MARKED}"
    ),
    "Japanese": _top(
        "はい、無事に届きました。", f"2026年11月23日(月) 9:12 Cleo <cleo@nordhaven.example>:\n\n{_MARKED}"
    ),
    "Japanese, Apple": _top(
        "まだです。", f"2026/11/23 9:12、Cleo <cleo@nordhaven.example>のメール:\n\n{_ASKED}"
    ),
    "Japanese, Thunderbird": _top(
        "明日お願いします。", f"On 2026/11/23 9:12, Cleo Hartmann wrote:\n{_MARKED}"
    ),
    "Japanese, message": _top(
        "了解です。", f"2026/11/23 9:12、Cleo <cleo@nordhaven.example>のメッセージ:\n\n{_ASKED}"
    ),
    "Japanese, Outlook": _top(
        "ありがとうございます。",
        "差出人: Cleo <cleo@nordhaven.example>\n送信日時: 2026年11月23日 9:12\n宛先: Ada <ada@example.org>\n件名: ボイラー\n\nこんにちは\n",
    ),
    "Japanese, Outlook of old": _top(
        "承知しました。",
        "-----Original Message-----\nFrom: Cleo [mailto:cleo@nordhaven.example]\nSent: Monday, November 23, 2026 9:12 AM\nTo: Ada\nSubject: x\n\nこんにちは\n",
    ),
    "Chinese": _top(
        "收到了，谢谢。", f"Cleo <cleo@nordhaven.example> 于2026年11月23日周一 09:12写道：\n\n{_MARKED}"
    ),
    "Chinese, without marks": _top(
        "还没有。", f"Cleo Hartmann <cleo@nordhaven.example>于2026年11月23日 周一上午9:12写道：\n\n{_ASKED}"
    ),
    "Chinese, on": _top(
        "明天吧。", f"在 2026年11月23日，09:12，Cleo <cleo@nordhaven.example> 写道：\n\n{_MARKED}"
    ),
    "Chinese, on and at": _top(
        "好的。", f'在 2026-11-23 09:12:44，"Cleo" <cleo@nordhaven.example> 写道：\n\n{_ASKED}'
    ),
    "Chinese, QQ": _top(
        "可以。",
        '------------------ 原始邮件 ------------------\n发件人: "Cleo"<cleo@nordhaven.example>;\n发送时间: 2026年11月23日(星期一) 上午9:12\n收件人: "Ada"<ada@example.org>;\n主题: 锅炉\n\n你好\n',
    ),
    "Chinese, a block": _top(
        "I want to keep it.",
        '发件人: ""nordhaven.example"" <support@nordhaven.example>\n日期: 2026年11月23日 星期一 上午9:12\n收件人: ""ada@example.org"" <ada@example.org>\n主题: Order 4711\n\nDear Ada,\n',
    ),
    "Chinese, Taiwan": _top(
        "收到了。", f"Cleo <cleo@nordhaven.example> 於 2026年11月23日 週一 上午9:12寫道：\n\n{_MARKED}"
    ),
    "Chinese, Taiwan, Outlook": _top(
        "謝謝。",
        "寄件者: Cleo <cleo@nordhaven.example>\n寄件日期: 2026年11月23日 上午 09:12\n收件者: Ada <ada@example.org>\n主旨: 鍋爐\n\n您好\n",
    ),
    "Korean": _top(
        "네, 잘 받았습니다.",
        f"2026년 11월 23일 (월) 오전 9:12, Cleo <cleo@nordhaven.example>님이 작성:\n\n{_MARKED}",
    ),
    "Korean, Apple": _top(
        "아직요.", f"2026. 11. 23. 오전 9:12, Cleo <cleo@nordhaven.example> 작성:\n\n{_ASKED}"
    ),
    "Vietnamese": _top(
        "Vâng.", f"Vào 09:12 23 tháng 11, 2026, Cleo <cleo@nordhaven.example> đã viết:\n\n{_MARKED}"
    ),
    "Turkish": _top(
        "Evet.", f"Cleo <cleo@nordhaven.example>, 23 Kas 2026 Pzt, 09:12 tarihinde şunu yazdı:\n\n{_MARKED}"
    ),
    "Greek": _top(
        "Ναι.", f"Στις Δευ 23 Νοε 2026 στις 9:12 π.μ., ο/η Cleo <cleo@nordhaven.example> έγραψε:\n\n{_MARKED}"
    ),
    "Hebrew": _top(
        "כן.",
        f"\u202bבתאריך יום ב׳, 23 בנוב׳ 2026 ב-9:12 מאת \u202aCleo\u202c\u200f <\u202acleo@nordhaven.example\u202c\u200f>:\u202c\n\n{_MARKED}",
    ),
    "Arabic": _top(
        "نعم.",
        f"في الاثنين، 23 نوفمبر 2026 في 9:12 ص تمت كتابة ما يلي بواسطة Cleo <cleo@nordhaven.example>:\n\n{_MARKED}",
    ),
    "Croatian": _top(
        "Da.", f"pon, 23. stu 2026. u 09:12 Cleo <cleo@nordhaven.example> napisao je:\n\n{_MARKED}"
    ),
    "Hungarian": _top(
        "Igen.", f"Cleo <cleo@nordhaven.example> ezt írta (időpont: 2026. nov. 23., H, 9:12):\n\n{_MARKED}"
    ),
    "Romanian": _top(
        "Da.", f"Pe lun., 23 nov. 2026 la 09:12, Cleo <cleo@nordhaven.example> a scris:\n\n{_MARKED}"
    ),
    "a date and an address alone": _top(
        "Here you are.", "2026/11/23 Cleo Hartmann <cleo@nordhaven.example>\n\n> Did it arrive?\n"
    ),
    "a date, an address and a colon": _top(
        "Here you are.",
        f"2026-11-23 9:12 GMT+03:00 Nordhaven Support <\nsupport@nordhaven.example>:\n\n{_MARKED}",
    ),
    "a name from": _top(
        "Ok", f"On November 23, 2026 at 9:12:44 AM, Cleo Hartmann (cleo@nordhaven.example) wrote:\n\n{_ASKED}"
    ),
}
"""Answers above what they answer."""

_HEAD: Final = "From: Cleo Hartmann <cleo@nordhaven.example>\n"

BLOCKS: Final[dict[str, Reply]] = {
    "bold by stars": _top(
        "It is paid.",
        "**From:** cleo@nordhaven.example <cleo@nordhaven.example>**On Behalf Of** Nordhaven\n**Sent:** 23 November 2026 15:46\n**To:** Ada <ada@example.org>\n**Subject:** Invoice\n\n**CAUTION: from outside**\n\n* * *\n\nHello\n",
    ),
    "of Orange, French": _top(
        "Je la garde.",
        '====\n\nMessage du : 23/11/2026 13:20\nDe : "Nordhaven " <sav@nordhaven.example>\nA : ada@example.org\nCopie à : \nSujet :  Chaudière !\n\nBonjour\n',
    ),
    "two in one line": _top(
        "It is paid.", "From: cleo@nordhaven.example Date: Mon, 23 Nov 2026 08:07:12 -0700\n\nHello\n"
    ),
    "all in one line": _top(
        "I have learned a lot.",
        "Date: Mon, 23 Nov 2026 02:35:10 +0000 From: cleo@nordhaven.example To: Byron, Ada Subject: Tell us what you learned.\n\n\nThank you.\n",
    ),
    "of old, without a time of sending": _top(
        "Are you still there?",
        "From: cleo_re@msg.nordhaven.example\nSubject: Re:\nTo: ada@example.org\nDate: Mon, 23 Nov 2026 16:33:36 -0800\n\nYes\n"
        'On 22 Nov 2026 00:25, "Ada" <ada@msg.nordhaven.example> wrote:\n\n\n\nHello\n',
    ),
    "a rule right below the answer": Reply(
        "We are on our way.\n________________________________\nFrom: Nordhaven Automation <inbound+65560@nordhaven.example>\n"
        "Sent: Monday, November 23, 2026 5:45 PM\nTo: ada@example.org <ada@example.org>\nSubject: Boiler\n\nHi\n",
        "We are on our way.",
    ),
    "no blank line above": Reply(
        f"The invoice is wrong.\n{_HEAD}Sent: Monday, November 23, 2026 9:12 AM\nTo: Ada <ada@example.org>\nSubject: Invoice\n\n{_ASKED}",
        "The invoice is wrong.",
    ),
    "with mailto": _top(
        "Paid.",
        f"From: cleo@nordhaven.example [mailto:cleo@nordhaven.example]\nSent: Monday, November 23, 2026 2:05 PM\nTo: Ada Byron <ada@example.org>\nSubject: RE: Claim # 4711-1\n\n{_ASKED}",
    ),
    "an appointment above": _top(
        "Confirmed\n\n11/24/2026 @ 9:30 am for the boiler\nHarbour Lane\n12 Dock Street\nLondon, 555-0100\n\nAda Byron\nByron Ltd\n555-0101",
        f"From: cleo@nordhaven.example [mailto:cleo@nordhaven.example]\nSent: Monday, November 23, 2026 2:05 PM\nTo: Ada <ada@example.org>\nSubject: RE: Boiler\n\n{_ASKED}",
    ),
    "bold and broken": _top(
        "Seen.",
        "  *From:* cleo@nordhaven.example [mailto:\n  cleo@nordhaven.example]\n  *Sent:* Monday, November 23, 2026 3:05 PM\n  *To:* ada@example.org\n  *Subject:* Hello\n\nHello\n",
    ),
    "bold within": _top(
        "Seen.",
        "*From: *Cleo <cleo@nordhaven.example>\n*Date: *Monday, 23 November 2026 at 09:12\n*To: *Ada <ada@example.org>\n*Subject: *Boiler\n\nHello\n",
    ),
    "date first": _top(
        "Right.",
        "Date: Mon, 23 Nov 2026 00:15:02 -0600\nFrom: cleo@nordhaven.example\nTo: ada@example.org\nSubject: [Ticket 4711] Test\n\nHello\n",
    ),
    "a date, a recipient and nothing else": _top(
        "Right.", "Date: Mon, 23 Nov 2026 00:15:02 -0600\nTo: ada@example.org\n\nHello\n"
    ),
    "a sender, a date and nothing else": _top(
        "Right.", "From: cleo@nordhaven.example\nDate: Mon, 23 Nov 2026 00:15:02 -0600\n\nHello\n"
    ),
    "a reply address among them": _top(
        "Right.",
        'From: "Cleo" <cleo@nordhaven.example>\nReply-To: "Nordhaven" <support@nordhaven.example>\nDate: Monday, 23 November 2026\nTo: Ada <ada@example.org>\nSubject: Re: Boiler\n\nHello\n',
    ),
    "within a line of underscores": _top(
        "Right.",
        "_____________\nFrom: cleo@nordhaven.example\nSent: Monday\nTo: ada@example.org\nSubject: x\n\nHello\n",
    ),
    "a subject over two lines": _top(
        "Right.",
        f"{_HEAD}Sent: Monday, November 23, 2026 9:12 AM\nTo: Ada <ada@example.org>\nSubject: A very long subject that goes on and on until the\n program has had enough of it\n\n{_ASKED}",
    ),
    "blank lines between": _top(
        "Right.",
        f"{_HEAD}\nSent: Monday, November 23, 2026 9:12 AM\n\nTo: Ada <ada@example.org>\n\nSubject: Boiler\n\n{_ASKED}",
    ),
    "German with a copy": _top(
        "Stimmt so.",
        "Von: Cleo Hartmann <cleo@nordhaven.example>\nGesendet: Montag, 23. November 2026 09:12\nAn: Ada Byron <ada@example.org>\nCc: Bob <bob@example.org>\nBetreff: AW: Kessel\nPriorität: Hoch\n\nHallo\n",
    ),
    "German of old with a copy": _top(
        "Stimmt so.",
        "-----Ursprüngliche Nachricht-----\nVon: Cleo Hartmann [mailto:cleo@nordhaven.example] \nGesendet: Montag, 23. November 2026 09:12\nAn: 'Ada Byron'\nBetreff: AW: Kessel\n\nHallo\n",
    ),
    "Danish": _top(
        "Ja.", "Fra: cleo@nordhaven.example\nSendt: 23. november 2026 09:12\nTil: Ada\nEmne: Kedel\n\nHej\n"
    ),
    "Danish of old": _top("Ja.", "-----Oprindelig meddelelse-----\n\nHej\n"),
    "Danish of old, another word": _top("Ja.", "----- Oprindelig besked -----\nFra: Cleo\n\nHej\n"),
    "Swedish": _top(
        "Ja.",
        "Från: Cleo Hartmann [mailto:cleo@nordhaven.example]\nSkickat: den 23 november 2026 09:12\nTill: Ada\nÄmne: SV: Panna\n\nHej\n",
    ),
    "Norwegian": _top(
        "Ja.",
        "Fra: Cleo <cleo@nordhaven.example>\nSendt: mandag 23. november 2026 09:12\nTil: Ada <ada@example.org>\nEmne: SV: Kjel\n\nHei\n",
    ),
    "Finnish": _top(
        "Kyllä.",
        "Lähettäjä: Cleo <cleo@nordhaven.example>\nLähetetty: maanantai 23. marraskuuta 2026 9:12\nVastaanottaja: Ada <ada@example.org>\nAihe: Kattila\n\nHei\n",
    ),
    "French": _top(
        "Oui.",
        "De : Cléo [mailto:cleo@nordhaven.example]\nEnvoyé : lundi 23 novembre 2026 09:12\nÀ : Ada\nObjet : Chaudière\n\nBonjour\n",
    ),
    "French, Apple": _top(
        "Oui.",
        "De: Cléo <cleo@nordhaven.example>\nObjet: Rép : Chaudière\nDate: 23 novembre 2026 à 09:12:44 UTC+1\nÀ: Ada <ada@example.org>\n\nBonjour\n",
    ),
    "Spanish": _top(
        "Sí.",
        "De: Cleo <cleo@nordhaven.example>\nEnviado: lunes, 23 de noviembre de 2026 9:12\nPara: Ada <ada@example.org>\nAsunto: Caldera\n\nHola\n",
    ),
    "Spanish of Mexico": _top(
        "Sí.",
        "De: Cleo <cleo@nordhaven.example>\nFecha: lunes, 23 de noviembre de 2026, 9:12 a.m.\nPara: Ada <ada@example.org>\nAsunto: Caldera\n\nHola\n",
    ),
    "Italian": _top(
        "Sì.",
        "Da: Cleo <cleo@nordhaven.example>\nInviato: lunedì 23 novembre 2026 09:12\nA: Ada <ada@example.org>\nOggetto: Caldaia\n\nSalve\n",
    ),
    "Italian, Apple": _top(
        "Sì.",
        "Da: Cleo <cleo@nordhaven.example>\nData: 23 novembre 2026 09:12:44 CET\nA: Ada <ada@example.org>\nOggetto: Caldaia\n\nSalve\n",
    ),
    "Portuguese of Brazil": _top(
        "Sim.",
        "De: Cleo <cleo@nordhaven.example>\nEnviada em: segunda-feira, 23 de novembro de 2026 09:12\nPara: Ada <ada@example.org>\nAssunto: Caldeira\n\nOlá\n",
    ),
    "Dutch": _top(
        "Ja.",
        "Van: Cleo <cleo@nordhaven.example>\nVerzonden: maandag 23 november 2026 09:12\nAan: Ada <ada@example.org>\nOnderwerp: Ketel\n\nHallo\n",
    ),
    "Dutch, Apple": _top(
        "Ja.",
        "Van: Cleo <cleo@nordhaven.example>\nOnderwerp: Antw: Ketel\nDatum: 23 november 2026 om 09:12:44 CET\nAan: Ada <ada@example.org>\nBeantwoord - Aan: support@nordhaven.example\n\nHallo\n",
    ),
    "Polish": _top(
        "Tak.",
        "Od: Cleo <cleo@nordhaven.example>\nWysłano: poniedziałek, 23 listopada 2026 09:12\nDo: Ada <ada@example.org>\nTemat: Kocioł\n\nDzień dobry\n",
    ),
    "Czech": _top(
        "Ano.",
        "Od: Cleo <cleo@nordhaven.example>\nOdesláno: pondělí 23. listopadu 2026 9:12\nKomu: Ada <ada@example.org>\nPředmět: Kotel\n\nDobrý den\n",
    ),
    "Russian": _top(
        "Да.",
        "От: Cleo <cleo@nordhaven.example>\nОтправлено: 23 ноября 2026 г. 9:12\nКому: Ada <ada@example.org>\nТема: Котёл\n\nДобрый день\n",
    ),
    "Russian, a date": _top(
        "Да.",
        "От кого: Cleo <cleo@nordhaven.example>\nДата: 23 ноября 2026 г. в 9:12\nКому: Ada <ada@example.org>\nТема: Котёл\n\nДобрый день\n",
    ),
    "Turkish": _top(
        "Evet.",
        "Kimden: Cleo <cleo@nordhaven.example>\nGönderildi: 23 Kasım 2026 Pazartesi 09:12\nKime: Ada <ada@example.org>\nKonu: Kazan\n\nMerhaba\n",
    ),
    "Korean": _top(
        "네.",
        "보낸 사람: Cleo <cleo@nordhaven.example>\n보낸 날짜: 2026년 11월 23일 월요일 오전 9:12\n받는 사람: Ada <ada@example.org>\n제목: 보일러\n\n안녕하세요\n",
    ),
    "Greek": _top(
        "Ναι.",
        "Από: Cleo <cleo@nordhaven.example>\nΣτάλθηκε: Δευτέρα, 23 Νοεμβρίου 2026 9:12\nΠρος: Ada <ada@example.org>\nΘέμα: Λέβητας\n\nΓεια\n",
    ),
    "original message in bold": _top("Right.", "*----- Original Message -----*\nHello\n"),
    "reply message": _top(
        "Right.",
        '----- Reply message -----\nFrom: "Cleo" <cleo@nordhaven.example>\nTo: <ada@example.org>\nSubject: x\nDate: Mon, Nov 23, 2026 09:12\n\nHello\n',
    ),
    "a banner below the head": _top(
        "Thanks, it is safe.",
        f"{_HEAD}Sent: Monday, November 23, 2026 9:12 AM\nTo: Ada <ada@example.org>\nSubject: Boiler\n\nCAUTION: This email originated from outside of the organisation.\n\n{_ASKED}",
    ),
    "forwarded with a comment": _top(
        "Please see below, this is for you.",
        "---------- Forwarded message ---------\nFrom: Bob <bob@example.org>\nDate: Mon, Nov 23, 2026 at 9:12 AM\nSubject: Two\nline subject\nTo: <ada@example.org>\n\nHello\n",
    ),
    "Apple's forwarded one, marked": _top(
        "Please see below.",
        "> Begin forwarded message:\n>\n> From: Bob <bob@example.org>\n> Subject: The boiler\n>\n> It leaks.\n",
    ),
}
"""Answers above a block of headers."""

SIGNED: Final[dict[str, Reply]] = {
    "by the rule": Reply(
        "We take it.\n\n-- \nAda Byron\nByron Ltd, 12 Dock Street\n+44 20 5550 100\n", "We take it."
    ),
    "the blank lost": Reply("We take it.\n\n--\nAda Byron\nByron Ltd\n", "We take it."),
    "no empty line above": Reply("We take it.\n--\nAda\n", "We take it."),
    "a long dash": Reply("We take it.\n\n—\nAda Byron\nByron Ltd\n", "We take it."),
    "underscores": Reply("We take it.\n\n__\nAda Byron\nByron Ltd\n", "We take it."),
    "a sentence": Reply("We take it.\n\n--\nHere is my signature, as you see it.\n", "We take it."),
    "three dashes": Reply("We take it.\n---\nAda\n", "We take it."),
    "an empty line below the dashes": Reply("We take it.\n--\n\nAda Byron\n", "We take it."),
    "dashes twice": Reply("We take it.\n--\n--\nRegards,\nAda\n", "We take it."),
    "below arrows": Reply("Look here:\n\n--> one\n--> two\n--\nAda\n", "Look here:\n\n--> one\n--> two"),
    "a name and a telephone": Reply("We take it.\n\n-Ada.\n\nSent from my HTC smartphone!\n", "We take it."),
    "wirelessly": Reply(
        "We take it.\nSent wirelessly from my BlackBerry device on the Harbour network.\nEnvoyé sans fil par mon terminal mobile BlackBerry sur le réseau du Port.\n",
        "We take it.",
    ),
    "a name with a dash": Reply("We take it.\n\n-Ada Byron\n", "We take it."),
    "a name with a dash and a list's footer": Reply(
        "We take it.\n\n-Ada Byron\n\n_______________________________________________\ncare mailing list\ncare@lists.nordhaven.example\nhttp://lists.nordhaven.example/mailman/listinfo/care\n",
        "We take it.",
    ),
    "above the quotation": Reply(
        f"We take it.\n\n-- \nAda\n\nOn Nov 23, 2026, at 9:12 AM, Cleo wrote:\n\n{_MARKED}", "We take it."
    ),
    "below the quotation": Reply(
        f"We take it.\n\nOn Nov 23, 2026, at 9:12 AM, Cleo wrote:\n\n{_MARKED}\n-- \nAda Byron\n",
        "We take it.",
    ),
    "iPhone": Reply(
        f"We take it.\n\nSent from my iPhone\n\n> On Nov 23, 2026, at 9:12 AM, Cleo <cleo@nordhaven.example> wrote:\n> \n{_MARKED}",
        "We take it.",
    ),
    "iPhone and iOS": Reply(
        f"We take it.\n\nSent from my iPhone 15 Pro Max\n\nOn Nov 23, 2026, at 9:12 AM, Cleo wrote:\n\n{_MARKED}",
        "We take it.",
    ),
    "BlackBerry": Reply(
        "We take it.\n\nSent from my Verizon Wireless BlackBerry\n\n-----Original Message-----\nFrom: Cleo\n",
        "We take it.",
    ),
    "a thing that nobody knows": Reply("We take it.\n\nSent from my TI-85\n", "We take it."),
    "many of them": Reply(
        "We take it.\n\nSent from my iPod\nSent from Yahoo Mail on Android\nSent from my cell, please excuse any typos.\n"
        "Get Outlook for iOShttps://aka.ms/o0ukef\n",
        "We take it.",
    ),
    "in brackets": Reply("We take it.\n\n(sent from a phone)\n", "We take it."),
    "in angle brackets": Reply("We take it.\n\n<<sent by galaxy>>\n", "We take it."),
    "from mobile": Reply("We take it.\n\nAda from mobile\n", "We take it."),
    "Samsung, tablet": Reply("We take it.\n\nSent from Samsung tablet.\n", "We take it."),
    "Android": Reply(
        "We take it.\n\nSent from my Android device with K-9 Mail. Please excuse my brevity.\n", "We take it."
    ),
    "Huawei": Reply("We take it.\n\nSent from my Huawei phone\n", "We take it."),
    "Xiaomi": Reply("We take it.\n\nSent from Xiaomi phone\n", "We take it."),
    "Proton": Reply("We take it.\n\nSent with Proton Mail secure email.\n", "We take it."),
    "Proton, mobile": Reply("We take it.\n\nSent from Proton Mail for iOS\n", "We take it."),
    "AOL": Reply("We take it.\n\nSent from AOL on Android\n", "We take it."),
    "Yahoo": Reply(
        "We take it.\n\nYahoo Mail: Search, Organize, Conquer\n\nOn Mon, Nov 23, 2026 at 9:12, Cleo\n<cleo@nordhaven.example> wrote:\nHello\n",
        "We take it.",
    ),
    "Outlook, Android": Reply(
        "We take it.\n\nGet Outlook for Android<https://aka.ms/AAb9ysg>\n________________________________\nFrom: Cleo <cleo@nordhaven.example>\nSent: Monday, November 23, 2026 9:12:44 AM\nTo: Ada <ada@example.org>\nSubject: x\n\nHello\n",
        "We take it.",
    ),
    "Outlook, German": Reply(
        "Machen wir.\n\nOutlook für iOS beziehen<https://aka.ms/o0ukef>\n", "Machen wir."
    ),
    "iPad, German": Reply("Machen wir.\n\nVon meinem iPad gesendet\n", "Machen wir."),
    "on the way, German": Reply("Machen wir.\n\nGesendet von unterwegs\n", "Machen wir."),
    "Samsung, German": Reply("Machen wir.\n\nVon meinem/meiner Galaxy gesendet\n", "Machen wir."),
    "Android, German": Reply(
        "Machen wir.\n\nDiese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.\n",
        "Machen wir.",
    ),
    "iPhone, French": Reply("On prend.\n\nEnvoyé de mon iPhone\n", "On prend."),
    "Orange, French": Reply("On prend.\n\nEnvoyé depuis l'application Mail Orange\n", "On prend."),
    "Outlook, French": Reply(
        "On prend.\n\nTélécharger Outlook pour Android<https://aka.ms/ghei36>\n", "On prend."
    ),
    "iPhone, Spanish": Reply("Nos lo quedamos.\n\nEnviado desde mi iPhone\n", "Nos lo quedamos."),
    "Outlook, Spanish": Reply(
        "Nos lo quedamos.\n\nObtener Outlook para iOS<https://aka.ms/o0ukef>\n", "Nos lo quedamos."
    ),
    "iPad, Italian": Reply("Lo prendiamo.\n\nInviato da iPad\n", "Lo prendiamo."),
    "mail, Italian": Reply("Lo prendiamo.\n\nInviato dal mio telefono Huawei\n", "Lo prendiamo."),
    "iPad, Dutch": Reply("Doen we.\n\nVerstuurd vanaf mijn iPad\n", "Doen we."),
    "Outlook, Dutch": Reply("Doen we.\n\nOutlook voor iOS downloaden<https://aka.ms/o0ukef>\n", "Doen we."),
    "Samsung, Dutch": Reply("Doen we.\n\nVerzonden vanaf mijn Galaxy\n", "Doen we."),
    "iPhone, Portuguese": Reply("Ficamos com ele.\n\nEnviado do meu iPhone\n", "Ficamos com ele."),
    "Outlook, Portuguese": Reply(
        "Ficamos com ele.\n\nObter o Outlook para Android<https://aka.ms/ghei36>\n", "Ficamos com ele."
    ),
    "iPhone, Polish": Reply("Bierzemy.\n\nWysłane z iPhone'a\n", "Bierzemy."),
    "phone, Polish": Reply("Bierzemy.\n\nWysłano z mojego telefonu\n", "Bierzemy."),
    "iPhone, Swedish": Reply("Vi tar den.\n\nSkickat från min iPhone\n", "Vi tar den."),
    "iPhone, Danish": Reply("Vi tager den.\n\nSendt fra min iPhone\n", "Vi tager den."),
    "Outlook, Danish": Reply(
        "Vi tager den.\n\nHent Outlook til iOS<https://aka.ms/o0ukef>\n", "Vi tager den."
    ),
    "iPhone, Norwegian": Reply("Vi tar den.\n\nSendt fra min iPhone\n", "Vi tar den."),
    "iPhone, Finnish": Reply("Otamme sen.\n\nLähetetty iPhonesta\n", "Otamme sen."),
    "Outlook, Finnish": Reply(
        "Otamme sen.\n\nHanki Outlook for Android<https://aka.ms/ghei36>\n", "Otamme sen."
    ),
    "iPhone, Czech": Reply("Bereme.\n\nOdesláno z iPhonu\n", "Bereme."),
    "mobile, Czech": Reply("Bereme.\n\nOdesláno z mobilního telefonu\n", "Bereme."),
    "iPhone, Russian": Reply("Берём.\n\nОтправлено с iPhone\n", "Берём."),
    "Yandex, Russian": Reply("Берём.\n\nОтправлено из мобильной Яндекс.Почты\n", "Берём."),
    "iPhone, Japanese": Reply("いただきます。\n\niPhoneから送信\n", "いただきます。"),
    "iPhone, Japanese of old": Reply("いただきます。\n\n私のiPhoneから送信\n", "いただきます。"),
    "iPhone, Chinese": Reply("我们要了。\n\n发自我的iPhone\n", "我们要了。"),
    "Huawei, Chinese": Reply("我们要了。\n\n发自我的华为手机\n", "我们要了。"),
    "iPhone, Taiwan": Reply("我們要了。\n\n從我的 iPhone 傳送\n", "我們要了。"),
    "iPhone, Korean": Reply("하겠습니다.\n\n나의 iPhone에서 보냄\n", "하겠습니다."),
    "iPhone, Turkish": Reply("Alıyoruz.\n\niPhone'umdan gönderildi\n", "Alıyoruz."),
    "disclaimer under a rule": Reply(
        "We take it.\n\n________________________________\nThis e-mail and its attachments are confidential and intended solely for the addressee.\n",
        "We take it.",
    ),
    "signature and disclaimer": Reply(
        "We take it.\n\n-- \nAda Byron\nByron Ltd\n\nThis message is confidential and intended only for the person to whom it is addressed.\n",
        "We take it.",
    ),
    "save paper": Reply(
        "We take it.\n\nPlease consider the environment before printing this e-mail.\n", "We take it."
    ),
    "scanner": Reply(
        "We take it.\n\n---\nThis email has been checked for viruses by Avast antivirus software.\nhttps://www.avast.com/antivirus\n",
        "We take it.",
    ),
    "scanner, German": Reply(
        "Machen wir.\n\n---\nDiese E-Mail wurde von Avast Antivirus-Software auf Viren geprüft.\nhttps://www.avast.com/antivirus\n",
        "Machen wir.",
    ),
    "Google group": Reply(
        'We take it.\n\n-- \nYou received this message because you are subscribed to the Google Groups "Boilers" group.\nTo unsubscribe from this group, send an email to x.\n',
        "We take it.",
    ),
}
"""What programs and people set below."""

AROUND: Final[dict[str, Reply]] = {
    "below": Reply(
        f"On 11/23/2026 09:12 AM, Cleo Hartmann wrote:\n\n{_MARKED}\nIt did, thank you.\n",
        "It did, thank you.",
    ),
    "below, no blank line": Reply(
        "On 11/23/2026 09:12 AM, Cleo Hartmann wrote:\n\n>\n> Did it?\nIt did.\n", "It did."
    ),
    "below, German": Reply(
        f"Am 23.11.26 um 09:12 schrieb Cleo Hartmann:\n{_MARKED}\nJa, danke.\n", "Ja, danke."
    ),
    "below, signed": Reply(
        f"On 11/23/2026 09:12 AM, Cleo wrote:\n{_MARKED}\nIt did.\n\n-- \nAda\n", "It did."
    ),
    "below, sent from a telephone": Reply(
        f"On 11/23/2026 09:12 AM, Cleo wrote:\n{_MARKED}\nIt did.\n\nSent from my iPhone\n", "It did."
    ),
    "above and below": Reply(
        "It did.\n\nOn 11/23/2026 09:12 AM, Cleo wrote:\n\n> Did it?\n\nRegards, Ada\n",
        "It did.\n\nRegards, Ada",
    ),
    "above, and a rule within": Reply(
        f"Hello Cleo,\n\nthe lid is dented.\n\n{'_' * 80}\n\nThe pipe leaks.\n\nBest regards,\nAda\n\nOn November 23, 2026, Cleo Hartmann wrote:\n{_MARKED}",
        f"Hello Cleo,\n\nthe lid is dented.\n\n{'_' * 80}\n\nThe pipe leaks.\n\nBest regards,\nAda",
    ),
    "between, a question over lines and an answer in small letters": Reply(
        "On 11/23/2026 09:12 AM, Cleo wrote:\n> We would like to deliver the boiler on Tuesday of next week\nno, wednesday\n> if that suits you\n",
        "no, wednesday",
    ),
    "between, with a greeting": Reply(
        "Hi Cleo,\n\nOn 11/23/2026 09:12 AM, Cleo wrote:\n> Did it arrive?\n\nYes, on Friday.\n\n> Is it whole?\n\nNo: the lid is dented.\n\nAda\n",
        "Hi Cleo,\n\nYes, on Friday.\n\nNo: the lid is dented.\n\nAda",
    ),
    "between, no blank lines": Reply(
        "On 11/23/2026 09:12 AM, Cleo wrote:\n> Did it arrive?\nYes.\n> Is it whole?\nNo.\n> Cleo\n",
        "Yes.\nNo.",
    ),
    "between, deep": Reply(
        "On 11/23/2026 09:12 AM, Cleo wrote:\n>> Ada wrote this.\n> Did it?\nYes.\n>> And that.\n> Really?\nReally.\n",
        "Yes.\nReally.",
    ),
    "between, in telephone style": Reply(
        "> On Nov 23, 2026, at 9:12 AM, Cleo <cleo@nordhaven.example> wrote:\n> \n> Did it arrive?\n\nYes.\n\n> Is it whole?\n\nNo.\n\nSent from my iPhone\n",
        "Yes.\n\nNo.",
    ),
    "between, with a signature between": Reply(
        "On 11/23/2026 09:12 AM, Cleo wrote:\n> Did it?\n\nYes.\n\n> -- \n> Cleo\n\n-- \nAda\n", "Yes."
    ),
    "a quotation between, everything else above": Reply(
        "You wrote\n\n> the boiler is whole\n\nbut it is not.\n", "You wrote\n\nbut it is not."
    ),
    "one sign below": Reply("On 11/23/2026 09:12 AM, Cleo wrote:\n> Fine?\n\n\U0001f44d\n", "\U0001f44d"),
    "one digit below": Reply("On 11/23/2026 09:12 AM, Cleo wrote:\n> How many?\n\n2\n", "2"),
    "one letter below": Reply("On 11/23/2026 09:12 AM, Cleo wrote:\n> Yes or no?\n\ny\n", "y"),
    "only a signature": Reply("-- \nAda Byron\n", ""),
    "nothing but a quotation": Reply(f"On 11/23/2026 09:12 AM, Cleo wrote:\n{_MARKED}", ""),
    "in another colour, they say": _top(
        "See my answers in red below.",
        f"From: Cleo <cleo@nordhaven.example>\nSent: Monday, November 23, 2026 9:12 AM\nTo: Ada <ada@example.org>\nSubject: x\n\n{_ASKED}",
    ),
}
"""Answers below and between what they answer."""


def _all(text: str) -> Reply:
    return Reply(text, text)


OWN: Final[dict[str, Reply]] = {
    "a line that begins with On": _all("On second thought, keep it.\nOn Friday we are away."),
    "a line that ends with wrote": _all("I told you what she wrote:\nthat the boiler is broken."),
    "a link with wrote": _all(
        "Read this: https://news.example/what-cleo-wrote-on-2026-11-23\nIt says it all."
    ),
    "times": _all("We can be there\nat 9:12 AM, 23 Nov 2026\nor at 10:00 on 24/11/2026:\nyou choose."),
    "a table of times": _all(
        "Opening times:\nMon, 23 Nov 2026 09:00:\nopen\nTue, 24 Nov 2026 09:00:\nclosed"
    ),
    "From within": _all("The order came\nFrom: the warehouse in Hull\nand was sent on."),
    "a contact's address": _all(
        "Write to our office instead:\nCleo Hartmann <cleo@nordhaven.example>\nShe knows about it."
    ),
    "an address and a colon": _all(
        "Please send it to cleo@nordhaven.example on 23.11.2026:\nthe small one, please."
    ),
    "sent from within": _all(
        "The parcel was sent from my old address.\nSent from Hull on Monday, it arrived on Friday.\nThe driver had no idea."
    ),
    "regards within": _all("With regards to the invoice: it is paid.\nRegards,\nAda"),
    "regards": _all("It is paid.\n\nKind regards\nAda Byron"),
    "dashes": _all(
        "Points:\n\n---\n\nFirst: the lid.\n\n---\n\nSecond: the pipe.\n\n---\n\nThat is all of it, and I would like to have both mended by the end of the month."
    ),
    "dashes and sentences": _all(
        "My findings:\n\n## Points\n----\n\n1. It leaks by 50%\n2. It is old\n\n----\n\nThe dashes above are for order.\n\n====\n\nSo are these."
    ),
    "points of two dashes": _all(
        "I write because of:\n-- the lid that is dented\n-- the pipe that leaks\n\nPlease look at both\n\nThanks!"
    ),
    "points of one dash": _all(
        "Please change:\n\n   -\n\n   The lid of the burner.\n   *\n\n   The pipe below it."
    ),
    "code of three ticks": _all(
        "It says:\n\n```\n# Do not touch\n#\n\n# It leaks\n####\nE 47\n```\n\nThat is all."
    ),
    "a form to fill in": _all(
        "What do you think of it?\n\n------------------- Your words below -------------------\n\nIt is good. Please go on."
    ),
    "an appointment": _all(
        "You are invited:\n\nDate: Monday 23, November 2026 \nTime: 7 : 00am \nAddress: 12 Dock Street\n\nPlease bring the key.".replace(
            " \n", "\n"
        )
    ),
    "from within twice": _all(
        "It comes from: cleo@nordhaven.example and from: ada@example.org\n\nFrom: here, not From: there."
    ),
    "dashes of a table": _all("item | price\n-----|------\nlid  | 12\npipe | 30"),
    "code": _all("The log says\n\n    > boiler --status\n    leaking\n\nwhat now?"),
    "markdown's quotation on purpose": _all("- the lid\n- the pipe\n-- and the small one\n\nThank you"),
    "comparison": _all("The pressure is\n> 3 bar, which is too much."),
    "arrows": _all("Settings >> Heating >> Reset\ndoes nothing."),
    "angle brackets in a line": _all(
        "Visit us now ...\n>>> >>>  http://www.nordhaven.example <<<\nwhere all of this is told again"
    ),
    "date and to in words": _all("Date: any day in May\nTo: whoever reads this\n\nWe want to leave."),
    "German sentences": _all(
        "Am Montag schrieb mir Ihr Kollege:\ndie Ware sei unterwegs.\n\nAm 23.11.2026 war sie noch nicht da."
    ),
    "German on the day": _all("Am 23.11.2026 um 09:12 war niemand da.\nBitte kommen Sie morgen."),
    "French sentences": _all(
        "Le 23 novembre, votre collègue a écrit :\nla livraison est en route.\n\nElle n'est jamais arrivée."
    ),
    "Spanish sentences": _all("El lunes me escribió su compañero:\nque llegaría hoy.\n\nNo llegó."),
    "Italian sentences": _all("Da: lunedì a venerdì\nA: casa mia\n\nQuesti sono gli orari."),
    "Dutch sentences": _all("Op maandag schreef uw collega:\nhet is onderweg.\n\nHet is er nog niet."),
    "Danish sentences": _all("Fra: mandag\nTil: fredag\n\nDet er vores åbningstid."),
    "Polish sentences": _all("Od: poniedziałku\nDo: piątku\n\nTo nasze godziny."),
    "travel": _all(
        "From: Hamburg\nTo: Hull\nDate: 23 November 2026\nSubject: two tickets\n\nPlease book this for us."
    ),
    "a form": _all(
        "Name: Ada Byron\nDate: 23.11.2026\nSubject: complaint\nTo: whom it may concern\n\nThe boiler leaks."
    ),
    "virus": _all("This email has a question: why does it leak?\nThis message is about the boiler."),
    "confidential": _all("This is confidential: my neighbour's boiler leaks too.\nPlease do not tell."),
    "emoji": _all("🎉"),
    "a signature's dash in a line": _all("The model is B-2 -- the small one.\nPlease send it."),
    "a long text behind a dash": _all(
        "Three things:\n\n--\n" + "\n".join(f"This is sentence number {n} of a long text." for n in range(20))
    ),
    "wrote without a colon": _all("On Monday Cleo wrote\nthat it is on its way. I do not believe it."),
    "a chat copied in": _all(
        "I copy our chat:\n\nAda: it leaks\nCleo: since when?\nAda: since Monday\n\nWhat now?"
    ),
    "a diary": _all(
        "Mon, 23 Nov 2026: it leaks\nTue, 24 Nov 2026: it leaks more\nWed, 25 Nov 2026: the cellar is full\n\nPlease come."
    ),
    "numbers": _all("On 3 of 5 days it leaked:\nMonday, Tuesday, Friday."),
    "an address after a date": _all(
        "Send it by 23.11.2026 to Cleo <cleo@nordhaven.example>:\nthe small one, please."
    ),
    "sent in a sentence with a comma": _all(
        "It leaks.\n\nSent from my kitchen, where typing is easier than on a mobile phone."
    ),
    "sent in a sentence with a telephone": _all("It leaks.\n\nSent by the courier on my phone's advice."),
    "sent in a sentence of Italian": _all("Perde.\n\nInviato da casa, dove scrivo meglio che dal telefono."),
    "sent in a sentence": _all("Sent by the way of Hull, the parcel took three days.\nWhere is it?"),
    "sent in a sentence, German": _all("Gesendet mit der Post am Montag.\nNichts kam an."),
    "sent in a sentence, Turkish": _all("Paket geldi mi?\n\nHull'dan gönderildi, ama gelmedi."),
    "a postscript below the telephone's line": Reply(
        "It leaks.\n\nSent from my iPhone\n\nPS: it leaks in the cellar, too.\n",
        "It leaks.\n\nSent from my iPhone\n\nPS: it leaks in the cellar, too.",
    ),
    "words below the telephone's line alone": Reply(
        "Sent from my iPhone\n\nPlease call\n", "Sent from my iPhone\n\nPlease call"
    ),
    "a dash and a sentence": _all("Hello,\n--\nthe boiler leaks, please come."),
    "underscores and a sentence": _all("Hello,\n____\nthe boiler leaks, please come."),
    "headers copied by hand": _all(
        "Your mail had these headers:\n\nFrom: cleo@nordhaven.example\nDate: 23.11.2026\n\nWhy did I get it?"
    ),
    "a day that begins a line": _all(
        "23 November 2026 is our day.\nWrite to Cleo <cleo@nordhaven.example>\nif not."
    ),
}
"""Texts that only look as if they quoted."""

LETTERS: Final[tuple[str, ...]] = (
    "Hello Care,\n\nOn Monday I was away.\nAm Dienstag bin ich da.\n\nMy new address:\nHarbour Lane 12\n\nRegards\nAda",
    "Hi,\n\nhere is what I found:\n- the lid\n- the pipe\n\nDate of purchase: 23.11.2026\nFrom: Hull\n\nThanks!",
    "Bonjour,\n\nLe 23 novembre j'ai reçu la chaudière.\nVoici mon adresse : 12 rue du Port\nTéléphone : 01 23 45 67 89\n\nCordialement\nAda",
    "Hola,\n\nEl lunes no estaba en casa.\nMi correo nuevo: ada@example.org\n\nSaludos",
    "Dobrý den,\n\ndne 23. 11. 2026 jsem nebyla doma.\nDatum: zítra\n\nDěkuji",
    "Здравствуйте!\n\nКотёл пришёл 23.11.2026 в 9:12.\nМой адрес: ул. Портовая, 12\n\nСпасибо",
    "你好，\n\n我在2026年11月23日收到了锅炉。\n地址：港口街12号\n\n谢谢",
    "Yes.\n\nSubject: the lid\nTo: be mended\n\nAda",
    "See https://x.example/a?b=1 and write to Bob <bob@example.org>.\n\nHe knows: ask him.\n\n---\n\nThe rest is fine.",
    "It says:\n\n    error at 10:30\n    > retry\n\nWhat now?",
    "Order 4711\nQuantity: 2\nDelivered on Nov 23, 2026 at 9:12 AM\n\nPlease cancel.",
    "1. yes\n2. no\n3. on 26 Nov 2026 at 5:00\n\nAda Byron\nByron Ltd\nTel. +44 20 555 0100\nwww.byron.example",
    "Sent the parcel back on Monday.\nReceived: nothing.\n\nBest,\nAda",
    "Am 26. November 2026 um 05:00 war es kalt:\nminus drei Grad.\n\nGruß",
    "I wrote:\n\nplease come.\n\nYou wrote:\n\nwe come.\n\nNobody came.",
    "Gesendet: gestern\n\nBitte prüfen.",
    "W dniu 23.11.2026 nie było nikogo.\nProszę o telefon: 22 555 01 00\n\nPozdrawiam",
    "Op maandag was ik niet thuis.\nDatum: dinsdag\n\nGroeten",
    "Name: Ada\nDate: 5 May",
    "Von: Hamburg\nNach: Hull\nDatum: 5. Mai",
    "Please call ada@example.org at 10:30:",
    "My address is\nAda Byron <ada@example.org>",
    "The dates are:\n23 November 2026\n24 November 2026",
    "We have two questions:\n\nOn what day?\nAt what time?",
    "Subject: complaint\n\nIt leaks.",
    "To: Care\nFrom: Ada\n\nIt leaks.\n\nPS: badly",
    "On 26 Nov 2026 at 5:00 PM we are at home",
    "Am 26.11.2026 um 05:00 Uhr",
    "Mon, 23 Nov 2026 at 9:12 AM",
    "Ada Byron <ada@example.org>",
    "fine -- really",
    "It is confidential: this message is for you only.",
    "Please unsubscribe me.",
    "Enviado el lunes por correo.\nNo llegó.",
    "Le colis a été envoyé de Paris.\nEnvoyé de Paris le lundi.\nRien.",
    "a",
    "?",
    "👍",
    "مرحبا\n\nشكرا",
    "From my side: all good.\nTo be clear: all of it.\nSubject to change: the date.",
    "Hi Cleo,\n\nI wrote on 23.11.2026 at 9:12 to <bob@example.org>:\n\nno answer.",
    "Den 23 november var jag borta.\n\nHälsningar\nAda",
)
"""Words of authors that have something of what programs write, and are none of it, whatever stands below."""

CORPUS: Final[dict[str, Reply]] = {
    f"{group}: {name}": reply
    for group, replies in (
        ("top", TOP),
        ("block", BLOCKS),
        ("signed", SIGNED),
        ("around", AROUND),
        ("own", OWN),
    )
    for name, reply in replies.items()
}
