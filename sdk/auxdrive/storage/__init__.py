"""Reading and writing files. Only regular files are read, files and folders are written completely
or not at all, and one process at a time fills a folder.
"""
