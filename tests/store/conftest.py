"""What is written to our tables: on SQLite, and on a server with each driver."""

from __future__ import annotations

from tests.support.migrated_databases import engine, fresh_url, migrated, server_engine, url, writing

__all__ = ["engine", "fresh_url", "migrated", "server_engine", "url", "writing"]
