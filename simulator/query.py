"""Filters: which submissions a ``query`` names, by the operators that the real server allows.

kobo-api.md §1.4 lists them.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.shapes import Row
from simulator.store import Store

_MISSING = object()


@dataclass(frozen=True)
class Selection:
    """A section of a list of ids.

    :param ids: the whole list, ascending.
    :param low: the index of the first id in the section.
    :param high: the index after the last one.
    """

    ids: Sequence[int]
    low: int
    high: int

    @property
    def count(self) -> int:
        """The number of ids in it."""
        return max(0, self.high - self.low)

    def page(self, start: int, limit: int, *, descending: bool = False) -> Sequence[int]:
        """Return a page of it.

        :param start: the position of the first id, from 0.
        :param limit: at most so many ids.
        :param descending: count from the highest id.
        """
        if descending:
            last = self.high - start
            return self.ids[max(self.low, last - limit) : max(self.low, last)][::-1]
        return self.ids[self.low + start : min(self.high, self.low + start + limit)]


def select(store: Store, query: Mapping[str, Any]) -> Selection:
    """Return the visible submissions that a query names, in the order of their ids.

    :param store: the submissions; hold its lock.
    :param query: a MongoDB filter.
    """
    rest = dict(query)
    chosen = (
        _by_id(store, rest.pop("_id"))
        if _is_id_filter(query.get("_id"))
        else Selection(store.ids, 0, len(store))
    )
    roots = _named_roots(query.get("meta/rootUuid"))
    if roots is not None:
        del rest["meta/rootUuid"]
        ids = [i for i in store.ids_of_roots(roots) if _within(chosen, i)]
        chosen = Selection(ids, 0, len(ids))
    if rest:
        ids = [i for i in chosen.page(0, chosen.count) if matches(store.row(i), rest)]
        chosen = Selection(ids, 0, len(ids))
    return chosen


def sort_ids(store: Store, ids: Sequence[int], order: Mapping[str, int]) -> list[int]:
    """Return ids in the order of any fields of their submissions; those that lack a field come first.

    :param store: the submissions; hold its lock.
    :param ids: the ids to sort.
    :param order: 1 (ascending) or -1 (descending) by field, the most important field first.
    """
    rows = list(store.rows(ids))
    for field, direction in reversed(list(order.items())):
        rows.sort(key=lambda row: _sort_key(_value(row, field)), reverse=direction < 0)
    return [row["_id"] for row in rows]


def matches(row: Row, query: Mapping[str, Any]) -> bool:
    """Return True if a submission fits a filter; an operator that the server does not know fits nothing.

    :param row: the submission.
    :param query: a MongoDB filter.
    """
    return all(_fits(row, name, condition) for name, condition in query.items())


def _fits(row: Row, name: str, condition: Any) -> bool:
    if name == "$or":
        return any(matches(row, part) for part in condition)
    if name == "$and":
        return all(matches(row, part) for part in condition)
    if name == "$expr":
        return bool(_evaluate(row, condition))
    if name.startswith("$"):
        return False
    return _holds(_value(row, name), condition)


def _holds(value: Any, condition: Any) -> bool:
    if not (isinstance(condition, Mapping) and any(key.startswith("$") for key in condition)):
        return _equal(value, condition)
    options = condition.get("$options", "")
    tests = ((key, operand) for key, operand in condition.items() if key != "$options")
    return all(_test(value, key, operand, options) for key, operand in tests)


def _test(value: Any, key: str, operand: Any, options: str) -> bool:
    if key == "$regex":
        flags = re.IGNORECASE if "i" in options else 0
        return isinstance(value, str) and re.search(operand, value, flags) is not None
    test = _OPERATORS.get(key)
    return test is not None and test(value, operand)


def _equal(value: Any, operand: Any) -> bool:
    if operand is None:
        return value is _MISSING or value is None
    if isinstance(value, bool) != isinstance(operand, bool):
        return False
    return bool(value == operand) or (isinstance(value, list) and operand in value)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Return a comparison that, as in MongoDB, only holds between values of one kind."""

    def test(value: Any, operand: Any) -> bool:
        numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in (value, operand))
        return (numbers or (isinstance(value, str) and isinstance(operand, str))) and compare(value, operand)

    return test


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$in": lambda value, operand: any(_equal(value, one) for one in operand),
    "$nin": lambda value, operand: not any(_equal(value, one) for one in operand),
    "$ne": lambda value, operand: not _equal(value, operand),
    "$not": lambda value, operand: not _holds(value, operand),
    "$exists": lambda value, operand: (value is not _MISSING) == bool(operand),
    "$gt": _ordered(lambda a, b: a > b),
    "$gte": _ordered(lambda a, b: a >= b),
    "$lt": _ordered(lambda a, b: a < b),
    "$lte": _ordered(lambda a, b: a <= b),
    "$all": lambda value, operand: all(_equal(value, one) for one in operand),
    "$elemMatch": lambda value, operand: (
        isinstance(value, list) and any(matches(one, operand) for one in value)
    ),
}


