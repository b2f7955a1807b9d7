"""Precisions: a student's graph in fp16 and int8, and the gates that each must pass to enter a
bundle. A precision is one file here and one row of `making.WRITERS`.
"""
