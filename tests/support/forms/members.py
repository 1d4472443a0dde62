"""Members: a small form with a repeat in a repeat and a file, its submissions, and who checks its tables."""

from __future__ import annotations

from typing import Any

from tests.support.forms.judging import UID
from tests.support.forms.read_back import read_back, wanted
from tests.support.forms.row_set_writing import RowSetWriting
from tests.support.forms.surveys import ask, repeat

MEMBERS = [
    *ask("text", "name"),
    *ask("integer", "age"),
    *ask("image", "photo"),
    *repeat("members", ask("text", "who"), ask("date", "born"), repeat("pets", ask("text", "pet"))),
]


def document(kobo_id: int, count: int = 2, pets: int = 1, **further: Any) -> dict[str, Any]:
    """A submission with a file, a rejected cell and an unexplained answer, if it has no others."""
    rows = [
        {"members/who": f"m{n}", "members/pets": [{"members/pets/pet": f"p{p}"} for p in range(pets)]}
        for n in range(count)
    ]
    file = {"uid": f"att{kobo_id}", "media_file_basename": "a.png", "mimetype": "image/png"}
    return {
        "_id": kobo_id, "name": "Ann", "age": "young", "photo": "a.png", "other": "?", "members": rows,
        "_attachments": [file],
    } | further  # fmt: skip


def check(writing: RowSetWriting, *documents: dict[str, Any]) -> None:
    assert read_back(writing.engine, UID) == wanted(writing.shape(*documents))


def put(writing: RowSetWriting, *documents: dict[str, Any]) -> int:
    return writing.write(*writing.shape(*documents))
