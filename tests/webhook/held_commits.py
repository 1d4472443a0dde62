"""A commit function of the webhook that waits until a test lets it go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine

from kobo_mirror.store.batches import PushResult
from kobo_mirror.store.writer import Writer
from kobo_mirror.submissions.rows import State, read_state
from tests.webhook.application import MIRROR
from tests.webhook.bodies import body
from webhook.grouping import GroupCommitter


def state(kobo_id: int, **changes: Any) -> State:
    return read_state(body(kobo_id, **changes), MIRROR)


class HeldCommits:
    """Commit to a real database, but only once ``go`` is set; ``groups`` are the ids of each call."""

    def __init__(self, engine: Engine) -> None:
        self.push_all = Writer(engine, MIRROR).push_all
        self.groups: list[list[int]] = []
        self.go = threading.Event()

    def __call__(self, states: Sequence[State]) -> list[PushResult]:
        self.groups.append([state.kobo_id for state in states])
        assert self.go.wait(5)
        return self.push_all(states)


def wait_until_waiting(committer: GroupCommitter, number: int) -> None:
    deadline = time.monotonic() + 5
    while len(committer._waiting) < number:
        assert time.monotonic() < deadline
        time.sleep(0.005)
