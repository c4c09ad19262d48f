"""The form of a mailbox as data: what every mailbox has, and what each way to reach one (provider) asks for besides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from openiwd.domain.email.mailbox import Access, AfterStoring, Mailbox, Security
from openiwd.domain.email.server_oauth import ServerOAuth, SignIn
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.form import Field
from openiwd.web.shell.sent import Sent

MEGABYTE: Final = 1024 * 1024
PASSWORD: Final = "password"  # noqa: S105 - a way to be let in
"""How a form says that passwords let in, instead of tokens."""


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
        _server_sign_in(box, t, stored),
    ]  # fmt: skip


def _server_sign_in(box: Mailbox, t: Catalogue, stored: frozenset[str]) -> FieldGroup:
    """Passwords, or access tokens of an authorization server."""
    oauth = box.oauth or ServerOAuth()
    chosen = PASSWORD if box.oauth is None else oauth.sign_in.value
    ways = [(way, t.named("mailbox_server_sign_in", way)) for way in (PASSWORD, *(s.value for s in SignIn))]
    return FieldGroup(
        t("mailbox.server_sign_in"),
        [
            Field("oauth.signIn", t("mailbox.sign_in_by"), "select", chosen, ways, hint=t("mailbox.oauth_hint")),
            Field("oauth.tokenUrl", t("mailbox.token_url"), value=oauth.token_url, hint=t("mailbox.token_url_hint")),
            Field("oauth.consentUrl", t("mailbox.consent_url"), value=oauth.consent_url,
                hint=t("mailbox.consent_url_hint")),
            Field("oauth.clientId", t("mailbox.client_id"), value=oauth.client_id, hint=t("mailbox.client_id_hint")),
            secret_field("clientSecret", t("mailbox.client_secret"), t, stored),
            _secret_end(box, t),
            Field("oauth.scope", t("mailbox.scope"), value=oauth.scope, hint=t("mailbox.scope_hint")),
        ],
    )  # fmt: skip


def _secret_end(box: Mailbox, t: Catalogue) -> Field:
    ends = box.secret_expires_on
    value = "" if ends is None else ends.isoformat()
    return Field("secretExpiresOn", t("mailbox.secret_end"), "date", value, hint=t("mailbox.secret_end_hint"))


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
    return {
        "access": Access.IMAP.value,
        "incoming": _said(incoming),
        "outgoing": _said(outgoing),
        "oauth": _oauth_values(sent),
        "secretExpiresOn": sent.optional("secretExpiresOn"),
    }


def _oauth_values(sent: Sent) -> dict[str, Any] | None:
    sign_in = sent.text("oauth.signIn")
    if sign_in in ("", PASSWORD):
        return None
    named = ("tokenUrl", "consentUrl", "clientId", "scope")
    return {"signIn": sign_in, **{name: sent.text(f"oauth.{name}") for name in named}}


def _cloud(
    access: Access, folder: str
) -> Callable[[Mailbox | None, Catalogue, frozenset[str]], list[FieldGroup]]:
    """What Gmail or Microsoft 365 ask for; `folder` is usually read."""
    is_microsoft = access is Access.MICROSOFT

    def groups(mailbox: Mailbox | None, t: Catalogue, stored: frozenset[str]) -> list[FieldGroup]:
        box = mailbox or Mailbox(id="new", name="new", address="new@invalid", access=access)
        cloud, incoming = box.cloud, box.incoming
        sign_ins = [(s.value, t.named("mailbox_sign_in", s.value)) for s in SignIn]
        after = [(a.value, t.named("mailbox_after", a.value)) for a in AfterStoring]
        folders = [folder] if mailbox is None else incoming.folders
        directory = Field(
            "cloud.directory", t("mailbox.directory"), value=cloud.directory, hint=t("mailbox.directory_hint")
        )
        account = secret_field("serviceAccountKey", t("mailbox.service_account"), t, stored)
        return [
            FieldGroup(
                t.named("mailbox_access", access.value),
                [
                    Field("cloud.signIn", t("mailbox.sign_in_by"), "select", cloud.sign_in.value, sign_ins,
                          hint=t("mailbox.sign_in_by_hint")),
                    *([directory] if is_microsoft else []),
                    Field("cloud.clientId", t("mailbox.client_id"), value=cloud.client_id,
                          hint=t("mailbox.client_id_hint")),
                    secret_field("clientSecret", t("mailbox.client_secret"), t, stored),
                    _secret_end(box, t),
                    *([] if is_microsoft else [account._replace(kind="textarea", rows=3)]),
                    Field("cloud.user", t("mailbox.cloud_user"), value=cloud.user, hint=t("mailbox.cloud_user_hint")),
                ],
            ),
            FieldGroup(
                t("mailbox.incoming"),
                [
                    Field("cloud.reads", t("mailbox.reads"), "checkbox", cloud.reads),
                    Field("incoming.folders", t("mailbox.cloud_folders"), value=", ".join(folders),
                          hint=t("mailbox.folders_hint")),
                    Field("incoming.pollSeconds", t("mailbox.poll"), "number", incoming.poll_seconds,
                          hint=t("mailbox.poll_hint")),
                    Field("incoming.afterStoring", t("mailbox.after"), "select", incoming.after_storing.value, after),
                    Field("incoming.moveTo", t("mailbox.move_to"), value=incoming.move_to,
                          hint=t("mailbox.move_to_hint")),
                    Field("incoming.fromBeginning", t("mailbox.from_beginning"), "checkbox", incoming.from_beginning,
                          hint=t("mailbox.from_beginning_hint")),
                ],
            ),
            FieldGroup(
                t("mailbox.outgoing"), [Field("cloud.sends", t("mailbox.sends"), "checkbox", cloud.sends)]
            ),
        ]  # fmt: skip

    return groups


def _cloud_values(access: Access, folder: str) -> Callable[[Sent], dict[str, Any]]:
    def values(sent: Sent) -> dict[str, Any]:
        cloud = {
            "signIn": sent.text("cloud.signIn"),
            "directory": sent.text("cloud.directory"),
            "clientId": sent.text("cloud.clientId"),
            "user": sent.text("cloud.user"),
            "reads": sent.flag("cloud.reads"),
            "sends": sent.flag("cloud.sends"),
        }
        incoming = {
            "folders": names(sent.text("incoming.folders")) or [folder],
            "pollSeconds": sent.number("incoming.pollSeconds"),
            "afterStoring": sent.text("incoming.afterStoring"),
            "moveTo": sent.text("incoming.moveTo"),
            "fromBeginning": sent.flag("incoming.fromBeginning"),
        }
        return {
            "access": access.value,
            "cloud": _said(cloud),
            "incoming": _said(incoming),
            "secretExpiresOn": sent.optional("secretExpiresOn"),
        }

    return values


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was left empty, so that it is as usual."""
    return {k: v for k, v in values.items() if v not in (None, "")}


