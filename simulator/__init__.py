"""A KoboToolbox stand-in over HTTP, for the demo, the tests and the benchmarks."""
