"""The embedded simulator: a small closed-loop world that needs no GPU, no display and no system
package.
"""
