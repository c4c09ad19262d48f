"""A real Dovecot and a real Postfix on free loopback ports, in a folder of their own, stopped by their pids.

Any account exists, with one password, or with a token that the authorization server beside it knows (XOAUTH2,
OAUTHBEARER), except those whose name begins with `gone`. Mail to `bounce.invalid` is taken,
and bounces then; mail to other domains is refused.
"""

from __future__ import annotations

import email.message
import grp
import imaplib
import os
import pwd
import shutil
import smtplib
import socket
import ssl
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import mkdtemp

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.servers.authorization import AuthorizationServer

TEMP_DIR = Path("/tmp")  # noqa: S108 - the folder made in it is private
PASSWORD = "correct-horse"
NOBODY = 65_534
DAEMONS = Path("/usr/lib/postfix/sbin")
START_SECONDS = 30.0

DOVECOT = """\
base_dir = {folder}/dovecot
state_dir = {folder}/dovecot
log_path = {folder}/dovecot.log
protocols = imap lmtp
postmaster_address = postmaster@example.com
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = yes
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
mail_location = maildir:{folder}/mail/%d/%n
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 100
service imap-login {{
  # Each connection by TLS keeps a process of its own otherwise, of which there are a hundred at most.
  service_count = 0
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
service auth {{
  inet_listener {{
    address = 127.0.0.1
    port = {auth}
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
service anvil {{
  # Tests that are refused shall not slow others down.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
passdb {{
  driver = static
  mechanisms = plain login
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={nobody} gid={nobody} home={folder}/mail/%d/%n allow_all_users=yes
}}
"""
OAUTH2 = """\
introspection_mode = post
introspection_url = {authorization}/introspect
force_introspection = yes
active_attribute = active
active_value = true
username_attribute = username
username_format = %u
"""
MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.example.com
mydestination =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 192.0.2.0/32
virtual_mailbox_domains = example.com, example.org
virtual_mailbox_maps = regexp:{folder}/accounts
transport_maps = regexp:{folder}/transports
virtual_mailbox_base = {folder}/mail
virtual_uid_maps = static:{nobody}
virtual_gid_maps = static:{nobody}
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
recipient_delimiter = +
default_transport = error:5.1.2 no such domain is known here
smtpd_tls_cert_file = {folder}/cert.pem
smtpd_tls_key_file = {folder}/key.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{auth}
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
message_size_limit = 60000000
virtual_mailbox_limit = 0
minimal_backoff_time = 1s
queue_run_delay = 1s
"""
MASTER = """\
127.0.0.1:{smtp} inet n - n - - smtpd
127.0.0.1:{smtps} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n -  0 cleanup
qmgr      unix  n - n 1  1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -  - trivial-rewrite
bounce    unix  - - n -  0 bounce
defer     unix  - - n -  0 bounce
trace     unix  - - n -  0 bounce
verify    unix  - - n -  1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -  - proxymap
smtp      unix  - - n -  - smtp
relay     unix  - - n -  - smtp
showq     unix  n - n -  - showq
error     unix  - - n -  - error
retry     unix  - - n -  - error
discard   unix  - - n -  - discard
local     unix  - n n -  - local
virtual   unix  - n n -  - virtual
lmtp      unix  - - n -  - lmtp
anvil     unix  - - n -  1 anvil
scache    unix  - - n -  1 scache
postlog   unix-dgram n - n - 1 postlogd
"""
ACCOUNTS = """\
if !/(^gone|@bounce\\.invalid$)/
/./ OK
endif
"""
TRANSPORTS = """\
/@bounce\\.invalid$/ virtual:
"""


class MailServer:
    """The running pair. Accounts need no making."""

    def __init__(
        self, folder: Path, ports: dict[str, int], certificate: str, authorization: AuthorizationServer
    ) -> None:
        self.folder = folder
        self.authorization = authorization
        self.host = "localhost"
        self.imap, self.imaps = ports["imap"], ports["imaps"]
        self.smtp, self.smtps = ports["smtp"], ports["smtps"]
        self.certificate = certificate
        self.password = PASSWORD

    def account(self, name: str = "care", domain: str = "example.com") -> str:
        """An address that no other test uses."""
        return f"{name}-{uuid.uuid4().hex[:12]}@{domain}"

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.certificate)

    def deliver(self, sender: str, recipients: list[str], raw: bytes) -> None:
        """Sends as somebody: STARTTLS, AUTH."""
        with smtplib.SMTP(self.host, self.smtp, timeout=30) as client:
            client.starttls(context=self._context())
            client.login(sender, PASSWORD)
            client.sendmail(sender, recipients, raw)

    def send(self, message: email.message.EmailMessage) -> None:
        self.deliver(
            message["From"].addresses[0].addr_spec,
            [a.addr_spec for a in message["To"].addresses],
            message.as_bytes(),
        )

    def messages(self, address: str, folder: str = "INBOX") -> list[bytes]:
        """All messages of an account's folder, unmarked."""
        with self._logged_in(address) as client:
            if client.select(f'"{folder}"', readonly=True)[0] != "OK":
                return []
            _, found = client.uid("SEARCH", "ALL")
            uids = [uid.decode() for uid in found[0].split()]
            return [client.uid("FETCH", uid, "(BODY.PEEK[])")[1][0][1] for uid in uids]

    def flags(self, address: str, folder: str = "INBOX") -> list[bytes]:
        with self._logged_in(address) as client:
            client.select(f'"{folder}"', readonly=True)
            return [line for line in client.uid("FETCH", "1:*", "(FLAGS)")[1] if line]

    def make_folder(self, address: str, folder: str) -> None:
        with self._logged_in(address) as client:
            client.create(f'"{folder}"')

    def remove_folder(self, address: str, folder: str) -> None:
        with self._logged_in(address) as client:
            assert client.delete(f'"{folder}"')[0] == "OK"

    def put(self, address: str, raw: bytes, folder: str = "INBOX", flags: str = "") -> None:
        """Puts a message into a folder as it is, past SMTP."""
        with self._logged_in(address) as client:
            assert client.append(f'"{folder}"', flags, None, raw)[0] == "OK"

    def _logged_in(self, address: str) -> imaplib.IMAP4_SSL:
        client = imaplib.IMAP4_SSL(self.host, self.imaps, ssl_context=self._context(), timeout=30)
        client.login(address, PASSWORD)
        return client


