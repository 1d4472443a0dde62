"""MYSQL: how MySQL and MariaDB are spoken to: connections, TLS, sessions, messages, literals, error numbers.

What is the same for every kind of database belongs in ``database``.
"""

from kobo_mirror.database.dialects.mysql.dialect import DIALECT

__all__ = ["DIALECT"]
