"""Lookup: an expression that finds a text by another one, for lists of any length, without a table."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

from kobo_mirror.database.sql import Literal, Part, Sql

_AT_ONCE = 60  # texts that are compared one by one
_FOUND = Sql("CASE {} {} ELSE {} END")


def looked_up(key: Part, told: Sequence[tuple[str, str]], otherwise: Part) -> Part:
    """Return the expression of the text that belongs to a key.

    Bytes are compared, as all databases order them alike. Of a long list that is cut into portions, only the
    right one is looked through.

    :param key: the expression of a text as bytes in UTF-8.
    :param told: texts, each with the text that belongs to it.
    :param otherwise: the expression for all other keys.
    """
    ordered = sorted((text.encode(), told_of_it) for text, told_of_it in dict(told).items())
    size = len(ordered) if len(ordered) <= _AT_ONCE else isqrt(len(ordered))
    portions = [ordered[start : start + size] for start in range(0, len(ordered), size or 1)]
    if not portions:
        return otherwise
    if len(portions) == 1:
        return _one_of(key, portions[0], otherwise)
    upto = Sql("WHEN {} <= {} THEN {}")
    cases = [upto.format(key, Literal(one[-1][0]), _one_of(key, one, otherwise)) for one in portions]
    return Sql("CASE {} ELSE {} END").format(Sql(" ").join(cases), otherwise)


def _one_of(key: Part, told: Sequence[tuple[bytes, str]], otherwise: Part) -> Part:
    when = Sql("WHEN {} THEN {}")
    cases = [when.format(Literal(text), Literal(of_it)) for text, of_it in told]
    return _FOUND.format(key, Sql(" ").join(cases), otherwise)
