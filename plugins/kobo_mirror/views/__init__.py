"""VIEWS: which views a form's tables have and what each of their columns shows, as pure data.

How that becomes SQL belongs in ``database`` and ``store``; what the tables are belongs in ``forms``.
"""
