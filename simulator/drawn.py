"""Submissions of any form: each is drawn from its id, the seed and the version that it was made with."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from simulator.answers import OTHER, Respondent, answer_to
from simulator.attachments import Attachments
from simulator.changes import geolocation
from simulator.generate import FIRST_ID, Identities
from simulator.people import ENUMERATORS
from simulator.questions import Question, Section
from simulator.responses import compact
from simulator.shapes import SYSTEM, Row
from simulator.texts import text_for
from simulator.versions import Version

_FIRST_STARTED = datetime(2024, 6, 3, 5, tzinfo=UTC)
_SECONDS_PER_ID = 15
_IDS = 10_000_000  # until times begin anew, so that any id has one
_BLANK, _SKIPPED = 0.12, 0.08  # of questions, and of groups
_INSTANCES = (0, 1, 1, 2, 2, 3, 5)
_UNASKED = ("start", "end", "today", "deviceid", "calculate", "hidden", "audit")  # filled in by the device


class Drawn(Identities):
    """Draws the submission of each id as it was before any change.

    Equal for equal parameters.

    :param seed: what the answers depend on.
    :param asset: the form's uid.
    :param versions: the deployed ones, oldest first; each has its share of the first submissions.
    :param ids: of the first submissions, ascending.
    :param attachments: how the form's files are listed.
    """

    def __init__(
        self,
        *,
        seed: int,
        asset: str,
        versions: Sequence[Version],
        ids: Sequence[int],
        attachments: Attachments,
    ) -> None:
        super().__init__(seed)
        self._seed, self._asset, self._attachments = seed, asset, attachments
        self._versions = versions
        self._first_ids = [ids[len(ids) * n // len(versions)] for n in range(len(versions))] if ids else []

    def row(self, kobo_id: int) -> bytes:
        """Return the JSON of the whole submission.

        :param kobo_id: its ``_id``.
        """
        place = max(0, bisect_right(self._first_ids, kobo_id) - 1)
        return compact(self.new(kobo_id, self._versions[place])).encode()

    def new(self, kobo_id: int, version: Version, *, drawn: bool = True) -> Row:
        """Return a submission that is made with a version.

        :param kobo_id: its ``_id``.
        :param version: one of the form's.
        :param drawn: with answers; otherwise with none, not even those that a device gives.
        """
        random = Random(f"{self._seed}/{self._asset}/{kobo_id}")
        seconds = (kobo_id - FIRST_ID) % _IDS * _SECONDS_PER_ID + random.randrange(3600)
        started = timedelta(seconds=seconds, milliseconds=random.randrange(1000))
        who = Respondent.drawn(random, _FIRST_STARTED + started)
        definition, uuid = version.definition, self.uuid(kobo_id)
        answers = _answers(definition, who) if drawn else {}
        row: Row = {
            "_id": kobo_id,
            "formhub/uuid": self._attachments.formhub_uuid,
            **{path: answer for path, answer in answers.items() if path not in SYSTEM},
            "__version__": version.uid,
            "meta/instanceID": f"uuid:{uuid}",
            "_xform_id_string": self._asset,
            "_uuid": uuid,
            "meta/rootUuid": f"uuid:{uuid}",
            "_attachments": [],
            "_status": "submitted_via_web",
            "_geolocation": geolocation(answers, definition.points),
            "_submission_time": f"{who.sent:%Y-%m-%dT%H:%M:%S}",
            "_validation_status": {},
            "_submitted_by": random.choice((None, *ENUMERATORS)),
        }
        row["_attachments"] = self._attachments.listed(row, definition.files)
        return row


def _answers(section: Section, who: Respondent) -> Row:
    """Return the answers in a section; what is blank is absent, and so is a repetition without answers."""
    row: Row = {}
    for item in section.items:
        if isinstance(item, Question):
            row |= _answer(item, who)
        elif item.repeat:
            row |= _repetitions(item, who)
        elif who.random.random() >= _SKIPPED:
            row |= _answers(item, who)
    return row


def _answer(question: Question, who: Respondent) -> Row:
    asked = question.type not in _UNASKED and str(question.row.get("required")).lower() not in ("true", "yes")
    if asked and who.random.random() < _BLANK:
        return {}
    answer = answer_to(question, who)
    if not answer.strip():
        return {}
    row: Row = {question.path: answer}
    if question.other and OTHER in answer.split():
        row[f"{question.path}_{OTHER}"] = text_for("remark", who.locale, who.random)
    return row


def _repetitions(section: Section, who: Respondent) -> Row:
    count = int(section.count) if section.count.isdecimal() else who.random.choice(_INSTANCES)
    counted: Row = {f"{section.path}_count": str(count)} if section.count else {}
    rows = [row for row in (_answers(section, who) for _ in range(count)) if row]
    return counted | ({section.path: rows} if rows else {})
