"""How long a bundle's model takes on this machine, from a frame in memory to a `Control`, with each
runtime, device and precision; what it needs beside that; and limits for it (`auxdrive bench`).

Each runtime has a process of its own, so one that crashes or hangs costs its own row. All are
measured in turn, round by round, so that a slow minute of the machine hits all alike.
"""
