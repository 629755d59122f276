"""The same search for every method: its card says what may be tried, and the budget is one of evaluations.

A search is about one method and one family of tasks. It asks for candidates in fixed batches, runs them as
ordinary rows, tells their scores in the order of the candidates, and asks again. All that it knows is in the
records of its folder, so a search that was stopped goes on where it was, and what it finds depends neither on
the number of workers nor on their order. `bench.tune.search` has the rules.
"""
