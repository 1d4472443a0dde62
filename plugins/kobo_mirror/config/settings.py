"""Settings: read once from the environment, checked in full, with secrets kept out of every ``repr``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from types import MappingProxyType
from urllib.parse import urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from kobo_mirror.config.address import options_of
from kobo_mirror.errors import ConfigurationError

PUBLIC_SERVER = "https://kf.kobotoolbox.org"
PUBLIC_SERVERS = (PUBLIC_SERVER, "https://eu.kobotoolbox.org")
_USUAL_PORT = {"http": ":80", "https": ":443"}
_DATABASE_URL = (
    "must be an address such as mysql+pymysql://user:password@host/kobo, in whose user and password each "
    "character that is no letter or digit is written as % and two hexadecimal digits (@ as %40, : as %3A, "
    "/ as %2F, # as %23, ? as %3F, % as %25)"
)
_SQLITE_FILE = "must name a file for SQLite, such as sqlite:////srv/kobo.sqlite"
_DRIVERS = ("pymysql", "mysqldb", "pysqlite")
_LISTENING_ADDRESS = re.compile(
    r"(?:[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})|unix:[^\s:]+|fd://[0-9]+"
)
_HIGHEST_PORT = 65535
ASSET_ID = re.compile(r"[A-Za-z0-9]{8,40}")
DEFAULT_FORMS_FILE = "kobo.yml"
SET_IT = (
    "Set it in the environment, or in .env (see .env.example), which docker compose reads by itself and the "
    "command line after `set -a; . ./.env; set +a`."
)
"""Where a setting belongs: ends the sentence about one that is missing or malformed."""
_MISSING = {
    "KOBO_ASSET_ID": "is not set, and kobo.yml names no form (`python -m kobo_mirror forms` lists those of "
    "the account, and `python -m kobo_mirror forms add UID` names one there)"
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of an adapter (command line, webhook, Airflow).

    Each field has the name of its environment variable in lower case; one that is not set is an empty text,
    or the default below. The unit of a time is in its name. ``.env.example`` describes each setting.
    """

    database_url: str = field(default="", repr=False)
    kobo_url: str = PUBLIC_SERVER
    kobo_token: str = field(default="", repr=False)
    kobo_asset_id: str = ""
    kobo_forms_file: str = DEFAULT_FORMS_FILE
    real_time_post_endpoint_url: str = ""
    inkomoko_register_webhook_url: str = field(default="", repr=False)
    webhook_secret: str = field(default="", repr=False)
    webhook_secret_previous: str = field(default="", repr=False)
    webhook_auth: str = "secret"
    webhook_allowed_networks: str = ""
    webhook_trusted_proxies: str = ""
    webhook_bind: str = "127.0.0.1:8000"
    web_concurrency: int = 2
    webhook_airflow_url: str = ""
    webhook_airflow_login: str = field(default="", repr=False)
    webhook_airflow_every_seconds: int = 60
    kobo_keep_payloads: str = "rejected"
    kobo_page_size: int = 1000
    kobo_max_in_flight: int = 4
    kobo_exact_up_to: int = 50_000
    kobo_exact_every_hours: int = 24
    kobo_verify_full_every_days: int = 7
    kobo_keep_history_days: int = 400
    kobo_keep_dead_letters_days: int = 365

    @classmethod
    def from_env(
        cls,
        need: Iterable[str] = (),
        env: Mapping[str, str] | None = None,
        *,
        names: Mapping[str, str] = MappingProxyType({}),
        advice: str = SET_IT,
    ) -> Settings:
        """Return the settings, after checking those that are set.

        :param need: names of variables (``"KOBO_TOKEN"`` …) that must not be empty for what the caller does.
        :param env: the variables; None: those of the process.
        :param names: what an error calls a variable, by the variable's name, for those that a person has not
            set in the environment but, say, in Airflow's connection.
        :param advice: where to set those; without ``names``, where to set any.
        :raises ConfigurationError: variables are missing or malformed. Its sentence names all of them, and no
            value.
        """
        source = os.environ if env is None else env
        given = {name: source.get(name.upper(), "").strip() for name in cls.__dataclass_fields__}
        missing = [name for name in need if not given.get(name.lower(), "")]
        problems = {name: _MISSING.get(name, "is not set") for name in missing}
        values: dict[str, str | int] = {}
        for name, text in given.items():
            if not text:
                continue
            try:
                values[name] = _CHECKS[name](text) if name in _CHECKS else text
            except ValueError as problem:
                problems[name.upper()] = str(problem)
        if problems:
            raise ConfigurationError(_sentences(problems, names, advice))
        return cls(**values)  # type: ignore[arg-type]  # each value has been through the check of its own field


def _sentences(problems: Mapping[str, str], names: Mapping[str, str], advice: str) -> str:
    """Return what is wrong with settings, and after each group of them where to set these."""
    groups: dict[str, list[str]] = {}
    for name, problem in problems.items():
        where = advice if name in names or not names else SET_IT
        groups.setdefault(where, []).append(f"{names.get(name, name)} {problem}")
    return " ".join(f"{'; '.join(group)}. {where}" for where, group in groups.items())


_LONGEST_ADDRESS = 500
NO_SERVER = "must be only the server's address, such as https://kf.kobotoolbox.org"
"""Continues a sentence that names the setting."""


