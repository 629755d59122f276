"""What is asked of a run, as plain data: tasks x rows, as cells with a key for every reconstruction.

No tensor is made or moved in here.
"""
