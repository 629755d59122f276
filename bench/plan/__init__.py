"""What is asked of a run, as plain data: tasks x rows, resolved into cells with a key for every
reconstruction.
"""
