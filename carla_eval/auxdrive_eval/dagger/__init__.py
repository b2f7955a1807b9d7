"""DAgger (Ross et al. 2011): a student drives, the expert says what it would have done, and the
student trains on that too; round after round, by auxdrive's own parts.
"""
