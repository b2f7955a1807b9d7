"""An agent for CARLA's leaderboards, without the leaderboards: what it senses, where it is, and how
it drives. `auxdrive_eval.leaderboard_agent` is what a leaderboard loads.
"""
