"""Naming: paths of questions and repeats to names of columns and tables.

A name fits and is unique on MySQL, MariaDB, SQLite and PostgreSQL alike: lower case, letters and marks of
Unicode's first plane, no two that differ by case or accents alone. What was named once is never renamed: new
names give way to those that are taken.
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

LONGEST_COLUMN = 55
"""Bytes of a column's name before any facet: with the longest of these it has at most 63."""
LONGEST_TABLE = 45
LONGEST_FORM = 24
_HASH = 5
_LAST_OF_FIRST_PLANE = 0xFFFF  # beyond it MariaDB refuses a name, and MySQL keeps question marks
_RESERVED_BELOW_A_FORM = frozenset({"rest", "files", "full", "choices", "wide", "geo", "supplements"})
_NO_COLUMN = frozenset(  # PostgreSQL has the first six in every table, InnoDB the others
    {
        "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid",
        "db_row_id", "db_trx_id", "db_roll_ptr", "fts_doc_id",
    }
)  # fmt: skip
_NO_TABLE = ("sqlite_", "pg_")  # SQLite refuses such a name, PostgreSQL may find a table of its own first
_POSITION_OR_FACET = re.compile(r"pos(?:_[0-9]+)?|.*__(?:offset|lat|lon|alt|acc|rows)")
_PART_OR_LANGUAGE = re.compile(r"(?:.*__)?[0-9]+|[^\W\d_]{2,3}")


def slug(text: str) -> str:
    """Return a name in small letters, with ``_`` for what is neither letter, mark nor digit.

    :param text: a name as people typed it, in any script.

    >>> slug("Prénom du client (1)")
    'prénom_du_client__1_'
    """
    lower = unicodedata.normalize("NFC", text.lower())
    letters = (c if _is_kept(c) else "_" for c in lower)
    found = "".join(letters)
    return f"_{found}" if found[:1].isdigit() else found


def _is_kept(character: str) -> bool:
    return (
        ord(character) <= 0xFFFF
        and unicodedata.category(character)[0] in "LMN"
        and (unicodedata.category(character) not in ("No", "Nl"))
    )


def fold(name: str) -> str:
    """Return what two names have in common that some database takes for one: case and accents left out.

    Capitals are compared, as MariaDB does, so that the dotless ``ı`` is an ``i``.

    :param name: a name of a column or table.
    """
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).upper().casefold())
    return "".join(c for c in apart if not unicodedata.category(c).startswith("M")) or name


def cut(name: str, longest: int, told_apart_by: str) -> str:
    """Return a name of at most so many bytes; one that is cut ends with five characters of a hash.

    :param name: as :func:`slug` returns it.
    :param longest: bytes in UTF-8.
    :param told_apart_by: what the hash is of, such as the whole path.
    """
    if len(name.encode()) <= longest:
        return name
    return f"{_first_bytes(name, longest - _HASH - 1)}_{_hash(told_apart_by, _HASH)}"


def _first_bytes(name: str, count: int) -> str:
    return name.encode()[: max(count, 0)].decode("utf-8", "ignore")


def _hash(text: str, length: int) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest).decode().lower().rstrip("=")[:length]


def is_reserved_column(name: str, system_names: Collection[str]) -> bool:
    """Return True if no question may have this name: we or some database need it, or a facet or position may.

    :param name: in any spelling.
    :param system_names: the names of the columns that the tables of every form have.
    """
    folded = fold(name)
    return folded in system_names or folded in _NO_COLUMN or _POSITION_OR_FACET.fullmatch(folded) is not None


def is_reserved_table(name: str) -> bool:
    """Return True if no repeat may have this name below its form: views, parts and languages do.

    :param name: without the form's.
    """
    spellings = (name, fold(name))
    return any(n in _RESERVED_BELOW_A_FORM or _PART_OR_LANGUAGE.fullmatch(n) for n in spellings)


