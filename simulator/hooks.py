"""REST Services and the external registrar: which receiver is posted which submission (kobo-api.md §5)."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from simulator.contents import uid
from simulator.delivery import FIRST_DELAY, MAX_TRIES, Dispatcher, Outcome, Post
from simulator.xml import as_xml

if TYPE_CHECKING:
    from simulator.project import Project

FAILED, PENDING, SUCCESS = 0, 1, 2
_STATUS_NAMES = {FAILED: "failed", PENDING: "pending", SUCCESS: "success"}
BLOCKED_HOSTS = ("127.0.0.2",)
"""Addresses that the server refuses to post to, as the real one refuses private ones (kobo-api.md §5.6)."""


@dataclass
class Log:
    """The log of one submission's delivery to one hook.

    :param changed: Unix time of the last try, in seconds.
    """

    uid: str
    submission_id: int
    tries: int = 0
    status: int = PENDING
    status_code: int | None = None
    message: str = ""
    changed: float = field(default_factory=time.time)

    def record(self, outcome: Outcome, *, last: bool) -> None:
        """Note one try.

        :param outcome: its outcome.
        :param last: no further try follows.
        """
        self.tries += 1
        self.status_code, self.message, self.changed = outcome.status, outcome.message, time.time()
        self.status = SUCCESS if outcome.delivered else PENDING if outcome.to_retry and not last else FAILED

    def as_json(self, url: str) -> dict[str, Any]:
        """Return the log as the API shows it.

        :param url: its address.
        """
        return {
            "url": url,
            "uid": self.uid,
            "submission_id": self.submission_id,
            "tries": self.tries,
            "status": self.status,
            "status_str": _STATUS_NAMES[self.status],
            "status_code": self.status_code,
            "message": self.message,
            "date_modified": timestamp(self.changed),
        }


@dataclass
class Hook:
    """One REST Service, or one address that the registrar was given.

    :param fields: as the API takes and shows them.
    :param registrar: the address was given to the registrar.
    :param changed: Unix time of the last change, in seconds.
    :param logs: by uid, oldest first.
    """

    uid: str
    fields: dict[str, Any]
    registrar: bool = False
    changed: float = field(default_factory=time.time)
    logs: dict[str, Log] = field(default_factory=dict)

    def count_logs(self, status: int) -> int:
        """Return how many logs have this status.

        :param status: ``FAILED``, ``PENDING`` or ``SUCCESS``.
        """
        return sum(log.status == status for log in self.logs.values())


@dataclass
class Held:
    """A delivery that waits for the test to send or drop it.

    :param number: its id in the control API.
    :param post: the request as it was when the delivery was due; None if the submission was gone by then.
    """

    number: int
    hook: Hook
    log: Log
    post: Post | None


class Deliveries:
    """What posts for all forms of a server, and numbers what it posts."""

    def __init__(self) -> None:
        self.dispatcher = Dispatcher()
        self._numbers = count(1)

    def number(self) -> int:
        """Return a number that nothing else on the server has."""
        return next(self._numbers)

    def clear(self) -> None:
        """Drop what waits to be posted."""
        self.dispatcher.clear()


class Hooks:
    """The receivers of one form, and the deliveries to them.

    :param project: the form.
    :param deliveries: what posts them.
    """

    def __init__(self, project: Project, deliveries: Deliveries) -> None:
        self._project = project
        self._deliveries = deliveries
        self.lock = threading.RLock()
        self.all: dict[str, Hook] = {}
        self.held: dict[int, Held] = {}
        self.mode = "normal"

    def new(self, fields: dict[str, Any], *, registrar: bool = False) -> Hook:
        """Add a receiver.

        :param fields: as the API takes them.
        :param registrar: the address was given to the registrar.
        :returns: the receiver.
        """
        with self.lock:
            hook = Hook(uid("h", self._deliveries.number()), fields, registrar)
            self.all[hook.uid] = hook
            return hook

    def submitted(self, kobo_id: int) -> None:
        """Deliver a new submission to every active receiver.

        :param kobo_id: its ``_id``.
        """
        with self.lock:
            for hook in self.all.values():
                if hook.fields["active"]:
                    self._announce(hook, kobo_id)

    def edited(self, kobo_id: int) -> None:
        """Deliver an edited submission to the registrar's addresses; REST Services are not told of edits.

        :param kobo_id: its ``_id``.
        """
        with self.lock:
            for hook in self.all.values():
                if hook.registrar:
                    self._announce(hook, kobo_id)

    def send_again(self, hook: Hook, log: Log) -> None:
        """Send a failed delivery anew, in the background.

        :param hook: the receiver.
        :param log: the delivery's log.
        """
        log.status = PENDING
        self._queue(hook, log, log.tries + MAX_TRIES)

    def send_now(self, hook: Hook, log: Log) -> Outcome:
        """Try a delivery once, and wait for the response.

        :param hook: the receiver.
        :param log: the delivery's log.
        :returns: the outcome.
        """
        return self._try(hook, log, self._post(hook, log.submission_id), last=True)

    def deliver(self, number: int, *, fresh: bool) -> Outcome:
        """Send a held delivery and keep it, so that it can be repeated.

        :param number: its id.
        :param fresh: with the submission as it is now, not as it was when the delivery was due.
        :returns: the outcome.
        :raises KeyError: there is none of this number.
        """
        held = self.held[number]
        post = self._post(held.hook, held.log.submission_id) if fresh else held.post
        return self._try(held.hook, held.log, post, last=True)

    def wait(self, seconds: float) -> bool:
        """Wait until only held deliveries are left.

        :param seconds: how long to wait at most.
        :returns: False if others are left then.
        """
        return self._deliveries.dispatcher.wait(seconds)

    def _announce(self, hook: Hook, kobo_id: int) -> None:
        if self.mode == "lose":
            return
        number = self._deliveries.number()
        log = Log(uid("hl", number), kobo_id)
        hook.logs[log.uid] = log
        if self.mode == "hold":
            self.held[number] = Held(number, hook, log, self._post(hook, kobo_id))
        else:
            self._queue(hook, log, MAX_TRIES)

    def _queue(self, hook: Hook, log: Log, max_tries: int) -> None:
        def run() -> float | None:
            last = log.tries + 1 >= max_tries
            outcome = self._try(hook, log, self._post(hook, log.submission_id), last=last)
            if last or not outcome.to_retry:
                return None
            ceiling = FIRST_DELAY * 2 ** (MAX_TRIES - max_tries + log.tries - 1)
            return random.uniform(0, ceiling) * self._project.options.hook_time_scale

        self._deliveries.dispatcher.add(run)

    def _try(self, hook: Hook, log: Log, post: Post | None, *, last: bool) -> Outcome:
        if post is None:
            outcome = Outcome(None, "Submission has been deleted")
        elif urlsplit(post.url).hostname in BLOCKED_HOSTS:
            outcome = Outcome(None, f"{post.url} is not allowed")
        else:
            outcome = post.send(self._project.options.hook_timeout)
        log.record(outcome, last=last)
        return outcome

    def _post(self, hook: Hook, kobo_id: int) -> Post | None:
        """Return the request for a submission as it is now, or None when it is gone."""
        with self._project.store.lock:
            if kobo_id not in self._project.store:
                return None
            row = self._project.store.row(kobo_id)
        fields = hook.fields
        xml = fields["export_type"] == "xml"
        body = as_xml(row).encode() if xml else _json_body(row, fields).encode()
        settings = fields["settings"]
        headers = {
            "Content-Type": f"application/{'xml' if xml else 'json'}",
            **settings.get("custom_headers", {}),
        }
        headers["User-Agent"] = f"KoboToolbox external service - {self._project.options.host} #{hook.uid}"
        basic = fields["auth_level"] == "basic_auth"
        return Post(
            url=fields["endpoint"],
            body=body,
            headers=headers,
            auth=(settings.get("username", ""), settings.get("password", "")) if basic else None,
        )


def timestamp(second: float) -> str:
    """Return a time as the API shows it outside submissions.

    :param second: Unix time.
    """
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _json_body(row: dict[str, Any], fields: dict[str, Any]) -> str:
    subset = fields["subset_fields"]
    if subset:
        row = {key: value for key, value in row.items() if any(_names(name, key) for name in subset)}
    body = json.dumps(row)
    template = fields["payload_template"]
    return json.dumps(json.loads(template.replace("%SUBMISSION%", body))) if template else body


def _names(wanted: str, key: str) -> bool:
    """Return True if a subset field selects a key (kobo-api.md §5.3).

    A plain name selects itself and what is in it, a path only itself.
    """
    return key == wanted if "/" in wanted else re.search(f"(^|/){wanted}(/|$)", key) is not None
