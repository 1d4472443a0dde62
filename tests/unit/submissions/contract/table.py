"""The contract as a table: what of a form and a document goes where, and why.

A case is a row of the table. ``root`` and ``rows`` are all cells that are not NULL, with ``extra`` as the
object that it holds; ``rejected`` and ``files`` are all there is of them. What stands in none of these is no
answer, the server's own, or kept in the ledger: the reason says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Cells = Mapping[str, Any]
Rejected = Mapping[str, tuple[str, str]]
FileCells = tuple[str | None, str | None, str | None, str | None, bool, str]


@dataclass(frozen=True)
class Case:
    """A form, what a document says beside its ``_id``, and the homes of that.

    :param form: the name of a form of :mod:`.forms`.
    :param rows: of repeats, by table and position: ``visits 2-1`` is the first visit of the second person.
        Tables go without the form's name.
    :param rejected: ``column``, or ``visits 2-1.column`` → the kept text, and the reason.
    :param files: uid → place (None: none; empty: the root), column, name, MIME type, whether it is deleted,
        and how it was matched.
    """

    why: str
    form: str
    answers: Mapping[str, Any]
    root: Cells = field(default_factory=dict)
    rows: Mapping[str, Cells] = field(default_factory=dict)
    rejected: Rejected = field(default_factory=dict)
    files: Mapping[str, FileCells] = field(default_factory=dict)


def case(
    why: str,
    form: str,
    answers: Mapping[str, Any],
    *,
    root: Cells | None = None,
    rows: Mapping[str, Cells] | None = None,
    rejected: Rejected | None = None,
    files: Mapping[str, FileCells] | None = None,
) -> Case:
    """A row of the table; what is left out is empty."""
    return Case(why, form, answers, root or {}, rows or {}, rejected or {}, files or {})


def cell(question: str, answer: Any, read: Any, why: str, **facets: Any) -> Case:
    """An answer at the top of the form ``all`` that its column holds."""
    return case(why, "all", {question: answer}, root={question: read, **facets})


def no_cell(question: str, answer: Any, reason: str, why: str, kept: str | None = None) -> Case:
    """An answer at the top of the form ``all`` that its column cannot hold.

    :param kept: as which text it is kept, if it is another.
    """
    return case(
        why, "all", {question: answer}, rejected={question: (answer if kept is None else kept, reason)}
    )