def names(text: str) -> list[str]:
    """What stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


PROVIDERS: Final = (
    Provider(
        Access.IMAP.value,
        _servers,
        _server_values,
        ("imapPassword", "smtpPassword", "clientSecret"),
        lambda box: box.access is Access.IMAP,
    ),
    Provider(
        Access.GMAIL.value,
        _cloud(Access.GMAIL, "INBOX"),
        _cloud_values(Access.GMAIL, "INBOX"),
        ("clientSecret", "serviceAccountKey"),
        lambda box: box.access is Access.GMAIL,
    ),
    Provider(
        Access.MICROSOFT.value,
        _cloud(Access.MICROSOFT, "inbox"),
        _cloud_values(Access.MICROSOFT, "inbox"),
        ("clientSecret",),
        lambda box: box.access is Access.MICROSOFT,
    ),
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
    return [
        FieldGroup(t("mailbox.identity"), _identity(box, t, is_new=mailbox is None)),
        FieldGroup(t("mailbox.items"), _items(box, t, paths)),
        FieldGroup(t("mailbox.answers"), _answers(box, t)),
        FieldGroup(t("mailbox.limits"), _limits(box, t)),
        FieldGroup(t("mailbox.retry"), _retry(box, t)),
    ]


def _identity(box: Mailbox, t: Catalogue, *, is_new: bool) -> list[Field]:
    new_id = [Field("id", t("people.id"), required=True, hint=t("mailbox.id_hint"))]
    return [
        Field("name", t("people.name"), value="" if is_new else box.name, required=True),
        *(new_id if is_new else []),
        Field("address", t("mailbox.address"), "email", "" if is_new else box.address, required=True),
        Field("aliases", t("mailbox.aliases"), value=", ".join(box.aliases), hint=t("mailbox.aliases_hint")),
        Field("displayName", t("mailbox.display_name"), value=box.display_name, hint=t("mailbox.display_name_hint")),
    ]  # fmt: skip


def _items(box: Mailbox, t: Catalogue, paths: list[tuple[str, str]]) -> list[Field]:
    return [
        Field(
            "category", t("mailbox.category"), "select", box.category, [("", t("mailbox.by_rules")), *paths],
            hint=t("mailbox.category_hint"),
        ),
        Field("reopenDays", t("mailbox.reopen_days"), "number", box.reopen_days, hint=t("mailbox.reopen_days_hint")),
        Field("signature", t("mailbox.signature"), "textarea", box.signature, rows=4, hint=t("mailbox.signature_hint")),
        Field("replyAll", t("mailbox.reply_all"), "checkbox", box.reply_all),
    ]  # fmt: skip


def _answers(box: Mailbox, t: Catalogue) -> list[Field]:
    told = box.acknowledgement
    return [
        Field("acknowledgement.enabled", t("mailbox.acknowledge"), "checkbox", told.enabled,
            hint=t("mailbox.acknowledge_hint")),
        Field("acknowledgement.subject", t("mailbox.acknowledge_subject"), value=told.subject,
            hint=t("mailbox.acknowledge_subject_hint")),
        Field("acknowledgement.text", t("mailbox.acknowledge_text"), "textarea", told.text, rows=4,
            hint=t("mailbox.acknowledge_text_hint")),
        Field("review", t("mailbox.review"), "checkbox", box.review, hint=t("mailbox.review_hint")),
    ]  # fmt: skip


def _limits(box: Mailbox, t: Catalogue) -> list[Field]:
    return [
        Field("maxMegabytes", t("mailbox.max_size"), "number", max(1, box.max_bytes // MEGABYTE)),
        Field(
            "blockedExtensions", t("mailbox.blocked"), "textarea", ", ".join(box.blocked_extensions),
            hint=t("mailbox.blocked_hint"),
        ),
        Field("caCertificate", t("mailbox.ca"), "textarea", box.ca_certificate, hint=t("mailbox.ca_hint")),
    ]  # fmt: skip


def _retry(box: Mailbox, t: Catalogue) -> list[Field]:
    return [
        Field("retry.hours", t("mailbox.retry_hours"), "number", box.retry.hours, hint=t("mailbox.retry_hours_hint")),
        Field("retry.firstPauseSeconds", t("mailbox.retry_first"), "number", box.retry.first_pause_seconds),
        Field("retry.longestPauseSeconds", t("mailbox.retry_longest"), "number", box.retry.longest_pause_seconds,
            hint=t("mailbox.retry_longest_hint")),
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
        "category": sent.text("category"),
        "signature": sent.text("signature"),
        "replyAll": sent.flag("replyAll"),
        "blockedExtensions": names(sent.text("blockedExtensions")),
        "caCertificate": sent.text("caCertificate"),
        "acknowledgement": {
            "enabled": sent.flag("acknowledgement.enabled"),
            "subject": sent.text("acknowledgement.subject"),
            "text": sent.text("acknowledgement.text"),
        },
        "review": sent.flag("review"),
        "retry": _said(
            {n: sent.number(f"retry.{n}") for n in ("hours", "firstPauseSeconds", "longestPauseSeconds")}
        ),
        **({"maxBytes": megabytes * MEGABYTE} if megabytes is not None else {}),
        **({"reopenDays": reopen} if reopen is not None else {}),
    }
