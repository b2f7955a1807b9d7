"""Reports: each is one HTML file that contains everything it needs, without scripts and without
anything from the network.
"""