def _missing() -> str | None:
    for program in ("dovecot", "postfix"):
        if shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            return f"{program} is not installed"
    return None if os.geteuid() == 0 else "Postfix starts as root only"


@pytest.fixture(scope="session")
def mail_server() -> Iterator[MailServer]:
    """Dovecot and Postfix of this pytest process."""
    reason = _missing()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with running_mail_server() as server:
        yield server


@contextmanager
def running_mail_server() -> Iterator[MailServer]:
    """Dovecot and Postfix, as long as this is open."""
    reason = _missing()
    assert reason is None, reason
    folder = Path(mkdtemp(prefix="openiwd-mail-", dir=TEMP_DIR))
    running: list[subprocess.Popen[bytes]] = []
    authorization = AuthorizationServer()
    authorization.start()
    try:
        server = _configure(folder, authorization)
        running.append(
            _run("/usr/sbin/dovecot", "-F", "-c", str(folder / "dovecot.conf"), log=folder / "dovecot.out")
        )
        subprocess.run(
            ["/usr/sbin/postfix", "-c", str(folder / "postfix"), "check"],
            check=True,
            capture_output=True,
            timeout=60,
        )
        master = str(DAEMONS / "master")
        running.append(_run(master, "-c", str(folder / "postfix"), "-d", log=folder / "postfix.out"))
        for port in (server.imap, server.imaps, server.smtp, server.smtps):
            _wait_for(port, running, folder)
        yield server
    finally:
        for process in reversed(running):
            _stop(process)
        authorization.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _configure(folder: Path, authorization: AuthorizationServer) -> MailServer:
    folder.chmod(0o755)
    ports = dict(zip(("imap", "imaps", "smtp", "smtps", "auth", "lmtp"), _free_ports(6), strict=True))
    certificate = _make_certificate(folder)
    values = {
        **ports, "folder": folder, "password": PASSWORD, "nobody": NOBODY, "daemons": DAEMONS,
        "authorization": authorization.url,
    }  # fmt: skip
    for name in ("postfix", "queue", "data", "mail", "dovecot"):
        (folder / name).mkdir()
    (folder / "dovecot.conf").write_text(DOVECOT.format(**values))
    (folder / "oauth2.conf").write_text(OAUTH2.format(**values))
    (folder / "postfix" / "main.cf").write_text(MAIN.format(**values))
    (folder / "postfix" / "master.cf").write_text(MASTER.format(**values))
    (folder / "accounts").write_text(ACCOUNTS)
    (folder / "transports").write_text(TRANSPORTS)
    os.chown(folder / "mail", NOBODY, NOBODY)
    os.chown(folder / "data", pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postfix").gr_gid)
    return MailServer(folder, ports, certificate, authorization)


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def _make_certificate(folder: Path) -> str:
    """A certificate that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=2)
        )
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    (folder / "cert.pem").write_bytes(pem)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(secret)
    return pem.decode()


def _run(*command: str, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
        )


def _wait_for(port: int, running: list[subprocess.Popen[bytes]], folder: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            logs = [p.read_text(errors="replace")[-2_000:] for p in folder.glob("*.[ol][ou][tg]")]
            assert time.monotonic() < end, logs
            assert all(process.poll() is None for process in running), logs
            time.sleep(0.02)  # a server that starts gives no other signal


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The server and what it has started, by their pids."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        children = []
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in psutil.wait_procs(children, timeout=5)[1]:
        child.kill()
