"""Read the webhook's settings, and end it with a sentence where they do not let it start."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Mapping

from kobo_mirror.config.settings import Settings
from kobo_mirror.errors import ConfigurationError

_TRIES, _PAUSE = 5, 1.0
_WHY: Mapping[int, str] = {
    errno.EADDRINUSE: "where another program listens already: stop that, or choose another port",
    errno.EACCES: "where this user may not listen: choose a port above 1023",
    errno.EADDRNOTAVAIL: "which is no address of this machine: choose one, such as 127.0.0.1 or 0.0.0.0",
}


def settings_from_env() -> Settings:
    """Return the settings that the environment holds.

    :raises SystemExit: with a sentence that says what is missing or malformed, or what is wrong with the
        declaration of the form table.
    """
    try:
        import kobo_mirror.forms.declared  # noqa: F401, PLC0415  # here, so that its error ends as a sentence

        return Settings.from_env(need=("DATABASE_URL",))
    except ConfigurationError as problem:
        raise refusal(problem) from None


def refusal(problem: ConfigurationError) -> SystemExit:
    """Return what ends a webhook that cannot start.

    :param problem: why it cannot.
    """
    return SystemExit(f"The webhook cannot start. {problem}")


def require_free(bind: str) -> None:
    """Check that this program may listen at an address; wait up to 5 s for one that is in use.

    :param bind: the value of ``WEBHOOK_BIND``. A Unix socket, or one that is inherited, is not checked.
    :raises SystemExit: with a sentence that says why not.
    """
    if bind.startswith(("unix:", "fd://")) or {"GUNICORN_PID", "LISTEN_PID"} & os.environ.keys():
        return
    host, _, port = bind.rpartition(":")
    for left in reversed(range(_TRIES)):
        try:
            _listen(host.strip("[]"), int(port))
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE or not left:
                why = _WHY.get(problem.errno or 0, "which is no host that is known here")
                raise refusal(ConfigurationError(f"WEBHOOK_BIND names {bind}, {why}.")) from None
            time.sleep(_PAUSE)
        else:
            return


def _listen(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
