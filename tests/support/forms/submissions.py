"""Submissions: rows of ``data.json`` that were made with a version of a form."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.support.forms.answers import answers_to
from tests.support.forms.asked import Asked
from tests.support.forms.histories import Deployed
from tests.support.forms.types import FILES

Document = dict[str, Any]
_MANY = 60  # questions: more are answered by a random number, since drawing each answer takes long
_STATUSES: tuple[Document, ...] = (
    {},
    {
        "timestamp": 1795887101, "uid": "validation_status_on_hold", "by_whom": "amina", "label": "On Hold",
    },
    {
        "timestamp": 1795887319, "uid": "validation_status_approved", "by_whom": "amina", "label": "Approved",
        "color": "#008000",
    },
)  # fmt: skip
_HASH = "d07a65068265425b8e7bc844acf559e5"
_MIME_TYPES = {"png": "image/png", "jpg": "image/jpeg", "pdf": "application/pdf", "m4a": "audio/mp4"}


class _Choices(NamedTuple):
    """What chooses: Hypothesis, or a random number for a wide form."""

    number: Callable[[int], int]

    def answer(self, question: Asked, deployed: Deployed, *, blanks: int) -> str | None:
        """An answer, or None for none."""
        answers = answers_to(question, deployed.tree)
        at = self.number(len(answers) + blanks - 1) - blanks
        return answers[at] if at >= 0 else None


@st.composite
def submissions(draw: st.DrawFn, deployed: Deployed, *, kobo_id: int = 1, asset: str = "aAsset") -> Document:
    """A submission as a server shows it, with all that is usual.

    :param deployed: the version that it was made with.
    :param kobo_id: its ``_id``.
    :param asset: the form's uid.
    """

    def number(most: int) -> int:
        return draw(st.integers(0, most))

    choices = _Choices(number)
    if len(deployed.asked) > _MANY:
        chance = random.Random(number(2**32))
        choices = _Choices(lambda most: chance.randint(0, most))
    inside = _rows(deployed, (), choices)
    answers = inside[0] if inside else {}
    document: Document = {"_id": kobo_id, "formhub/uuid": _HASH, **answers, "__version__": deployed.uid}
    document |= _meta(deployed, kobo_id, number)
    document |= {
        "_xform_id_string": asset,
        "_attachments": list(attachments_of(document, deployed.asked, kobo_id)),
        "_status": "submitted_via_web",
        "_geolocation": [None, None],
        "_submission_time": f"2026-11-28T17:31:{kobo_id % 60:02}",
        "_validation_status": dict(_STATUSES[number(len(_STATUSES) - 1)]),
        "_submitted_by": (None, "amina", "አሚና")[number(2)],
    }
    return document | ({"_tags": [], "_notes": [], "_bamboo_dataset_id": ""} if number(1) else {})


def _rows(deployed: Deployed, chain: tuple[str, ...], choices: _Choices) -> list[Document]:
    """The rows of a repeat, or the one document at the top; a row without an answer is not sent."""
    questions = [question for question in deployed.asked.values() if question.repeats == chain]
    repeats = [path for path in deployed.repeats if _around(path, deployed.repeats) == chain]
    rows = []
    for _ in range(choices.number(3) if chain else 1):
        row: Document = {}
        for question in questions:
            if (answer := choices.answer(question, deployed, blanks=2)) is not None:
                row[question.path] = answer
        for path in repeats:
            if inside := _rows(deployed, (*chain, path), choices):
                row[path] = inside
        if row:
            rows.append(row)
    return rows


def _around(path: str, repeats: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted((other for other in repeats if path.startswith(f"{other}/")), key=len))


def _meta(deployed: Deployed, kobo_id: int, number: Callable[[int], int]) -> Document:
    uuid, root = f"{kobo_id:08}-9c7a-4b1d-8e2f-32acaf676c84", f"{kobo_id:08}-23ae-4caa-b6de-c139f9992340"
    edited = number(3) == 3
    found: Document = {"_uuid": uuid if edited else root, "meta/rootUuid": f"uuid:{root}"}
    found["meta/instanceID"] = f"uuid:{found['_uuid']}"
    if edited:
        found["meta/deprecatedID"] = f"uuid:{root}"
    if "instance_name" in deployed.tree.settings and number(3):
        found["meta/instanceName"] = "ወርቅ-35"
    return found


def attachments_of(
    document: Mapping[str, Any], asked: Mapping[str, Asked], kobo_id: int
) -> Iterator[Document]:
    """The files that its answers name, as a server lists them.

    :param asked: the version's questions.
    """
    for index, (place, name) in enumerate(_files(document, asked)):
        address = (
            f"https://kobo.example.org/api/v2/assets/aAsset/data/{kobo_id}/attachments/att{kobo_id}n{index}/"
        )
        yield {
            "download_url": address,
            "download_small_url": f"{address}small/",
            "mimetype": _MIME_TYPES[name.rpartition(".")[2]],
            "filename": f"amina/attachments/{_HASH}/{kobo_id}/{name.replace(' ', '_')}",
            "media_file_basename": name,
            "uid": f"att{kobo_id}n{index}",
            "is_deleted": False,
            "question_xpath": place,
        }


def _files(
    row: Mapping[str, Any], asked: Mapping[str, Asked], path: str = "", place: str = ""
) -> Iterator[tuple[str, str]]:
    """The names of files in a row, each with where it stands, such as ``people[2]/photo``.

    :param path: of the repeat that the row is of.
    :param place: the same with the numbers of the rows.
    """
    for key, value in row.items():
        below = place + key.removeprefix(path)
        if isinstance(value, list):
            for number, inside in enumerate(value, 1):
                yield from _files(inside, asked, key, f"{below}[{number}]")
        elif key in asked and asked[key].type in FILES:
            yield below, value
