"""What the numbers of a run mean: verdict, remedies, layer statistics, feature importance, loss landscape.

May import: trainer and the packages before it.
"""
