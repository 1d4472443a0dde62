"""Steps of a sync on a database without a server: on SQLite, and with each driver."""

from __future__ import annotations

from tests.support.migrated_databases import engine, migrated, server_engine, url, writing

__all__ = ["engine", "migrated", "server_engine", "url", "writing"]
