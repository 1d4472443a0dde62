"""ADAPTER: the command line: arguments, exit codes, what a terminal shows.

What a command does belongs in ``sync``.
"""
