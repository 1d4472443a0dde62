"""What the error numbers of MySQL and MariaDB mean and what to do.

Only numbers are read: a server's own sentence may hold an answer, or be in any language.
"""

from __future__ import annotations

_RIGHT = 'its user lacks a right; README lists all that are needed under "Rights"'
_READ_ONLY = "it is read-only, as a standby or after a failover: let the address lead to the primary"
_LOST = "the connection was lost"
_FULL = "its disk is full, or the room that it may take: make room"
_TOO_MANY = "it has too many connections: raise max_connections, or end some"
_TOO_WIDE = "a row is too large for its tables: keep innodb_page_size and the row format at their defaults"
_LETTERS = "it does not know a collation of ours: use MySQL 8.4 or MariaDB 10.11, or later"
_TLS = 'see README, "TLS to the database"'
_TABLE = "a table is damaged or cannot be read: look into its log, and restore or repair the table"
_NOT_NOW = "it is not part of a working cluster now: see to it that a majority of its nodes runs"
_VIEW = (
    "one of our views belongs to a user who is gone or has lost rights: drop the views kobo_rejected and the "
    "like, then run `python -m kobo_mirror migrate`"
)
_BY_HAND = (
    "a table of ours was changed by hand (a column, an index, a foreign key, a check or a trigger), and "
    "refuses a row: undo that, or use another database"
)
_CHANGED = "its tables were being changed meanwhile: try again"
_IN_THIS_WAY = "it refuses to change a table in this way: let alter_algorithm and ROW_FORMAT be DEFAULT"
_COPY = "copy it while nothing is written to it (OPTIMIZE TABLE), then sync again"
_TIME = "a limit of time for statements broke it off: raise it for this user"

