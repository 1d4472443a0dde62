"""The drivers of MySQL and MariaDB that are installed here."""

from __future__ import annotations

import importlib.util

DRIVERS = ["pymysql", *(["mysqldb"] if importlib.util.find_spec("MySQLdb") else [])]
