"""Choose the mode of a run, and from where on it reads (docs/architecture.md, "A sync")."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from kobo_mirror.config.settings import Settings
from kobo_mirror.database.engine import clock, reading, transact
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.kobo.form import FormInfo, KoboClient
from kobo_mirror.store import runs
from kobo_mirror.store.bindings import Epochs, epochs_of, is_declared_otherwise, raise_epoch
from kobo_mirror.store.ledger import holds_any
from kobo_mirror.store.mode_names import AUTO, EXACT, INCREMENTAL
from kobo_mirror.store.row_counts import count_rows
from kobo_mirror.store.totals import note_server_count


class Exactness(NamedTuple):
    """When a run is exact without being asked to be.

    :param always_up_to: a number of submissions: every run of a form that has at most so many.
    :param otherwise_every: a time: of a larger form, the first run that begins so long after the last exact
        one finished.
    """

    always_up_to: int
    otherwise_every: timedelta

    @classmethod
    def configured(cls, settings: Settings) -> Exactness:
        """Return what the settings say.

        :param settings: the settings of this process.
        """
        return cls(settings.kobo_exact_up_to, timedelta(hours=settings.kobo_exact_every_hours))


class FormView(NamedTuple):
    """What a token sees of a form.

    :param submissions: how many submissions it sees.
    :param form: the form's description.
    """

    submissions: int
    form: FormInfo

    @property
    def is_part(self) -> bool:
        """True if the form may have submissions that the token does not see."""
        return self.form.restricted


def view_of_form(client: KoboClient) -> FormView:
    """Return what the token sees of the form.

    Count and description are asked for at the same time, since both take long.

    :param client: the form's client.
    :raises CredentialsError: this token may not see the form, or there is none.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="count") as beside:
        counting = beside.submit(client.count)
        form = client.form()
    return FormView(counting.result(), form)


_ROWS_LEAST, _ROWS_SHARE = 10, 0.05


def epochs_now(engine: Engine, mirror: Mirror) -> Epochs:
    """Return the form's epochs; the current one is raised first where all rows must be shaped anew.

    That is so where another declaration shaped them, and where more than 10 and 5 % are missing, or too many:
    fewer are found and asked for at the end of the run.

    :param engine: the database.
    :param mirror: the form and its table.
    """
    with reading(engine) as connection:
        epochs = epochs_of(connection, mirror.table)
        must_rise = mirror.form is not None and is_declared_otherwise(connection, mirror.form)
        if not must_rise and not epochs.must_read_all:
            must_rise = any(
                abs(counted.difference) > max(_ROWS_LEAST, _ROWS_SHARE * counted.told)
                for counted in count_rows(connection, mirror)
            )
    if not must_rise:
        return epochs

    def work(connection: Connection) -> Epochs:
        raise_epoch(connection, mirror)
        return epochs_of(connection, mirror.table)

    return transact(engine, work)


def may_read_all(
    engine: Engine, asset_uid: str, exactness: Exactness, view: FormView, *, mode: str, since: int | None
) -> bool:
    """Return True if a run may become one that reads the whole form anew.

    Of a large form only a run may that is exact, or is asked to read from the first submission on.

    :param engine: the database.
    :param asset_uid: the form's uid.
    :param exactness: as for :func:`choose_mode`.
    :param view: what the token sees of the form now.
    :param mode: as for :func:`choose_mode`.
    :param since: as for :func:`choose_mode`.
    """
    if mode == EXACT or since == 0 or view.submissions <= exactness.always_up_to:
        return True
    with reading(engine) as connection:
        is_young = runs.watermark(connection, asset_uid) is None
    return is_young or (mode == AUTO and _is_due(engine, asset_uid, exactness, view.submissions))


def _is_due(engine: Engine, asset_uid: str, exactness: Exactness, count: int) -> bool:
    """Return True if a run of its own accord is exact."""
    if count <= exactness.always_up_to:
        return True
    with reading(engine) as connection:
        last = runs.last_finished(connection, asset_uid, EXACT)
    return last is None or last["finished_at"] < clock(engine) - exactness.otherwise_every


def choose_mode(
    engine: Engine,
    client: KoboClient,
    epochs: Epochs,
    exactness: Exactness,
    *,
    count: int,
    mode: str,
    since: int | None,
) -> tuple[str, int]:
    """Choose the mode of a run, and from where on it reads.

    :param engine: the database.
    :param client: the form's client.
    :param epochs: while the newest one has not been read, every run reads from the first submission on.
    :param exactness: how often a run is exact by itself.
    :param count: how many submissions the server shows now.
    :param mode: what was asked for: ``auto``, ``incremental``, ``exact``.
    :param since: the ``_id`` above which all was asked for, or None. What must be read is not left out.
    :returns: ``exact`` or ``incremental``, and the ``_id`` above which everything is read.
    """
    asset = client.form_key
    with reading(engine) as connection:
        watermark = runs.watermark(connection, asset)
        last = runs.last_finished(connection, asset)
        is_new = not holds_any(connection, asset)
    known = last["highest_id"] if last and not is_new else None
    start = 0 if epochs.must_read_all else (watermark if watermark is not None else known) or 0
    restored = watermark is not None and (client.newest_id() or 0) < watermark
    transact(engine, lambda connection: note_server_count(connection, asset, count))
    must = watermark is None or restored
    due = mode == AUTO and _is_due(engine, asset, exactness, count)
    chosen = EXACT if mode == EXACT or must or due else INCREMENTAL
    return chosen, start if since is None else min(since, start)
