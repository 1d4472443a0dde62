"""Views of SQLite: expressions, and how views are made and read."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, text

from kobo_mirror.database.dialects.base_views import StoredView, ViewDialect, Words, mark_of
from kobo_mirror.database.lookup import looked_up
from kobo_mirror.database.sql import Literal, Part, Sql

_VIEWS = text("SELECT name, sql FROM sqlite_master WHERE type = 'view'")
_POSITIONS = Sql(
    "COALESCE((SELECT group_concat('[' || substr(rest, 1, instr(rest || ' ', ' ') - 1) || ',' || lat || ']') "
    "FROM (SELECT lat, ltrim(substr(point, length(lat) + 1)) AS rest FROM (SELECT point, "
    "CASE WHEN point GLOB '*[^-+0-9.eE ]*' THEN '?' ELSE substr(point, 1, instr(point || ' ', ' ') - 1) END "
    "AS lat FROM (SELECT trim(points.value) AS point FROM "
    "json_each('[' || replace(json_quote({}), ';', '\",\"') || ']') AS points ORDER BY points.key) "
    "WHERE point <> ''))), '')"
)


class SQLiteViews(ViewDialect):
    """What ``ViewDialect`` asks, in the words of SQLite."""

    reads_views_to_rename = True

    def joined(self, texts: Sequence[Part]) -> Part:
        """Return the texts with ``||`` between them.

        :param texts: expressions.
        """
        return Sql("({})").format(Sql(" || ").join(texts))

    def number_text(self, number: Part) -> Part:
        """Return a cast.

        :param number: a column.
        """
        return Sql("CAST({} AS TEXT)").format(number)

    def time_text(self, time: Part, length: int) -> Part:
        """Return what is stored as a text already, without further digits.

        :param time: a column.
        :param length: of the text, in characters.
        """
        return Sql("substr({}, 1, {})").format(time, Literal(length))

    def minutes_later(self, moment: Part, minutes: Part) -> Part:
        """Return a time as others are stored.

        :param moment: a column.
        :param minutes: a column.
        """
        return Sql("strftime('%Y-%m-%d %H:%M:%f000', {}, {} || ' minutes')").format(moment, minutes)

    def bytes_of(self, text: Part) -> Part:
        """Return a cast: texts are UTF-8.

        :param text: an expression.
        """
        return Sql("CAST({} AS BLOB)").format(text)

    def words_told(self, words: Part, told: Sequence[tuple[str, str]]) -> Part:
        """Return a query in the expression: calls within each other may be some twenty at most.

        :param words: an expression, with single blanks between the words.
        :param told: words, each with the text in its place.
        """
        rows = self.words(words)
        label = looked_up(self.bytes_of(rows.word), told, rows.word)
        within = Sql("SELECT {} AS told FROM {} WHERE {} <> '' ORDER BY {}")
        found = Sql(
            "CASE WHEN {} IS NOT NULL THEN COALESCE((SELECT group_concat(told, '; ') FROM ({})), '') END"
        )
        return found.format(words, within.format(label, rows.rows, rows.word, rows.place))

    def words(self, words: Part) -> Words:
        """Return a ``json_each``.

        :param words: an expression, with single blanks between the words.
        """
        listed = Sql("'[' || replace(json_quote({}), ' ', {}) || ']'").format(words, Literal('","'))
        return Words(Sql("json_each({}) AS words").format(listed), Sql("(words.key + 1)"), Sql("words.value"))

    def positions(self, points: Part) -> Part:
        """Return a query in the expression.

        :param points: an expression.
        """
        return _POSITIONS.format(points)

    def making_view(self, name: Part, select: Part, *, replaces: bool) -> Sequence[Part]:
        """Return statements of one transaction.

        :param name: of the view.
        :param select: what it shows.
        :param replaces: whether it takes the place of one that is there; else that is refused.
        """
        drop = [Sql("DROP VIEW IF EXISTS {}").format(name)] if replaces else []
        return [*drop, Sql("CREATE VIEW {} AS {}").format(name, select)]

    def stored_views(self, connection: Connection, names: Collection[str]) -> dict[str, StoredView]:
        """Return what the statements tell by which these views were made.

        :param connection: an open transaction.
        :param names: of the views.
        """
        if not names:
            return {}
        there = connection.execute(_VIEWS)
        return {
            name: StoredView(
                hashlib.blake2b(sql.encode(), digest_size=16).digest(), mark_of(name) + "'" in sql
            )
            for name, sql in there
            if name in names
        }
