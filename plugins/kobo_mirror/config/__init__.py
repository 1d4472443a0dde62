"""SETTINGS: what the environment says, read once and checked.

What a setting is used for does not belong here.
"""
