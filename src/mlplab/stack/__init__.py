"""Many small runs trained as one batched network; each run leaves the files that it leaves when trained alone.

Tensors have the member axis first: weights (K, in, out), features (K, N, in). May import: sweep and what stands below
it.
"""
