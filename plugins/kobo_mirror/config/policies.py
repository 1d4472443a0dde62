"""Policies: what a sync does with a new version of a form."""

from __future__ import annotations

ADDITIVE, REVIEW, AUTO = "additive", "review", "auto"
"""It adds tables and columns; a change that empties columns waits for a person; all wait; none waits."""
POLICIES = (ADDITIVE, REVIEW, AUTO)
