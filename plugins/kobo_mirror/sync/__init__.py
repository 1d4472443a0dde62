"""FLOW: what a sync, a proof, a replay and a delivery do, step by step, between source and target.

Neither SQL nor HTTP is written here, and no adapter is known.
"""
