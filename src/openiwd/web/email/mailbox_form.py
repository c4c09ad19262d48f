"""The form of a mailbox as data: what every mailbox has, and what each way to reach one (provider) asks for besides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from openiwd.domain.email.mailbox import AfterStoring, Mailbox, Security
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.form import Field
from openiwd.web.shell.sent import Sent

MEGABYTE: Final = 1024 * 1024


class FieldGroup(NamedTuple):
    """Fields under one heading; `secrets` are written, never read."""

    title: str
    fields: list[Field]


class Provider(NamedTuple):
    """A way to reach mailboxes: what it asks for, how that is read, and the names of its secrets.

    A further one adds a line to `PROVIDERS`; pages and templates know none of them by name.
    """

    id: str
    groups: Callable[[Mailbox | None, Catalogue, frozenset[str]], list[FieldGroup]]
    values: Callable[[Sent], dict[str, Any]]
    secrets: tuple[str, ...]
    serves: Callable[[Mailbox], bool]
    """Whether a stored mailbox is reached this way."""


def _servers(mailbox: Mailbox | None, t: Catalogue, stored: frozenset[str]) -> list[FieldGroup]:
    box = mailbox or Mailbox(id="new", name="new", address="new@invalid")
    incoming, outgoing = box.incoming, box.outgoing
    securities = [(s.value, t.named("mailbox_security", s.value)) for s in Security]
    after = [(a.value, t.named("mailbox_after", a.value)) for a in AfterStoring]
    return [
        FieldGroup(
            t("mailbox.incoming"),
            [
                Field("incoming.host", t("mailbox.host"), value=incoming.host, hint=t("mailbox.host_in_hint")),
                Field("incoming.port", t("mailbox.port"), "number", incoming.port),
                Field("incoming.security", t("mailbox.security"), "select", incoming.security.value, securities),
                Field("incoming.user", t("mailbox.user"), value=incoming.user),
                secret_field("imapPassword", t("mailbox.password"), t, stored),
                Field(
                    "incoming.folders", t("mailbox.folders"), value=", ".join(incoming.folders),
                    hint=t("mailbox.folders_hint"),
                ),
                Field("incoming.pollSeconds", t("mailbox.poll"), "number", incoming.poll_seconds,
                    hint=t("mailbox.poll_hint")),
                Field("incoming.afterStoring", t("mailbox.after"), "select", incoming.after_storing.value, after),
                Field("incoming.moveTo", t("mailbox.move_to"), value=incoming.move_to, hint=t("mailbox.move_to_hint")),
                Field(
                    "incoming.fromBeginning", t("mailbox.from_beginning"), "checkbox", incoming.from_beginning,
                    hint=t("mailbox.from_beginning_hint"),
                ),
            ],
        ),
        FieldGroup(
            t("mailbox.outgoing"),
            [
                Field("outgoing.host", t("mailbox.host"), value=outgoing.host, hint=t("mailbox.host_out_hint")),
                Field("outgoing.port", t("mailbox.port"), "number", outgoing.port),
                Field("outgoing.security", t("mailbox.security"), "select", outgoing.security.value, securities),
                Field("outgoing.user", t("mailbox.user"), value=outgoing.user, hint=t("mailbox.user_out_hint")),
                secret_field("smtpPassword", t("mailbox.password"), t, stored),
                Field(
                    "outgoing.sentFolder", t("mailbox.sent_folder"), value=outgoing.sent_folder,
                    hint=t("mailbox.sent_folder_hint"),
                ),
            ],
        ),
    ]  # fmt: skip


def secret_field(name: str, label: str, t: Catalogue, stored: frozenset[str]) -> Field:
    """Empty means: as it is."""
    hint = t("mailbox.secret_set") if name in stored else t("mailbox.secret_missing")
    return Field(name, label, "password", hint=hint)


def _server_values(sent: Sent) -> dict[str, Any]:
    incoming = {
        "host": sent.text("incoming.host"),
        "port": sent.number("incoming.port"),
        "security": sent.text("incoming.security"),
        "user": sent.text("incoming.user"),
        "folders": names(sent.text("incoming.folders")) or ["INBOX"],
        "pollSeconds": sent.number("incoming.pollSeconds"),
        "afterStoring": sent.text("incoming.afterStoring"),
        "moveTo": sent.text("incoming.moveTo"),
        "fromBeginning": sent.flag("incoming.fromBeginning"),
    }
    outgoing = {
        "host": sent.text("outgoing.host"),
        "port": sent.number("outgoing.port"),
        "security": sent.text("outgoing.security"),
        "user": sent.text("outgoing.user"),
        "sentFolder": sent.text("outgoing.sentFolder"),
    }
    return {"incoming": _said(incoming), "outgoing": _said(outgoing)}


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was left empty, so that it is as usual."""
    return {k: v for k, v in values.items() if v not in (None, "")}


