"""Pull in two processes what takes long: a form that was never read to its end, or is to be read again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from kobo_mirror.cli.chosen import FormAtHand
from kobo_mirror.cli.wiring import engine_of
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.engine import read
from kobo_mirror.kobo.accounts import Accounts
from kobo_mirror.store.runs import last_finished
from kobo_mirror.sync.chosen import ChosenForm
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.second_process import Part, SecondProcess, fork
from kobo_mirror.sync.source import Progress


@contextmanager
def second_process(form: FormAtHand, *, since: int | None) -> Iterator[SecondProcess | None]:
    """Fork a process that pulls a part of a form, where it is of use; it ends with the block.

    It is of none where little is read, where one request is sent at once, and where the database is a file,
    which has one writer.

    :param form: the form.
    :param since: all above this ``_id`` is to be read again; None: that is not asked for.
    :yields: the process, or None.
    """
    second = fork(partial(_pull, form.chosen)) if _is_of_use(form, since) else None
    try:
        yield second
    finally:
        if second is not None:
            second.close()


def _is_of_use(form: FormAtHand, since: int | None) -> bool:
    if form.chosen.settings.kobo_max_in_flight == 1 or dialect_of(form.engine).is_file:
        return False
    return since is not None or read(form.engine, lambda c: last_finished(c, form.chosen.form_key)) is None


def _pull(chosen: ChosenForm, part: Part, progress: Progress) -> None:
    """Pull a part with connections of its own; the tables of the form are there."""
    settings = chosen.settings
    engine = engine_of(settings)
    with Accounts(max_in_flight=part.in_flight) as accounts:
        account = settings.kobo_url, settings.kobo_token
        client = accounts.form(*account, chosen.uid, chosen.form_key, chosen.names)
        syncing = MirrorSync.configured(chosen, client, engine, in_flight=part.in_flight, progress=progress)
        syncing.pull(part.run_handle, part.lanes)
    engine.dispose()
