"""The machine: what `auxdrive doctor` reports of it, the CPUs that may be used, idle threads, and
other processes.
"""
