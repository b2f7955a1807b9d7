"""What `auxdrive inspect` prints for each kind of folder."""
