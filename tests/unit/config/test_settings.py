from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import make_url

from kobo_mirror.config.settings import PUBLIC_SERVER, SET_IT, Settings, server_url
from kobo_mirror.errors import ConfigurationError

GOOD = {
    "DATABASE_URL": "mysql+pymysql://kobo:s3cret@db.example/kobo",
    "KOBO_URL": "https://kobo.example",
    "KOBO_TOKEN": "t0ken",
    "KOBO_ASSET_ID": "aInkomokoTestForm00001",
    "KOBO_FORMS_FILE": "forms/kobo.yml",
    "REAL_TIME_POST_ENDPOINT_URL": "https://mirror.example/api/real-time-updates",
    "INKOMOKO_REGISTER_WEBHOOK_URL": "https://registrar.example/register_webhook",
    "WEBHOOK_SECRET": "wh1",
    "WEBHOOK_SECRET_PREVIOUS": "wh0",
    "WEBHOOK_AUTH": "none",
    "WEBHOOK_ALLOWED_NETWORKS": "203.0.113.0/24,2001:db8::/32",
    "WEBHOOK_TRUSTED_PROXIES": "10.0.0.0/8",
    "WEBHOOK_BIND": "[::1]:8001",
    "WEB_CONCURRENCY": "3",
    "WEBHOOK_AIRFLOW_URL": "http://airflow.example",
    "WEBHOOK_AIRFLOW_LOGIN": "kobo:l0gin",
    "WEBHOOK_AIRFLOW_EVERY_SECONDS": "30",
    "KOBO_KEEP_PAYLOADS": "all",
    "KOBO_PAGE_SIZE": "500",
    "KOBO_MAX_IN_FLIGHT": "2",
    "KOBO_EXACT_UP_TO": "0",
    "KOBO_EXACT_EVERY_HOURS": "1",
    "KOBO_VERIFY_FULL_EVERY_DAYS": "0",
    "KOBO_KEEP_HISTORY_DAYS": "0",
    "KOBO_KEEP_DEAD_LETTERS_DAYS": "30",
}