MEANING = {
    1005: "it could not create a table: too many columns, or no room, or a foreign key; look into its log",
    1015: _TABLE,
    1016: _TABLE,
    1017: _TABLE,
    1020: "other writers kept changing the same rows: try again",
    1021: _FULL,
    1023: _TABLE,
    1026: _FULL,
    1028: "it broke off a sort: look into its log",
    1030: "its storage engine failed: look into its log, often a full or broken disk",
    1032: _TABLE,
    1033: _TABLE,
    1034: _TABLE,
    1035: _TABLE,
    1036: "a table of ours is read-only: let the server write to its files again",
    1037: "it has no memory left: give it more",
    1038: "it has no memory left to sort: raise sort_buffer_size",
    1040: _TOO_MANY,
    1041: "it has no memory left: give it more",
    1042: "it cannot tell the name of this machine: start it with skip_name_resolve",
    1043: f"it does not speak this driver's protocol: is it MySQL or MariaDB, and is its TLS sound? {_TLS}",
    1044: f"its user may not use this database; {_RIGHT}",
    1045: (
        "it refused the user or the password, or lets this user in by TLS only: in an address, special "
        f"characters of a password are written as %40 and the like; {_TLS}"
    ),
    1047: _NOT_NOW,
    1048: _BY_HAND,
    1049: "this database does not exist: create it, or mend the name in the address",
    1050: "a table or view of this name is there: rename that one, or drop it",
    1053: "it is shutting down",
    1062: (
        "a row is there already that must not be there twice: run `python -m kobo_mirror verify --repair`, "
        "or drop a unique index that was added by hand"
    ),
    1071: "an index is too long for its tables: set innodb_default_row_format=DYNAMIC",
    1079: _LOST,
    1104: "its max_join_size is too small for us: raise it",
    1105: "it failed and does not say why: look into its log",
    1114: "a table is full: make room on its disk, or raise the limit that it has",
    1115: _LETTERS,
    1117: "it has more columns, or longer names, than the database takes",
    1118: _TOO_WIDE,
    1129: "it has blocked this machine after many failed connects: run FLUSH HOSTS there",
    1130: "it refuses connections from this machine: create the user for this host",
    1135: "it cannot make a thread for the connection: give it more memory, or let it have more processes",
    1142: _RIGHT,
    1143: _RIGHT,
    1152: _LOST,
    1153: "a message is larger than its max_allowed_packet: raise it, 16M is usual",
    1156: _LOST,
    1157: _LOST,
    1158: _LOST,
    1159: _LOST,
    1160: _LOST,
    1161: _LOST,
    1175: "sql_safe_updates is on and cannot be switched off: let it be off for this user",
    1180: "it could not commit: look into its log, often a full or broken disk, then try again",
    1184: "it ended the connection at its start: look at its init_connect",
    1194: _TABLE,
    1195: _TABLE,
    1197: "a transaction is too large for its binary log: raise max_binlog_cache_size",
    1203: "its user has too many connections: raise max_user_connections for it",
    1205: "it kept a lock for too long: see what holds it (SHOW PROCESSLIST), then try again",
    1206: "it has no room left for locks: raise innodb_buffer_pool_size",
    1213: "it kept finding deadlocks: try again",
    1226: "its user has used up its quota (MAX_QUERIES_PER_HOUR and the like): raise it",
    1227: f"it asks for a right over the whole server; {_RIGHT}",
    1264: _BY_HAND,
    1265: _BY_HAND,
    1267: _LETTERS,
    1273: _LETTERS,
    1286: "it lacks the storage engine InnoDB: switch it on",
    1290: _READ_ONLY,
    1298: "it does not take '+00:00' for a time zone: look at its configuration",
    1305: "it lacks a function that we use: use MySQL 8.4 or MariaDB 10.11, or later",
    1317: "the statement was ended by hand (KILL)",
    1356: _VIEW,
    1364: _BY_HAND,
    1366: _BY_HAND,
    1370: _RIGHT,
    1406: _BY_HAND,
    1410: _RIGHT,
    1412: _CHANGED,
    1419: (
        "its binary log asks for the right SUPER to create triggers: set log_bin_trust_function_creators=1"
    ),
    1449: _VIEW,
    1451: _BY_HAND,
    1452: _BY_HAND,
    1478: "it refuses ROW_FORMAT or a storage engine that it does not have: use InnoDB",
    1598: "its binary log cannot take it: set binlog_format to ROW or MIXED",
    1615: _CHANGED,
    1637: _TOO_MANY,
    1644: _BY_HAND,
    1665: "its binary log has the format STATEMENT: set binlog_format to ROW or MIXED",
    1684: _CHANGED,
    1689: _CHANGED,
    1698: "it refused the user or the password: this user signs in in another way (auth_socket, unix_socket)",
    1705: "a statement is too large for its binary log: raise max_binlog_stmt_cache_size",
    1709: "an index is too long for its tables: set innodb_default_row_format=DYNAMIC",
    1712: _TABLE,
    1785: "it takes tables of InnoDB alone (enforce_gtid_consistency): let default_storage_engine be InnoDB",
    1786: "enforce_gtid_consistency refuses a statement: use MySQL 8.4 or later",
    1792: _READ_ONLY,
    1799: "a table was written to much while it was changed: raise innodb_online_alter_log_max_size",
    1812: _TABLE,
    1813: _TABLE,
    1814: _TABLE,
    1817: _TABLE,
    1820: "the password of its user has expired: set a new one",
    1836: _READ_ONLY,
    1845: _IN_THIS_WAY,
    1846: _IN_THIS_WAY,
    1862: "the password of its user has expired: set a new one",
    1874: _READ_ONLY,
    1878: _FULL,
    1927: _LOST,
    1932: _TABLE,
    1964: "an earlier commit failed, and this one with it: try again",
    1969: _TIME,
    2000: "the driver failed",
    2002: "it cannot be reached: is it running, and are host and port right?",
    2003: "it cannot be reached: is it running, and are host and port right?",
    2005: "its host is unknown: mend the name in the address",
    2006: _LOST,
    2008: "there is no memory left here",
    2012: "the connection could not be made: is it MySQL or MariaDB at all?",
    2013: _LOST,
    2014: _LOST,
    2020: "a message is larger than the driver sends",
    2026: (
        "TLS failed: it offers none, though ssl_mode, ssl or ssl_ca in the address asks for it, or its "
        f"certificate is not of the authority in ssl_ca, or is for another host; {_TLS}"
    ),
    2027: _LOST,
    2055: _LOST,
    2059: "the driver does not know the way in which its user signs in: use caching_sha2_password",
    2061: "the driver refuses the way in which its user signs in without TLS: use ssl_mode=REQUIRED",
    3024: _TIME,
    3032: "it is being shut down or restarted: try again",
    3058: "it kept finding deadlocks: try again",
    3098: "it refuses a table that a cluster cannot hold: use InnoDB with a primary key",
    3100: "a plugin of its replication refused the commit: look at the state of its cluster",
    3101: "its cluster rolled the transaction back: try again",
    3118: "the account of its user is locked: unlock it",
    3159: f"it takes connections by TLS only: set ssl_mode=REQUIRED or ssl_ca; {_TLS}",
    3168: "it has gone offline (offline_mode)",
    3169: _LOST,
    3170: "a message is too much for it to parse: raise range_optimizer_max_mem_size",
    3186: "a message is too much for it to parse: raise parser_max_mem_size",
    3750: "it asks for a primary key in each table: all of ours have one, run the newest version",
    3796: _NOT_NOW,
    3819: _BY_HAND,
    3950: "it has no memory left: give it more",
    3955: "it has blocked its user after too many wrong passwords: unlock it",
    3989: "this database is read only: run ALTER DATABASE … READ ONLY = 0",
    4025: _BY_HAND,
    4031: _LOST,
    4092: f"a table takes no further columns without a copy of it; {_COPY}",
    4093: f"a table takes no further columns without a copy of it; {_COPY}",
    4150: "it has blocked its user after too many wrong passwords: run FLUSH PRIVILEGES there",
    4151: "the account of its user is locked: unlock it",
    9001: "the proxy before it reaches no server",
}
"""By error number."""

COLLISIONS = frozenset({1020, 1048, 1062, 1205, 1213, 1412, 1615, 1637, 1684, 1689, 3058, 3101})
"""Another transaction, or a change of a table, was in the way; nothing was written: done again, it may pass.

Two of them are no errors of the server's: 1062 is a lost race for a key, 1048 says that a message could not
hold its form (no epoch). Either way the whole page is decided again.
"""

LOCK_WAIT = 1205
"""A lock on a row or a table was waited for in vain."""

LACKS_RIGHT = frozenset({1044, 1142, 1143, 1227, 1370})
"""Its user may not do this."""

READ_ONLY = frozenset({1290, 1792, 1836, 1874, 3100})
"""The server took nothing, not even at the commit: another one may be the primary now."""

GONE = READ_ONLY | {1047, 1053, 1079, 1152, 1158, 1159, 1160, 1161, 1927, 3032, 3168, 3169, 3796, 4031}
"""Nothing can be done with this connection, or with its server: the next one may lead elsewhere."""
