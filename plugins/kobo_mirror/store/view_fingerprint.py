"""The fingerprint of a form's views: what they are made of, by which code, and what is there of them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from functools import cache
from itertools import chain, combinations
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from kobo_mirror import __version__
from kobo_mirror.config.view_kinds import FURTHER_VIEWS
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.store.view_catalog import claimed_views, described_columns

_PACKAGE = Path(__file__).parents[1]
_MAKING = ("forms", "views", "database", "store/view_sql.py", "store/view_catalog.py")
"""The code that makes views and their rows in the catalog of a schema."""


class Asked(NamedTuple):
    """What the views of a form are made of.

    :param further: kinds of views that are asked for, in order.
    """

    schema: FormSchema
    further: tuple[str, ...]


def fingerprint_of(connection: Connection, asked: Asked) -> bytes:
    """Return 16 bytes that change with what views are to be, and with what the database has of them.

    The first ones tell by which code, the next ones which further kinds were asked for.

    :param connection: an open transaction.
    :param asked: what they are made of.
    """
    key = asked.schema.asset_uid
    claimed = claimed_views(connection, key)
    stored = dialect_of(connection).stored_views(connection, claimed)
    described = described_columns(connection, key, claimed)
    told = (asked.schema.to_json(), sorted(claimed.items()), sorted(stored.items()), described)
    return _code_and_kinds(asked.further) + _digest(told, 8)


def further_noted(fingerprint: bytes) -> tuple[str, ...] | None:
    """Return which further kinds of views were asked for when they were made.

    :param fingerprint: of views.
    :returns: None: other code has made them, and the next sync makes them anew.
    """
    kinds = sorted(FURTHER_VIEWS)
    some = chain.from_iterable(combinations(kinds, number) for number in range(len(kinds) + 1))
    return next((further for further in some if fingerprint.startswith(_code_and_kinds(further))), None)


def _code_and_kinds(further: Collection[str]) -> bytes:
    return _making()[:6] + _digest(further, 2)


def _digest(told: object, size: int) -> bytes:
    return hashlib.blake2b(repr(told).encode(), digest_size=size).digest()


@cache
def _making() -> bytes:
    """Return what changes when the same schema may become other views; it takes some 2 ms, once a process."""
    return digest_of(making_code(_PACKAGE))


def making_code(package: Path) -> list[Path]:
    """Return the files whose code decides what views a schema becomes.

    :param package: the folder of ``kobo_mirror``.
    """
    places = [package / name for name in _MAKING]
    return sorted(file for place in places for file in (place.rglob("*.py") if place.is_dir() else [place]))


def digest_of(files: Iterable[Path]) -> bytes:
    """Return 16 bytes that change with any of these files, and with the version.

    :param files: those that are missing (an installation without sources) count by the version alone.
    """
    found = hashlib.blake2b(__version__.encode(), digest_size=16)
    for file in files:
        if file.is_file():
            found.update(hashlib.blake2b(file.read_bytes()).digest())
    return found.digest()