def refusal(need: list[str], **env: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env(need, env)
    return str(caught.value)


def test_every_variable_is_read_into_the_field_of_its_name() -> None:
    settings = Settings.from_env(GOOD, GOOD)
    expected: dict[str, Any] = {name: int(text) if text.isdigit() else text for name, text in GOOD.items()}
    assert {name: getattr(settings, name.lower()) for name in GOOD} == expected
    assert set(Settings.__dataclass_fields__) == {name.lower() for name in GOOD}


def test_what_is_not_set_has_its_default() -> None:
    settings = Settings.from_env((), {"KOBO_TOKEN": "  "})
    assert settings == Settings()
    assert settings.kobo_url == PUBLIC_SERVER
    assert (settings.kobo_keep_payloads, settings.kobo_page_size, settings.webhook_auth) == (
        "rejected",
        1000,
        "secret",
    )


def test_all_that_is_missing_or_wrong_is_said_in_one_sentence() -> None:
    said = refusal(["KOBO_TOKEN", "KOBO_ASSET_ID"], KOBO_ASSET_ID="x", KOBO_PAGE_SIZE="many")
    assert said.startswith("KOBO_TOKEN is not set; KOBO_ASSET_ID must be a form's uid")
    assert "KOBO_PAGE_SIZE must be a whole number from 1 to 30000" in said
    assert said.endswith(f". {SET_IT}")
    assert "`set -a; . ./.env; set +a`" in SET_IT


def test_errors_call_variables_by_the_given_names() -> None:
    with pytest.raises(ConfigurationError, match=r"^the API token is not set. Set it there.$"):
        Settings.from_env(["KOBO_TOKEN"], {}, names={"KOBO_TOKEN": "the API token"}, advice="Set it there.")


def test_the_advice_for_given_names_is_not_given_for_other_variables() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env(
            ["KOBO_TOKEN"],
            {"KOBO_MAX_IN_FLIGHT": "33", "KOBO_EXACT_EVERY_HOURS": "0"},
            names={"KOBO_TOKEN": "'API token'"},
            advice="Set it in the connection.",
        )
    assert str(caught.value) == (
        "'API token' is not set. Set it in the connection. "
        "KOBO_MAX_IN_FLIGHT must be a whole number from 1 to 32; "
        "KOBO_EXACT_EVERY_HOURS must be a whole number from 1 to 8760. "
        f"{SET_IT}"
    )


SECRET = "hunter2"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", f"mysql://kobo:pa:ss@host:{SECRET}/kobo"),
        ("DATABASE_URL", f"{SECRET}"),
        ("DATABASE_URL", f"postgresql://kobo:{SECRET}@host/kobo"),
        ("DATABASE_URL", f"mysql+nosuch://kobo:{SECRET}@host/kobo"),
        ("DATABASE_URL", f"mysql+aiomysql://kobo:{SECRET}@host/kobo"),
        ("DATABASE_URL", f"mysql+pymysql://kobo:{SECRET}@host"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", f"sqlite:///file:{SECRET}?mode=memory&uri=true"),
        ("KOBO_URL", f"http://:{SECRET}@host"),
        ("KOBO_URL", f"http://{SECRET}@host"),
        ("KOBO_URL", f"http://exa℀{SECRET}.com"),
        ("KOBO_URL", f"http://[::1{SECRET}"),
        ("KOBO_URL", f"http://host:{SECRET}"),
        ("KOBO_URL", "http://host:99999"),
        ("KOBO_URL", f"http://ho st/{SECRET}"),
        ("KOBO_URL", f"http://host\x7f{SECRET}"),
        ("KOBO_URL", f"{SECRET}.example"),
        ("KOBO_URL", f"ftp://{SECRET}.example"),
        ("KOBO_URL", f"https://host/api/v2/assets/{SECRET}"),
        ("KOBO_URL", f"https://host/?token={SECRET}"),
        ("KOBO_URL", f"https://host/#/forms/{SECRET}"),
        ("KOBO_TOKEN", f"{SECRET}é"),
        ("KOBO_TOKEN", f"{SECRET}\nX-Other: 1"),
        ("KOBO_ASSET_ID", f"{SECRET}/data"),
        ("KOBO_ASSET_ID", f"{SECRET}"),
        ("REAL_TIME_POST_ENDPOINT_URL", f"{SECRET}"),
        ("INKOMOKO_REGISTER_WEBHOOK_URL", f"//{SECRET}"),
        ("WEBHOOK_SECRET", f"{SECRET}ü"),
        ("WEBHOOK_SECRET_PREVIOUS", f"{SECRET}\x00"),
        ("WEBHOOK_AUTH", f"{SECRET}"),
        ("WEBHOOK_ALLOWED_NETWORKS", f"{SECRET}"),
        ("WEBHOOK_TRUSTED_PROXIES", f"10.0.0.0/8,{SECRET}"),
        ("WEBHOOK_BIND", f"{SECRET}"),
        ("WEBHOOK_BIND", "127.0.0.1"),
        ("WEBHOOK_BIND", "127.0.0.1:65536"),
        ("WEBHOOK_BIND", f"127.0.0.1:{SECRET}"),
        ("WEBHOOK_BIND", "127.0.0.1:-1"),
        ("WEBHOOK_BIND", "::1:8000"),
        ("WEBHOOK_BIND", "[::1]"),
        ("WEBHOOK_BIND", f"http://{SECRET}:8000"),
        ("WEBHOOK_BIND", "127.0.0.1:8000,127.0.0.1:8001"),
        ("WEBHOOK_BIND", f"{SECRET} host:8000"),
        ("WEB_CONCURRENCY", f"{SECRET}"),
        ("WEB_CONCURRENCY", "0"),
        ("WEB_CONCURRENCY", "2.5"),
        ("WEBHOOK_AIRFLOW_URL", f"{SECRET}"),
        ("WEBHOOK_AIRFLOW_LOGIN", f"{SECRET}"),
        ("WEBHOOK_AIRFLOW_EVERY_SECONDS", f"{SECRET}"),
        ("KOBO_KEEP_PAYLOADS", f"{SECRET}"),
        ("KOBO_PAGE_SIZE", "0"),
        ("KOBO_PAGE_SIZE", "-1"),
        ("KOBO_PAGE_SIZE", "1.5"),
        ("KOBO_PAGE_SIZE", "9" * 5000),
        ("KOBO_MAX_IN_FLIGHT", "33"),
        ("KOBO_EXACT_UP_TO", f"{SECRET}"),
        ("KOBO_EXACT_EVERY_HOURS", "0"),
        ("KOBO_VERIFY_FULL_EVERY_DAYS", "weekly"),
        ("KOBO_VERIFY_FULL_EVERY_DAYS", "366"),
        ("KOBO_KEEP_HISTORY_DAYS", "-1"),
        ("KOBO_KEEP_DEAD_LETTERS_DAYS", "a year"),
    ],
)
def test_a_malformed_value_is_one_sentence_that_names_the_variable_and_never_the_value(
    name: str, value: str
) -> None:
    said = refusal([], **{name: value})
    assert said.startswith(f"{name} must ")
    assert said.count("\n") == 0
    assert SECRET not in said


