"""What `tradewind …` can do: a file for each group of commands, and what they all say and ask in one way.

`console` is how a command speaks; `surroundings` is what it may know of the clock, the environment and the folders. The
groups know nothing of each other; `tradewind.cli` makes one command line of them.
"""
