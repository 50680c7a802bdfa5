"""Benchmarks of wordvec against the tools it replaces; README.md defines every unit.

Run from the repository root: `python -m bench SUITE`.  Nothing here is installed.
"""
