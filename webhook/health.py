"""What a supervisor asks: is the process alive, could it commit a delivery, what has it counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import falcon
from sqlalchemy import Engine

from kobo_mirror.database.engine import reading
from kobo_mirror.errors import DatabaseError, KoboMirrorError, SchemaError
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.binding_checks import check_shape
from kobo_mirror.store.listings import bound_forms
from kobo_mirror.store.mirrors import load_mirror
from kobo_mirror.store.overview import read_state
from kobo_mirror.store.probe import try_writing
from kobo_mirror.store.schema import require_tables
from webhook.metrics import CONTENT_TYPE, Metrics, figures_of

T = TypeVar("T")

FIGURES_SECONDS = 15.0
"""How long figures are shown again before the database is asked anew."""


class Cached(Generic[T]):
    """The result of a call that one thread at a time makes, and that is kept for a while.

    :param ask: makes the call. If it raises, so does the call of this object, and nothing is kept.
    :param seconds: how long the result is kept; 0: it only serves those who ask while the call is made.
    """

    _result: T

    def __init__(self, ask: Callable[[], T], seconds: float = 0.0) -> None:
        self._ask, self._seconds = ask, seconds
        self._asking = threading.Lock()
        self._until = 0.0

    def __call__(self) -> T:
        """Return the result; while another thread makes the call, the result before."""
        if self._asking.acquire(blocking=not self._until):
            try:
                if time.monotonic() >= self._until:
                    self._result = self._ask()
                    self._until = time.monotonic() + self._seconds
            finally:
                self._asking.release()
        return self._result


class Live:
    """``GET /health/live``: this process answers."""

    public = True

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer 200."""
        resp.media = {"status": "success"}


class Ready:
    """``GET /health/ready``: a submission could be committed now.

    :param probe: an engine of its own, with little patience.
    :param mirrors: the forms of this service.
    """

    public = True

    def __init__(self, probe: Engine, mirrors: Sequence[Mirror]) -> None:
        self._probe = probe
        self._mirrors = mirrors
        self._problem = Cached(self._look)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer 200 if the database has our tables, mirrors the forms of this service, and takes a commit.

        :raises DatabaseError, SchemaError: it does not answer, takes no commit, or is not ours to write to.
        """
        if problem := self._problem():
            raise problem
        resp.media = {"status": "success"}

    def _look(self) -> KoboMirrorError | None:
        self._probe.dispose()  # over a new connection: the address may lead to another server by now
        try:
            for form in self._mirrors:
                require_tables(self._probe, asset_uid=form.asset_uid)
                mirror = load_mirror(self._probe, *form.identity)
                with reading(self._probe) as connection:
                    check_shape(connection, mirror)
                try_writing(self._probe, mirror)
        except (DatabaseError, SchemaError) as problem:
            return problem
        return None


class Figures:
    """What the database says of the mirrors, asked at most every ``FIGURES_SECONDS``.

    :param probe: an engine with little patience.
    :param mirrors: the forms of this service.
    """

    def __init__(self, probe: Engine, mirrors: Sequence[Mirror]) -> None:
        self._probe = probe
        self._mirrors = mirrors
        self._ask = Cached(self._look, FIGURES_SECONDS)

    def __call__(self) -> dict[str, dict[str, float]] | None:
        """Return the figures of each form table by its name, or None when the database does not answer."""
        return self._ask()

    def _look(self) -> dict[str, dict[str, float]] | None:
        try:
            with reading(self._probe) as connection:
                tables = {form.asset_uid: form.form_table for form in bound_forms(connection)}
                return {
                    tables.get(mirror.asset_uid, FORM.table): figures_of(
                        read_state(connection, FORM, mirror.asset_uid, columns=None)
                    )
                    for mirror in self._mirrors
                }
        except (DatabaseError, SchemaError):
            return None


class MetricsPage:
    """``GET /metrics``: for Prometheus.

    :param metrics: what is counted.
    """

    public = True

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with numbers only: neither ids of submissions nor names of forms."""
        resp.content_type = CONTENT_TYPE
        resp.data = self._metrics.exposition()
