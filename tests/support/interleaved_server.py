"""A simulated server in this process: any action can happen on it between any two requests."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self, cast
from wsgiref.handlers import SimpleHandler
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from falcon import testing

from simulator.app import create_app
from simulator.control_client import SimulatorControl, SimulatorError
from simulator.form_file import FormSetup
from simulator.options import Options

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class ScheduledAction(NamedTuple):
    """An action at a request of a client: before its response is made, or after.

    :param request: the number of the request, from 0.
    :param answered: the response is made first, and is out of date when it is sent.
    """

    request: int
    answered: bool
    action: Callable[[], None]


class InterleavedServer:
    """``with InterleavedServer() as server:`` serves on a free loopback port until the block ends.

    :param setups: its forms; none: the survey.
    """

    def __init__(self, options: Options, setups: Sequence[FormSetup] = ()) -> None:
        self._interleaved = _Interleaved(create_app(options, setups))
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.set_app(self._interleaved)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.token, self.asset = options.token, setups[0].uid if setups else options.asset
        self.control: SimulatorControl = _Control(self._interleaved.app)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def meanwhile(self, actions: Sequence[ScheduledAction]) -> Iterator[None]:
        """Run actions at the requests of the block; those that find no request run at its end.

        :raises BaseException: what an action raised.
        """
        self._interleaved.begin(actions)
        try:
            yield
        finally:
            self._interleaved.end()


class _Interleaved:
    """The application, with actions before and after its responses.

    Requests that an action itself makes are served and not counted.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app
        self._lock = threading.Lock()
        self._act_lock = threading.Lock()
        self._acting = False
        self._number = 0
        self._waiting: list[ScheduledAction] = []
        self._problem: BaseException | None = None

    def begin(self, actions: Sequence[ScheduledAction]) -> None:
        self._number, self._waiting, self._problem = 0, list(actions), None

    def end(self) -> None:
        """Run what is left; a client that gave up waiting leaves the actions of its request behind."""
        with self._act_lock:
            waiting, self._waiting = self._waiting, []
        if self._problem is not None:
            raise self._problem
        for action in waiting:
            action.action()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with self._lock:
            if self._acting or not self._waiting:
                return self.app(environ, start_response)
            number, self._number = self._number, self._number + 1
        self._act(number, answered=False)
        body = list(self.app(environ, start_response)) if self._due(number, answered=True) else None
        if body is None:
            return self.app(environ, start_response)
        self._act(number, answered=True)
        return body

    def _due(self, number: int, *, answered: bool) -> list[ScheduledAction]:
        return [m for m in self._waiting if m.request == number and m.answered is answered]

    def _act(self, number: int, *, answered: bool) -> None:
        with self._act_lock:
            due = self._due(number, answered=answered)
            self._waiting = [action for action in self._waiting if action not in due]
            self._acting = True
            try:
                for action in due:
                    action.action()
            except BaseException as problem:  # it belongs to the test's thread, which waits for an answer
                self._problem = problem
            finally:
                self._acting = False


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # the client, or a fault, hung up
            super().handle_error(request, client_address)


class _Answering(SimpleHandler):
    http_version = "1.1"


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        self.close_connection = False
        while not self.close_connection:
            self.raw_requestline = self.rfile.readline(65537)
            if self.parse_request():
                server: Any = self.server
                answers = cast("IO[bytes]", self.wfile)
                _Answering(self.rfile, answers, sys.stderr, self.get_environ()).run(server.get_app())

    def get_environ(self) -> WSGIEnvironment:
        return super().get_environ() | {"gunicorn.socket": self.connection}

    def address_string(self) -> str:
        return "127.0.0.1"

    def log_message(self, format: str, *args: Any) -> None:
        return None


class _Control(SimulatorControl):
    """The control API without a connection."""

    def __init__(self, app: WSGIApplication) -> None:
        super().__init__("http://127.0.0.1")
        self._app = app

    def send(self, command: str, **parameters: Any) -> object:
        body = json.dumps(parameters)  # in ASCII: an answer may hold half a character
        kind = {"Content-Type": "application/json"}
        answer = testing.simulate_post(self._app, f"/_control/{command}", body=body, headers=kind)
        if answer.status_code != 200:
            raise SimulatorError(f"{command}: {answer.status_code} {answer.text[:300]}")
        result: object = answer.json
        return result
