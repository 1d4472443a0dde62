"""The interface of a dialect about views: expressions in which databases differ, and how views are made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection

if TYPE_CHECKING:
    from kobo_mirror.database.sql import Part


class Words(NamedTuple):
    """The words of a text as rows.

    :param rows: what stands in FROM, after CROSS JOIN.
    :param place: the expression of a word's place, from 1.
    :param word: the expression of the word.
    """

    rows: Part
    place: Part
    word: Part


class StoredView(NamedTuple):
    """A view that is in the database.

    :param digest: 16 bytes that change with its definition, and do not with the name of the database; None:
        the user may not read it.
    :param is_marked: its definition has the mark of a view of ours with this name.
    """

    digest: bytes | None
    is_marked: bool


def mark_of(name: str) -> str:
    """Return the text that a view of ours holds, so that it is told from another one of this name.

    :param name: of the view.
    """
    return f"kobo_mirror: {name}"


class ViewDialect(ABC):
    """What a kind of database needs for views. Each expression is NULL for NULL."""

    @abstractmethod
    def joined(self, texts: Sequence[Part]) -> Part:
        """Return the expression that puts texts and numbers together to one text.

        :param texts: expressions.
        """

    @abstractmethod
    def number_text(self, number: Part) -> Part:
        """Return the expression of a number as text.

        :param number: a column.
        """

    @abstractmethod
    def time_text(self, time: Part, length: int) -> Part:
        """Return the expression of a date or time as text, to the millisecond.

        :param time: a column.
        :param length: of the text, in characters.
        """

    @abstractmethod
    def minutes_later(self, moment: Part, minutes: Part) -> Part:
        """Return the expression of a time some minutes later.

        :param moment: a column to the millisecond.
        :param minutes: a column of whole numbers.
        """

    @abstractmethod
    def bytes_of(self, text: Part) -> Part:
        """Return the expression of a text as its bytes in UTF-8.

        :param text: an expression.
        """

    @abstractmethod
    def words_told(self, words: Part, told: Sequence[tuple[str, str]]) -> Part:
        """Return the expression of a text with another text in place of each word, and ``; `` between them.

        :param words: the expression of a text with single blanks between its words.
        :param told: words, each with the text in its place; others stay.
        """

    @abstractmethod
    def words(self, words: Part) -> Words:
        """Return the words of a text as rows.

        :param words: the expression of a text with single blanks between its words.
        """

    @abstractmethod
    def positions(self, points: Part) -> Part:
        """Return the expression of a text of points as positions, such as ``[30.1,-1.9],[30.2,-1.8]``.

        :param points: the expression of latitude, longitude and up to two further numbers for each point,
            with ``;`` between points.
        :returns: longitudes first, as GeoJSON has them; of any other text, some text that is none.
        """

    @abstractmethod
    def making_view(self, name: Part, select: Part, *, replaces: bool) -> Sequence[Part]:
        """Return the statements that make a view with the rights of the reader.

        :param name: of the view.
        :param select: what it shows.
        :param replaces: whether it takes the place of one that is there; else that is refused.
        """

    @abstractmethod
    def stored_views(self, connection: Connection, names: Collection[str]) -> Mapping[str, StoredView]:
        """Return the definitions of views as the database has them, in one statement.

        :param connection: an open transaction.
        :param names: of the views that are asked for.
        :returns: those that are there, by their names.
        """

    @property
    @abstractmethod
    def reads_views_to_rename(self) -> bool:
        """True if it renames no column while a view of the database is broken."""
