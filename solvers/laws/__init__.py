"""Laws, which are closed-form properties, of each solver: one file each, found by name.

`bench.certify.laws` measures them.
"""
