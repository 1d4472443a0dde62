"""FORMS: what a form is, as pure data: its columns and the questions they come from.

What a single submission says belongs in ``submissions``.
"""
