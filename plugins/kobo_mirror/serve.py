"""The whole system in one process tree: the webhook under gunicorn, and a sync again and again."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from types import FrameType

from kobo_mirror.errors import DatabaseError, KoboMirrorError, LeaseError, ServerError

_HOUSE = Path(__file__).resolve().parents[2]
_WEBHOOK = ["-m", "gunicorn", "-c", str(_HOUSE / "webhook" / "gunicorn.conf.py"), "webhook.app:get_app()"]
_LOOK_EVERY = 0.5
_GRACE = 35.0


def serve(register: Callable[[], str], sync: Callable[[], str], *, every: float) -> int:
    """Serve the webhook, register it, and sync until a signal or the end of the webhook.

    The webhook is up before it is registered, so that no delivery finds a closed door.

    :param every: seconds between two syncs.
    :returns: the exit code of the webhook, 0 after a signal.
    """
    stop = Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    webhook = subprocess.Popen([sys.executable, *_WEBHOOK], cwd=_HOUSE)  # noqa: S603  # our own command
    try:
        _tell(register)
        while not stop.is_set() and webhook.poll() is None:
            _tell(sync)
            _pause(stop, webhook, every)
        return 0 if stop.is_set() else webhook.wait()
    finally:
        webhook.terminate()
        try:
            webhook.wait(_GRACE)
        except subprocess.TimeoutExpired:
            webhook.kill()


def _tell(step: Callable[[], str]) -> None:
    try:
        print(step(), flush=True)
    except (ServerError, DatabaseError, LeaseError) as error:
        print(f"error: {error} Trying again at the next sync.", file=sys.stderr, flush=True)
    except KoboMirrorError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        raise


def _pause(stop: Event, webhook: subprocess.Popen[bytes], seconds: float) -> None:
    waited = 0.0
    while waited < seconds and not stop.is_set() and webhook.poll() is None:
        stop.wait(_LOOK_EVERY)
        waited += _LOOK_EVERY
