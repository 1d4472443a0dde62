from __future__ import annotations

import importlib.util
import json
import secrets
import socket
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import make_url, text

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import ConfigurationError, CredentialsError
from simulator.options import Options
from simulator.process import SimulatorProcess
from tests.support import airflow_environment  # noqa: F401  # before anything of Airflow
from tests.support.database_server import DatabaseServer
from tests.support.drivers import DRIVERS

Connect = Callable[..., None]
WRONG = "1111222233334444555566667777888899990000"


def hook() -> Any:
    from kobo_mirror.airflow.hooks import KoboHook

    return KoboHook()


def test_the_client_reads_the_form_of_the_connection(kobo: Connect, simulator: SimulatorProcess) -> None:
    with hook().get_client() as client:
        assert client.page(after=0, limit=3).ids == simulator.control.ids()[:3]


def test_the_settings_come_from_the_connection_and_else_from_the_environment(
    kobo: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOBO_TOKEN", "of-somebody-else")
    monkeypatch.setenv("KOBO_KEEP_PAYLOADS", "all")
    monkeypatch.setenv("KOBO_FORMS_FILE", "forms/kobo.yml")
    kobo(
        token="of-the-connection", page_size=250, webhook_secret="hush", registrar_url="https://r.example/in"
    )
    settings = hook().settings()
    assert settings.kobo_token == "of-the-connection"
    assert settings.kobo_keep_payloads == "all"
    assert settings.kobo_forms_file == "forms/kobo.yml"
    assert settings.kobo_page_size == 250
    assert settings.webhook_secret == "hush"
    assert settings.inkomoko_register_webhook_url == "https://r.example/in"


def test_what_is_missing_or_malformed_is_named_as_in_the_form(kobo: Connect) -> None:
    kobo(host="https://kf.kobotoolbox.org/api/v2", token="", asset_uid="not a uid", page_size=-1)
    with pytest.raises(ConfigurationError) as problem:
        hook().settings()
    sentence = str(problem.value)
    assert all(f"'{label}'" in sentence for label in ("API token", "Form", "Server", "Page size"))
    assert sentence.endswith("Set it in Admin → Connections → kobo_default.")
    assert "KOBO_" not in sentence
    assert "not a uid" not in sentence


def test_any_other_request_carries_the_token_and_nothing_of_the_extra(kobo: Connect) -> None:
    kobo(webhook_secret="hush", page_size=7)
    response = hook().run("/api/v2/assets/", data={"format": "json"})
    assert response.status_code == 200
    sent = {name.lower(): value for name, value in response.request.headers.items()}
    assert sent["authorization"] == f"Token {Options().token}"
    assert not {"webhook_secret", "page_size", "asset_uid"} & set(sent)


def test_the_test_button_says_what_the_account_may_do(kobo: Connect) -> None:
    assert hook().test_connection() == (
        True,
        "Signed in as sync_user. Form 'Client data (simulated)' has 300 submissions. "
        "It may read the form's history. It may register the webhook.",
    )
    kobo(token=Options().viewer_token)
    right, sentence = hook().test_connection()
    assert right
    assert "may not read the form's history" in sentence
    assert "may not register the webhook: ask the form's owner" in sentence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token": WRONG}, "'API token' was refused"),
        ({"token": Options().other_token}, "token"),
        ({"asset_uid": "aNoSuchFormAnywhere001"}, "aNoSuchFormAnywhere001"),
        ({"token": ""}, "'API token' is not set. Fill it in and test again."),
        ({"host": "kf.kobotoolbox.org"}, "'Server' must be an address"),
    ],
)
def test_the_test_button_says_what_is_wrong(kobo: Connect, changes: dict[str, Any], words: str) -> None:
    kobo(**changes)
    right, sentence = hook().test_connection()
    assert not right
    assert words in sentence
    assert WRONG not in sentence


