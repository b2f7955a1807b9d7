"""What `auxdrive inspect` prints of each kind of folder."""
