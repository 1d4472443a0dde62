"""Asks a KoboToolbox server, several times if need be: the one place where HTTP becomes data or an error."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    wait_exponential_jitter,
)

from kobo_mirror.config.setting_names import OF_ENVIRONMENT, SettingNames
from kobo_mirror.errors import ServerError, ServerFailedError, UnreachableError
from kobo_mirror.kobo.concurrency import AdaptiveLimit
from kobo_mirror.kobo.responses import problem
from kobo_mirror.kobo.transport import RedirectError, Response, Transport

log = logging.getLogger(__name__)
T = TypeVar("T")

_AT_FIRST_CONTACT = 2


@dataclass
class Usage:
    """What was asked of the server.

    :param requests: requests sent.
    :param bytes: bytes received.
    """

    requests: int = 0
    bytes: int = 0


@dataclass
class _Contact:
    """Shared by the sessions of a server.

    :param answered: True once the server has given any response.
    """

    answered: bool = False


class Session:
    """Requests to one server, each repeated while the server gives no proper response.

    :param transport: sends them.
    :param limit: of concurrent requests, over all forms and threads.
    :param attempts: how often a request is sent at most. Twice while the server has never given any
        response, since then the address is wrong or the network is down.
    :param longest_wait: seconds between two attempts at most.
    :param sleep: waits between two attempts, for the seconds given.
    :param names: of the settings that give account and form.
    """

    def __init__(
        self,
        transport: Transport,
        limit: AdaptiveLimit,
        *,
        attempts: int,
        longest_wait: float,
        sleep: Callable[[float], None],
        names: SettingNames = OF_ENVIRONMENT,
    ) -> None:
        self.usage = Usage()
        self._counting = threading.Lock()
        self._transport = transport
        self._asset_uid, self.names = "", names
        self._limit = limit
        self._attempts = attempts
        self._contact = _Contact()
        self._said = ("", 0, 0.0)  # the newest line about a retry: its reason, attempt, and end of its wait
        self._longest_wait = longest_wait
        self._backoff = wait_exponential_jitter(initial=1, max=longest_wait)
        self._retrying = Retrying(
            retry=retry_if_exception_type(ServerError),
            stop=self._was_last,
            wait=self._wait,
            before_sleep=self._log_retry,
            sleep=sleep,
            reraise=True,
        )

    def about(self, asset_uid: str, names: SettingNames) -> Session:
        """Return a session for requests about one form, which counts them separately.

        Limit, connections and contact are shared.

        :param asset_uid: the form's uid.
        :param names: of the settings that give account and form.
        """
        session = copy(self)
        session.names = names
        session._asset_uid, session.usage, session._counting = asset_uid, Usage(), threading.Lock()
        return session

    def ask(
        self,
        path: str,
        decode: Callable[[Response], T],
        params: Mapping[str, str],
        *,
        method: str = "GET",
        body: Mapping[str, Any] | None = None,
        repeat: bool = True,
        tries_at_500: int | None = None,
        managing: bool = False,
    ) -> T:
        """Send a request until there is a proper response, and return what is decoded from it.

        :param path: the path below the server's address.
        :param decode: makes data of the response; may raise ValueError or ServerError where it is not the
            one expected.
        :param params: parameters of the query.
        :param method: such as ``GET``.
        :param body: sent as JSON.
        :param repeat: False for a request that must not reach the server twice.
        :param tries_at_500: how often it is sent at most where the server answers 500, if less than usual.
        :param managing: the request manages REST Services, see ``responses.problem``.
        :returns: what ``decode`` returns.
        :raises KoboMirrorError: as :class:`KoboServer` says.
        """

        def send() -> T:
            return self._once(method, path, decode, params=params, body=body, managing=managing)

        if not repeat:
            return send()
        if tries_at_500 is None:
            return self._retrying(send)

        def was_last(state: RetryCallState) -> bool:
            return self._was_last(state) or (state.attempt_number >= tries_at_500 and _is_500(state))

        return self._retrying.copy(stop=was_last)(send)

    def _once(
        self,
        method: str,
        path: str,
        decode: Callable[[Response], T],
        *,
        params: Mapping[str, str],
        body: Mapping[str, Any] | None,
        managing: bool,
    ) -> T:
        server = self._transport.server
        json = None if body is None else msgspec.json.encode(body)
        with self._limit.request():
            with self._counting:
                self.usage.requests += 1
            response = self._send(method, path, params, json)
            with self._counting:
                self.usage.bytes += response.wire
            about = {"server": server, "asset_uid": self._asset_uid}
            if error := problem(response, **about, managing=managing, names=self.names):
                raise error
        try:
            return decode(response)
        except (msgspec.DecodeError, ValueError, RecursionError) as cause:
            raise ServerError(f"{server} sent something else than the JSON that was asked for.") from cause

    def _send(self, method: str, path: str, params: Mapping[str, str], body: bytes | None) -> Response:
        try:
            response = self._transport.send(method, path, params=params, body=body)
        except RedirectError as redirect:
            if self._contact.answered:  # the address is right: a filter or a sign-in page redirects
                raise ServerError(str(redirect)) from redirect
            raise
        self._contact.answered = True
        return response

    def _was_last(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        no_answer = isinstance(error, UnreachableError) and not self._contact.answered
        most = min(_AT_FIRST_CONTACT, self._attempts) if no_answer else self._attempts
        return state.attempt_number >= most

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, ServerError) and error.retry_after is not None:
            return min(error.retry_after, self._longest_wait)
        return self._backoff(state)

    def _log_retry(self, state: RetryCallState) -> None:
        """Log that a request is sent again, and why; once for several that wait for the same reason."""
        said = str(state.outcome.exception()) if state.outcome else ""
        wait = state.next_action.sleep if state.next_action else 0.0
        with self._counting:
            now, (before, attempt, until) = time.monotonic(), self._said
            is_news = said != before or state.attempt_number > attempt or now >= until
            if is_news:
                self._said = (said, state.attempt_number, now + wait)
        level = logging.WARNING if is_news else logging.DEBUG
        log.log(level, "%s Asking again in %.0f s (attempt %d failed).", said, wait, state.attempt_number)


def _is_500(state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    return isinstance(error, ServerFailedError) and error.status == 500
