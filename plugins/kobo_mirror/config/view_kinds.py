"""Kinds of views that a form has only where ``kobo.yml`` asks for them."""

from __future__ import annotations

WIDE, GEO = "wide", "geo"
FURTHER_VIEWS = (WIDE, GEO)
