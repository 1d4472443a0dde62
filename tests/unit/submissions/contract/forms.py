"""The forms of the contract's table, each a few versions in a short spelling."""

from __future__ import annotations

from functools import cache
from typing import Any

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive
from kobo_mirror.forms.form_schema import FormSchema

_SURVEY_GROUPS = ("sec_a", "sec_b", "sec_c", "group_mx5fl16")
_TYPES = {"date": "date", "integer": "integer", "text": "text"}


def _of_the_survey(section: str) -> str:
    """The questions of the declared table that stand in a group, in the short spelling."""
    of_it = (c for c in KOBO_RECORDS.columns if c.question.rpartition("/")[0] == section)
    return "\n".join(
        f"{_TYPES[c.kind.value]} {c.question.rpartition('/')[2]}" for c in of_it if c.kind.value in _TYPES
    )


def _survey(sec_c: str = "begin_group") -> str:
    """A survey that asks what the declared table has, and more."""
    sections = "\n".join(
        f"{sec_c if name == 'sec_c' else 'begin_group'} {name}\n{_of_the_survey(name)}\n"
        f"{'geopoint cd_gps' if name == 'sec_c' else ''}\nend"
        for name in _SURVEY_GROUPS
    )
    return f"{_of_the_survey('')}\n{sections}\nbegin_repeat members\ntext member_name\nend\nimage photo"


FORMS: dict[str, tuple[str, ...]] = {
    "all": (
        """
        integer age
        decimal weight
        text name
        calculate score
        select_one yn sex
        select_multiple yn needs
        date born
        time woke
        dateTime seen
        acknowledge agreed
        geopoint gps
        geotrace road
        image photo
        image portrait
        begin_group home
          text street
          integer rooms
          begin_group water
            text source
          end
        end
        begin_repeat people
          text nick
          integer years
          image face
          begin_group job
            text title
          end
          begin_repeat visits
            date day
            text note
          end
        end
        """,
    ),
    "kinds": (
        """
        integer count
        integer price
        select_one yn code
        date due
        text spot
        geopoint place
        time clock
        integer three
        image scan
        integer shot
        """,
        """
        text count
        decimal price
        text code
        dateTime due
        geopoint spot
        integer place
        text clock
        decimal three
        text scan
        image shot
        """,
        """
        text three
        """,
    ),
    "drift": (
        """
        begin_group g
          text q
          begin_group h
            text z
          end
        end
        begin_repeat r
          text x
        end
        """,
        """
        begin_repeat g
          text q
          begin_group h
            text z
          end
        end
        begin_group r
          text x
        end
        """,
    ),
    "waits": ("begin_group g\ntext q\ninteger n\nbegin_group h\ntext z\nend\nend\ntext top",),
    "both": ("text p\ntext old", "begin_repeat p\ntext item\nend\ntext new"),
    "group and question": ("text a\ntext b", "begin_group a\ntext c\nend\ntext b"),
    "chains": (
        "begin_group o\nbegin_repeat i\ntext x\nend\ntext y\nend",
        "begin_repeat o\nbegin_repeat i\ntext x\nend\ntext y\nend",
    ),
    "deeper": (
        "begin_repeat a\nbegin_group b\ntext q\nend\nend",
        "begin_repeat a\nbegin_repeat b\ntext q\nend\nend",
    ),
    "system names": ("text _uuid\ntext _status\nbegin_group g\ntext _id\nend\ntext kobo_id",),
    "survey": (_survey(),),
    "survey with repeat": (_survey(), _survey("begin_repeat")),
}
"""Name → versions. A line is a type and a name; ``end`` ends a group or repeat."""
CHOICES = [{"list_name": "yn", "name": name} for name in ("yes", "no", "both yes")]


def content(survey: str) -> dict[str, Any]:
    """The content of a version in the short spelling."""
    rows: list[dict[str, str]] = []
    begun: list[str] = []
    for line in filter(None, map(str.strip, survey.splitlines())):
        if line == "end":
            rows.append({"type": begun.pop().replace("begin", "end")})
            continue
        question_type, _, name = line.rpartition(" ")
        rows.append({"type": question_type, "name": name})
        if question_type.startswith("begin"):
            begun.append(question_type)
    return {"survey": rows, "choices": CHOICES}


@cache
def schema_of(form: str, versions: int | None = None) -> FormSchema:
    """The schema of a form after some of its versions, or all."""
    found = [read_version(f"v{i}", content(text)) for i, text in enumerate(FORMS[form][:versions], 1)]
    declared = KOBO_RECORDS if form.startswith("survey") else None
    return derive("aForm", "f", found, form=declared)
