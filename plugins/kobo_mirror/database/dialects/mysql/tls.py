"""TLS to MySQL and MariaDB: one meaning of ``ssl_mode`` for both drivers."""

from __future__ import annotations

import ssl
from typing import Any

from kobo_mirror.config.address import DISABLED, VERIFY_CA, VERIFY_IDENTITY, Tls

_CHECKING = (VERIFY_CA, VERIFY_IDENTITY)


class TlsError(Exception):
    """A file named in the address cannot be used; the message goes on after the address's name."""


def pymysql_arguments(tls: Tls) -> dict[str, Any]:
    """Return the arguments of a connection of PyMySQL.

    :param tls: what the address asks for.
    :raises TlsError: a file is no certificate, no key, or one that does not belong to the other.
    """
    if not tls.mode:
        return {}
    return {"ssl_disabled": True} if tls.mode == DISABLED else {"ssl": _context(tls)}


def mysqlclient_arguments(tls: Tls) -> dict[str, Any]:
    """Return the arguments of a connection of mysqlclient.

    A library of MariaDB checks any authority that it is given, name and authority together, so it is given
    one only where it is to check.

    :param tls: what the address asks for.
    :raises TlsError: as ``pymysql_arguments``: the library itself would only say that there was no TLS.
    """
    if tls.mode in ("", DISABLED):
        return {"ssl_mode": DISABLED} if tls.mode else {}
    _context(tls)
    unchecked = () if tls.mode in _CHECKING else ("ca", "capath")
    files = {part: path for part, path in tls._asdict().items() if path and part not in ("mode", *unchecked)}
    return {"ssl_mode": tls.mode} | ({"ssl": files} if files else {})


def _context(tls: Tls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca or None, capath=tls.capath or None)
    except OSError:
        raise TlsError(f"has ssl_ca={tls.ca}, which holds no certificate in PEM") from None
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # MySQL's own certificates lack extensions
    context.check_hostname = tls.mode == VERIFY_IDENTITY
    if tls.mode not in _CHECKING:
        context.verify_mode = ssl.CERT_NONE
    if tls.cert:
        try:
            context.load_cert_chain(tls.cert, tls.key or None, password=_no_password)
        except (OSError, ValueError):
            raise TlsError(
                f"has ssl_cert={tls.cert} and ssl_key={tls.key}, which are no certificate and its key in "
                "PEM, without a password"
            ) from None
    if tls.cipher:
        try:
            context.set_ciphers(tls.cipher)
        except ssl.SSLError:
            raise TlsError("has an ssl_cipher that OpenSSL does not know") from None
    return context


def _no_password() -> str:
    """Keep OpenSSL from asking for the password of a key at the terminal."""
    raise ValueError
