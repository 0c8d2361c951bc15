"""Bayesian networks over a handful of things with few states each: which go together, and what if.

tables     a network and exact answers from it, in plain Python: pages ask it without loading NumPy
structure  which goes with which: Chow-Liu, tree-augmented naive Bayes, hill climbing by BIC
answers    what a network tells, corrected by the rows in question, with its range; plain Python too
model      chances learned for a structure, and which structure to believe
states     numbers and names made into a few states
"""
