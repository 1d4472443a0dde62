"""What an address may ask of its connections, and in which words it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from kobo_mirror.config.address import TLS_MODES, Tls, options_of, read_options
from kobo_mirror.config.settings import Settings
from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import ConfigurationError

HOST = "mysql+pymysql://kobo:secret@db.example/kobo"


@pytest.mark.parametrize(
    ("options", "mode"),
    [
        ("", ""),
        ("?charset=utf8mb4&connect_timeout=3", ""),
        ("?ssl_ca=/ca.pem", "VERIFY_IDENTITY"),
        ("?ssl_capath=/certs", "VERIFY_IDENTITY"),
        ("?ssl_ca=/ca.pem&ssl_check_hostname=false", "VERIFY_CA"),
        ("?ssl_ca=/ca.pem&ssl_verify_identity=0", "VERIFY_CA"),
        ("?ssl_ca=/ca.pem&ssl_verify_cert=false", "REQUIRED"),
        ("?ssl_verify_cert=true", "VERIFY_IDENTITY"),
        ("?ssl_verify_identity=true", "VERIFY_IDENTITY"),
        ("?ssl=true", "REQUIRED"),
        ("?ssl=false", "DISABLED"),
        ("?ssl_disabled=true&ssl_ca=/ca.pem", "DISABLED"),
        ("?ssl_cert=/c.pem&ssl_key=/k.pem", "REQUIRED"),
        ("?ssl-mode=verify_ca&ssl-ca=/ca.pem", "VERIFY_CA"),
        *((f"?ssl_mode={mode}", mode) for mode in TLS_MODES),
    ],
)
def test_options_imply_a_tls_mode(options: str, mode: str) -> None:
    assert options_of(make_url(HOST + options)).tls.mode == mode


def test_files_and_what_both_drivers_take_are_passed_on() -> None:
    given = "?ssl_ca=/a&ssl_cert=/b&ssl_key=/c&unix_socket=/run/db&init_command=SET%20ROLE%20kobo"
    options = options_of(make_url(HOST + given))
    assert options.tls == Tls("VERIFY_IDENTITY", ca="/a", cert="/b", key="/c")
    assert options.driver == {"unix_socket": "/run/db", "init_command": "SET ROLE kobo"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("?nosuchoption=1", "has the option nosuchoption, which is not known here"),
        (
            "?sslmode=require",
            "has the option sslmode, which is not known here: for TLS use ssl_mode=REQUIRED",
        ),
        ("?useSSL=true", "has the option useSSL, which is not known here: for TLS use ssl_mode=REQUIRED"),
        ("?tls=skip-verify", "has the option tls, which is not known here: for TLS use ssl_mode=REQUIRED"),
        ("?require_secure_transport=1", "which is not known here: for TLS use ssl_mode=REQUIRED"),
        ("?sslmode=require", 'or ssl_ca=/path/to/ca.pem (README, "TLS to the database"); known are ssl_mode'),
        (
            "?ssl_mode=require",
            'VERIFY_IDENTITY: use ssl_mode=REQUIRED, or ssl_ca=/path/to/ca.pem (README, "TLS',
        ),
        ("?ssl=perhaps", 'true or false: use ssl_mode=REQUIRED, or ssl_ca=/path/to/ca.pem (README, "TLS'),
        ("?ssl={'ca':'/etc/ca.pem'}", "which an address cannot hold: name the files by ssl_ca"),
        ("?ssl=perhaps", "has the option ssl, which must be true or false"),
        ("?ssl_mode=MAYBE", "has an ssl_mode that is none of DISABLED, PREFERRED, REQUIRED"),
        ("?ssl_key=/k.pem", "has ssl_key without ssl_cert"),
        ("?s3cret%21word=1", "has the option (without a proper name)"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_connected(options: str, said: str) -> None:
    for refused in (
        lambda: Settings.from_env(env={"DATABASE_URL": HOST + options}),
        lambda: open_engine(HOST + options),
    ):
        with pytest.raises(ConfigurationError) as caught:
            refused()
        assert said in str(caught.value)
        assert str(caught.value).startswith("DATABASE_URL has ")
        assert not {"secret", "s3cret"} & set(str(caught.value).replace("!", " ").split())


@pytest.mark.parametrize("option", ["ssl_ca", "ssl_cert", "ssl_key", "ssl_capath"])
def test_a_file_that_is_not_there_is_named(option: str, tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    files = {"ssl_cert": f"{tmp_path}/there"} | {option: "/no/such/file.pem"}
    with pytest.raises(ConfigurationError, match=rf"has {option}=/no/such/file\.pem, but there is no such"):
        open_engine(make_url(HOST).update_query_dict(files), named="The connection x")


def test_empty_options_are_none() -> None:
    assert read_options({"ssl_ca": " ", "ssl_mode": ""}) == ((Tls()), {})


def test_a_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "MySQLdb" else name)
    said = r"needs the driver mysqlclient, which is not installed: install kobo-mirror\[mysqlclient\], or"
    with pytest.raises(ConfigurationError, match=said):
        open_engine("mysql+mysqldb://kobo@db.example/kobo")
    with pytest.raises(ConfigurationError, match="must use the driver pymysql or mysqldb"):
        open_engine("mysql+mysqlconnector://kobo@db.example/kobo")
