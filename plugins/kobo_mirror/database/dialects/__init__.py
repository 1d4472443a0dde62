"""DIALECTS: one object for each kind of database, which answers everything in which they differ.

What is the same for all of them belongs in ``database``. To add a dialect, write a module or package here
whose ``DIALECT`` implements :class:`~kobo_mirror.database.dialects.base.Dialect`; name it in ``_MODULES``.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, Protocol

import sqlalchemy
from sqlalchemy.engine import URL, make_url

from kobo_mirror.database.dialects.base import Dialect

# By the names that SQLAlchemy has for them; imported at first use, since dialects import what looks them up.
_MODULES = {"mysql": "mysql", "mariadb": "mysql", "sqlite": "sqlite"}


class HasDialect(Protocol):
    """An engine, a connection or a compiler of SQLAlchemy's."""

    @property
    def dialect(self) -> sqlalchemy.Dialect:
        """SQLAlchemy's own dialect."""


@cache
def dialect_named(name: str) -> Dialect:
    """Return the dialect that SQLAlchemy calls by a name.

    :param name: such as ``mysql``, ``mariadb`` or ``sqlite``.
    :raises LookupError: there is none for this kind of database.
    """
    dialect: Dialect = import_module(f"{__name__}.{_MODULES[name]}").DIALECT
    return dialect


def dialect_of(bind: HasDialect) -> Dialect:
    """Return the dialect of a database that is connected to.

    :param bind: an engine, a connection or a compiler.
    :raises LookupError: there is none for this kind of database.
    """
    return dialect_named(bind.dialect.name)


def dialect_of_type(dialect: sqlalchemy.Dialect) -> Dialect:
    """Return the dialect for a type of SQLAlchemy's, which is given SQLAlchemy's own.

    :param dialect: SQLAlchemy's own dialect.
    :raises LookupError: there is none for this kind of database.
    """
    return dialect_named(dialect.name)


def dialect_of_url(url: str | URL) -> Dialect:
    """Return the dialect of an address.

    :param url: a database's address, well-formed.
    :raises LookupError: there is none for this kind of database.
    """
    return dialect_named(make_url(url).get_backend_name())


def dialect_of_error(problem: Any) -> Dialect | None:
    """Return the dialect whose driver raised an error.

    :param problem: the driver's error, as ``DBAPIError.orig`` has it.
    :returns: None if no driver of ours raised it.
    """
    modules = {kind.__module__.partition(".")[0] for kind in type(problem).__mro__}
    return next((dialect for dialect in all_dialects() if modules.intersection(dialect.drivers)), None)


@cache
def all_dialects() -> tuple[Dialect, ...]:
    """Return each dialect once."""
    return tuple(dict.fromkeys(map(dialect_named, _MODULES)))