def name_all(
    paths: Iterable[str],
    taken: Collection[str],
    *,
    is_reserved: Callable[[str], bool],
    longest: int,
    hashed_with: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Name new paths of one version, in a table or in a form.

    Each takes its last part. Those that share it with another, or meet a name that is taken or reserved, take
    the shortest suffix of their path that is theirs alone, joined by ``__``. A path that has no longer one
    keeps its last if the others have left it; else it takes a hash.

    :param paths: each once.
    :param taken: names that are in use, in any spelling.
    :param is_reserved: True for a name that none of them may have.
    :param longest: bytes that a name may have.
    :param hashed_with: what is hashed in place of a path, where the path alone does not tell two apart.
    :returns: a name for each path.

    >>> name_all(["a/name", "b/name", "c/age"], (), is_reserved=lambda _: False, longest=55)
    {'a/name': 'a__name', 'b/name': 'b__name', 'c/age': 'age'}
    """
    in_use = {fold(name) for name in taken}
    source = {path: (hashed_with or {}).get(path, path) for path in paths}
    candidates = {path: list(_suffixes(path, longest, source[path])) for path in source}
    at = dict.fromkeys((path for path, names in candidates.items() if names), 0)
    while longer := [
        path
        for path in _clashing(candidates, at, in_use, is_reserved)
        if at[path] + 1 < len(candidates[path])
    ]:
        for path in longer:
            at[path] += 1
    found: dict[str, str] = {}
    for path, names in candidates.items():
        name = names[at[path]] if names else ""
        if not name or fold(name) in in_use or is_reserved(name):
            name = _hashed(path, source[path], longest, lambda n: fold(n) in in_use or is_reserved(n))
        in_use.add(fold(name))
        found[path] = name
    return found


def _suffixes(path: str, longest: int, source: str) -> Iterator[str]:
    parts = [slug(part) for part in path.split("/")]
    if not parts[-1].strip("_"):
        return  # nothing of it can be read
    for first in range(len(parts) - 1, -1, -1):
        yield cut("__".join(parts[first:]), longest, source)


def _clashing(
    candidates: Mapping[str, list[str]],
    at: Mapping[str, int],
    in_use: set[str],
    is_reserved: Callable[[str], bool],
) -> list[str]:
    """Return the paths whose name is reserved, in use, or wanted by another path, too."""
    wanted: dict[str, list[str]] = {}
    for path, index in at.items():
        wanted.setdefault(fold(candidates[path][index]), []).append(path)
    return [
        path
        for folded, paths in wanted.items()
        for path in paths
        if len(paths) > 1 or folded in in_use or is_reserved(candidates[path][at[path]])
    ]


def _hashed(path: str, source: str, longest: int, is_taken: Callable[[str], bool]) -> str:
    """Return the start of the last part and as much of a hash as makes the name unique."""
    start = slug(path.rpartition("/")[2]).strip("_") or "q"
    length = _HASH
    while True:
        name = f"{_first_bytes(start, longest - length - 1)}_{_hash(source, length)}"
        if not is_taken(name):
            return name
        length += 1


def derived_name(base: str, ending: str, is_taken: Callable[[str], bool], longest: int = 63) -> str:
    """Return a name for a further column of a question: its base, ``__`` and what the column holds.

    :param base: the name of the question's first column.
    :param ending: what it holds, such as ``offset`` or ``text``; of a long one the beginning is taken.
    :param is_taken: True for a name that another column of the table has.
    :param longest: bytes that it may have.
    """
    whole, ending = f"{base}__{ending}", _first_bytes(ending, longest // 2)
    name, length = f"{base}__{ending}", _HASH
    while len(name.encode()) > longest or is_taken(name):
        tail = f"_{_hash(whole, length)}__{ending}"
        name, length = _first_bytes(base, longest - len(tail.encode())) + tail, length + 1
    return name


def form_name(name: str, uid: str, taken: Collection[str]) -> str:
    """Return the name of a form's root table, from the form's name when it is first seen.

    It has no ``__``, which separates it from what follows in the names of its other tables: so no two forms
    ever want the same one.

    :param name: the form's name, or the one that was asked for; where nothing of it can be read, the uid is
        taken.
    :param uid: the form's uid.
    :param taken: tables and views that are there.
    """
    reserved = set()
    readable = _single(slug(name)).strip("_") or _single(slug(uid)).strip("_")
    if readable.startswith(_NO_TABLE):
        readable = f"form_{readable}"
    found, length = readable, _HASH
    if len(found.encode()) > LONGEST_FORM or found.startswith("kobo_"):
        reserved.add(found)
    while found in reserved or not is_free(found, taken):
        start = _first_bytes(readable, LONGEST_FORM - length - 1).rstrip("_")
        found, length = f"{start}_{_hash(uid, length)}", length + 1
    return found


def _single(name: str) -> str:
    return re.sub("_{2,}", "_", name)


def is_form_name(name: str) -> bool:
    """Return True if a form's root table can have exactly this name, where it is free.

    :param name: as a person asks for it.
    """
    return bool(name) and form_name(name, "", ()) == name


def may_be_form_name(name: str, uid: str) -> bool:
    """Return True if a form's root table may have been named so by :func:`form_name`.

    :param name: of a table.
    :param uid: the form's uid.
    """
    ending = re.search(r"_([a-z2-7]+)$", name)
    is_hashed = ending is not None and len(ending[1]) >= _HASH and ending[1] == _hash(uid, len(ending[1]))
    is_single = _single(slug(name)).strip("_") == name and len(name.encode()) <= LONGEST_FORM
    return is_form_name(name) or (is_hashed and is_single and not name.startswith(_NO_TABLE))


def is_free(name: str, taken: Collection[str]) -> bool:
    """Return True if neither a root table of this name is there nor one that would stand below it.

    :param name: of a root table.
    :param taken: tables and views that are there, in any spelling.
    """
    return in_the_way(name, taken) is None


def in_the_way(name: str, taken: Iterable[str]) -> str | None:
    """Return a table or view that keeps a form from having a name: the root itself, or one below it.

    :param name: of a root table.
    :param taken: tables and views that are there, in any spelling.
    :returns: None: the name is free.
    """
    own = fold(name)
    below = f"{own}__"
    found = [one for one in taken if (other := fold(one)) == own or other.startswith(below)]
    return min(found, key=lambda one: (len(one), one), default=None)
