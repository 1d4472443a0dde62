"""What a supervisor asks: is the process alive, could it commit a delivery, what has it counted."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

import falcon
from sqlalchemy import Engine

from kobo_mirror.database.engine import reading
from kobo_mirror.errors import DatabaseError, KoboMirrorError, SchemaError
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.binding_checks import check_shape
from kobo_mirror.store.listings import BoundForm, bound_forms
from kobo_mirror.store.mirrors import load_mirror
from kobo_mirror.store.overview import read_state
from kobo_mirror.store.probe import try_writing
from kobo_mirror.store.schema import require_tables
from webhook.metrics import CONTENT_TYPE, MOST_FORMS, Metrics, figures_of

T = TypeVar("T")
_log = logging.getLogger("webhook")
_NO_FORM = Mirror(None, "", "")
"""Stands for any form: of one that has no tables, the tables that all forms share are tried."""

FIGURES_SECONDS = 15.0
"""How long figures are shown again before the database is asked anew."""
LOOK_SECONDS = 1.0
"""How long forms with a path of their own are looked at for one answer."""


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

    Forms with a path of their own are looked at as long as ``LOOK_SECONDS`` last, those that were looked at
    longest ago first. One that takes nothing does not make the service unready, since others would suffer.

    :param probe: an engine of its own, with little patience.
    :param mirrors: the forms that are delivered without a form key.
    """

    public = True

    def __init__(self, probe: Engine, mirrors: Sequence[Mirror]) -> None:
        self._probe = probe
        self._mirrors = mirrors
        self._problem = Cached(self._look)
        self._of_forms: dict[str, KoboMirrorError | None] = {}

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer 200 if the database has our tables, mirrors the forms of this service, and takes a commit.

        ``forms_unavailable`` says of how many further forms it takes none, where there are such.

        :raises DatabaseError, SchemaError: it does not answer, takes no commit, or is not ours to write to.
        """
        if problem := self._problem():
            raise problem
        unavailable = sum(one is not None for one in self._of_forms.values())
        resp.media = {"status": "success"} | ({"forms_unavailable": unavailable} if unavailable else {})

    def _look(self) -> KoboMirrorError | None:
        self._probe.dispose()  # over a new connection: the address may lead to another server by now
        try:
            for form in self._mirrors or [_NO_FORM]:
                self._check(form)
            with reading(self._probe) as connection:
                bound = bound_forms(connection)
        except (DatabaseError, SchemaError) as problem:
            return problem
        own = {form.identity for form in self._mirrors}
        further = {one.asset_uid: one for one in bound if (one.server, one.asset_uid) not in own}
        self._look_at(further)
        problems = [self._of_forms.get(key) for key in further]
        return None if self._mirrors or None in problems else next(iter(problems), None)

    def _look_at(self, forms: Mapping[str, BoundForm]) -> None:
        """Look at as many forms as the time allows; those that were never looked at go first."""
        until = time.monotonic() + LOOK_SECONDS
        known = {key: problem for key, problem in self._of_forms.items() if key in forms}
        for key in [*(key for key in forms if key not in known), *known]:
            if time.monotonic() > until:
                break
            before = known.pop(key, None)
            known[key] = self._problem_of(forms[key])
            if known[key] is not None and before is None:
                _log.warning("deliveries cannot be committed", extra={"fields": {"asset_uid": key}})
        self._of_forms = known

    def _problem_of(self, form: BoundForm) -> KoboMirrorError | None:
        try:
            self._check(Mirror(None, form.server, form.asset_uid))
        except (DatabaseError, SchemaError) as problem:
            return problem
        return None

    def _check(self, form: Mirror) -> None:
        """Try whether submissions of a form can be committed.

        :raises DatabaseError, SchemaError: they cannot.
        """
        require_tables(self._probe, asset_uid=form.asset_uid)
        mirror = form if form is _NO_FORM else load_mirror(self._probe, *form.identity)
        with reading(self._probe) as connection:
            check_shape(connection, mirror)
        try_writing(self._probe, mirror)


class Figures:
    """What the database says of the mirrors, asked at most every ``FIGURES_SECONDS``.

    :param probe: an engine with little patience.
    :param mirrors: the forms that are delivered without a form key, which may not be mirrored yet.
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
                tables = {mirror.asset_uid: FORM.table for mirror in self._mirrors}
                tables |= {form.asset_uid: form.form_table for form in bound_forms(connection)[:MOST_FORMS]}
                return {
                    table: figures_of(read_state(connection, FORM, asset_uid, columns=None))
                    for asset_uid, table in tables.items()
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
        """Answer with numbers, by tables and keys of forms; no ids of submissions, no answers."""
        resp.content_type = CONTENT_TYPE
        resp.data = self._metrics.exposition()
