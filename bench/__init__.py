"""Measured figures of the product. `python -m bench --help` says how to run it, README.md how to read it."""
