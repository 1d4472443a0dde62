"""The declared table, and the rest of the survey beside it.

Each case changes a whole submission of the survey, whose answers all stand in the declared table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.unit.submissions.contract.table import Cells, FileCells, Rejected

_AGE, _GENDER, _NAME = "sec_c/cd_age", "sec_c/cd_gender", "sec_c/cd_client_name"


@dataclass(frozen=True)
class DeclaredCase:
    """What a change of the survey's usual submission becomes.

    :param changes: key → value; None takes the key away, ``section`` moves keys into a list.
    :param cells: of the declared table, by column: those that differ from the usual ones.
    :param rejects: the columns because of which there is no row in the declared table: the payload has the
        answers to its questions then.
    :param section: all keys of this group stand in a list of one object at its path.
    """

    why: str
    changes: Mapping[str, Any]
    form: str = "survey"
    section: str | None = None
    cells: Cells = field(default_factory=dict)
    rejects: tuple[str, ...] = ()
    root: Cells = field(default_factory=dict)
    rows: Mapping[str, Cells] = field(default_factory=dict)
    rejected: Rejected = field(default_factory=dict)
    files: Mapping[str, FileCells] = field(default_factory=dict)


_SEC_C_IN_A_ROW = {
    "cd_client_name": "Łukasz ወርቅ", "cd_client_id_manifest": "M00020", "cd_location": 'Ward <3> "A"',
    "cd_clients_phone": "0700000020", "cd_phoneno_alt_number": "0711000020",
    "cd_clients_phone_smart_feature": "feature", "cd_gender": "female", "cd_age": 38, "cd_nationality": "KE",
    "cd_strata": "3", "cd_disability": "no", "cd_education": "secondary", "cd_client_status": "new",
    "cd_sole_income_earner": "no", "cd_howrespble_pple": 2,
}  # fmt: skip
_SEC_C_REJECTS = (
    "client_name", "client_id", "location", "phone", "alt_phone", "phone_smart_feature", "gender", "age",
    "nationality", "strata", "disability", "education", "client_status", "sole_income_earner",
    "responsible_people",
)  # fmt: skip
_POINT = {"cd_gps": "1 2", "cd_gps__lat": 1.0, "cd_gps__lon": 2.0}
_TWO = [{_AGE: "1"}, {_AGE: "2"}]
_A_FILE = [{"uid": "f1", "media_file_basename": "a.png"}]

CASES = (
    DeclaredCase("the usual submission: the rest has a row without answers", {}),
    DeclaredCase("other questions of a group stand in the rest", {"sec_c/cd_gps": "1 2"}, root=_POINT),
    DeclaredCase("repeats beside it", {"members": [{"members/member_name": "A"}]},
                 rows={"members 1": {"member_name": "A"}}),
    DeclaredCase("a key that no version has", {"sec_c/x": "1"}, root={"extra": {"sec_c/x": "1"}}),
    DeclaredCase("a blank in a declared column is no answer", {"cd_survey_date": " "},
                 cells={"survey_date": None}),
    DeclaredCase("null neither", {"cd_survey_date": None}, cells={"survey_date": None}),
    DeclaredCase("without an answer the column holds its default", {"sec_c/cd_disability": None},
                 cells={"disability": "No"}),
    DeclaredCase("and of a blank", {"sec_c/cd_sole_income_earner": "\t"},
                 cells={"sole_income_earner": "Yes"}),
    DeclaredCase("its numbers are read as ever, blanks around them included", {_AGE: " 038 "},
                 cells={"age": 38}),
    DeclaredCase("a missing answer rejects: the rest has a row all the same", {_AGE: None}, rejects=("age",)),
    DeclaredCase("so does one that does not fit; only the payload has it", {_AGE: "many"}, rejects=("age",)),
    DeclaredCase("a text of 256 characters", {_NAME: "x" * 256}, rejects=("client_name",)),
    DeclaredCase("half a character", {_NAME: "\ud83d"}, rejects=("client_name",)),
    DeclaredCase("what else was answered is in the rest", {_AGE: "many", "sec_c/cd_gps": "1 2"},
                 rejects=("age",), root=_POINT),
    DeclaredCase("a list of its text is no text to a declared column", {_NAME: [{_NAME: "A"}]},
                 rejects=("client_name",)),
    DeclaredCase("a group that the server shows as a list rejects, while the plan waits", {}, section="sec_c",
                 rejects=_SEC_C_REJECTS),
    DeclaredCase("its other questions are read as the group's", {"sec_c/cd_gps": "1 2"}, section="sec_c",
                 rejects=_SEC_C_REJECTS, root=_POINT),
    DeclaredCase("and so are its keys that no version has", {"sec_a/x": "1"}, section="sec_a",
                 rejects=("unique_id", "country", "region"), root={"extra": {"sec_a/x": "1"}}),
    DeclaredCase("a list beside plain keys: it would bring one that is there", {"sec_c": [{_AGE: "1"}]},
                 root={"extra": {"sec_c": [{_AGE: "1"}]}}),
    DeclaredCase("a list that fills a gap is no answer to a declared column",
                 {"sec_c": [{_GENDER: "male"}], _GENDER: None}, rejects=("gender",)),
    DeclaredCase("two rows have no place yet", {"sec_c": _TWO}, root={"extra": {"sec_c": _TWO}}),
    DeclaredCase("a group that became a repeat: plain keys stay in the declared table", {},
                 form="survey with repeat"),
    DeclaredCase("its other questions stand in the first row", {"sec_c/cd_gps": "1 2"},
                 form="survey with repeat", rows={"sec_c 1": _POINT}),
    DeclaredCase("a list is rows, with columns for the declared questions, too", {"sec_c/cd_gps": "1 2"},
                 form="survey with repeat", section="sec_c", rejects=_SEC_C_REJECTS,
                 rows={"sec_c 1": _SEC_C_IN_A_ROW | _POINT}),
    DeclaredCase("plain keys and rows: each has its own", {"sec_c": _TWO}, form="survey with repeat",
                 rows={"sec_c 1": {"cd_age": 1}, "sec_c 2": {"cd_age": 2}}),
    DeclaredCase("a row's answer that does not fit is a rejected cell", {"sec_c": [{_AGE: "many"}]},
                 form="survey with repeat", rows={"sec_c 1": {}},
                 rejected={"sec_c 1.cd_age": ("many", "is not a whole number of at most 19 digits")}),
    DeclaredCase("the time of submission is in the declared table alone", {"_submission_time": "never"},
                 rejects=()),
    DeclaredCase("an account of another shape is in the rest", {"_submitted_by": 5, "_id": 7},
                 root={"submitted_by": None, "extra": {"_submitted_by": 5}}),
    DeclaredCase("files name the rest's tables", {"photo": "a.png", "_attachments": _A_FILE},
                 root={"photo": "a.png"}, files={"f1": ("", "photo", "a.png", None, False, "exact")}),
)  # fmt: skip