def names(text: str) -> list[str]:
    """What stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


PROVIDERS: Final = (
    Provider("imap", _servers, _server_values, ("imapPassword", "smtpPassword"), lambda _: True),
)


def provider_of(mailbox: Mailbox | None, named: str) -> Provider:
    """The one named, else the one that reaches the mailbox."""
    chosen = next((p for p in PROVIDERS if p.id == named), None)
    if chosen is not None:
        return chosen
    if mailbox is not None:
        return next(p for p in PROVIDERS if p.serves(mailbox))
    return PROVIDERS[0]


def common_groups(mailbox: Mailbox | None, t: Catalogue, paths: list[tuple[str, str]]) -> list[FieldGroup]:
    """What every mailbox has, whoever serves it."""
    box = mailbox or Mailbox(id="new", name="new", address="new@invalid")
    new = mailbox is None
    identity = [Field("name", t("people.name"), value="" if new else box.name, required=True)]
    if new:
        identity.append(Field("id", t("people.id"), required=True, hint=t("mailbox.id_hint")))
    return [
        FieldGroup(
            t("mailbox.identity"),
            [
                *identity,
                Field("address", t("mailbox.address"), "email", "" if new else box.address, required=True),
                Field("aliases", t("mailbox.aliases"), value=", ".join(box.aliases), hint=t("mailbox.aliases_hint")),
                Field("displayName", t("mailbox.display_name"), value=box.display_name,
                    hint=t("mailbox.display_name_hint")),
                Field("enabled", t("mailbox.enabled"), "checkbox", box.enabled, hint=t("mailbox.enabled_hint")),
            ],
        ),
        FieldGroup(
            t("mailbox.items"),
            [
                Field(
                    "category", t("mailbox.category"), "select", box.category, [("", t("mailbox.by_rules")), *paths],
                    hint=t("mailbox.category_hint"),
                ),
                Field("reopenDays", t("mailbox.reopen_days"), "number", box.reopen_days,
                    hint=t("mailbox.reopen_days_hint")),
                Field("signature", t("mailbox.signature"), "textarea", box.signature, rows=4,
                    hint=t("mailbox.signature_hint")),
                Field("replyAll", t("mailbox.reply_all"), "checkbox", box.reply_all),
            ],
        ),
        FieldGroup(
            t("mailbox.limits"),
            [
                Field("maxMegabytes", t("mailbox.max_size"), "number", max(1, box.max_bytes // MEGABYTE)),
                Field(
                    "blockedExtensions", t("mailbox.blocked"), "textarea", ", ".join(box.blocked_extensions),
                    hint=t("mailbox.blocked_hint"),
                ),
                Field("caCertificate", t("mailbox.ca"), "textarea", box.ca_certificate, hint=t("mailbox.ca_hint")),
            ],
        ),
    ]  # fmt: skip


def common_values(sent: Sent, mailbox_id: str) -> dict[str, Any]:
    megabytes = sent.number("maxMegabytes")
    reopen = sent.number("reopenDays")
    return {
        "id": mailbox_id,
        "name": sent.text("name"),
        "address": sent.text("address"),
        "aliases": names(sent.text("aliases")),
        "displayName": sent.text("displayName"),
        "enabled": sent.flag("enabled"),
        "category": sent.text("category"),
        "signature": sent.text("signature"),
        "replyAll": sent.flag("replyAll"),
        "blockedExtensions": names(sent.text("blockedExtensions")),
        "caCertificate": sent.text("caCertificate"),
        **({"maxBytes": megabytes * MEGABYTE} if megabytes is not None else {}),
        **({"reopenDays": reopen} if reopen is not None else {}),
    }
