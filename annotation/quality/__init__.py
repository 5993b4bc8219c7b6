"""The mathematics of annotation quality: pure functions over arrays; no table, no clock, no page.

Judgements come as three arrays (item, worker, label), see `judgements.Judgements`; everything else is plain
arrays and small frozen records. Every random step takes a seed and answers the same for the same seed.
"""
