"""The demo: everything from recording to a comparison in closed loop, by auxdrive's own
commands.
"""
