"""How databases are spoken to: on SQLite, and on a server with each driver."""

from __future__ import annotations

from tests.support.migrated_databases import engine, fresh_url, migrated, odd_table, server_engine, url

__all__ = ["engine", "fresh_url", "migrated", "odd_table", "server_engine", "url"]
