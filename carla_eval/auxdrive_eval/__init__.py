"""auxdrive_eval: simulators, routes, criteria, scoring and reports in closed loop."""
