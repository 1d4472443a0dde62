"""Kobo Mirror: a SQL database kept provably equal to what a KoboToolbox form shows."""

__version__ = "0.1.0"
