"""SOURCE: a KoboToolbox server over HTTP: requests, retries, pages, REST Services, the history.

It knows no SQL, and nothing of how answers become rows. What it relies on of a server's behaviour stands,
with where that was found, in docs/kobo-api.md: "kobo-api.md §1.3" names a section of it.
"""
