"""What the server says of a submission, and its attachments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kobo_mirror.tolerant_json import OddValue
from tests.unit.submissions.contract.table import Case, case

_UUID = "7f3a"
_APPROVED = {"uid": "validation_status_approved", "by_whom": "meg", "timestamp": 1_787_200_000,
             "label": "Approved", "color": "#00ff00"}  # fmt: skip


def _odd(key: str, value: Any, why: str) -> Case:
    """A system value of another shape than usual."""
    return case(why, "all", {key: value}, root={"extra": {key: value}})


def _none(key: str, value: Any, why: str) -> Case:
    """A value that has no home but the ledger, or is the server's own."""
    return case(why, "all", {key: value})


def _read(key: str, value: Any, why: str, **cells: Any) -> Case:
    return case(why, "all", {key: value}, root=cells)


SYSTEM = (
    _read("_submission_time", "2026-01-31T23:59:59", "UTC without offset",
          submission_time=datetime.fromisoformat("2026-01-31T23:59:59")),
    _read("_submission_time", "2026-01-31T23:59:59.123+01:00", "another moment is read as an answer is",
          submission_time=datetime.fromisoformat("2026-01-31T22:59:59.123")),
    _odd("_submission_time", "never", "no moment"),
    _odd("_submission_time", "2026-01-31T23:59:59.123456", "finer than the column"),
    _odd("_submission_time", 1769903999, "a number"),
    _none("_submission_time", None, "null is none"),
    _read("_submitted_by", "meg", "an account", submitted_by="meg"),
    _read("_submitted_by", "", "an empty text is a text", submitted_by=""),
    _none("_submitted_by", None, "an anonymous submission"),
    _odd("_submitted_by", {"name": "meg"}, "no text"),
    _odd("_submitted_by", "half \ud83d", "half a character"),
    _read("__version__", "vAbc", "the version, which decides nothing", form_version="vAbc"),
    _read("__version__", "v" * 300, "however long it is", form_version="v" * 300),
    _odd("__version__", 3, "no text"),
    _read("_validation_status", _APPROVED, "label and colour are the server's own",
          validation_status="validation_status_approved", validation_by="meg",
          validation_time=datetime.fromisoformat("2026-08-20T04:26:40")),
    _read("_validation_status", {"uid": "x"}, "parts may be missing", validation_status="x"),
    _read("_validation_status", {"uid": "x", "timestamp": None}, "or be null", validation_status="x"),
    _none("_validation_status", {}, "none was given"),
    _none("_validation_status", None, "as some servers say it"),
    _odd("_validation_status", [], "no object"),
    _odd("_validation_status", "approved", "a text"),
    _odd("_validation_status", {**_APPROVED, "timestamp": "soon"}, "a time that is none: it goes whole"),
    _odd("_validation_status", {**_APPROVED, "timestamp": 1.5}, "a fraction of a second"),
    _odd("_validation_status", {**_APPROVED, "timestamp": True}, "a truth value"),
    _odd("_validation_status", {**_APPROVED, "timestamp": 10**15}, "after the year 9999"),
    _odd("_validation_status", {**_APPROVED, "timestamp": -40_000_000_000}, "before the year 1000"),
    _odd("_validation_status", {**_APPROVED, "uid": 5}, "no uid"),
    _odd("_validation_status", {**_APPROVED, "more": 1}, "a field that is not known here"),
    _read("meta/rootUuid", "uuid:7f3a", "without uuid:", root_uuid="7f3a"),
    _read("meta/rootUuid", "7f3a", "another scheme stays", root_uuid="7f3a"),
    _odd("meta/rootUuid", ["7f3a"], "no text"),
    _read("meta/instanceName", "ወርቅ-35", "a name that the form makes", instance_name="ወርቅ-35"),
    _odd("meta/instanceName", "a\0", "a NUL"),
    case("the edit token stands in the ledger", "all", {"_uuid": _UUID, "meta/instanceID": f"uuid:{_UUID}"}),
    _none("_uuid", "x" * 80, "80 characters are the most that it keeps"),
    _odd("_uuid", "x" * 81, "of a longer one it keeps a hash"),
    _odd("_uuid", "ወርቅ", "and of one that is not ASCII"),
    _odd("_uuid", 5, "no text"),
    _none("meta/instanceID", f"uuid:{_UUID}", "which it is the same as"),
    case("one that is another than the edit token: the ledger has no place for it", "all",
         {"_uuid": _UUID, "meta/instanceID": "uuid:6e29"}, root={"extra": {"meta/instanceID": "uuid:6e29"}}),
    case("one that the ledger cannot keep: it stands in extra, as the token does", "all",
         {"_uuid": "x" * 81, "meta/instanceID": f"uuid:{'x' * 81}"},
         root={"extra": {"_uuid": "x" * 81, "meta/instanceID": f"uuid:{'x' * 81}"}}),
    _odd("meta/instanceID", 7, "no text"),
    _none("meta/deprecatedID", "uuid:6e29", "the token before stands in the ledger"),
    _odd("meta/deprecatedID", [], "no text"),
    _none("_geolocation", [1.0, 2.0], "derived"),
    _none("_geolocation", [OddValue("NaN", "is NaN"), 1.0], "in whatever shape"),
    _none("_status", "submitted_via_web", "the server's own"),
    _none("_xform_id_string", "aForm", "the form"),
    _none("formhub/uuid", "d07a", "an older name of the form"),
    _none("_tags", ["x"], "of older servers"),
    _none("_notes", [{"note": "x"}], "of older servers, too"),
    _none("_bamboo_dataset_id", "", "of a service that is gone"),
    _none("_supplementalDetails", {"a": {"transcript": {}}}, "until it has tables"),
    case("a question that is named like a key of the server is hidden", "system names",
         {"_uuid": _UUID, "_status": "mine", "g/_id": "x"}, root={"_id": "x"}),
    case("a leading underscore alone makes no system key", "all", {"_version_": "v"},
         root={"extra": {"_version_": "v"}}),
    _odd("meta/versionID", "v", "an older key of the server"),
)  # fmt: skip


