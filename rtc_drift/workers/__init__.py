"""Worker processes: a job that crashes or hangs costs that job and nothing else."""
