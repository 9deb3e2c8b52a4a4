"""How good detection is, measured the strict way: public data, labelled plants, anybody's own series.

Every part returns figures with their bounds (gateway/evaluate/figures.py); what cannot be measured here is
told with its reason and is never a figure. Parameters are tuned on a named part and are equal for all
series of a set; scores are causal: cutting the future off changes none.
"""
