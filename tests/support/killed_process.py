"""A real process that is killed between two statements."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.kobo.form import KoboClient, open_form
from kobo_mirror.sync import lanes
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.verify import verify

PAGE = 20


@dataclass(frozen=True)
class Job:
    """A sync in a process, from a server into a database."""

    url: str
    token: str
    asset: str
    database_url: str

    def sync(self, engine: Engine, client: KoboClient) -> None:
        """Run an exact sync in lanes of a few pages."""
        lanes._LANE_LEAST = 3 * PAGE  # the form has four lanes then, as one of 10,000 submissions does
        self._mirror_sync(engine, client).run(mode="exact")

    def repair(self, engine: Engine, client: KoboClient) -> None:
        """Prove, and repair what differs."""
        report = verify(client, engine, Mirror(KOBO_RECORDS, self.url, self.asset), lambda *_: None)
        self._mirror_sync(engine, client).repair(report)

    def do(self, what: str, prepare: Callable[[Engine], Any] = lambda engine: None) -> None:
        """Run the job in this process.

        :param what: ``sync`` or ``repair``.
        :param prepare: given the engine before the job begins.
        """
        engine = open_engine(self.database_url)
        prepare(engine)
        with open_form(self.url, self.token, self.asset, attempts=3) as client:
            {"sync": self.sync, "repair": self.repair}[what](engine, client)
        engine.dispose()

    def run_until_killed(self, what: str, after: int) -> bool:
        """Run the job in a process that is killed after so many statements.

        :param what: ``sync`` or ``repair``.
        :param after: statements; commits count.
        :returns: False if the job ended before.
        """
        processes = multiprocessing.get_context("forkserver")
        processes.set_forkserver_preload([__name__])
        process = processes.Process(target=_run_until_killed, args=(self, what, after))
        process.start()
        process.join(60)
        if process.exitcode not in (0, -signal.SIGKILL):
            raise AssertionError(f"the process ended with {process.exitcode}")
        return process.exitcode != 0

    def _mirror_sync(self, engine: Engine, client: KoboClient) -> MirrorSync:
        return MirrorSync(client, engine, form=KOBO_RECORDS, server=self.url, page_size=PAGE, in_flight=2)


def _run_until_killed(job: Job, what: str, after: int) -> None:
    left = after

    def count(*_: Any, **__: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(engine: Engine) -> None:
        event.listen(engine, "before_cursor_execute", count)
        event.listen(engine, "commit", count)

    job.do(what, watch)
