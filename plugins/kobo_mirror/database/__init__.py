"""DATABASES: how MySQL, MariaDB and SQLite are spoken to: connections, bulk writes, errors, TLS.

Which tables there are, and what they mean, belongs in ``store``.
"""
