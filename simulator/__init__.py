"""SIMULATOR: a KoboToolbox server over HTTP, for the demo, the tests and the benchmarks.

It behaves as docs/kobo-api.md says a real one does; nothing of the mirror belongs here.
"""
