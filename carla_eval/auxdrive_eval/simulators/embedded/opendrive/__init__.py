"""Towns from OpenDRIVE maps, as CARLA has them: a second source of the towns that `town` generates
from seeds. The map is read by the stock client (the extra [carla]).
"""