def _file(uid: str | None, name: str | None, **more: Any) -> dict[str, Any]:
    """An attachment as the server lists it."""
    whole = {"uid": uid, "media_file_basename": name, "mimetype": "image/png",
             "download_url": "https://kobo.example/1", "filename": f"meg/attachments/{name}",
             "question_xpath": "where/it/says", "is_deleted": False}  # fmt: skip
    return {key: value for key, value in (whole | more).items() if value is not None}


def _files(
    why: str, answers: Mapping[str, Any], attachments: Any, *, extra: Any = None, **files: Any
) -> Case:
    """Answers that name files, which are cells as well, and what the server lists."""
    root = {key: value for key, value in answers.items() if isinstance(value, str)}
    people = answers.get("people", [])
    rows = {f"people {i}": {"face": person["people/face"]} for i, person in enumerate(people, 1)}
    if extra is not None:
        root["extra"] = {"_attachments": extra}
    return case(why, "all", {**answers, "_attachments": attachments}, root=root, rows=rows, files=files)


_A_PHOTO = {"photo": "a.png"}
_OF_A_PHOTO = ("", "photo", "a.png", "image/png", False, "exact")
_TWO = {"photo": "a.png", "portrait": "a.png"}
_PEOPLE = {"people": [{"people/face": "1.png"}, {"people/face": "2.png"}]}
_DELETED = _file("f1", "a.png", is_deleted=True)
FILES = (
    _files("a file of an answer", _A_PHOTO, [_file("f1", "a.png")], f1=_OF_A_PHOTO),
    _files("without a mark that it was deleted", _A_PHOTO, [_file("f1", "a.png", is_deleted=None)],
           f1=_OF_A_PHOTO),
    _files("one that was deleted is still listed", _A_PHOTO, [_DELETED],
           f1=("", "photo", "a.png", "image/png", True, "exact")),
    _files("its place is where the answer stands", _PEOPLE, [_file("f1", "2.png"), _file("f2", "1.png")],
           f1=("people 2", "face", "2.png", "image/png", False, "exact"),
           f2=("people 1", "face", "1.png", "image/png", False, "exact")),
    _files("two answers with its name: it is not known which", _TWO, [_file("f1", "a.png")],
           f1=(None, None, "a.png", "image/png", False, "several")),
    _files("two files with one answer's name: both are its", _A_PHOTO,
           [_file("f1", "a.png"), _file("f2", "a.png")], f1=_OF_A_PHOTO, f2=_OF_A_PHOTO),
    _files("a suffix of the server's storage", _A_PHOTO, [_file("f1", "a_Xy12abC.png")],
           f1=("", "photo", "a_Xy12abC.png", "image/png", False, "guess")),
    _files("a name as the storage spells it", {"photo": "my photo (1).png"}, [_file("f1", "my_photo_1.png")],
           f1=("", "photo", "my_photo_1.png", "image/png", False, "guess")),
    _files("both", {"photo": "my photo.png"}, [_file("f1", "my_photo_Xy12abC.png")],
           f1=("", "photo", "my_photo_Xy12abC.png", "image/png", False, "guess")),
    _files("one whose own ending looks like a suffix", {"photo": "my photo_1234567.png"},
           [_file("f1", "my_photo_1234567.png")],
           f1=("", "photo", "my_photo_1234567.png", "image/png", False, "guess")),
    _files("a guess that fits two answers", _TWO, [_file("f1", "a_Xy12abC.png")],
           f1=(None, None, "a_Xy12abC.png", "image/png", False, "several")),
    _files("the exact name goes before a guess", {"photo": "a.png", "portrait": "a_Xy12abC.png"},
           [_file("f1", "a_Xy12abC.png")],
           f1=("", "portrait", "a_Xy12abC.png", "image/png", False, "exact")),
    _files("a suffix of six is none", _A_PHOTO, [_file("f1", "a_Xy12ab.png")],
           f1=(None, None, "a_Xy12ab.png", "image/png", False, "none")),
    _files("an answer's own suffix was not added by the storage", {"photo": "a_1234567.png"},
           [_file("f1", "a_7654321.png")], f1=(None, None, "a_7654321.png", "image/png", False, "none")),
    _files("no answer names it", {}, [_file("f1", "a.png")],
           f1=(None, None, "a.png", "image/png", False, "none")),
    _files("an answer that is a text names no file", {"name": "a.png"}, [_file("f1", "a.png")],
           f1=(None, None, "a.png", "image/png", False, "none")),
    _files("without a name or a type", {}, [{"uid": "f1"}], f1=(None, None, None, None, False, "none")),
    _files("without a uid it goes whole to extra", _A_PHOTO, [_file(None, "a.png")],
           extra=[_file(None, "a.png")]),
    _files("so does the second with a uid", _A_PHOTO, [_file("f1", "a.png"), _file("f1", "b.png")],
           f1=_OF_A_PHOTO, extra=[_file("f1", "b.png")]),
    _files("a uid that is no text", {}, [{"uid": 7}], extra=[{"uid": 7}]),
    _files("an empty uid", {}, [_file("", "a.png")], extra=[_file("", "a.png")]),
    _files("a uid that no key holds", _A_PHOTO, [_file("f" * 64, "a.png"), _file("f" * 65, "a.png")],
           **{"f" * 64: _OF_A_PHOTO}, extra=[_file("f" * 65, "a.png")]),
    _files("keys that differ by blanks at their ends are one", {}, [_file("f1 ", "a.png")],
           extra=[_file("f1 ", "a.png")]),
    _files("a name that is no text", {}, [{"uid": "f1", "media_file_basename": 3}],
           extra=[{"uid": "f1", "media_file_basename": 3}]),
    _files("a mark that is no truth value", {}, [{"uid": "f1", "is_deleted": "yes"}],
           extra=[{"uid": "f1", "is_deleted": "yes"}]),
    _files("half a character in its name", {}, [{"uid": "f1", "media_file_basename": "\ud83d"}],
           extra=[{"uid": "f1", "media_file_basename": "\ud83d"}]),
    _files("a field that is not known here goes to extra, beside the uid", _A_PHOTO,
           [_file("f1", "a.png", size=3)], f1=_OF_A_PHOTO, extra=[{"uid": "f1", "size": 3}]),
    _files("unless it is null", _A_PHOTO, [{**_file("f1", "a.png"), "size": None}], f1=_OF_A_PHOTO),
    _files("numbers of older servers are their own", _A_PHOTO,
           [_file("f1", "a.png", id=1, instance=2, xform=3)], f1=_OF_A_PHOTO),
    _files("an item that is no object", {}, ["a.png", None], extra=["a.png", None]),
    _files("no list", {}, {"uid": "f1"}, extra={"uid": "f1"}),
    _files("an empty list", {}, []),
    _files("null", {}, None),
)  # fmt: skip
CASES = (*SYSTEM, *FILES)
