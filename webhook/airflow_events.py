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
from collections import Counter
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

log = logging.getLogger("webhook")

TIMEOUT = 5.0
_MOST = 1 << 20


_NOT_TOLD = "Airflow was not told of %d submissions: %s."


class RefusedError(Exception):
    """Airflow did not do what it was asked for."""


class UnknownAssetError(RefusedError):
    """Airflow does not know an asset, but may know others."""


class AirflowEvents:
    """Sends events of assets in rounds: one of each asset, all worker processes together one in some seconds.

    Make it before the processes fork: they share an anonymous file that holds the time of the last round. A
    process locks it to claim the next one; when the process dies the lock is free.

    :param url: Airflow's address, as people open it.
    :param login: ``user:password`` of a user who may create asset events (role Op).
    :param every: seconds between two rounds at least.
    """

    def __init__(self, *, url: str, login: str, every: float) -> None:
        self._airflow = _Airflow(url, login)
        self._every = every
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # open as long as the processes live
        self._lock = threading.Lock()
        self._some = threading.Event()
        self._arrived: Counter[str] = Counter()
        self._process = 0

    def arrived(self, asset: str) -> None:
        """Count a submission that was committed; never wait and never raise.

        :param asset: the URI of its form's asset.
        """
        with self._lock:
            self._arrived[asset] += 1
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
            arrived: Counter[str] = Counter()
            try:
                if (wait := self._claim()) > 0:
                    time.sleep(wait)
                    continue
                with self._lock:
                    arrived, self._arrived = self._arrived, arrived
                    self._some.clear()
                self._tell(arrived)
            except RefusedError as problem:
                log.warning(_NOT_TOLD, arrived.total(), problem)
            except Exception as problem:  # the next ones are told; its text may hold the login
                log.warning(_NOT_TOLD, arrived.total(), type(problem).__name__)
                time.sleep(min(self._every, 1.0))

    def _tell(self, arrived: Counter[str]) -> None:
        """Send an event of each asset; what was told, or is not known, is taken out."""
        for asset in list(arrived):
            try:
                self._airflow.tell(asset, {"source": "webhook", "pushed": arrived[asset]})
            except UnknownAssetError as problem:
                log.warning(_NOT_TOLD, arrived[asset], problem)
            del arrived[asset]

    def _claim(self) -> float:
        """Claim the next round; return 0, or the seconds until it may begin."""
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

    def __init__(self, url: str, login: str) -> None:
        parts = urlsplit(url)
        self._kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._prefix = parts.netloc, parts.path.rstrip("/")
        self._login = login
        self._token = ""
        self._asset_ids: dict[str, int] = {}

    def tell(self, asset: str, extra: Mapping[str, Any]) -> None:
        """Create an event.

        :param asset: the asset's URI.
        :param extra: what the event carries, as JSON.
        :raises OSError, HTTPException, ValueError, RefusedError: Airflow does not take it now.
        """
        if asset not in self._asset_ids:
            self._asset_ids[asset] = self._find(asset)
        event = {"asset_id": self._asset_ids[asset], "extra": extra}
        try:
            self._ask("POST", "/api/v2/assets/events", event)
        except RefusedError:
            self._asset_ids.clear()  # Airflow may have been set up anew
            raise

    def _find(self, asset: str) -> int:
        """Return an asset's number in this Airflow.

        Airflow knows that of the connection's form once it has parsed the DAG, any other one from its form's
        first sync on. The latter is not active unless a DAG waits for it.
        """
        wanted = {"uri_prefix_pattern": asset, "only_active": "false", "order_by": "uri", "limit": 100}
        found = self._ask("GET", f"/api/v2/assets?{urlencode(wanted)}")
        for one in found.get("assets", ()):
            if one.get("uri") == asset:
                return int(one["id"])
        raise UnknownAssetError(f"it knows no asset {asset} (yet)")

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
