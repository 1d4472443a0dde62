"""The address of a MySQL or MariaDB database: which options it may have, and what they ask of the connection.

Both drivers are given the same: an option means the same with PyMySQL and with mysqlclient, and one that
neither of us knows is refused here, by its name, before anything is connected.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy.engine import URL

DISABLED, PREFERRED, REQUIRED = "DISABLED", "PREFERRED", "REQUIRED"
VERIFY_CA, VERIFY_IDENTITY = "VERIFY_CA", "VERIFY_IDENTITY"
TLS_MODES = (DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY)

_FILES = ("ssl_ca", "ssl_cert", "ssl_key")
_PASSED_ON = ("unix_socket", "init_command", "read_default_file", "read_default_group")
# Each connection sets these itself (README, "Configuration"), so that a value for them changes nothing.
_WITHOUT_EFFECT = frozenset(
    {
        "autocommit",
        "binary_prefix",
        "charset",
        "connect_timeout",
        "cursor",
        "cursorclass",
        "local_infile",
        "read_timeout",
        "sql_mode",
        "use_unicode",
        "write_timeout",
    }
)
_SWITCHES = ("ssl", "ssl_disabled", "ssl_check_hostname", "ssl_verify_cert", "ssl_verify_identity")
_TAKEN = ("ssl_mode", *_FILES, "ssl_capath", "ssl_cipher", *_SWITCHES, *_PASSED_ON)
_WAY = 'say ssl_mode=REQUIRED, or ssl_ca=/path/to/ca.pem (README, "TLS to the database")'
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "none")


class Tls(NamedTuple):
    """How a connection is encrypted.

    :param mode: one of ``TLS_MODES``; empty where the address says nothing of TLS.
    :param ca: file with the certificates of the authorities that are believed; empty: those of the system.
    """

    mode: str = ""
    ca: str = ""
    capath: str = ""
    cert: str = ""
    key: str = ""
    cipher: str = ""

    @property
    def required(self) -> bool:
        """True if a server without TLS must be refused."""
        return self.mode in (REQUIRED, VERIFY_CA, VERIFY_IDENTITY)

    def check_files(self) -> None:
        """Look whether the files that it names can be read.

        :raises ValueError: one cannot; its text follows the name of the address.
        """
        for option, path in zip(_FILES, (self.ca, self.cert, self.key), strict=True):
            if path and not (os.path.isfile(path) and os.access(path, os.R_OK)):
                raise ValueError(f"has {option}={path}, but there is no such file, or it cannot be read here")
        if self.capath and not os.path.isdir(self.capath):
            raise ValueError(f"has ssl_capath={self.capath}, but there is no such directory")


class Options(NamedTuple):
    """What the options of an address ask.

    :param driver: keyword arguments that both drivers take as they are.
    """

    tls: Tls
    driver: dict[str, str]


def options_of(url: URL) -> Options:
    """Read the options after the ``?`` of a MySQL or MariaDB address.

    :raises ValueError: one is not known or malformed; its text follows the name of the address.
    """
    return read_options({name: _one(value) for name, value in url.query.items()})


def read_options(given: Mapping[str, str]) -> Options:
    """Read options by their names; those that are empty are left out.

    :raises ValueError: one is not known or malformed; its text follows the name of the address.
    """
    options = {name.replace("-", "_"): value.strip() for name, value in given.items() if value.strip()}
    for name in options:
        if name not in _TAKEN and name not in _WITHOUT_EFFECT:
            way = f": for TLS {_WAY}" if re.search("ssl|tls|secure", name, re.IGNORECASE) else ""
            raise ValueError(
                f"has the option {_shown(name)}, which is not known here{way}; known are {listed()}"
            )
    return Options(_tls(options), {name: options[name] for name in _PASSED_ON if name in options})


def listed() -> str:
    """The options that an address may have, for a sentence."""
    return ", ".join(name for name in _TAKEN if name not in _SWITCHES)


def _tls(options: Mapping[str, str]) -> Tls:
    if options.get("ssl", "").startswith("{"):
        raise ValueError(
            "has ssl={…}, which an address cannot hold: name the files by ssl_ca, ssl_cert and ssl_key "
            '(README, "TLS to the database")'
        )
    switches = {name: _switch(name, options[name]) for name in _SWITCHES if name in options}
    mode = options.get("ssl_mode", "").upper()
    if mode and mode not in TLS_MODES:
        raise ValueError(f"has an ssl_mode that is none of {', '.join(TLS_MODES)}: {_WAY}")
    tls = Tls(mode, *(options.get(f"ssl_{part}", "") for part in ("ca", "capath", "cert", "key", "cipher")))
    if tls.key and not tls.cert:
        raise ValueError("has ssl_key without ssl_cert, the certificate that belongs to the key")
    return tls if mode else tls._replace(mode=_implied(tls, switches))


def _implied(tls: Tls, switches: Mapping[str, bool]) -> str:
    """The mode that the other options amount to: whoever names an authority wants it to be checked."""
    if switches.get("ssl_disabled") or switches.get("ssl") is False:
        return DISABLED
    checked = bool(tls.ca or tls.capath) or switches.get("ssl_verify_cert", False)
    if switches.get("ssl_verify_cert") is False:
        return REQUIRED
    if switches.get("ssl_verify_identity") or switches.get("ssl_check_hostname"):
        return VERIFY_IDENTITY
    if checked:
        names_matter = switches.get("ssl_verify_identity", switches.get("ssl_check_hostname", True))
        return VERIFY_IDENTITY if names_matter else VERIFY_CA
    return REQUIRED if switches.get("ssl") or tls.cert or tls.cipher else ""


def _switch(name: str, value: str) -> bool:
    if value.lower() in _YES:
        return True
    if value.lower() in _NO:
        return False
    raise ValueError(f"has the option {name}, which must be true or false: {_WAY}")


def _one(value: str | Iterable[str]) -> str:
    """An option that is given several times counts as it is given last."""
    return value if isinstance(value, str) else [*value][-1]


def _shown(name: str) -> str:
    """A name as it may stand in a sentence: one that is no name may be part of a password."""
    return name if name.isidentifier() and len(name) <= 40 else "(without a proper name)"
