"""Quality of annotation: gold, qualification, skill, agreement and consensus.

The app stands on pure rooms of mathematics (agreement, aggregation, regions, skill, sampling, forecast, scoring,
answers, measuring, merging): functions over arrays, with no table, clock or page. Judgements come as three
arrays (item, worker, label), see `judgements.Judgements`. Every random step takes a seed and answers the same for
the same seed.
"""
