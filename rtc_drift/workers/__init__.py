"""Jobs in other processes, so that a crash or a hang costs only that job.

Imports nothing of the project: a job is a function named by its path.
Begin with `pool` (control's side), then `process` (the worker's side). `precedence` says who comes first on the
machine's cores, `turns` who comes first among jobs. `sandbox` says what a process that touches media may not do; with
`landlock` it opens no files itself, but has `opener` do so. `threads` is for calls that may hang in this process.
"""
