"""Faster ways to call the network of a prior: compilation, lower precision, and graphs of a GPU's work.

A probe measures them where they are to be used; what gains too little is left out.
"""
