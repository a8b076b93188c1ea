"""Benchmarks: what a person waits for, beside a floor measured in the same run. No test: nothing here fails by a time."""
