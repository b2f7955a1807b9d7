"""Checks of bundles that need no trust in the file: what a graph holds, and whether a bundle is
what its card says.
"""