def http_url(text: str) -> str:
    """Return an address that starts with ``http://`` or ``https://``, without a trailing slash.

    :param text: the address as a person wrote it.
    :raises ValueError: it is no such address, is not ASCII, or holds a user or a password. Its text continues
        a sentence that names the setting, and does not quote the value.
    """
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # its text would quote the value
        known = False
    if not known or not text.isprintable() or " " in text:
        raise ValueError("must be an address that starts with http:// or https://")
    if not text.isascii() or len(text) > _LONGEST_ADDRESS:
        raise ValueError("must be at most 500 characters of ASCII; write a host of other letters as xn--…")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user or a password: logs and messages name it")
    return text.rstrip("/")


def server_url(text: str) -> str:
    """Return the address of a KoboToolbox server in its one spelling, which is part of every row's identity.

    The host is in lower case, without the scheme's default port and without a trailing slash.

    :param text: the address as a person wrote it.
    :raises ValueError: it is no such address, or has a query, a fragment or an API path. Its text continues a
        sentence that names the setting.

    >>> server_url("https://KF.kobotoolbox.org:443/")
    'https://kf.kobotoolbox.org'
    """
    parts = urlsplit(http_url(text))
    if parts.query or parts.fragment or "/api/" in f"{parts.path}/":
        raise ValueError(NO_SERVER)
    host = parts.netloc.lower().removesuffix(_USUAL_PORT[parts.scheme])
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}"


def _asset_id(text: str) -> str:
    if not ASSET_ID.fullmatch(text):
        raise ValueError("must be a form's uid: the 8 to 40 letters and digits after /forms/ in its address")
    return text


def _database_url(text: str) -> str:
    try:
        url = make_url(text)
        backend, driver = url.get_dialect().name, url.get_driver_name()
        in_memory = (url.database or ":memory:").startswith((":memory:", "file:"))
    except (ArgumentError, ImportError, ValueError):  # its text would quote the value
        raise ValueError(_DATABASE_URL) from None
    if backend not in ("mysql", "mariadb", "sqlite"):
        raise ValueError("must name a MySQL, MariaDB or SQLite database")
    if driver not in _DRIVERS:
        raise ValueError("must use the driver pymysql or mysqldb")
    if in_memory:
        raise ValueError(_SQLITE_FILE if backend == "sqlite" else _DATABASE_URL)
    if backend != "sqlite":
        _check_parts(url, text)
    return text


def _check_parts(url: URL, text: str) -> None:
    """Refuse an address that was split at a character of its password, before an error names a part of it.

    :param url: the address as SQLAlchemy has split it.
    :param text: the address as it was written.
    :raises ValueError: it was split so, or an option is unknown or malformed.
    """
    if "@" in f"{url.host}{url.database}":
        raise ValueError(_DATABASE_URL)
    try:
        options_of(url)
    except ValueError:
        if "@" in text.partition("?")[2]:
            raise ValueError(_DATABASE_URL) from None
        raise


def _header_value(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise ValueError("must be printable ASCII")
    return text


def _login(text: str) -> str:
    user, _, password = text.partition(":")
    if not user or not password:
        raise ValueError("must be a user and a password with a colon between them")
    return text


def _networks(text: str) -> str:
    try:
        return ",".join(str(ip_network(part.strip())) for part in text.split(","))
    except ValueError:  # its text would quote the value
        raise ValueError("must be networks such as 203.0.113.0/24, separated by commas") from None


def _listening_address(text: str) -> str:
    found = _LISTENING_ADDRESS.fullmatch(text)
    if not found or int(found["port"] or 0) > _HIGHEST_PORT:
        raise ValueError(
            f"must be a host and a port from 0 to {_HIGHEST_PORT}, such as 127.0.0.1:8000 or [::1]:8000"
        )
    return text


def _one_of(*choices: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be one of: {', '.join(choices)}")
        return text

    return check


def _whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    def check(text: str) -> int:
        if not text.isdecimal() or len(text) > 10 or not lowest <= int(text) <= highest:
            raise ValueError(f"must be a whole number from {lowest} to {highest}")
        return int(text)

    return check


_CHECKS: dict[str, Callable[[str], str | int]] = {
    "database_url": _database_url,
    "kobo_url": server_url,
    "kobo_token": _header_value,
    "kobo_asset_id": _asset_id,
    "real_time_post_endpoint_url": http_url,
    "inkomoko_register_webhook_url": http_url,
    "webhook_secret": _header_value,
    "webhook_secret_previous": _header_value,
    "webhook_auth": _one_of("secret", "none"),
    "webhook_allowed_networks": _networks,
    "webhook_trusted_proxies": _networks,
    "webhook_bind": _listening_address,
    "web_concurrency": _whole_number(1, 256),
    "webhook_airflow_url": http_url,
    "webhook_airflow_login": _login,
    "webhook_airflow_every_seconds": _whole_number(1, 86_400),
    "kobo_keep_payloads": _one_of("rejected", "all"),
    "kobo_page_size": _whole_number(1, 30_000),
    "kobo_max_in_flight": _whole_number(1, 32),
    "kobo_exact_up_to": _whole_number(0, 10**9),
    "kobo_exact_every_hours": _whole_number(1, 24 * 365),
    "kobo_verify_full_every_days": _whole_number(0, 365),
    "kobo_keep_history_days": _whole_number(0, 36_500),
    "kobo_keep_dead_letters_days": _whole_number(0, 36_500),
}
