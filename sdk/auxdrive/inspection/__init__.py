"""What `auxdrive inspect` finds out and shows: summaries of data sets, bundles and runs, and an
HTML page of a data set.
"""
