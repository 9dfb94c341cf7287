"""Everything that can be typed: one module for each command, imported on demand, so that `--help` is quick.

May import everything; nothing imports it. The only room with rich.
Begin with `main`: options and help texts; then the module of a command, such as `serve`.
"""
