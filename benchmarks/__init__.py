"""Benchmarks: what a person waits for, beside a floor measured in the same run. No tests: none fails by a time."""
