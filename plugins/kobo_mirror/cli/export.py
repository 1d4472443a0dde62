"""The commands ``export`` and ``codebook``: a form as files, by the database alone."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from sqlalchemy import Engine

from kobo_mirror.cli.wiring import engine_of
from kobo_mirror.config.settings import Settings
from kobo_mirror.export.codebooks import codebook_of
from kobo_mirror.export.exporting import Wanted, export_form
from kobo_mirror.export.formats import ending_of
from kobo_mirror.export.reading import Filters
from kobo_mirror.store.schema import require_tables

_TERMINATED = 128 + signal.SIGTERM


def export(options: argparse.Namespace) -> int:
    """Write the tables of a form to a file.

    :param options: ``form`` (table or uid), ``to`` (the file), ``language``, ``approved_only``, ``since``.
    :returns: 0.
    :raises KoboMirrorError: it cannot be done; no half file is left.
    """
    file = Path(options.to)
    ending_of(file)
    wanted = Wanted(options.form, options.language, Filters(options.approved_only, options.since))
    with _ending_by_sigterm():
        print(export_form(_engine(), wanted, file).sentence)
    return 0


def codebook(options: argparse.Namespace) -> int:
    """Write what the tables of a form mean to a file, or print it as CSV.

    :param options: ``form`` (its table or uid), ``to`` (the file, or None).
    :returns: 0.
    :raises KoboMirrorError: it cannot be done; no half file is left.
    """
    file = Path(options.to) if options.to else None
    text = codebook_of(_engine(), options.form, file)
    if file is None:
        sys.stdout.buffer.write(text)
        sys.stdout.flush()
    else:
        print(f"{file} says what each column means")
    return 0


def _engine() -> Engine:
    engine = engine_of(Settings.from_env(["DATABASE_URL"]), must_exist=True)
    require_tables(engine, derived=False)
    return engine


@contextmanager
def _ending_by_sigterm() -> Iterator[None]:
    """Let a stop end the command as an error would, so that no half file is left."""

    def stop(_: int, __: FrameType | None) -> None:
        raise SystemExit(_TERMINATED)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
