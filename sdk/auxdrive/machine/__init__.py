"""This machine: what `auxdrive doctor` reports, the CPUs that may be used, idle threads."""
