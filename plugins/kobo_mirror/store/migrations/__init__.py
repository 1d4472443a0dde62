"""Alembic's revisions of our own tables, run from Python."""
