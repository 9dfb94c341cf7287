"""Findings of what this machine lacks to serve well.

`examination` asks everything, with the facts that `facts` finds out; each of the other modules judges some of them.
"""
