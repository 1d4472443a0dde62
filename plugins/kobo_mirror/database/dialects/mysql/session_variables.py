"""The session variables that we rely on with MySQL or MariaDB and set, since servers may have other defaults.

None of them asks for a right that a plain user lacks. What a server does not know is left out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kobo_mirror.database.dialects import dialect_named
from kobo_mirror.database.sql import Identifier, Literal, Part, Sql

_SQL_MODE = (
    "STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
)
_MOST = 2**64 - 1
_UNKNOWN_VARIABLE = 1193
MYSQL, MARIADB = "mysql", "mariadb"


class Variable(NamedTuple):
    """A session variable and the value that we rely on.

    :param name: the server's name for it.
    :param value: None for the seconds that a lock may be waited for.
    :param why: what goes wrong with another value.
    :param only: the only kind of server that has it, empty for both.
    """

    name: str
    value: str | int | None
    why: str
    only: str = ""


VARIABLES = (
    Variable("sql_mode", _SQL_MODE, "texts would be cut off, dates zeroed, quotes read as names"),
    Variable("time_zone", "+00:00", "all our times are UTC, and ON UPDATE takes the session's"),
    Variable("lc_time_names", "en_US", "names of days and months"),
    Variable("completion_type", 0, "COMMIT would end the connection (RELEASE) or begin anew (CHAIN)"),
    Variable("sql_safe_updates", 0, "1175: our UPDATE and DELETE need not name a key"),
    Variable("sql_select_limit", _MOST, "a SELECT would leave rows out without a word"),
    Variable("sql_big_selects", 1, "1104: max_join_size would refuse a comparison of all rows"),
    Variable("sql_auto_is_null", 0, "IS NULL would find the row inserted last"),
    Variable("sql_quote_show_create", 1, "the columns that are there are read from SHOW CREATE TABLE"),
    Variable("foreign_key_checks", 1, "rows could point to nothing"),
    Variable("unique_checks", 1, "a row could be there twice"),
    Variable("group_concat_max_len", 1048576, "pages are compared as one text, put together by the server"),
    Variable("max_sort_length", 1024, "texts would be sorted by their first letters"),
    Variable("sort_buffer_size", 2097152, "1038: rows could not be sorted"),
    Variable("div_precision_increment", 4, "averages would lose their digits"),
    Variable("default_storage_engine", "InnoDB", "a table of another engine knows no transactions"),
    Variable("innodb_lock_wait_timeout", None, "a lock is waited for as long as our patience lasts"),
    Variable("lock_wait_timeout", None, "the same for a lock on a whole table: by default a day"),
    Variable("net_read_timeout", 600, "a message that takes its time would lose the connection"),
    Variable("net_write_timeout", 600, "rows that we take our time to read would lose the connection"),
    Variable("wait_timeout", 28800, "a page that takes long to come would lose the connection"),
    Variable("transaction_read_only", 0, "1792: nothing could be written", MYSQL),
    Variable("max_execution_time", 0, "3024: a comparison of all rows would be broken off", MYSQL),
    Variable("parser_max_mem_size", _MOST, "a message of many rows would be too much to parse", MYSQL),
    Variable("range_optimizer_max_mem_size", 8388608, "a list of ids would lock every row", MYSQL),
    Variable("tx_read_only", 0, "1792: nothing could be written", MARIADB),
    Variable("max_statement_time", 0, "1969: a comparison of all rows would be broken off", MARIADB),
    Variable("max_session_mem_used", 2**63 - 1, "1290: no memory for a message", MARIADB),
    Variable("tmp_disk_table_size", _MOST, "1114: no room to put rows in order", MARIADB),
    Variable("idle_transaction_timeout", 0, "a transaction in which we compute would be ended", MARIADB),
    Variable("idle_readonly_transaction_timeout", 0, "the same", MARIADB),
    Variable("idle_write_transaction_timeout", 0, "the same", MARIADB),
    Variable("alter_algorithm", "DEFAULT", "1845: a migration would be refused", MARIADB),
    Variable("wsrep_dirty_reads", 0, "a node that lost its cluster would answer with old rows", MARIADB),
)


_NAMES = Sql("NAMES utf8mb4 COLLATE utf8mb4_bin")  # ours, even if the server skips what the handshake says


def prepare_session(connection: Any, *, lock_seconds: int, first: str = "") -> None:
    """Set what we rely on, in one message; one by one where the server does not know all of it.

    :param connection: a new connection of PyMySQL or mysqlclient.
    :param lock_seconds: seconds that a lock may be waited for.
    :param first: a statement of the user's own (``init_command``), before ours.
    :raises connection.Error: the server refuses a statement.
    """
    cursor = connection.cursor()
    if first:
        cursor.execute(first)
    kind = MARIADB if "mariadb" in str(connection.get_server_info()).lower() else MYSQL
    settings: list[Part] = [_NAMES]
    for name, value, _, only in VARIABLES:
        if only in ("", kind):
            literal = Literal(lock_seconds if value is None else value)
            settings.append(Sql("{} = {}").format(Identifier(name), literal))
    try:
        _set(cursor, *settings)
    except connection.Error as problem:
        if problem.args[0] != _UNKNOWN_VARIABLE:
            raise
        for setting in settings:
            _set_if_known(connection, cursor, setting)
    cursor.close()


def _set(cursor: Any, *settings: Part) -> None:
    dialect = dialect_named(MYSQL)
    cursor.execute(Sql("SET {}").format(Sql(", ").join(settings)).text(dialect), ())


def _set_if_known(connection: Any, cursor: Any, setting: Part) -> None:
    try:
        _set(cursor, setting)
    except connection.Error as problem:
        if problem.args[0] != _UNKNOWN_VARIABLE:
            raise
