"""FLOW: from the source through the shape into the store."""