PASSWORDS = (
    "{}@{}", "{}/{}", "{}#{}", "{}:{}", "{}?{}", "{}%{}", "{}@{}/{}", "{}@{}:{}", "{}@{}#{}", "{}@{}?{}",
    "{}@/{}", "{}@{}?{}=1", "{}@{}/{}?{}=1", "{}@[{}", "{}@[{}]", "@{}", "{}@", "@{}@{}@", "{}@{}:1/{}",
    "{}@{}/{}?{}=1&{}",
)  # fmt: skip
"""Passwords, and users, with characters that an address gives a meaning."""


@pytest.mark.parametrize("shape", PASSWORDS)
@pytest.mark.parametrize(
    "place", ["user:{}@db.example:3306/kobo", "{}:pw@db.example/kobo", "{}@db.example/kobo"]
)
@pytest.mark.parametrize("options", ["", "?ssl_mode=REQUIRED", "?nosuchoption=1"])
def test_an_address_that_a_password_cuts_in_pieces_says_how_to_write_it(
    shape: str, place: str, options: str
) -> None:
    """Where it is not understood as it is meant, and without a piece of the password."""
    secret = shape.replace("{}", SECRET)
    address = f"mysql+pymysql://{place.format(secret)}{options}"
    try:
        read = make_url(Settings.from_env((), {"DATABASE_URL": address}).database_url)
    except ConfigurationError as error:
        assert SECRET not in str(error)
        assert "(@ as %40, : as %3A, / as %2F, # as %23" in str(error) or "the option nosuchoption" in str(
            error
        )
    else:
        assert (read.host, read.database) == ("db.example", "kobo")
        assert secret in (read.username, read.password) or ":" in secret or "%" in secret


@pytest.mark.parametrize("options", ["?init_command=SET%20ROLE%20'a'@'%25'", "?ssl_ca=/etc/a@b.pem"])
def test_an_option_may_hold_an_at_sign(options: str) -> None:
    address = f"mysql+pymysql://kobo:p%40ss@db.example/kobo{options}"
    assert Settings.from_env((), {"DATABASE_URL": address}).database_url == address


def test_secrets_are_in_no_repr() -> None:
    secrets = {
        "DATABASE_URL": "mysql+pymysql://kobo:s3cret@db.example/kobo",
        "KOBO_TOKEN": "s3cret",
        "WEBHOOK_SECRET": "s3cret",
        "WEBHOOK_SECRET_PREVIOUS": "s3cret",
        "INKOMOKO_REGISTER_WEBHOOK_URL": "https://registrar.example/?key=s3cret",
    }
    assert "s3cret" not in repr(Settings.from_env((), GOOD | secrets))


@pytest.mark.parametrize(
    "address", ["127.0.0.1:0", "0.0.0.0:65535", ":8000", "localhost:80", "[::]:8000", "unix:/run/x", "fd://3"]
)
def test_where_the_webhook_may_listen(address: str) -> None:
    assert Settings.from_env((), {"WEBHOOK_BIND": address}).webhook_bind == address


@pytest.mark.parametrize(
    ("written", "identity"),
    [
        ("https://KF.KoboToolbox.org/", "https://kf.kobotoolbox.org"),
        ("HTTPS://kf.kobotoolbox.org", "https://kf.kobotoolbox.org"),
        ("https://kf.kobotoolbox.org:443", "https://kf.kobotoolbox.org"),
        ("http://localhost:80/", "http://localhost"),
        ("http://localhost:8800", "http://localhost:8800"),
        ("http://localhost:443", "http://localhost:443"),
        ("http://[::1]:80", "http://[::1]"),
        ("https://example.org/Kobo/", "https://example.org/Kobo"),
    ],
)
def test_a_server_has_one_spelling(written: str, identity: str) -> None:
    assert server_url(written) == identity
    assert server_url(identity) == identity
