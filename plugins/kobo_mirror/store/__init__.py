"""TARGET: our tables and what is written to them: ledger, form table, runs, leases, dead letters.

How a database is spoken to belongs in ``database``; it never asks a server.
"""
