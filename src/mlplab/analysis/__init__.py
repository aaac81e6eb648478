"""What the numbers of a run mean: verdict, remedies, layer statistics, feature importance, loss landscape.

May import: trainer and what stands below it.
"""
