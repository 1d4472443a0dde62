"""The whole system in one process tree: the webhook under gunicorn, and a sync at intervals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
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
"""Does something; returns a sentence that says what was done."""

_CHECKOUT = Path(__file__).resolve().parents[3]
_WITH_PARENT = Path(__file__).resolve().with_name("with_parent.py")
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_MAY_PASS = (ServerError, DatabaseError, LeaseError)
_REFUSED = (ConfigurationError, CredentialsError, RequestError, SchemaError)
_LOOK_EVERY = 0.5
_START = 30.0
_SOON = 60.0
_GRACE = 35.0  # more than gunicorn's graceful_timeout


def pause(stop: Event, seconds: float) -> None:
    """Wait between two attempts of a client, until the time is up or ``stop`` is set.

    :param stop: ends the wait.
    :param seconds: how long to wait.
    :raises KoboMirrorError: ``stop`` was set.
    """
    if stop.wait(seconds):
        raise KoboMirrorError("Stopped before the server gave a proper answer.")


def serve(
    first_contact: Step,
    set_up: Step,
    sync: Step,
    *,
    every: float,
    stop: Event,
    withheld: Collection[str] = (),
) -> int:
    """Serve the webhook and sync at intervals, until a signal arrives or the webhook ends.

    The order matters. ``first_contact`` is called before anything is started, so that a refusal is the first
    thing on the screen. The webhook listens before ``set_up`` registers it, so that no delivery is refused. A
    sync has succeeded before ``set_up``, so that no REST Service is added to a form that does not fit the
    table.

    What may pass by itself is tried again within a minute. A refusal (a wrong token, say) ends this function
    until the first sync has succeeded. Afterwards refusals, of ``set_up`` too, are printed at each sync, and
    the webhook goes on accepting deliveries.

    :param first_contact: asks the server for the form once.
    :param set_up: registers the webhook; called again until it succeeds or is refused.
    :param sync: does one sync.
    :param every: seconds between two syncs.
    :param stop: set by SIGTERM, Ctrl-C and a closed terminal, which also interrupt the step that is running.
    :param withheld: the environment variables that hold tokens, which the webhook does not get.
    :returns: the exit code of the webhook, or 0 after a signal.
    :raises KoboMirrorError: a refusal, before the first sync has succeeded.
    """
    _do(first_contact)
    with suppress(KeyboardInterrupt), _running(stop, withheld) as webhook, _ending_with(stop):
        _wait_until_it_listens(webhook, stop)
        is_set_up = has_synced = False
        while webhook.poll() is None:
            ends = [_do(sync, print_refusal=has_synced)]
            has_synced = has_synced or ends[0] is not _End.MAY_PASS
            if has_synced and not is_set_up:
                ends.append(_do(set_up, print_refusal=True))
                is_set_up = ends[1] is _End.DONE
            _wait_for_next_sync(webhook, stop, min(every, _SOON) if _End.MAY_PASS in ends else every)
        return 0 if stop.is_set() else webhook.returncode
    return 0


@contextmanager
def _ending_with(stop: Event) -> Iterator[None]:
    """Drop what a signal made of the step that it interrupted.

    The interrupt may be lost in the clean-up of a library, or replaced by the error of a step that could not
    note its end any more: with ``stop`` set, neither is a failure.
    """
    try:
        yield
    except (KeyboardInterrupt, KoboMirrorError):
        if not stop.is_set():
            raise


@contextmanager
def _running(stop: Event, withheld: Collection[str]) -> Iterator[Webhook]:
    children: list[Webhook] = []

    def end(number: int, frame: FrameType | None) -> None:
        if not stop.is_set():
            stop.set()
            for child in children:
                child.terminate()
            raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in _SIGNALS}
    try:
        children.append(_webhook(withheld))
        yield children[0]
    finally:
        stop.set()
        for child in children:
            _end(child)
        for number, handler in before.items():
            signal.signal(number, handler)


def _webhook(withheld: Collection[str]) -> Webhook:
    """Start the webhook: without tokens, which it does not use, and so that it ends with this process.

    It gets a process group of its own, out of reach of the terminal's Ctrl-C: a worker that receives that
    signal from the terminal and from gunicorn may hang.
    """
    if lacking := [
        name for name in ("falcon", "gevent", "gunicorn", "prometheus_client") if not find_spec(name)
    ]:
        raise ConfigurationError(
            f"The webhook needs packages that are not installed ({', '.join(lacking)}): "
            "install kobo-mirror[webhook]."
        )
    found = find_spec("webhook")  # installed, or on the path of a checkout
    root = Path(found.origin).parents[1] if found and found.origin else _CHECKOUT
    command = ["-m", "gunicorn", "-c", str(root / "webhook" / "gunicorn.conf.py"), "webhook.app:get_app()"]
    env = {name: value for name, value in os.environ.items() if name not in {"KOBO_TOKEN", *withheld}}
    ending_with_us = [sys.executable, "-P", str(_WITH_PARENT), str(os.getpid()), sys.executable, *command]
    return subprocess.Popen(ending_with_us, cwd=root, env=env, process_group=0)  # noqa: S603  # a command of our own


def _end(webhook: Webhook) -> None:
    webhook.terminate()
    try:
        webhook.wait(_GRACE)
    except subprocess.TimeoutExpired:
        webhook.kill()
        webhook.wait()


def _wait_until_it_listens(webhook: Webhook, stop: Event) -> None:
    host, _, port = os.environ.get("WEBHOOK_BIND", "127.0.0.1:8000").rpartition(":")
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))  # noqa: S104  # compared with, not bound to
    deadline = time.monotonic() + _START
    while port.isdecimal() and webhook.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection((host, int(port)), timeout=_LOOK_EVERY):
            return
        stop.wait(_LOOK_EVERY)


class _End(Enum):
    """How a step ended.

    ``MAY_PASS`` is a failure that may pass by itself, ``REFUSED`` one that another try will not change.
    """

    DONE = 1
    MAY_PASS = 2
    REFUSED = 3


def _do(step: Step, *, print_refusal: bool = False) -> _End:
    """Do a step, and print its sentence or its error.

    :param print_refusal: print a refusal instead of raising it.
    """
    try:
        print(step(), flush=True)
    except _MAY_PASS as error:
        print(f"error: {error} Trying again.", file=sys.stderr, flush=True)
        return _End.MAY_PASS
    except DeletesWaitError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
    except _REFUSED as error:
        if not print_refusal:
            raise
        print(f"error: {error} The webhook goes on.", file=sys.stderr, flush=True)
        return _End.REFUSED
    return _End.DONE


def _wait_for_next_sync(webhook: Webhook, stop: Event, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while webhook.poll() is None and (left := deadline - time.monotonic()) > 0:
        stop.wait(min(left, _LOOK_EVERY))
