"""Small forms, each with what a server does that a form does not tell, and submissions as it shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.submissions.shaper import Shaper
from kobo_mirror.submissions.values import shape
from tests.support.judge.verdict import faults
from tests.support.submissions import submission
from tests.unit.submissions.contract.forms import content, schema_of

Cells = Mapping[str, Any]
_SERVER = "https://kobo.example.org/api/v2/assets/aShown/data/5/attachments"
_MEDIA = """
    begin_repeat family
      image face
      begin_repeat animals
        image picture
      end
    end
    image picture
"""
_ORDER = ("begin_group g\ntext q\nend\nselect_one yn s\nbegin_repeat r\ntext x\nend",
          "begin_repeat g\ntext q\nend\nselect_multiple yn s\nbegin_group r\ntext x\nend")  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """A submission that a server shows, and the cells that it becomes, those that each submission has apart.

    :param form: its versions, in the short spelling of ``contract/forms.py``.
    :param rows: ``table 1-1`` → its cells; the root is named ``f``.
    :param files: names → table, position and column.
    """

    why: str
    form: tuple[str, ...]
    answers: Mapping[str, Any]
    rows: Mapping[str, Cells]
    files: Mapping[str, tuple[str | None, str | None, str | None]] = field(default_factory=dict)


def attachment(name: str, question: str, *, is_deleted: bool = False) -> dict[str, Any]:
    uid = f"att{name}"
    sizes = {f"download_{size}_url": f"{_SERVER}/{uid}/{size}/" for size in ("large", "medium", "small")}
    return {
        "uid": uid, "media_file_basename": name, "mimetype": "image/png", "question_xpath": question,
        "filename": f"owner/attachments/{name.replace(' ', '_')}", "is_deleted": is_deleted,
        "download_url": f"{_SERVER}/{uid}/", **sizes,
    }  # fmt: skip


CASES = (
    Shown("names that differ by case in two groups",
          ("begin_group g\ntext Nb\nend\nbegin_group h\ntext nb\nend",),
          {"g/Nb": "A", "h/nb": "b"}, {"f": {"g__nb": "A", "h__nb": "b"}}),
    Shown("a path and a name that are alike", ("begin_group u\ntext v\nend\ntext u_v",),
          {"u/v": "slash", "u_v": "line"}, {"f": {"v": "slash", "u_v": "line"}}),
    Shown("accents", ("integer âge_né\ntext prénom",), {"âge_né": "7", "prénom": "Zoë"},
          {"f": {"âge_né": 7, "prénom": "Zoë"}}),
    Shown("groups in groups", ("begin_group u\nbegin_group v\ninteger w\nend\nend",), {"u/v/w": "2"},
          {"f": {"w": 2}}),
    Shown("names of choices with a slash and blanks", ("select_one yn c",), {"c": "both / yes"},
          {"f": {"c": "both / yes"}}),
    Shown("a repeat of notes is in no submission", ("text a\nbegin_repeat r\nnote n\nend",), {"a": "x"},
          {"f": {"a": "x"}}),
    Shown("questions that keys of the server hide", ("text _id\ntext _uuid\ntext _attachments\ntext id",),
          {"id": "9"}, {"f": {"id_uvquk": "9"}}),
    Shown("before a group becomes a repeat", _ORDER[:1], {"g/q": "old", "s": "yes", "r": [{"r/x": "1"}, {}]},
          {"f": {"q": "old", "s": "yes"}, "f__r 1": {"x": "1"}, "f__r 2": {}}),
    Shown("after it, as it was", _ORDER, {"g/q": "old", "s": "yes", "r": [{"r/x": "1"}, {}]},
          {"f": {"s": "yes", "s__text": "yes"}, "f__g 1": {"q": "old"}, "f__r 1": {"x": "1"}, "f__r 2": {}}),
    Shown("after it, parsed anew", _ORDER, {"g": [{"g/q": "old"}], "s": "yes", "r": [{"r/x": "1"}, {}]},
          {"f": {"s": "yes", "s__text": "yes"}, "f__g 1": {"q": "old"}, "f__r 1": {"x": "1"}, "f__r 2": {}}),
    Shown("made with the newest version", _ORDER,
          {"g": [{"g/q": "1"}, {"g/q": "2"}], "r/x": "9", "s": "yes no"},
          {"f": {"s": "yes no", "s__text": "yes no"}, "f__g 1": {"q": "1"}, "f__g 2": {"q": "2"},
           "f__r 1": {"x": "9"}}),
    Shown("a key that a bulk edit made", ("text a",), {"a": "x", "none/such": "y"},
          {"f": {"a": "x", "extra": {"none/such": "y"}}}),
    Shown("files in rows of rows, after a blank row", (_MEDIA,),
          {"family": [{"family/face": "p1.png", "family/animals": [{"family/animals/picture": "a1.png"}]},
                      {"family/face": "p3.png", "family/animals": [{"family/animals/picture": "a3.png"}]}],
           "picture": "été 1 & 2.png",
           "_attachments": [attachment("p1.png", "family[1]/face"),
                            attachment("a3.png", "family[2]/animals[1]/picture"),
                            attachment("été 1 & 2.png", "picture"),
                            attachment("p3.png", "family[2]/face", is_deleted=True),
                            attachment("old.png", "picture")]},
          {"f": {"picture": "été 1 & 2.png"}, "f__family 1": {"face": "p1.png"},
           "f__family 2": {"face": "p3.png"},
           "f__animals 1-1": {"picture": "a1.png"}, "f__animals 2-1": {"picture": "a3.png"}},
          {"p1.png": ("f__family", "1", "face"), "a3.png": ("f__animals", "2-1", "picture"),
           "été 1 & 2.png": ("f", "", "picture"), "p3.png": ("f__family", "2", "face"),
           "old.png": (None, None, None)}),
    Shown("a file that came late: its name was there", (_MEDIA,), {"picture": "late.png", "_attachments": []},
          {"f": {"picture": "late.png"}}),
)  # fmt: skip
SYSTEM = ("submission_time", "submitted_by", "form_version", "root_uuid", "kobo_id")


def document(answers: Mapping[str, Any]) -> dict[str, Any]:
    """A submission with all that a server says of each."""
    token = "2c4d023a-b1fe-41a0-bf27-a9945b757806"
    return {
        "_id": 5, "formhub/uuid": "178443b8", "__version__": "vShown", "meta/instanceID": f"uuid:{token}",
        "_xform_id_string": "aShown", "_uuid": token, "meta/rootUuid": f"uuid:{token}", "_attachments": [],
        "_status": "submitted_via_web", "_geolocation": [None, None], "_validation_status": {},
        "_submission_time": "2026-11-28T17:38:28", "_submitted_by": "amina", **answers,
    }  # fmt: skip


def schema(form: tuple[str, ...]) -> FormSchema:
    return derive("aShown", "f", [read_version(f"v{n}", content(text)) for n, text in enumerate(form)])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_what_a_server_shows_has_one_home(case: Shown) -> None:
    found, shown = schema(case.form), document(case.answers)
    row_set = Shaper(found).shape(shown)
    rows = {
        f"{row.table.name} {row.pos}".strip(): {
            **{name: cell for name, cell in row.cells.items() if cell is not None and name not in SYSTEM},
            **({"extra": row.extra} if row.extra else {}),
        }
        for row in row_set.rows
    }
    assert rows == case.rows
    files = {file.file_name: (file.table_name, file.pos, file.column_name) for file in row_set.files}
    assert files == case.files
    assert row_set.rejected == ()
    assert faults(found, shown, row_set) == []


def test_another_parsing_and_a_late_file_change_no_row() -> None:
    """The server parses anew what is validated, and lists files that came later; no token tells of either."""
    by_why = {case.why: case for case in CASES}
    kept, anew = (
        Shaper(schema(_ORDER)).shape(document(by_why[why].answers))
        for why in ("after it, as it was", "after it, parsed anew")
    )
    assert kept.digest() == anew.digest()
    late = by_why["a file that came late: its name was there"].answers
    before = Shaper(schema((_MEDIA,))).shape(document(late))
    arrived = {"_attachments": [attachment("late.png", "picture")]}
    after = Shaper(schema((_MEDIA,))).shape(document({**late, **arrived}))
    assert after.rows == before.rows
    assert [file.matched for file in after.files] == ["exact"]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"members": [{"members/member_name": "one"}, {"members/member_name": "two", "members/x": "1"}]},
        {"sec_c/cd_gps": "-1.27 36.87 1600 5", "photo": "a.png", "extra_note": "v2", "none/such": "x"},
        {"meta/deprecatedID": "uuid:0ed90475", "_validation_status": {"uid": "u", "timestamp": 1795451627}},
    ],
)
def test_a_survey_with_a_declared_table_has_one_home(more: dict[str, Any]) -> None:
    shown, found = document(submission(5) | more), schema_of("survey")
    cells = shape(shown, KOBO_RECORDS)
    assert isinstance(cells, tuple)
    declared = dict(zip((column.question for column in KOBO_RECORDS.columns), cells, strict=True))
    row_set = Shaper(found).shape(shown)
    assert faults(found, shown, row_set, declared) == []
    assert [row.pos for row in row_set.rows[1:]] == [str(n + 1) for n in range(len(more.get("members", ())))]
