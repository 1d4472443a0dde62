"""SOURCE: speaks HTTP with a KoboToolbox server, knows no SQL."""
