"""Finished runs scored again, by any rule set: of ours and of the leaderboards."""
