"""First start: databases, the tenant, its first users and key. Every step can be repeated."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from openiwd.adapters.postgres.migrate import Runner, migrate, migrate_tenants
from openiwd.adapters.postgres.migrations.errors import MigrationError
from openiwd.adapters.postgres.migrations.history import History
from openiwd.domain.privilege import Role
from openiwd.ports.control_store import User
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.database import database_dsn, ensure_database
from openiwd.processes.identity import new_id
from openiwd.processes.wiring import Wiring
from openiwd.usecases.user import KEY_PREFIX, hash_secret

log = structlog.get_logger()

CONTROL_DATABASE = "openiwd"
CREDENTIALS_FILE = "first-logins.json"
SECRET_KEY_FILE = "secret.key"  # noqa: S105 - a file's name


class FirstUser(Struct, kw_only=True):
    """A login made at the first start, as `--json` prints it."""

    login: str
    password: str
    role: str
    name: str = ""
    agent_id: str | None = None


class Credentials(Struct, kw_only=True, rename="camel"):
    """What the first start made up; kept in the data folder (mode 0600) and printed at every start of `up`."""

    api_key: str
    users: list[FirstUser]
    """None of a tenant that had users already: their passwords are known to themselves alone."""
    stored: bool = True
    """False while it is not certain that the database has them."""


def new_password() -> str:
    return secrets.token_urlsafe(9)


async def prepare_databases(
    server_dsn: str, tenant: Tenant, control: str = CONTROL_DATABASE, *, runner: Runner | None = None
) -> str:
    """The control database and the tenant's, both migrated with one start of the runner; the control DSN."""
    await ensure_database(server_dsn, control)
    await ensure_database(server_dsn, tenant.database_name)
    control_dsn = database_dsn(server_dsn, control)
    tenant_dsn = database_dsn(server_dsn, tenant.database_name)
    databases = [(History.CONTROL, control_dsn), (History.TENANT, tenant_dsn)]
    for result in await migrate(databases, runner=runner):
        if isinstance(result, MigrationError):
            raise result
    return control_dsn


async def migrate_databases(wiring: Wiring, tenants: Sequence[Tenant]) -> None:
    """Brings these databases up to date. A tenant whose database fails is behind: it alone answers 503 until then."""
    dsns = [database_dsn(wiring.control_dsn, tenant.database_name) for tenant in tenants]
    for tenant, result in zip(tenants, await migrate_tenants(dsns), strict=True):
        if isinstance(result, MigrationError):
            wiring.behind.add(tenant.id)
            log.error("tenant is behind", tenant=tenant.id, reason=str(result))


async def ensure_tenant(wiring: Wiring, tenant: Tenant) -> None:
    """The tenant's row in the control database; an existing one stays as it is."""
    if await wiring.control.tenant(tenant.id) is None:
        await wiring.control.save_tenant(tenant)


def new_api_key() -> str:
    return KEY_PREFIX + secrets.token_urlsafe(32)


async def make_api_key(
    wiring: Wiring, tenant_id: str | None, name: str, role: Role, secret: str | None = None
) -> str:
    """Stores a key (once, where the secret is given) and returns its secret, which is known only now."""
    if secret is not None and await wiring.control.api_key(hash_secret(secret)) is not None:
        return secret
    made, _ = await wiring.platform.identities.create_key(new_id(), tenant_id, name, role=role, secret=secret)
    return made


PLATFORM_KEY = "platform"
PLATFORM_PRIVILEGES = ("tenants.view", "tenants.update")


async def ensure_platform_key(wiring: Wiring, secret: str, name: str = PLATFORM_KEY) -> None:
    """The platform's key of the settings is known, and replaces the one that was set before."""
    if await wiring.control.api_key(hash_secret(secret)) is not None:
        return
    for key in await wiring.control.api_keys(None):
        if key.name == name:
            await wiring.control.delete_api_key(None, key.id)
    await wiring.platform.identities.create_key(
        new_id(), None, name, privileges=PLATFORM_PRIVILEGES, secret=secret
    )


async def make_users(
    wiring: Wiring, tenant: Tenant, users: list[FirstUser], hashed: Mapping[str, str] | None = None
) -> None:
    """Stores users that are not there yet; `hashed` holds passwords that have been hashed already."""
    hashes = dict(hashed or {})
    for user in users:
        if await wiring.control.user(tenant.id, user.login) is not None:
            continue
        if user.password not in hashes:
            hashes[user.password] = await wiring.platform.identities.hash_password(user.password)
        stored = User(
            id=new_id(), tenant_id=tenant.id, login=user.login, name=user.name or user.login, role=user.role,
            agent_id=user.agent_id, time_zone=tenant.time_zone, password_hash=hashes[user.password],
        )  # fmt: skip
        await wiring.control.save_user(stored, revision=None)


def secret_key(data_dir: Path) -> str:
    """What stored secrets are sealed with: made at the first start, and kept beside the database."""
    path = data_dir / SECRET_KEY_FILE
    if not path.exists():
        _write_private(path, secrets.token_hex(32).encode())
    return path.read_text(encoding="ascii").strip()


def read_credentials(data_dir: Path) -> Credentials | None:
    path = data_dir / CREDENTIALS_FILE
    return msgspec.json.decode(path.read_bytes(), type=Credentials) if path.exists() else None


def write_credentials(data_dir: Path, credentials: Credentials) -> None:
    """Kept in the data folder, for its owner's eyes only."""
    content = msgspec.json.format(msgspec.json.encode(credentials), indent=1)
    _write_private(data_dir / CREDENTIALS_FILE, content)


def _write_private(path: Path, content: bytes) -> None:
    """For its owner's eyes only; whole or not at all, whenever the process is killed."""
    unfinished = path.with_name(f"{path.name}.new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
