"""Composes the stages over history: the walk-forward portfolio, quoting on recorded depth, replays."""
