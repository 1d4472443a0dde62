"""The options that the address of a MySQL or MariaDB database may have, and what they mean for a connection.

An option means the same with both drivers, PyMySQL and mysqlclient. One that is not known here is refused by
its name before anything is connected.
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
# Every connection sets these itself (README, "Configuration"): they are accepted, and change nothing.
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
_KNOWN = ("ssl_mode", *_FILES, "ssl_capath", "ssl_cipher", *_SWITCHES, *_PASSED_ON)
_ADVICE = 'use ssl_mode=REQUIRED, or ssl_ca=/path/to/ca.pem (README, "TLS to the database")'
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "none")


class Tls(NamedTuple):
    """How a connection is encrypted. Each field that the address does not set is an empty text.

    :param mode: one of ``TLS_MODES``; empty if the address does not mention TLS.
    :param ca: file with the certificates of the trusted authorities (PEM); empty: those of the system.
    :param capath: directory with such certificates.
    :param cert: file with the client's certificate (PEM).
    :param key: file with the key of that certificate (PEM).
    :param cipher: the ciphers that may be used, as OpenSSL names them.
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
        """Check that the files that it names can be read here.

        :raises ValueError: one cannot be read. Its text continues a sentence that names the address.
        """
        for option, path in zip(_FILES, (self.ca, self.cert, self.key), strict=True):
            if path and not (os.path.isfile(path) and os.access(path, os.R_OK)):
                raise ValueError(f"has {option}={path}, but there is no such file, or it cannot be read here")
        if self.capath and not os.path.isdir(self.capath):
            raise ValueError(f"has ssl_capath={self.capath}, but there is no such directory")


class Options(NamedTuple):
    """The options of an address.

    :param tls: how to encrypt.
    :param driver: keyword arguments for either driver's ``connect``.
    """

    tls: Tls
    driver: dict[str, str]


def options_of(url: URL) -> Options:
    """Return the options after the ``?`` of a MySQL or MariaDB address.

    :param url: the address; of an option that it has several times, the last one counts.
    :raises ValueError: an option is unknown or malformed. Its text continues a sentence that names the
        address.
    """
    return read_options({name: _one(value) for name, value in url.query.items()})


def read_options(given: Mapping[str, str]) -> Options:
    """Return what options mean.

    :param given: options by their names, in which ``-`` and ``_`` are the same; empty ones are left out.
    :raises ValueError: an option is unknown or malformed. Its text continues a sentence that names the
        address.

    >>> read_options({"ssl_ca": "/ca.pem"}).tls.mode
    'VERIFY_IDENTITY'
    """
    options = {name.replace("-", "_"): value.strip() for name, value in given.items() if value.strip()}
    for name in options:
        if name not in _KNOWN and name not in _WITHOUT_EFFECT:
            advice = f": for TLS {_ADVICE}" if re.search("ssl|tls|secure", name, re.IGNORECASE) else ""
            raise ValueError(
                f"has the option {_shown(name)}, which is not known here{advice}; known are {listed()}"
            )
    return Options(_tls(options), {name: options[name] for name in _PASSED_ON if name in options})


def listed() -> str:
    """Return the options that an address may have, separated by commas, for a sentence."""
    return ", ".join(name for name in _KNOWN if name not in _SWITCHES)


def _tls(options: Mapping[str, str]) -> Tls:
    if options.get("ssl", "").startswith("{"):
        raise ValueError(
            "has ssl={…}, which an address cannot hold: name the files by ssl_ca, ssl_cert and ssl_key "
            '(README, "TLS to the database")'
        )
    switches = {name: _switch(name, options[name]) for name in _SWITCHES if name in options}
    mode = options.get("ssl_mode", "").upper()
    if mode and mode not in TLS_MODES:
        raise ValueError(f"has an ssl_mode that is none of {', '.join(TLS_MODES)}: {_ADVICE}")
    tls = Tls(mode, *(options.get(f"ssl_{part}", "") for part in ("ca", "capath", "cert", "key", "cipher")))
    if tls.key and not tls.cert:
        raise ValueError("has ssl_key without ssl_cert, the certificate that belongs to the key")
    return tls if mode else tls._replace(mode=_implied(tls, switches))


def _implied(tls: Tls, switches: Mapping[str, bool]) -> str:
    """Return the TLS mode that the other options imply: naming an authority implies that it is checked."""
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
    raise ValueError(f"has the option {name}, which must be true or false: {_ADVICE}")


def _one(value: str | Iterable[str]) -> str:
    """Return an option's value; of several values, the last one."""
    return value if isinstance(value, str) else [*value][-1]


def _shown(name: str) -> str:
    """Return an option's name for a sentence, unless it looks as if it were part of a password."""
    return name if name.isidentifier() and len(name) <= 40 else "(without a proper name)"
