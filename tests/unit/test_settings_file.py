"""The settings file: its keys become settings, the environment wins, and what cannot be right is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from openiwd.domain.errors import InvalidInputError
from openiwd.processes.settings import read_email_settings, read_mart_settings, read_settings
from openiwd.processes.settings_file import variables_of, with_file
from openiwd.usecases.mart_run import Chain

# The keys that the deployment of the product before knows.
KNOWN = """
[redis]
nodes = ["redis-1:6379", "redis-2:6380"]
useCluster = true
enableTLS = true
password = "p@ss"

[elasticsearch]
host = ["search-1", "search-2:9201", "https://search-3:9243"]
port = 9202
user = "iwd"

[iwd]
secretKey = ["{key}", "{key}"]
connectionBudget = 33

[iwd.db]
host = "postgres"
port = 5433
database = "open iwd"
user = "iwd"
password = "a/b@c"
ssl = true

[gauth.auth]
url = "https://gauth.example.com"
redirectUrl = "https://iwd.example.com/auth/callback"

[gws]
url = "https://gws.example.com"
clientId = "id"
clientSecret = "secret"
apiKey = "gws-key"
contactCenterId = "cc"

[nexus]
url = "https://nexus.example.com"
apikey = "gws-key"

[datamart]
tenant = "acme"
scheduleInterval = 60
executionChain = "historical"
restUrl = "http://iwd:4024"
apiKey = "mart-key"
gim = {{host = "gim", database = "gim", user = "reader", ssl = "verify-full"}}
db = {{url = "postgresql://marts/iwddm-acme"}}

[email]
keys = ["one", "two"]

[monitoring]
port = 10055
customaryMetrics = true
certificates = ["/tls/a.crt", "/tls/b.crt"]
""".format(key="k" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "openiwd.toml"


def env(path: Path, text: str, **more: str) -> dict[str, str]:
    path.write_text(text)
    return dict(with_file({"OPENIWD_CONFIG": str(path), **more}))


def test_keys_become_settings(path: Path) -> None:
    variables = env(path, KNOWN)
    settings = read_settings(variables)
    assert settings.database_url == "postgresql://iwd:a%2Fb%40c@postgres:5433/open%20iwd?sslmode=require"
    assert settings.connection_budget == 33
    assert settings.secret_keys == ("k" * 32, "k" * 32)
    assert settings.redis is not None
    assert settings.redis.nodes == (("redis-1", 6379), ("redis-2", 6380))
    assert (settings.redis.cluster, settings.redis.tls, settings.redis.password) == (True, True, "p@ss")
    assert settings.search is not None
    assert settings.search.urls == ("http://search-1:9202", "http://search-2:9201", "https://search-3:9243")
    assert settings.cloud.public == "https://iwd.example.com"
    assert (settings.metrics_port, settings.customary_metrics) == (10_055, True)
    assert settings.certificates == (Path("/tls/a.crt"), Path("/tls/b.crt"))
    assert read_email_settings(variables).api_keys == ["one", "two"]


def test_keys_of_the_data_mart(path: Path) -> None:
    mart = read_mart_settings(env(path, KNOWN))
    assert mart.database_url == "postgresql://marts/iwddm-acme"
    assert mart.info_mart_url == "postgresql://reader@gim:5432/gim?sslmode=verify-full"
    assert (mart.tenant, mart.url, mart.api_key) == ("acme", "http://iwd:4024", "mart-key")
    assert (mart.interval_seconds, mart.chain) == (60, Chain.HISTORICAL)
    assert mart.gws is not None
    assert (mart.gws.auth_url, mart.gws.api_key) == ("https://gauth.example.com", "gws-key")
    assert (mart.gws.client_id, mart.gws.client_secret) == ("id", "secret")
    assert (mart.gws.workspace, mart.gws.nexus) == ("https://gws.example.com", "https://nexus.example.com")


def test_the_environment_wins(path: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("m" * 32)
    given = {
        "OPENIWD_DATABASE_URL": "postgresql://other/openiwd",
        "OPENIWD_SECRET_KEY_FILE": str(tmp_path / "key"),
    }
    settings = read_settings(env(path, KNOWN, **given, OPENIWD_CONNECTION_BUDGET=""))
    assert settings.database_url == "postgresql://other/openiwd"
    assert settings.secret_keys == ("m" * 32,)
    assert settings.connection_budget == 33, "an empty variable says nothing"


def test_secrets_in_files_of_their_own(path: Path, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    text = f'[iwd.db]\nhost = "h"\ndatabase = "d"\nuser = "u"\npasswordFile = "{tmp_path / "password"}"\n'
    assert read_settings(env(path, text)).database_url == "postgresql://u:s3cret@h:5432/d"


def test_without_a_file_nothing_changes() -> None:
    plain = {"OPENIWD_PORT": "1"}
    assert with_file(plain) is plain


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        ("[redis]\nnode = 'a'", "redis.node", "not known"),
        ("redis = 'a'", "redis", "not known"),
        ("[redis]\nuseCluster = 'yes'", "redis.useCluster", "'yes'"),
        ("[iwd]\nport = true", "iwd.port", "True"),
        ("[iwd]\nhostFile = '/x'", "iwd.hostFile", "not known"),
        ("[iwd]\nplatformKeyFile = '/not/there'", "iwd.platformKeyFile", "cannot be read"),
        ("[iwd.db]\nhost = 'h'", "iwd.db", "lacks host or database"),
        ("[iwd.db]\nurl = 'postgresql://h/d'\nhost = 'h'", "iwd.db.url", "url and parts"),
        ("[gws]\napiKey = 'a'\n[nexus]\napikey = 'b'", "nexus.apikey", "different things"),
        ("[gauth.auth]\nredirectUrl = 'here'", "gauth.auth.redirectUrl", "'here'"),
        ("[redis", "OPENIWD_CONFIG", "no TOML"),
    ],
)
def test_what_cannot_be_right_is_named(path: Path, text: str, field: str, said: str) -> None:
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=said) as refused:
        variables_of(path)
    assert refused.value.field == field
    assert refused.value.hint


def test_a_secret_of_another_kind_is_not_shown(path: Path) -> None:
    path.write_text("[redis]\npassword = 12345")
    with pytest.raises(InvalidInputError) as refused:
        variables_of(path)
    assert "12345" not in refused.value.message


def test_a_file_that_is_not_there(path: Path) -> None:
    with pytest.raises(InvalidInputError, match="cannot be read") as refused:
        with_file({"OPENIWD_CONFIG": str(path)})
    assert refused.value.field == "OPENIWD_CONFIG"
