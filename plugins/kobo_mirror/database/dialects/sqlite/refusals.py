"""What SQLite's messages mean and what to do. Only fixed phrases are read: a message may hold an answer."""

from __future__ import annotations

MEANING = {
    "database is locked": "another process writes to it: try again",
    "database table is locked": "another statement uses the table: try again",
    "database schema is locked": "its tables are being changed: try again",
    "unable to open database file": "make its folder, or give this user the right to it",
    "database or disk is full": "make room on its disk",
    "readonly database": "give this user the right to write to the file and its folder",
    "disk I/O error": "its disk fails, or is a network's that knows no locks: put it on a local disk",
    "file is not a database": "it is another file, or encrypted: name another one in DATABASE_URL",
    "disk image is malformed": "the file is damaged: put back a backup, or move it away and sync again",
    "locking protocol": "its disk is a network's that knows no locks: put it on a local disk",
    "string or blob too big": "a submission is too large for it",
    "too many SQL variables": "it is too old: use SQLite 3.35 or later",
    "out of memory": "there is no memory left",
    "error in view": "one of its views is broken: drop that view, then run `python -m kobo_mirror migrate`",
    "error in trigger": "one of its triggers is broken: drop it, then run `python -m kobo_mirror migrate`",
    "interrupted": "the statement was broken off",
    "unsupported file format": "it was made by a newer SQLite: use that one",
    "access permission denied": "give this user the right to the file and its folder",
    "too many columns": "it has more columns than SQLite takes",
    "already exists": "a table, view or index of this name is there: rename that one, or drop it",
    "syntax error": "it is too old: use SQLite 3.35 or later",
}
"""By a phrase of its message."""
