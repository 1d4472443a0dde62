"""EXPORT: what the tables of a form hold as files, and the codebook that says what each column means.

How databases are asked belongs in ``database`` and ``store``; which columns people see belongs in ``views``.
"""
