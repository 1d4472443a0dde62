"""What the drivers of MySQL and MariaDB raise: read by its number, never by its text."""

from __future__ import annotations

import ssl
from typing import Any

from sqlalchemy.engine.interfaces import ExceptionContext

from kobo_mirror.database.dialects.mysql.refusals import GONE, MEANING

_OLD_SCHEMA = {1146, 1054}

# OpenSSL's numbers of why a certificate is not believed.
_EXPIRED = {9, 10}
_ANOTHER_NAME = {62, 64}


def code_of(problem: Any) -> int | None:
    """Return the number of a driver's error, None where it has none.

    :param problem: the driver's error.
    """
    args = getattr(problem, "args", ())
    return args[0] if args and isinstance(args[0], int) else None


def lacks_table_or_column(problem: Any) -> bool:
    """Return True if a statement named a table or column that is not there.

    :param problem: the driver's error.
    """
    return code_of(problem) in _OLD_SCHEMA


def explain(problem: Any) -> str:
    """Return what an error means and what to do, with its number.

    :param problem: the driver's error.
    """
    code = code_of(problem)
    meaning = _tls_meaning(problem) or (MEANING.get(code) if code else None)
    if not code:
        return meaning or f"look up {type(problem).__name__}"
    return f"{meaning or 'look up this number of its errors'} ({code})"


def _tls_meaning(problem: Any) -> str | None:
    """Return what Python's TLS said where PyMySQL only says that the server cannot be reached."""
    cause = getattr(problem, "original_exception", None)
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in _ANOTHER_NAME:
            return (
                "its certificate is for another host: put the certificate's name into the address, or set "
                "ssl_mode=VERIFY_CA"
            )
        if cause.verify_code in _EXPIRED:
            return "its certificate is not valid now: renew it, or set the clocks right"
        return "its certificate is not of an authority that is believed here: name the right one in ssl_ca"
    if isinstance(cause, ssl.SSLError):
        return MEANING[2026]
    return None


def forget_connection(context: ExceptionContext) -> None:
    """Throw a connection away, and all that were made before, whose server takes nothing any more.

    :param context: given by SQLAlchemy for each error of a driver.
    """
    if code_of(context.original_exception) in GONE:
        context.is_disconnect = True
