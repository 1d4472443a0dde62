"""The names of run modes: how far a run looks, former names, and the column type that stores them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Dialect, String, TypeDecorator

from kobo_mirror.database.column_types import ascii_text

AUTO, INCREMENTAL, EXACT = "auto", "incremental", "exact"
"""Let the sync choose; read what is new; read what is new and compare all the rest."""

FORMER_NAMES: Mapping[str, str] = {"usual": INCREMENTAL}
"""Names that modes had up to 0.1 and their present ones: schedules, scripts and stored rows may use them."""


def mode_of(name: str) -> str:
    """Return a mode by its present name.

    :param name: what a person, a schedule or a stored row calls it.

    >>> mode_of("usual")
    'incremental'
    """
    return FORMER_NAMES.get(name, name)


class RunMode(TypeDecorator[str]):
    """The column type of a run's mode, which is read by its present name whichever release wrote it."""

    # SQLite enforces no length: the column keeps the one that it was made with.
    impl = ascii_text(20).with_variant(String(8), "sqlite")
    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the present name of what is stored.

        :param value: the stored name.
        :param dialect: the dialect of the database that it was read from.
        """
        return None if value is None else mode_of(value)
