"""The runtimes "tensorrt" and "tensorrt_rtx", for NVIDIA's GPUs: one code for both packages, which
have the same API. The graph becomes an engine, which is kept in the user's cache folder.
"""
