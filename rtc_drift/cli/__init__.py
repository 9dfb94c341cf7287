"""What the command line does, one module a command; imported when asked for, so that `--help` is quick."""
