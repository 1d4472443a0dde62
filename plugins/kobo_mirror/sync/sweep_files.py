"""Sweep of files: compare the attachments of every submission with the table of files, once a day.

A file that comes late, or is deleted, leaves edit token and validation as they are (kobo-api.md §7), so that
no other sweep sees it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from threading import Event
from typing import Any

import msgspec
from sqlalchemy import Connection, func

from kobo_mirror.database.engine import moment_of, reading, transact
from kobo_mirror.errors import SubmissionError
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.kobo.form import Page
from kobo_mirror.store.file_windows import FileWindows
from kobo_mirror.store.form_notes import files_swept_at, note_files_swept
from kobo_mirror.store.invalidating import invalidate
from kobo_mirror.store.leases import Lease, check_lease
from kobo_mirror.store.refetch_queue import unreadable_ids
from kobo_mirror.store.runs import note_findings, run_row
from kobo_mirror.store.tables import sync_runs
from kobo_mirror.store.totals import counted_by_server
from kobo_mirror.submissions.document import first_levels, parse
from kobo_mirror.submissions.files import listed_files
from kobo_mirror.sync.lanes import cut_lanes, walk_concurrently
from kobo_mirror.sync.paging import next_limit, page_or_end
from kobo_mirror.sync.source import Source

REASON = "its files differ"
_EVERY = timedelta(hours=23)  # once a day, also where a run begins somewhat earlier than the day before
_FIRST_PAGE, _LARGEST_PAGE = 250, 1000


def sweep_files_when_due(source: Source, lease: Lease, run_id: int) -> int:
    """Compare the files of all submissions, if that was last done a day ago; enqueue those that differ.

    Nothing is compared of a mirror without derived tables, in a run that reads every submission whole, and of
    a form that never asked for a file. When it was done is noted once all were compared.

    :param source: what the sync works with.
    :param lease: the lease that the run holds.
    :param run_id: the run's id.
    :returns: how many submissions differ.
    :raises LeaseError: another sync has taken the lease over.
    """
    schema, asset = source.mirror.schema, source.mirror.asset_uid
    if schema is None:
        return 0
    with reading(source.engine) as connection:
        begun_at, swept_at = moment_of(connection), files_swept_at(connection, asset)
        reads_all = not run_row(connection, run_id)["watermark"]
    if reads_all or not _is_due(swept_at, begun_at):
        return 0
    found = _sweep_files(source, lease, schema) if _has_files(source, schema) else 0

    def note(connection: Connection) -> None:
        note_files_swept(connection, asset, begun_at)
        check_lease(connection, lease)
        all_found = func.coalesce(sync_runs.c.sweep_found, 0) + found
        note_findings(connection, run_id, {"sweep_found": all_found})

    transact(source.engine, note)
    return found


def _is_due(swept_at: datetime | None, now: datetime) -> bool:
    """Return True if a day has passed; a moment of the future, from before a clock was set back, is none."""
    return swept_at is None or not now - _EVERY < swept_at <= now


def _has_files(source: Source, schema: FormSchema) -> bool:
    asked_for = any(column.names_file for table in schema.tables for column in table.columns)
    return asked_for or source.client.form().has_media


def _sweep_files(source: Source, lease: Lease, schema: FormSchema) -> int:
    with reading(source.engine) as connection:
        total = counted_by_server(connection, source.mirror.asset_uid)
        unreadable = unreadable_ids(connection, source.mirror.asset_uid)
    source.client.expect_unsent(unreadable)
    source.progress("sweep", 0, total or 0)
    bounds = cut_lanes(source.client, 0, source.in_flight, total)
    sweep = _FileSweep(source, lease, schema, frozenset(unreadable))
    walk_concurrently(source.in_flight, [partial(sweep.walk, *lane) for lane in bounds])
    return sum(sweep.found)


class _FileSweep:
    """Compares the files of a form's submissions; its lanes may be walked at once.

    :param source: what the sync works with.
    :param lease: the lease that the run holds.
    :param schema: of the form, as it was applied.
    :param left_out: the ``_id`` of each submission that the server could not send when it was last asked.
    """

    def __init__(self, source: Source, lease: Lease, schema: FormSchema, left_out: frozenset[int]) -> None:
        self._source, self._lease, self._schema, self._left_out = source, lease, schema, left_out
        self._windows = FileWindows(schema)
        self.found: list[int] = []

    def walk(self, first: int, last: int | None, stop: Event) -> None:
        """Compare the submissions with ``first < id <= last``, None for no end, or until it is to stop.

        :param first: the ``_id`` below the lane.
        :param last: the last ``_id`` of the lane.
        :param stop: set when another lane has failed.
        """
        client, after, limit, done = self._source.client, first, _FIRST_PAGE, False
        size = {"most": _LARGEST_PAGE, "pages_at_once": self._source.in_flight_in_all}
        while not done and not stop.is_set():
            page, limit, done = page_or_end(client, client.files_page, limit, after=after, upto=last)
            if page.ids:
                self._enqueue(self._differing(page, after))
            self._source.progress("sweep", len(page.shown), 0)
            after = page.shown[-1] if page.shown else after
            limit = next_limit(page, limit, **size)

    def _differing(self, page: Page, after: int) -> list[int]:
        """Return which submissions of a page have other files than the mirror has of them."""
        with reading(self._source.engine) as connection:
            held = self._windows.between(connection, after, page.ids[-1])
        return [
            kobo_id
            for kobo_id, row in zip(page.ids, page.rows, strict=True)
            if kobo_id in held
            and kobo_id not in self._left_out
            and listed_files(_attachments(row)) != held[kobo_id]
        ]

    def _enqueue(self, ids: list[int]) -> None:
        """Have submissions written anew, also where a row is missing of a file that the digest knows of."""
        if ids:
            work = partial(invalidate, schema=self._schema, lease=self._lease, ids=ids, reason=REASON)
            transact(self._source.engine, work)
            self.found.append(len(ids))


def _attachments(row: msgspec.Raw) -> Any:
    try:
        return parse(row).get("_attachments")
    except SubmissionError:
        return first_levels(row).get("_attachments")
