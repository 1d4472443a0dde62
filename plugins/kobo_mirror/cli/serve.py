"""The whole system in one process tree: the webhook under gunicorn, and a sync again and again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from types import FrameType

from kobo_mirror.errors import (
    ConfigurationError,
    CredentialsError,
    DatabaseError,
    DeletesWaitError,
    KoboMirrorError,
    LeaseError,
    RequestError,
    SchemaError,
    ServerError,
)

Webhook = subprocess.Popen[bytes]
Step = Callable[[], str]
"""Does something and tells what it did."""

_CHECKOUT = Path(__file__).resolve().parents[3]
_WITH_PARENT = Path(__file__).resolve().with_name("with_parent.py")
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PASSING = (ServerError, DatabaseError, LeaseError)
_REFUSED = (ConfigurationError, CredentialsError, RequestError, SchemaError)
_LOOK_EVERY = 0.5
_START = 30.0
_SOON = 60.0
_GRACE = 35.0  # more than gunicorn's graceful_timeout


def pause(stop: Event, seconds: float) -> None:
    """Wait as a client does between two attempts, but not beyond ``stop``.

    :raises KoboMirrorError: ``stop`` was set.
    """
    if stop.wait(seconds):
        raise KoboMirrorError("Stopped before the server gave a proper answer.")


def serve(first_contact: Step, set_up: Step, sync: Step, *, every: float, stop: Event) -> int:
    """Serve the webhook and sync until a signal or the end of the webhook; set up after the first sync.

    ``first_contact`` comes before all else, so that a refusal is the first thing on the screen and
    nothing has been started. The webhook is up before ``set_up`` registers it, so that no delivery finds
    a closed door, and a sync has ended well before that: a form that does not fit gets no REST Service.
    What fails for a while is tried again within a minute. A refusal ends it until a first
    sync has ended well; after that it is told with each sync, also one of ``set_up``, and the webhook goes
    on taking what is delivered.

    :param first_contact: asks the server once.
    :param every: seconds between two syncs.
    :param stop: set by SIGTERM, Ctrl-C and a closed terminal, which also interrupt what is being done.
    :returns: the exit code of the webhook, 0 after a signal.
    :raises KoboMirrorError: what will not pass by itself.
    """
    _tell(first_contact)
    with suppress(KeyboardInterrupt), _running(stop) as webhook:
        _wait_until_it_listens(webhook, stop)
        is_set_up = has_synced = False
        while webhook.poll() is None:
            ends = [_tell(sync, even_refused=has_synced)]
            has_synced = has_synced or ends[0] is not _End.PASSING
            if has_synced and not is_set_up:
                ends.append(_tell(set_up, even_refused=True))
                is_set_up = ends[1] is _End.DONE
            _rest(webhook, stop, min(every, _SOON) if _End.PASSING in ends else every)
        return webhook.returncode
    return 0


@contextmanager
def _running(stop: Event) -> Iterator[Webhook]:
    children: list[Webhook] = []

    def end(number: int, frame: FrameType | None) -> None:
        if not stop.is_set():
            stop.set()
            for child in children:
                child.terminate()
            raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in _SIGNALS}
    try:
        children.append(_webhook())
        yield children[0]
    finally:
        stop.set()
        for child in children:
            _end(child)
        for number, handler in before.items():
            signal.signal(number, handler)


def _webhook() -> Webhook:
    """Start it without the token, which it has no use for, bound to our life, out of reach of the terminal.

    A worker that gets Ctrl-C from there and from gunicorn may hang in it.
    """
    if lacking := [
        name for name in ("falcon", "gevent", "gunicorn", "prometheus_client") if not find_spec(name)
    ]:
        raise ConfigurationError(
            f"The webhook needs packages that are not installed ({', '.join(lacking)}): "
            "install kobo-mirror[webhook]."
        )
    found = find_spec("webhook")  # installed, or on the path of a checkout
    house = Path(found.origin).parents[1] if found and found.origin else _CHECKOUT
    command = ["-m", "gunicorn", "-c", str(house / "webhook" / "gunicorn.conf.py"), "webhook.app:get_app()"]
    env = {name: value for name, value in os.environ.items() if name != "KOBO_TOKEN"}
    bound = [sys.executable, "-P", str(_WITH_PARENT), str(os.getpid()), sys.executable, *command]
    return subprocess.Popen(bound, cwd=house, env=env, process_group=0)  # noqa: S603  # our own


def _end(webhook: Webhook) -> None:
    webhook.terminate()
    try:
        webhook.wait(_GRACE)
    except subprocess.TimeoutExpired:
        webhook.kill()
        webhook.wait()


def _wait_until_it_listens(webhook: Webhook, stop: Event) -> None:
    host, _, port = os.environ.get("WEBHOOK_BIND", "127.0.0.1:8000").rpartition(":")
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))  # noqa: S104  # asked for, not bound
    deadline = time.monotonic() + _START
    while port.isdecimal() and webhook.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection((host, int(port)), timeout=_LOOK_EVERY):
            return
        stop.wait(_LOOK_EVERY)


class _End(Enum):
    """How a step ended: done, failed for a while, or refused, which asking again soon does not change."""

    DONE = 1
    PASSING = 2
    REFUSED = 3


def _tell(step: Step, *, even_refused: bool = False) -> _End:
    """Do a step and print what it says.

    :param even_refused: print a refusal instead of raising it.
    """
    try:
        print(step(), flush=True)
    except _PASSING as error:
        print(f"error: {error} Trying again.", file=sys.stderr, flush=True)
        return _End.PASSING
    except DeletesWaitError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
    except _REFUSED as error:
        if not even_refused:
            raise
        print(f"error: {error} The webhook goes on.", file=sys.stderr, flush=True)
        return _End.REFUSED
    return _End.DONE


def _rest(webhook: Webhook, stop: Event, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while webhook.poll() is None and (left := deadline - time.monotonic()) > 0:
        stop.wait(min(left, _LOOK_EVERY))
