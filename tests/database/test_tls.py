"""TLS to the database: what each option gives, and the sentence for each way in which it fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, text

from kobo_mirror.config.address import TLS_MODES
from kobo_mirror.database.engine import open_engine, transact
from kobo_mirror.errors import ConfigurationError, DatabaseError, KoboMirrorError
from tests.support.certificates import Authority
from tests.support.database_server import OwnServer, own_server
from tests.support.drivers import DRIVERS

each_driver = pytest.mark.parametrize("driver", DRIVERS)
NOT_BELIEVED = {"pymysql": "is not of an authority that is believed here", "mysqldb": "TLS failed"}


@dataclass
class Place:
    """A server, the authority of its certificate, and the files of both."""

    server: OwnServer
    authority: Authority
    directory: Path

    def shows(self, certificate: tuple[Path, Path], *options: str) -> None:
        """Start it again with another certificate."""
        cert, key = certificate
        files = (f"--ssl-ca={self.authority.file}", f"--ssl-cert={cert}", f"--ssl-key={key}")
        self.server.restart(*files, *options)

    def url(self, driver: str, **options: object) -> str:
        """Its address with options."""
        given = {name: str(value) for name, value in options.items()}
        address = make_url(self.server.url("mysql", driver=driver)).set(query=given)
        return address.render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("tls")
    with own_server() as server:
        yield Place(server, Authority(directory, "right"), directory)


@pytest.fixture(scope="module")
def encrypting(place: Place) -> Place:
    """A server that offers TLS with a good certificate, but does not demand it."""
    place.shows(place.authority.signed("server"))
    return place


def cipher(url: str, **options: Any) -> str:
    """What a session is encrypted by; empty if it is not."""
    engine = open_engine(url, patience=5, **options)
    try:
        return transact(
            engine,
            lambda connection: str(connection.execute(text("SHOW STATUS LIKE 'Ssl_cipher'")).one()[1]),
        )
    finally:
        engine.dispose()


def refusal(url: str, **options: Any) -> str:
    with pytest.raises(KoboMirrorError) as caught:
        cipher(url, **options)
    assert (make_url(url).password or "?") not in str(caught.value)
    return str(caught.value)


@each_driver
@pytest.mark.parametrize("mode", TLS_MODES)
def test_each_ssl_mode_encrypts_as_its_name_says(encrypting: Place, driver: str, mode: str) -> None:
    url = encrypting.url(driver, ssl_mode=mode, ssl_ca=encrypting.authority.file)
    encrypted = bool(cipher(url))
    if (mode, driver) != ("PREFERRED", "mysqldb"):  # there it is the library's to say
        assert encrypted is (mode != "DISABLED")


@each_driver
def test_a_certificate_authority_is_enough_to_encrypt(encrypting: Place, driver: str) -> None:
    assert cipher(encrypting.url(driver, ssl_ca=encrypting.authority.file))


def test_tls_works_in_greenlets_too(encrypting: Place) -> None:
    assert cipher(encrypting.url("pymysql", ssl_ca=encrypting.authority.file), in_greenlets=True)


@each_driver
def test_the_wrong_certificate_authority_is_named_in_a_sentence(encrypting: Place, driver: str) -> None:
    wrong = Authority(encrypting.directory, "wrong")
    assert NOT_BELIEVED[driver] in refusal(encrypting.url(driver, ssl_ca=wrong.file))
    assert NOT_BELIEVED[driver] in refusal(encrypting.url(driver, ssl_ca=wrong.file, ssl_mode="VERIFY_CA"))
    assert cipher(encrypting.url(driver, ssl_ca=wrong.file, ssl_mode="REQUIRED"))


@each_driver
def test_without_a_certificate_authority_those_of_the_system_count(encrypting: Place, driver: str) -> None:
    assert NOT_BELIEVED[driver] in refusal(encrypting.url(driver, ssl_mode="VERIFY_IDENTITY"))


@each_driver
@pytest.mark.parametrize("option", ["ssl_ca", "ssl_cert"])
def test_a_file_that_is_no_certificate_is_named(encrypting: Place, driver: str, option: str) -> None:
    odd = encrypting.directory / "odd.pem"
    odd.write_text("no certificate")
    assert f"DATABASE_URL has {option}={odd}" in refusal(encrypting.url(driver, **{option: odd}))


@each_driver
def test_a_key_that_belongs_to_another_certificate_is_named(encrypting: Place, driver: str) -> None:
    cert, _ = encrypting.authority.signed("one")
    _, key = encrypting.authority.signed("two")
    said = refusal(encrypting.url(driver, ssl_cert=cert, ssl_key=key, ssl_ca=encrypting.authority.file))
    assert f"has ssl_cert={cert} and ssl_key={key}, which are no certificate and its key" in said


@each_driver
def test_a_file_that_is_missing_is_a_matter_of_the_settings(encrypting: Place, driver: str) -> None:
    with pytest.raises(ConfigurationError, match="but there is no such file"):
        open_engine(encrypting.url(driver, ssl_ca="/no/such/file.pem"))


@each_driver
def test_ciphers_that_do_not_exist(encrypting: Place, driver: str) -> None:
    url = encrypting.url(driver, ssl_mode="REQUIRED", ssl_cipher="NO-SUCH-CIPHER")
    assert "has an ssl_cipher that OpenSSL does not know" in refusal(url)


@each_driver
def test_a_user_who_may_connect_by_tls_only(encrypting: Place, driver: str) -> None:
    user = "'careful'@'127.0.0.1'"
    encrypting.server.run(f"CREATE USER {user} IDENTIFIED BY 'made-up' REQUIRE SSL")
    try:
        url = make_url(encrypting.url(driver, ssl_mode="DISABLED")).set(
            username="careful", password="made-up"
        )
        url = url.set(database="")
        said = refusal(url.render_as_string(hide_password=False))
        assert "it refused the user or the password, or lets this user in by TLS only" in said
        assert 'see README, "TLS to the database" (1045)' in said
        assert cipher(url.set(query={"ssl_mode": "REQUIRED"}).render_as_string(hide_password=False))
    finally:
        encrypting.server.run(f"DROP USER {user}")


@each_driver
def test_a_user_who_must_show_a_certificate(encrypting: Place, driver: str) -> None:
    user = "'known'@'127.0.0.1'"
    encrypting.server.run(f"CREATE USER {user} IDENTIFIED BY 'made-up' REQUIRE X509")
    cert, key = encrypting.authority.signed("client")
    try:
        url = make_url(encrypting.url(driver)).set(username="known", password="made-up", database="")
        alone = {"ssl_ca": str(encrypting.authority.file)}
        assert "(1045)" in refusal(url.set(query=alone).render_as_string(hide_password=False))
        shown = alone | {"ssl_cert": str(cert), "ssl_key": str(key)}
        assert cipher(url.set(query=shown).render_as_string(hide_password=False))
    finally:
        encrypting.server.run(f"DROP USER {user}")


@each_driver
@pytest.mark.parametrize("mode", ["REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"])
def test_a_server_without_tls_gets_no_password(place: Place, driver: str, mode: str) -> None:
    place.server.stop()
    place.server.without_certificates()
    place.server.restart("--skip-ssl" if place.server.kind == "mariadb" else "--auto-generate-certs=OFF")
    said = refusal(place.url(driver, ssl_mode=mode, ssl_ca=place.authority.file))
    assert 'see README, "TLS to the database"' in said
    if place.server.kind == "mariadb":  # a MySQL says that it has TLS, and then ends the handshake
        assert "TLS failed: it offers none, though ssl_mode, ssl or ssl_ca in the address asks for it" in said
    assert 'see README, "TLS to the database"' in refusal(place.url(driver, ssl="true"))
    assert cipher(place.url(driver, ssl_mode="PREFERRED")) == ""
    assert cipher(place.url(driver)) == ""


@each_driver
def test_a_certificate_for_another_host(place: Place, driver: str) -> None:
    place.shows(place.authority.signed("elsewhere", host="db.example"))
    said = refusal(place.url(driver, ssl_ca=place.authority.file))
    assert ("is for another host" in said) or ("TLS failed" in said and driver == "mysqldb")
    if driver == "pymysql":
        assert "set ssl_mode=VERIFY_CA" in said
        assert cipher(place.url(driver, ssl_ca=place.authority.file, ssl_mode="VERIFY_CA"))


@each_driver
def test_a_certificate_that_has_expired(place: Place, driver: str) -> None:
    place.shows(place.authority.signed("old", expired=True))
    said = refusal(place.url(driver, ssl_ca=place.authority.file))
    assert ("its certificate is not valid now" in said) or ("TLS failed" in said and driver == "mysqldb")


@each_driver
def test_a_server_that_insists_on_tls(place: Place, driver: str) -> None:
    place.shows(place.authority.signed("insisting"), "--require-secure-transport=ON")
    said = refusal(place.url(driver, ssl_mode="DISABLED"))
    insists = "it takes connections by TLS only: set ssl_mode=REQUIRED or ssl_ca", "(3159)"
    unclear = "it refused the user or the password, or lets this user in by TLS only", "(1045)"
    assert all(words in said for words in (unclear if place.server.kind == "mariadb" else insists))
    assert "TLS to the database" in said
    assert cipher(place.url(driver, ssl_ca=place.authority.file))


def test_a_connection_of_airflow_without_mysqlclient(
    encrypting: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its extra names the authority as MySqlHook documents it."""
    from kobo_mirror.airflow.mysql_extra import mysql_options

    encrypting.shows(encrypting.authority.signed("again"))
    monkeypatch.setitem(__import__("sys").modules, "MySQLdb", None)
    driver, options = mysql_options({"ssl": {"ca": str(encrypting.authority.file)}}, "The connection x")
    url = make_url(encrypting.url("pymysql")).set(drivername=driver, query=options)
    assert cipher(url.render_as_string(hide_password=False))
    wrong = Authority(encrypting.directory, "another")
    _, options = mysql_options({"ssl": {"ca": str(wrong.file)}}, "The connection x")
    with pytest.raises(DatabaseError, match="is not of an authority that is believed here"):
        cipher(url.set(query=options).render_as_string(hide_password=False))
