"""The out-of-distribution score: how unlike the training images an image is, from what the student
itself computes. It is fitted at the export and becomes the graph's second output.
"""
