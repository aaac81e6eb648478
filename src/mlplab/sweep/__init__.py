"""Many runs carried out: planned, checked before the first starts, searched, launched, resumed.

All but `search.py` import no torch: Hydra imports these modules at each start. May import: comparison and what
stands below it.
"""
