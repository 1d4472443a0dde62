"""SOURCE: a KoboToolbox server over HTTP: requests, retries, pages, REST Services, the history.

It knows no SQL, and nothing of how answers become rows.
"""
