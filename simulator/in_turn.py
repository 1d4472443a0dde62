"""Submissions with answers of a form's file: many, at next to no cost, since few are made and take turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulator.attachments import Attachments
from simulator.changes import located
from simulator.drawn import Drawn
from simulator.generate import sent_at
from simulator.responses import compact
from simulator.versions import Version

_ID = 9_007_199_254_740_881  # in place of the ids to come
_SENT = "2000-01-01T00:00:00"


class InTurn(Drawn):
    """Gives each submission the answers whose turn it is, by its id.

    :param answers: by key, as the API shows them; at least one of them.
    :param seed: what ids and uuids depend on.
    :param asset: the form's uid.
    :param versions: the deployed ones; the newest is the one that all are made with.
    :param ids: of the first submissions, ascending.
    :param attachments: how the form's files are listed.
    """

    def __init__(
        self,
        answers: Sequence[Mapping[str, Any]],
        *,
        seed: int,
        asset: str,
        versions: Sequence[Version],
        ids: Sequence[int],
        attachments: Attachments,
    ) -> None:
        super().__init__(seed=seed, asset=asset, versions=versions, ids=ids, attachments=attachments)
        self._rows = [self._template(one, versions[-1], attachments) for one in answers]

    def row(self, kobo_id: int) -> bytes:
        """Return the JSON of the whole submission.

        :param kobo_id: its ``_id``.
        """
        uuid = self._uuid(kobo_id, self._digest(kobo_id).hex().encode())
        changing = {b"id": kobo_id, b"uuid": uuid, b"sent": sent_at(kobo_id)}
        return self._rows[kobo_id % len(self._rows)] % changing

    def _template(self, answers: Mapping[str, Any], version: Version, attachments: Attachments) -> bytes:
        row = self.new(_ID, version, drawn=False) | {"_submission_time": _SENT, "_submitted_by": None}
        row = located({**row, **answers}, version.definition.points)
        row["_attachments"] = attachments.listed(row, version.definition.files)
        text = compact(row).encode().replace(b"%", b"%%")
        places = {
            f"att{_ID:010x}": "att%(id)010x",
            str(_ID): "%(id)d",
            self.uuid(_ID): "%(uuid)b",
            _SENT: "%(sent)b",
        }
        for there, place in places.items():
            text = text.replace(there.encode(), place.encode())
        return text
