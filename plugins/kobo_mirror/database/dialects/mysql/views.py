"""Views of MySQL and MariaDB: expressions that both have, and how views are made and read."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, bindparam, text

from kobo_mirror.database.dialects.base_views import StoredView, ViewDialect, Words, mark_of
from kobo_mirror.database.sql import Literal, Part, Sql

_DEEPEST = 300  # calls within each other: the usual stack of a thread takes some 800
_VIEWS = text(  # the name of the database goes before tables alone: a text of the form may be like it
    "SELECT name, UNHEX(LEFT(SHA2(CONCAT(security_type, ' ', REPLACE(REPLACE(REPLACE(NULLIF(told, ''), "
    "CONCAT(' from ', here), ' from `'), CONCAT(' join ', here), ' join `'), CONCAT('(', here), '(`')), "
    "256), 32)), LOCATE(CONCAT(:mark, name, CHAR(39)), told) FROM (SELECT table_name AS name, security_type, "
    "view_definition AS told, CONCAT('`', REPLACE(DATABASE(), '`', '``'), '`.`') AS here "
    "FROM information_schema.views WHERE table_schema = DATABASE() AND table_name IN :names) AS views"
).bindparams(bindparam("names", expanding=True), mark=mark_of(""))
_MARKS = "".join(map(chr, (*range(2, 6), *range(0xE000, 0xF900))))  # control characters, private ones
_TEXT = Sql("CONVERT(CAST({} AS CHAR) USING utf8mb4) COLLATE utf8mb4_bin")
_NUMBER = "[-+0-9.eE]++"
_POINT = f" *+({_NUMBER}) ++({_NUMBER})(?: ++{_NUMBER}){{0,2}} *+(?:;|$)"
_LONGEST_LINE = 60_000  # characters, some 3,000 points; MySQL breaks off at some 10,000
_REPLACE = Sql("REPLACE({}, {}, {})")


class MySQLViews(ViewDialect):
    """What ``ViewDialect`` asks, in the words that MySQL and MariaDB share."""

    reads_views_to_rename = False

    def joined(self, texts: Sequence[Part]) -> Part:
        """Return ``CONCAT``.

        :param texts: expressions.
        """
        return Sql("CONCAT({})").format(Sql(", ").join(texts))

    def number_text(self, number: Part) -> Part:
        """Return a text with the collation of answers.

        :param number: a column.
        """
        return _TEXT.format(number)

    def time_text(self, time: Part, length: int) -> Part:
        """Return a text with the collation of answers; a column has three digits of a fraction, or none.

        :param time: a column.
        :param length: of the text, in characters.
        """
        return _TEXT.format(time)

    def minutes_later(self, moment: Part, minutes: Part) -> Part:
        """Return ``TIMESTAMPADD``.

        :param moment: a column.
        :param minutes: a column.
        """
        return Sql("TIMESTAMPADD(MINUTE, {}, {})").format(minutes, moment)

    def bytes_of(self, text: Part) -> Part:
        """Return a cast: columns of ours are UTF-8.

        :param text: an expression.
        """
        return Sql("CAST({} AS BINARY)").format(text)

    def words_told(self, words: Part, told: Sequence[tuple[str, str]]) -> Part:
        """Return one REPLACE in the other; of lists that are too long for that, the words as they are.

        GROUP_CONCAT would cut the text at 1,024 bytes without a word, and JSON_ARRAYAGG keeps no order.

        :param words: an expression, with single blanks between the words.
        :param told: words, each with the text in its place.
        """
        others = [pair for pair in told if pair[0] != pair[1]]
        if len(others) > _DEEPEST:
            others = []
        # A word stands between the first two; between the others stands what a word was replaced by.
        opened, closed, done_opened, done_closed = _marks_beside(others)
        found = self.joined((Literal(opened), _replaced(words, " ", closed + opened), Literal(closed)))
        for word, label in others:
            found = _replaced(found, opened + word + closed, done_opened + label + done_closed)
        for mark, done in ((opened, done_opened), (closed, done_closed), (done_closed + done_opened, "; ")):
            found = _replaced(found, mark, done)
        return _replaced(_replaced(found, done_opened, ""), done_closed, "")

    def words(self, words: Part) -> Words:
        """Return a ``JSON_TABLE``.

        :param words: an expression, with single blanks between the words.
        """
        quoted = _replaced(Sql("JSON_QUOTE({})").format(words), " ", '","')
        listed = self.joined((Literal("["), quoted, Literal("]")))
        rows = Sql(
            "JSON_TABLE(CASE WHEN JSON_VALID({listed}) THEN {listed} ELSE '[]' END, '$[*]' "
            "COLUMNS (place FOR ORDINALITY, word MEDIUMTEXT PATH '$')) AS words"
        )
        word = Sql("CONVERT(words.word USING utf8mb4) COLLATE utf8mb4_bin")
        return Words(rows.format(listed=listed), Sql("words.place"), word)

    def positions(self, points: Part) -> Part:
        """Return a ``REGEXP_REPLACE``, for as many points as MySQL takes by its usual ``regexp_time_limit``.

        :param points: an expression.
        """
        swapped = Sql("CASE WHEN VERSION() LIKE {} THEN {} ELSE {} END").format(
            Literal("%MariaDB%"), Literal("[\\2,\\1],"), Literal("[$2,$1],")
        )
        positions = Sql("TRIM(TRAILING ',' FROM REGEXP_REPLACE(TRIM({}), {}, {}))")
        short = Sql("CASE WHEN CHAR_LENGTH({}) <= {} THEN {} ELSE '' END")
        found = positions.format(points, Literal(_POINT), swapped)
        return short.format(points, Literal(_LONGEST_LINE), found)

    def making_view(self, name: Part, select: Part, *, replaces: bool) -> Sequence[Part]:
        """Return one statement, so that there is no moment without the view.

        :param name: of the view.
        :param select: what it shows.
        :param replaces: whether it takes the place of one that is there; else that is refused.
        """
        create = Sql("CREATE OR REPLACE") if replaces else Sql("CREATE")
        return [Sql("{} SQL SECURITY INVOKER VIEW {} AS {}").format(create, name, select)]

    def stored_views(self, connection: Connection, names: Collection[str]) -> dict[str, StoredView]:
        """Return the definitions of these views; who made them needs no further right for that.

        :param connection: an open transaction.
        :param names: of the views.
        """
        if not names:
            return {}
        rows = connection.execute(_VIEWS, {"names": sorted(names)})
        return {name: StoredView(digest, bool(mark)) for name, digest, mark in rows}


def _replaced(text: Part, old: str, new: str) -> Part:
    return _REPLACE.format(text, Literal(old), Literal(new))


def _marks_beside(told: Sequence[tuple[str, str]]) -> list[str]:
    """Return four characters that are in none of these texts."""
    held = {character for pair in told for text in pair for character in text}
    return [mark for mark in _MARKS if mark not in held][:4]
