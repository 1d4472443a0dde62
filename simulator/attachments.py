"""``_attachments``: which files of a submission the server lists, and how (kobo-api.md §7)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, TypeGuard

from simulator.shapes import Row, is_rows
from simulator.users import OWNER

_MIME_TYPES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "pdf": "application/pdf",
    "csv": "text/csv", "txt": "text/plain", "m4a": "audio/mp4", "mp3": "audio/mpeg", "wav": "audio/x-wav",
    "mp4": "video/mp4", "osm": "text/xml",
}  # fmt: skip
_OURS = {"uid", "media_file_basename", "question_xpath", "is_deleted"}
_SIZES = ("large", "medium", "small")
Entry = dict[str, Any]


@dataclass
class Attachments:
    """The files of one form's submissions.

    :param asset: the form's uid.
    :param formhub_uuid: the value of ``formhub/uuid``.
    :param url: scheme and host of the server's addresses.
    :param paths: the paths of the questions that are answered with files.
    """

    asset: str
    formhub_uuid: str
    url: str
    paths: set[str] = field(default_factory=set)

    def listed(self, row: Row, paths: Collection[str]) -> list[Entry]:
        """Return an entry for each file that an answer names, as if all had arrived with the submission.

        :param row: the submission.
        :param paths: of the questions that its version answers with files.
        """
        return [self._entry(row, name, place) for name, place in named(row, paths).items()]

    def placed(self, row: Row) -> Row:
        """Return a submission whose files are listed at the places that their answers have now.

        :param row: the submission, shaped anew.
        """
        if not row.get("_attachments") or not are_entries(row["_attachments"]):
            return row
        names = named(row, self.paths)
        entries = [
            entry | {"question_xpath": names.get(_name(entry), entry["question_xpath"])}
            for entry in row["_attachments"]
        ]
        return row | {"_attachments": entries}

    def kept(self, row: Row, *, uploaded: bool) -> Any:
        """Return the entries after an edit, which drops the files that no answer names any more.

        :param row: the submission after the edit.
        :param uploaded: the files that are named anew came with the edit.
        """
        before, names = row.get("_attachments"), named(row, self.paths)
        if not are_entries(before):
            return before
        kept = [entry for entry in before if _name(entry) in names]
        there = {_name(entry) for entry in kept}
        return kept + [self._entry(row, n, names[n]) for n in names if uploaded and n not in there]

    def copied(self, row: Row) -> Any:
        """Return the entries of a duplicate, which get uids of their own.

        :param row: the duplicate, with the entries of the submission that it was made from.
        """
        before = row.get("_attachments")
        if not are_entries(before):
            return before
        there = {_name(entry) for entry in before}
        return [entry for entry in self.listed(row, self.paths) if _name(entry) in there]

    def names(self, row: Row, name: str) -> bool:
        """Return True if an answer names a file.

        :param row: the submission.
        :param name: the file's name.
        """
        return name in named(row, self.paths)

    def with_late(self, row: Row, name: str) -> list[Entry]:
        """Return the entries once a file has arrived that an answer names.

        :param row: the submission.
        :param name: the file's name.
        """
        place, entries = named(row, self.paths)[name], row["_attachments"]
        before = [entry for entry in entries if _name(entry) != name or entry["is_deleted"]]
        return [*before, self._entry(row, name, place, number=len(before))]

    def with_deleted(self, row: Row, uid: str) -> list[Entry]:
        """Return the entries once a file is deleted: it stays, and says so.

        :param row: the submission.
        :param uid: of the entry, or the file's name.
        :raises ValueError: the submission has no such file.
        """
        entries = row["_attachments"]
        found = [
            entry for entry in entries if uid in (entry["uid"], _name(entry)) and not entry["is_deleted"]
        ]
        if not found:
            raise ValueError(f"submission {row['_id']} has no file {uid}")
        others = [entry for entry in entries if entry is not found[0]]
        return [*others, found[0] | {"is_deleted": True}]

    def _entry(self, row: Row, name: str, place: str, number: int = 0) -> Entry:
        digits = blake2b(f"{name}/{number}".encode(), digest_size=8).hexdigest()
        uid = f"att{row['_id']:010x}{digits[:11]}"
        address = f"{self.url}/api/v2/assets/{self.asset}/data/{row['_id']}/attachments/{uid}/"
        root = str(row["meta/rootUuid"]).removeprefix("uuid:")
        mimetype = mime_type(name)
        sizes = _SIZES if mimetype.startswith("image/") else ()
        return {
            "download_url": address,
            "mimetype": mimetype,
            "filename": f"{OWNER}/attachments/{self.formhub_uuid}/{root}/{stored_name(name)}",
            "media_file_basename": name,
            "uid": uid,
            "is_deleted": False,
            **{f"download_{size}_url": f"{address}{size}/" for size in sizes},
            "question_xpath": place,
        }


def submission_of(uid: str) -> int | None:
    """Return the ``_id`` of the submission that a file belongs to; None for no uid of a file.

    :param uid: of an entry.
    """
    digits = uid.removeprefix("att")[:10]
    return int(digits, 16) if re.fullmatch("[0-9a-f]{10}", digits) else None


def named(row: Mapping[str, Any], paths: Collection[str]) -> dict[str, str]:
    """Return the files that answers name, each with its ``question_xpath``.

    :param row: the submission.
    :param paths: of the questions that are answered with files.
    """
    return dict(_named(row, paths, ()))


def are_entries(value: Any) -> TypeGuard[list[Entry]]:
    """Return True for entries of ours, False for what was planted in their place.

    :param value: of ``_attachments``.
    """
    return isinstance(value, list) and all(isinstance(one, dict) and one.keys() >= _OURS for one in value)


def mime_type(name: str) -> str:
    """Return the type of a file's bytes, told from its name.

    :param name: the file's name.
    """
    return _MIME_TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")


def stored_name(name: str) -> str:
    """Return the name that the server's storage gives to a file.

    :param name: as the answer has it.
    """
    return re.sub(r"[^-\w.]", "", name.strip().replace(" ", "_"))


def _named(
    row: Mapping[str, Any], paths: Collection[str], numbers: tuple[tuple[str, int], ...]
) -> Iterator[tuple[str, str]]:
    for path, value in row.items():
        if is_rows(path, value):
            for number, inside in enumerate(value, 1):
                yield from _named(inside, paths, (*numbers, (path.rpartition("/")[2], number)))
        elif path in paths and isinstance(value, str):
            yield value, _numbered(path, numbers)


def _numbered(path: str, numbers: tuple[tuple[str, int], ...]) -> str:
    """Return a path with the numbers of its rows, wrong where the real server is.

    It puts the number behind each occurrence of the repeat's name, in the names of others too.
    """
    for name, number in numbers:
        path = path.replace(name, f"{name}[{number}]")
    return path


def _name(entry: Entry) -> str:
    return str(entry["media_file_basename"])
