"""Fuzzing: what a stranger may send and what a file may contain, changed at random, and what must hold whatever comes.

`make fuzz` runs it; `targets/` says what is fuzzed. Inputs that reach something new are kept in `corpus/`, which
`make test` replays. An input that breaks what must hold is a find: it goes to `finds/`, which git ignores.
"""
