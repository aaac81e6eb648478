"""Networks, from raw features (N, in_features) to raw outputs (N, out_features).

May import: errors, data.
"""
