"""The demo: everything from recording to a closed-loop comparison, through the command line's own
commands.
"""
