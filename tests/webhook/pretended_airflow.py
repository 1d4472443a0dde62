"""What pretends to be an Airflow: its REST API, as far as the webhook asks it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ASSET = "kobo://mirror/kobo_records"
LOGIN = "webhook:made-up-password"


class Airflow:
    """The part of Airflow's REST API that is used: what it knows may change while it is asked."""

    def __init__(self) -> None:
        self.token, self.assets = "first", {f"{ASSET}_of_another": 1, ASSET: 7}
        self.events: list[tuple[int, Any]] = []
        self.refused = 0
        self.signed_in = 0

    def answer(self, method: str, path: str, token: str, sent: Any) -> tuple[int, Any]:
        if path == "/prefix/auth/token":
            self.signed_in += 1
            known = sent == {"username": "webhook", "password": "made-up-password"}
            return (201, {"access_token": self.token}) if known else self.refuse(401)
        if token != f"Bearer {self.token}":
            return self.refuse(401)
        if method == "GET":
            return 200, {"assets": [{"id": number, "uri": uri} for uri, number in self.assets.items()]}
        if sent["asset_id"] not in self.assets.values():
            return self.refuse(404)
        self.events.append((sent["asset_id"], sent["extra"]))
        return 200, {}

    def refuse(self, status: int) -> tuple[int, Any]:
        self.refused += 1
        return status, {"detail": "no"}

    def set_up_anew(self) -> None:
        self.forget_tokens()
        self.number_anew()

    def forget_tokens(self) -> None:
        self.token = "second"

    def told(self) -> dict[str, list[int]]:
        """How many submissions each event tells of, by asset."""
        uris = {number: uri for uri, number in self.assets.items()}
        found: dict[str, list[int]] = {}
        for number, extra in self.events:
            found.setdefault(uris[number], []).append(extra["pushed"])
        return found

    def number_anew(self) -> None:
        self.assets[ASSET] = 8


@contextmanager
def pretended_airflow() -> Iterator[tuple[Airflow, str]]:
    """An Airflow and its address."""
    known = Airflow()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            sent = json.loads(self.rfile.read(length)) if length else None
            status, answer = known.answer(
                self.command, self.path.partition("?")[0], self.headers.get("Authorization", ""), sent
            )
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer  # as http.server wants them called

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield known, f"http://127.0.0.1:{server.server_address[1]}/prefix/"
    finally:
        server.shutdown()
        server.server_close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
