"""Exporting: a form's tables as a file, as they all were at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Engine, select

from kobo_mirror.database.engine import moment_of, read_snapshot
from kobo_mirror.errors import ConfigurationError
from kobo_mirror.export.exported import REJECTED, Exported, exported
from kobo_mirror.export.formats import About, Content, format_of
from kobo_mirror.export.reading import Filters, Rows
from kobo_mirror.export.whole_files import whole_file
from kobo_mirror.forms.mirror import uid_of
from kobo_mirror.store.listings import BoundForm, bound_forms
from kobo_mirror.store.mirrors import find_mirror
from kobo_mirror.store.tables import forms


class Wanted(NamedTuple):
    """What is to be exported.

    :param form: the table or the uid of the form; None: the only one that is mirrored.
    :param language: whose labels stand in place of names, by code or name; None: names do.
    :param filters: which submissions.
    """

    form: str | None = None
    language: str | None = None
    filters: Filters = Filters()


class FormAtHand(NamedTuple):
    """A form of the database with the tables of its exports.

    :param title: what the form is called.
    :param moment: the database's clock (UTC).
    """

    bound: BoundForm
    exported: Exported
    title: str
    moment: datetime


class Summary(NamedTuple):
    """What was exported.

    :param counts: rows by table; of GeoJSON the features.
    :param rejected: answers that no column could hold, of the submissions in it.
    :param left_out: submissions that do not fit the declared table, and are not in it.
    """

    file: Path
    counts: Mapping[str, int]
    rejected: int
    left_out: int

    @property
    def sentence(self) -> str:
        """What a person is told."""
        unit = "feature" if self.file.name.lower().endswith(".geojson") else "row"
        told = ", ".join(f"{_counted(count, unit)} of {name}" for name, count in self.counts.items())
        more = ""
        if self.rejected:
            is_there = REJECTED in self.counts
            where = f"in {REJECTED}" if is_there else "not in this file, but would be in a .zip or .xlsx"
            more += f"; {_counted(self.rejected, 'answer')} that no column could hold: {where}"
        if self.left_out:
            more += (
                f"; left out: {_counted(self.left_out, 'submission')} that the table cannot hold, see "
                "`python -m kobo_mirror status`"
            )
        return f"{self.file}: {told}{more}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def form_at_hand(connection: Connection, pick: str | None, language: str | None = None) -> FormAtHand:
    """Return a form of the database, as its tables are now.

    :param connection: an open transaction.
    :param pick: the table or the uid of the form; None: the only one.
    :param language: as ``Wanted`` has it.
    :raises ConfigurationError: there is no such form or language, or the form has no tables yet.
    """
    bound = _bound(connection, pick)
    mirror = find_mirror(connection, bound.server, bound.asset_uid, among_others=True)
    title = connection.scalar(select(forms.c.name).where(forms.c.asset_uid == bound.asset_uid)) or ""
    return FormAtHand(bound, exported(mirror, language), title, moment_of(connection))


def export_form(engine: Engine, wanted: Wanted, file: Path) -> Summary:
    """Write a form's tables to a file, all of them as they were at one moment.

    :param engine: made by ``open_engine``.
    :param wanted: what of which form.
    :param file: is replaced if it is there; its ending tells the format. If this fails, it stays as it was.
    :returns: what is in it.
    :raises ConfigurationError: there is no such form, language or format, or the file cannot be written.
    :raises DatabaseError: the tables cannot be read.
    """

    def write(connection: Connection) -> Summary:
        at_hand = form_at_hand(connection, wanted.form, wanted.language)
        write_to = format_of(file, at_hand.exported)
        rows = Rows(connection, at_hand.exported, wanted.filters)
        left_out = rows.left_out()
        about = _about(at_hand, wanted, left_out)
        content = Content(
            at_hand.exported, rows, at_hand.title, at_hand.moment, wanted.language is not None, about
        )
        with whole_file(file) as opened:
            counts = write_to(opened, content)
        return Summary(file, counts, counts.get(REJECTED) or _rejected(content), left_out)

    return read_snapshot(engine, write)


def _rejected(content: Content) -> int:
    tables = [table for table in content.exported.further if table.about_form]
    return sum(1 for table in tables for _ in content.rows.of(table))


def _bound(connection: Connection, pick: str | None) -> BoundForm:
    known = bound_forms(connection)
    found = [form for form in known if pick in (None, form.form_table, form.asset_uid)]
    found = found or [form for form in known if uid_of(form.asset_uid) == pick]
    if len(found) == 1:
        return found[0]
    names = ", ".join(form.form_table for form in known) or "none"
    if pick is None and known:
        raise ConfigurationError(f"The database holds several forms: name one of them. There are: {names}.")
    if found:
        raise ConfigurationError(f"Several servers have the form {pick}: name it by its table.")
    raise ConfigurationError(f"The database holds no form of this table or uid. There are: {names}.")


def _about(at_hand: FormAtHand, wanted: Wanted, left_out: int) -> About:
    since = wanted.filters.since
    told = {
        "form": at_hand.title,
        "uid": uid_of(at_hand.bound.asset_uid),
        "server": at_hand.bound.server,
        "as of (UTC)": at_hand.moment.isoformat(" ", "seconds"),
        "submissions": "approved ones" if wanted.filters.approved_only else "all",
        "received since (UTC)": str(since) if since else "",
        "labels in": wanted.language or "",
        "submissions left out, since they do not fit the table": str(left_out) if left_out else "",
    }
    return [(name, text) for name, text in told.items() if text]
