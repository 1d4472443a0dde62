"""SQLITE: how SQLite's files are spoken to: connections, writes, errors by their phrases.

What is the same for every kind of database belongs in ``database``.
"""

from kobo_mirror.database.dialects.sqlite.dialect import DIALECT

__all__ = ["DIALECT"]
