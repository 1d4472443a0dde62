"""SUBMISSIONS: what a submission is: a document, its identity and digest, its answers as cells of a row.

Pure functions: neither HTTP nor a connection belongs here.
"""
