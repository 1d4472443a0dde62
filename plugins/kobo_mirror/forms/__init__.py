"""FORMS: what a form is: its columns and the questions they come from, as pure data.

What a single submission says belongs in ``submissions``.
"""
