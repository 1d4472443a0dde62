"""DATABASE: engines, transactions, bulk writes, composed SQL and errors, for each kind of database.

What differs from one kind to another belongs in ``dialects``; which tables there are, in ``store``.
"""
