"""Checks of values, graphs and whole bundles. They trust nothing: a graph is read without being
run, and a bundle is compared with its card.
"""
