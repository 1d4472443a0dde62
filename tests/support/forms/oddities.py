"""Oddities: submissions that no form explains: what bulk edits, old clients and bad luck have sent."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

from tests.support.forms.asked import HIDDEN
from tests.support.forms.histories import Deployed
from tests.support.forms.reparsing import reparsed
from tests.support.forms.submissions import Document, submissions

T = TypeVar("T")
ODD_TEXTS = (
    "", " ", "abc", "NaN", "-Infinity", "9" * 20, "9223372036854775808", "1e400", "3.0000000000000004", "1,5",
    "٣", "12abc", "0x10", "2026-13-01", "0216-01-01", "20226-01-01", "2026-01-02T10:00:00.000+02:00",
    "24:00:00", "13:45", "2026-01-02T10:00:00.1234567Z", "not OK", "91 0 0 0", "NaN 1 0 0", "1 2 3 4 5",
    "1", "x" * 70, "k" * 65, "half \ud83d", "\udc00\ud800", "nul \x00 here", "🌱" * 70, "true", "\ufeff",
    "\u2028", "'; DROP TABLE x; --",
)  # fmt: skip
_ODD_VALUES: tuple[Any, ...] = (
    None, 5, -1, 1.5, 0, True, False, 2**70, float("1e308"), [], {}, [None], [[]], [{}], ["a", "b"], [1,
    "a", None, {}], {"a": "b"}, {"a": {"b": ["c"]}}, [{"a": "1"}, "x"], "x" * 70_000,
)  # fmt: skip
_ODD_KEYS = (
    "", "/", "a//b", "no_such_question", "no/such/path", "simserial", "meta/versionID", "_version_",
    "kobo_id", "pos", "extra", "ክልል/ስም", "🌱", "half\ud83d", "nul\x00", "x" * 300, "__version",
    "members/__rows",
)  # fmt: skip
_ODD_ROWS: tuple[Any, ...] = (
    ["x"], [], [{}], [None, {}, 5], [[{}]], {}, "x", None, [{"a": "b"}, {}, "c"],
)  # fmt: skip
_SYSTEM_VALUES: Mapping[str, tuple[Any, ...]] = {
    "_validation_status": (None, [], "approved", {"uid": 5}, {"uid": "x", "timestamp": "soon", "more": [1]}),
    "_submission_time": (None, "never", 5, "2026-11-28T17:31:00.123456", "2026-11-28T17:31:00+03:00", []),
    "_submitted_by": (5, {}, ["amina"], "half \ud83d", ""),
    "_geolocation": (None, ["a"], [1.0, 2.0, 3.0], {}, "x"),
    "_tags": (None, "a", ["a", {"b": 1}]),
    "_notes": (None, [{"note": "x"}], "x"),
    "__version__": (None, 5, [], "vUnknown", "v" * 300),
    "meta/rootUuid": (None, 5, "no uuid", "uuid:", ["uuid:1"]),
    "meta/instanceName": (None, 5, [], "x" * 300, "nul\x00"),
    "meta/instanceID": (None, 7, []),
    "formhub/uuid": (None, 1, {}),
    "_status": (None, 3),
    "_xform_id_string": (None, []),
    "_supplementalDetails": (None, {"voice": {"transcript": {"value": "text"}}}, []),
}
_ATTACHMENTS: tuple[Any, ...] = (
    None, "x", {}, [], 5, [None], ["photo.png"], [{}], [{"uid": None, "media_file_basename": "a.png"}],
    [{"uid": 7}], [{"uid": "att1"}, {"uid": "att1", "media_file_basename": "b.png"}],
    [{"uid": "att2", "media_file_basename": 3, "mimetype": [], "is_deleted": "yes", "question_xpath": None}],
    [{"uid": "att3", "media_file_basename": "gone.png", "mimetype": "image/png", "is_deleted": True,
    "question_xpath": "x"}], [{"uid": "u" * 100, "filename": "only/this.png"}],
)  # fmt: skip


class _Odd:
    """One submission while it becomes odd.

    :param versions: all of its form.
    """

    def __init__(self, draw: st.DrawFn, document: Document, versions: Sequence[Deployed]) -> None:
        self._draw, self.document, self._versions = draw, document, versions
        self._questions = sorted({path for version in versions for path in version.asked}) or ["no_question"]
        self._repeats = sorted({path for version in versions for path in version.repeats})
        groups = {path.rpartition("/")[0] for path in self._questions} - {"", *self._repeats}
        self._groups = sorted(groups)

    def one_of(self, choices: Sequence[T]) -> T:
        return self._draw(st.sampled_from(choices))

    def _row(self) -> dict[str, Any]:
        """The submission itself, or a row of a repeat."""
        return self.one_of(list(_rows(self.document)))

    def odd_text(self) -> None:
        self._row()[self.one_of(self._questions)] = self.one_of(ODD_TEXTS)

    def odd_value(self) -> None:
        self._row()[self.one_of(self._questions)] = self._value()

    def unknown_key(self) -> None:
        above = self.one_of(["", *(f"{path}/" for path in (*self._groups, *self._repeats))])
        self._row()[above + self.one_of(_ODD_KEYS)] = self._value()

    def list_at_a_group(self) -> None:
        if self._groups:
            path = self.one_of(self._groups)
            inside = [question for question in self._questions if question.startswith(f"{path}/")]
            rows = [
                {self.one_of(inside): self.one_of(("7", *ODD_TEXTS))} for _ in range(self.one_of((1, 1, 2)))
            ]
            self._row()[path] = rows

    def list_at_a_question(self) -> None:
        path = self.one_of(self._questions)
        answers = [{path: self._value("7", "b")} for _ in range(self.one_of((1, 1, 2)))]
        self._row()[path] = answers

    def plain_key_below_a_repeat(self) -> None:
        inside = [path for path in self._questions if any(path.startswith(f"{r}/") for r in self._repeats)]
        if inside:
            self._row()[self.one_of(inside)] = self._value("7", "plain")

    def odd_rows(self) -> None:
        if self._repeats:
            self._row()[self.one_of(self._repeats)] = copy.deepcopy(self.one_of(_ODD_ROWS))

    def odd_system_value(self) -> None:
        key = self.one_of(tuple(_SYSTEM_VALUES))
        self.document[key] = copy.deepcopy(self.one_of(_SYSTEM_VALUES[key]))

    def odd_attachments(self) -> None:
        self.document["_attachments"] = copy.deepcopy(self.one_of(_ATTACHMENTS))

    def without_a_system_value(self) -> None:
        self.document.pop(self.one_of(tuple(_SYSTEM_VALUES)), None)

    def keys_of_another_version(self) -> None:
        other = self._draw(submissions(self.one_of(self._versions)))
        self.document |= {path: value for path, value in other.items() if path not in HIDDEN}

    def parsed_anew(self) -> None:
        """Has no effect on what is odd already."""
        self.document = reparsed(self.document, self.one_of(self._versions).repeats)

    def in_another_order(self) -> None:
        self.document = dict(reversed(self.document.items()))

    def _value(self, *usual: str) -> Any:
        return copy.deepcopy(self.one_of((*usual, *_ODD_VALUES, *ODD_TEXTS)))


_ODDITIES: tuple[Callable[[_Odd], None], ...] = (
    _Odd.odd_text,
    _Odd.odd_value,
    _Odd.unknown_key,
    _Odd.list_at_a_group,
    _Odd.list_at_a_question,
    _Odd.plain_key_below_a_repeat,
    _Odd.odd_rows,
    _Odd.odd_system_value,
    _Odd.odd_attachments,
    _Odd.without_a_system_value,
    _Odd.keys_of_another_version,
    _Odd.parsed_anew,
    _Odd.in_another_order,
)


@st.composite
def odd_submissions(
    draw: st.DrawFn, versions: Sequence[Deployed], *, kobo_id: int = 1, most: int = 4
) -> Document:
    """A submission with some oddities: it is still an object that has an ``_id``.

    :param versions: of its form; it was made with one of them.
    :param most: oddities.
    """
    document = draw(submissions(draw(st.sampled_from(versions)), kobo_id=kobo_id))
    odd = _Odd(draw, document, versions)
    for _ in range(draw(st.integers(1, most))):
        odd.one_of(_ODDITIES)(odd)
    return odd.document | {"_id": kobo_id}


def _rows(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield row
    for path, value in row.items():
        if isinstance(value, list) and path not in HIDDEN:
            for inside in value:
                if isinstance(inside, dict):
                    yield from _rows(inside)