def test_the_test_button_does_not_wait_for_a_server_that_is_not_there(kobo: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    kobo(host=f"http://127.0.0.1:{port}")
    right, sentence = hook().test_connection()
    assert not right
    assert "127.0.0.1" in sentence


def test_airflow_makes_the_hook_from_its_connection_type(kobo: Connect) -> None:
    from airflow.sdk import BaseHook

    from kobo_mirror.airflow.hooks import KoboHook

    made = BaseHook.get_hook("kobo_default")
    assert isinstance(made, KoboHook)
    assert made.kobo_conn_id == "kobo_default"


def test_a_wrong_token_is_an_error_that_no_retry_helps(kobo: Connect) -> None:
    kobo(token=WRONG)
    with hook().get_client() as client, pytest.raises(CredentialsError):
        client.form()


def target(conn_id: str = "kobo_database") -> Any:
    from kobo_mirror.airflow.hooks import open_target

    return open_target(conn_id)


def test_an_sqlite_target_is_the_address_in_the_extra(connect: Connect) -> None:
    connect("kobo_database", conn_type="generic", extra={"url": "sqlite:////tmp/mirror.db"})
    assert target().url.render_as_string() == "sqlite:////tmp/mirror.db"


MYSQL = {
    "conn_type": "mysql",
    "host": "db.example",
    "port": 3307,
    "login": "kobo",
    "password": "p@ss:w/rd%",
    "schema": "mirror",
    "extra": json.dumps({"charset": "utf8mb4"}),
}


@pytest.mark.parametrize("hidden", [True, False])
def test_a_mysql_connection_uses_the_installed_driver(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, hidden: bool
) -> None:
    if hidden:
        monkeypatch.setitem(sys.modules, "MySQLdb", None)
    connect("kobo_database", **MYSQL)
    engine = target()
    there = importlib.util.find_spec("MySQLdb") is not None
    assert engine.dialect.driver == ("mysqldb" if there else "pymysql")
    url = engine.url
    assert (url.host, url.port, url.username, url.password, url.database) == (
        "db.example",
        3307,
        "kobo",
        "p@ss:w/rd%",
        "mirror",
    )


def test_the_driver_can_be_chosen_in_the_extra(connect: Connect) -> None:
    connect("kobo_database", **{**MYSQL, "extra": {"client": "pymysql", "charset": "utf8mb4"}})
    assert target().dialect.driver == "pymysql"


PASSWORDS = ("two words", "a+b", "100%", "a@b:c/d?e#f", "%40", "pässwörd", "雪 ❄", "'\"\\")
EXTRAS: tuple[dict[str, Any], ...] = (
    {"cursor": "sscursor"},
    {"cursor": "dictcursor", "charset": "utf8", "local_infile": True, "use_unicode": True},
    {"iam": False, "aws_conn_id": "aws_default"},
    {"ssl": {}, "ssl_mode": None, "init_command": "SET @mine = 7"},
)


@pytest.mark.parametrize(
    ("password", "extra"), [*((password, {}) for password in PASSWORDS), *(("simple", e) for e in EXTRAS)]
)
@pytest.mark.parametrize(
    "way", [(kind, driver) for kind in ("mysql", "kobodb") for driver in DRIVERS], ids=str
)
def test_any_password_and_the_extras_of_mysqlhook_connect(
    connect: Connect, server: DatabaseServer, password: str, extra: dict[str, Any], way: tuple[str, str]
) -> None:
    """The same password in an address connects too."""
    kind, client = way[0], "mysqlclient" if way[1] == "mysqldb" else way[1]
    where, user = make_url(server.url("mysql")), f"u{secrets.token_hex(4)}"
    quoted = password.replace("\\", "\\\\").replace("'", "\\'").replace(":", "\\:")
    server.run(f"CREATE USER '{user}'@'127.0.0.1' IDENTIFIED BY '{quoted}'")
    fields = {"host": where.host, "port": where.port, "login": user, "password": password}
    connect("kobo_database", conn_type=kind, **fields, extra={"client": client, **extra})
    address = where.set(username=user, password=password, database="", query={})
    opened = open_engine(address.render_as_string(hide_password=False))
    for engine in (target(), opened):
        with engine.connect() as connection:
            assert connection.execute(text("SELECT CURRENT_USER()")).scalar_one() == f"{user}@127.0.0.1"
            if "init_command" in extra and engine is not opened:
                assert connection.execute(text("SELECT @mine")).scalar_one() == 7
        engine.dispose()
    server.run(f"DROP USER '{user}'@'127.0.0.1'")


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"nosuch": 1}, "has the option nosuch, which is not known here"),
        ({"iam": True}, '"iam" in its extra, which is not supported here'),
        ({"client": "mysql-connector-python"}, '"client" in its extra that is not supported here'),
        ({"ssl": {"ca": "/no/such.pem"}}, "has ssl_ca=/no/such.pem, but there is no such file"),
        ({"ssl": '{"ca": "/no/such.pem"}'}, "has ssl_ca=/no/such.pem, but there is no such file"),
        ({"ssl": "{oops"}, '"ssl" in its extra, which must be JSON'),
        ({"ssl": {"unheard": 1}}, '"ssl" in its extra with a part that is not known here'),
        ({"ssl_mode": "MAYBE"}, "has an ssl_mode that is none of"),
        ({"url": "sqlite:////tmp/x"}, "has the option url, which is not known here"),
    ],
)
def test_an_extra_that_is_not_known_is_named_with_its_connection(
    connect: Connect, extra: dict[str, Any], said: str
) -> None:
    connect("kobo_database", **{**MYSQL, "extra": extra})
    with pytest.raises(ConfigurationError) as caught:
        target()
    assert str(caught.value).startswith("The connection kobo_database has ")
    assert said in str(caught.value)
    assert "DATABASE_URL" not in str(caught.value)


def test_a_database_connection_without_an_address_is_refused(connect: Connect) -> None:
    connect("kobo_database", conn_type="generic", extra={})
    with pytest.raises(
        ConfigurationError, match="connection kobo_database must be of type MySQL or Kobo Mirror database"
    ):
        target()