def _evaluate(row: Row, expression: Any) -> Any:
    """Evaluate one of the few expressions that ``$expr`` allows: comparisons, ``$ifNull`` and fields."""
    if isinstance(expression, str) and expression.startswith("$"):
        value = _value(row, expression[1:])
        return None if value is _MISSING else value
    if not isinstance(expression, Mapping):
        return expression
    ((operator, operands),) = expression.items()
    left, right = (_evaluate(row, operand) for operand in operands)
    if operator == "$ifNull":
        return right if left is None else left
    return operator in ("$ne", "$gt", "$gte", "$lt", "$lte") and _OPERATORS[operator](left, right)


def _value(row: Row, name: str) -> Any:
    if name.startswith("_validation_status."):
        return row.get("_validation_status", {}).get(name.removeprefix("_validation_status."), _MISSING)
    return row.get(name, _MISSING)


def _sort_key(value: Any) -> tuple[int, Any]:
    if value is _MISSING or value is None:
        return (0, 0)
    return (1, value) if isinstance(value, int | float) else (2, str(value))


def _is_id_filter(condition: Any) -> bool:
    if isinstance(condition, Mapping):
        numbers = all(isinstance(condition[key], int) for key in condition if key != "$in")
        return bool(condition) and condition.keys() <= {"$gt", "$gte", "$lt", "$lte", "$in"} and numbers
    return isinstance(condition, int)


def _by_id(store: Store, condition: Any) -> Selection:
    wanted = condition if isinstance(condition, Mapping) else {"$in": [condition]}
    low, high = 0, len(store)
    if "$gt" in wanted:
        low = max(low, bisect_right(store.ids, wanted["$gt"]))
    if "$gte" in wanted:
        low = max(low, bisect_left(store.ids, wanted["$gte"]))
    if "$lt" in wanted:
        high = min(high, bisect_left(store.ids, wanted["$lt"]))
    if "$lte" in wanted:
        high = min(high, bisect_right(store.ids, wanted["$lte"]))
    chosen = Selection(store.ids, low, high)
    if "$in" not in wanted:
        return chosen
    named = sorted({i for i in wanted["$in"] if isinstance(i, int) and i in store and _within(chosen, i)})
    return Selection(named, 0, len(named))


def _within(chosen: Selection, kobo_id: int) -> bool:
    place = bisect_left(chosen.ids, kobo_id, chosen.low, max(chosen.low, chosen.high))
    return place < chosen.high and chosen.ids[place] == kobo_id


def _named_roots(condition: Any) -> list[str] | None:
    if isinstance(condition, str):
        return [condition]
    if isinstance(condition, Mapping) and condition.keys() == {"$in"}:
        return [root for root in condition["$in"] if isinstance(root, str)]
    return None
