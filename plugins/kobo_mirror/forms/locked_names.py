"""Locked names: the names of tables and columns that a form has had, for one whose tables are made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from kobo_mirror.forms.form_schema import ROWS, VALUE
from kobo_mirror.forms.naming import fold
from kobo_mirror.forms.question_types import POINT_FACETS, Kind

Chain = tuple[str, ...]


class ColumnKey(NamedTuple):
    """What a column is, whatever it is named.

    :param path: of its question or repeat.
    :param facet: as ``Column.facet``.
    :param kind: of the column.
    """

    path: str
    facet: str
    kind: Kind


@dataclass(frozen=True)
class LockedNames:
    """Names for what is born, by what it is.

    :param form: the name that those of the form's tables start with; empty: none is locked.
    :param tables: chain of repeats → name of the table, with the form's.
    :param columns: chain of repeats → what the columns are → their names.
    """

    form: str = ""
    tables: Mapping[Chain, str] = field(default_factory=lambda: MappingProxyType({}))
    columns: Mapping[Chain, Mapping[ColumnKey, str]] = field(default_factory=lambda: MappingProxyType({}))

    def column(self, chain: Chain, path: str, facet: str, kind: Kind) -> str:
        """Return the name of a column, or an empty text.

        :param chain: of the table's repeats.
        :param path: of the question or repeat.
        :param facet: which of its columns.
        :param kind: of the column.
        """
        return self.columns.get(chain, {}).get(ColumnKey(path, facet, kind), "")

    def names_in(self, chain: Chain) -> list[str]:
        """Return the names of a table's columns.

        :param chain: of the table's repeats.
        """
        return list(self.columns.get(chain, {}).values())

    def has(self, chain: Chain, name: str) -> bool:
        """Return True if a column of the table has this name, in any spelling.

        :param chain: of the table's repeats.
        :param name: of a column.
        """
        return fold(name) in self._folded.get(chain, ())

    @cached_property
    def _folded(self) -> dict[Chain, frozenset[str]]:
        return {chain: frozenset(map(fold, of.values())) for chain, of in self.columns.items()}


NO_NAMES = LockedNames()


def facet_kind(facet: str) -> Kind | None:
    """Return the kind of a facet's column; None: the question's own column is of any kind.

    :param facet: as ``Column.facet``.
    """
    if facet == VALUE:
        return None
    return Kind.DECIMAL if facet in POINT_FACETS else Kind.INTEGER


FACET_NAMES = ("offset", *POINT_FACETS, ROWS)
"""The facets that a lock file may name."""
