"""Read the extra of a MySQL connection, as Airflow's MySqlHook documents it, as options of an address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kobo_mirror.errors import ConfigurationError

_DRIVERS = {"": "mysql", "mysqlclient": "mysql+mysqldb", "pymysql": "mysql+pymysql"}
_TLS_PARTS = {
    "ca": "ssl_ca",
    "capath": "ssl_capath",
    "cert": "ssl_cert",
    "key": "ssl_key",
    "cipher": "ssl_cipher",
    "check_hostname": "ssl_check_hostname",
    "verify_mode": "ssl_verify_cert",
}
_VERIFY_MODES = {"none": "false", "optional": "true", "required": "true"}


def mysql_options(extra: Mapping[str, Any], named: str) -> tuple[str, dict[str, str]]:
    """Return the driver's name and the options of the address that an extra describes.

    Options of other names are passed on as they are; ``config.address`` refuses those that it does not know.

    :param extra: the connection's extra.
    :param named: what to call the connection in an error, such as ``The connection kobo_database``.
    :raises ConfigurationError: the extra asks for something that is not supported here.

    >>> mysql_options({"client": "pymysql", "ssl": {"ca": "/ca.pem"}}, "The connection c")
    ('mysql+pymysql', {'ssl_ca': '/ca.pem'})
    """
    given = {name: value for name, value in extra.items() if value not in (None, "", [], {})}
    if _text(given.pop("iam", False)) == "true":
        raise ConfigurationError(
            f'{named} has "iam" in its extra, which is not supported here: give it a user and a password.'
        )
    given.pop("aws_conn_id", None)
    client = str(given.pop("client", ""))
    if client not in _DRIVERS:
        raise ConfigurationError(
            f'{named} has a "client" in its extra that is not supported here: use mysqlclient or pymysql.'
        )
    options = _tls(given.pop("ssl", False), named)
    return _DRIVERS[client], options | {name: _text(value) for name, value in given.items()}


def _tls(given: Any, named: str) -> dict[str, str]:
    if isinstance(given, str) and given.lstrip().startswith("{"):
        try:
            given = json.loads(given)
        except ValueError:
            raise ConfigurationError(
                f'{named} has "ssl" in its extra, which must be JSON such as {{"ca": "/etc/ssl/ca.pem"}}.'
            ) from None
    if not isinstance(given, dict):
        return {"ssl": _text(given)} if given else {}
    for part in given:
        if part not in _TLS_PARTS:
            raise ConfigurationError(
                f'{named} has "ssl" in its extra with a part that is not known here; known are '
                f"{', '.join(_TLS_PARTS)}."
            )
    parts = {_TLS_PARTS[part]: _text(value) for part, value in given.items() if value not in (None, "")}
    if mode := parts.get("ssl_verify_cert"):
        parts["ssl_verify_cert"] = _VERIFY_MODES.get(mode.lower(), mode)
    return parts


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
