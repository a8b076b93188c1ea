"""One module a row of the budgets. What is asked for by name stands in `benchmarks.__main__`."""
