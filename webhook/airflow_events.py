"""Tell Airflow by asset events that submissions arrived, so that people's own DAGs can start.

A delivery only counts. A thread of its own sends the events, so that Airflow can neither delay a delivery nor
fail one. An event may be lost: the next sync sends one of the same asset.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

log = logging.getLogger("webhook")

TIMEOUT = 5.0
_MOST = 1 << 20


class RefusedError(Exception):
    """Airflow did not do what it was asked for."""


class AirflowEvents:
    """Sends events of one asset, from all worker processes together at most one in some seconds.

    Make it before the processes fork: they share an anonymous file that holds the time of the last event. A
    process locks it to claim the next event; when the process dies the lock is free.

    :param url: Airflow's address, as people open it.
    :param login: ``user:password`` of a user who may create asset events (role Op).
    :param asset: the asset's URI.
    :param every: seconds between two events at least.
    """

    def __init__(self, *, url: str, login: str, asset: str, every: float) -> None:
        self._airflow = _Airflow(url, login, asset)
        self._every = every
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # open as long as the processes live
        self._lock = threading.Lock()
        self._some = threading.Event()
        self._arrived = 0
        self._process = 0

    def arrived(self) -> None:
        """Count a submission that was committed; never wait and never raise."""
        with self._lock:
            self._arrived += 1
            self._some.set()
            started, self._process = self._process == os.getpid(), os.getpid()
        if not started:
            try:
                threading.Thread(target=self._send_for_ever, name="airflow-events", daemon=True).start()
            except RuntimeError:  # no thread to be had now: the next submission tries again
                self._process = 0

    def _send_for_ever(self) -> None:
        while True:
            self._some.wait()
            count = 0
            try:
                if (wait := self._claim()) > 0:
                    time.sleep(wait)
                    continue
                with self._lock:
                    count, self._arrived = self._arrived, 0
                    self._some.clear()
                self._airflow.tell({"source": "webhook", "pushed": count})
            except RefusedError as problem:
                log.warning("Airflow was not told of %d submissions: %s.", count, problem)
            except Exception as problem:  # the next ones are told; its text may hold the login
                log.warning("Airflow was not told of %d submissions: %s.", count, type(problem).__name__)
                time.sleep(min(self._every, 1.0))

    def _claim(self) -> float:
        """Claim the next event; return 0, or the seconds until one may be sent."""
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            last, now = float(os.pread(self._file.fileno(), 32, 0) or b"-inf"), time.monotonic()
            if last + self._every > now:
                return last + self._every - now
            os.pwrite(self._file.fileno(), b"%-32.6f" % now, 0)
            return 0
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)


class _Airflow:
    """The requests to Airflow's REST API that an event takes."""

    def __init__(self, url: str, login: str, asset: str) -> None:
        parts = urlsplit(url)
        self._kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._prefix = parts.netloc, parts.path.rstrip("/")
        self._login, self._asset = login, asset
        self._token = ""
        self._asset_id: int | None = None

    def tell(self, extra: Mapping[str, Any]) -> None:
        """Create an event.

        :param extra: what the event carries, as JSON.
        :raises OSError, HTTPException, ValueError, RefusedError: Airflow does not take it now.
        """
        try:
            if self._asset_id is None:
                self._asset_id = self._find()
            event = {"asset_id": self._asset_id, "extra": extra}
            self._ask("POST", "/api/v2/assets/events", event)
        except RefusedError:
            self._asset_id = None  # Airflow may have been set up anew
            raise

    def _find(self) -> int:
        """Return the asset's number in this Airflow, which knows it once it has parsed the DAG."""
        found = self._ask("GET", f"/api/v2/assets?{urlencode({'uri_pattern': self._asset})}")
        for asset in found.get("assets", ()):
            if asset.get("uri") == self._asset:
                return int(asset["id"])
        raise RefusedError(f"it knows no asset {self._asset} (yet)")

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Return the decoded answer to a request; a token that has expired is replaced once."""
        for new in (not self._token, True):
            if new:
                self._token = self._sign_in()
            status, answer = self._send(method, path, body, {"Authorization": f"Bearer {self._token}"})
            if status < 300:
                return answer
            if status != 401 or new:
                break
        raise RefusedError(f"it answered {status}")

    def _sign_in(self) -> str:
        user, _, password = self._login.partition(":")
        status, answer = self._send("POST", "/auth/token", {"username": user, "password": password}, {})
        if status >= 300 or not isinstance(answer.get("access_token"), str):
            raise RefusedError(f"it refused WEBHOOK_AIRFLOW_LOGIN ({status})")
        return str(answer["access_token"])

    def _send(
        self, method: str, path: str, body: object, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, Any]]:
        """Send one request, without following redirects; return its status and decoded answer."""
        connection = self._kind(self._host, timeout=TIMEOUT)
        try:
            data = None if body is None else json.dumps(body)
            given = {"Content-Type": "application/json", "Accept": "application/json", **headers}
            connection.request(method, f"{self._prefix}{path}", data, given)
            response = connection.getresponse()
            text = response.read(_MOST)
        finally:
            connection.close()
        answer = json.loads(text) if response.status < 300 else {}
        return response.status, answer if isinstance(answer, dict) else {}
