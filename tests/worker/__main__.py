"""The commands behind `make crash` and `make drain`: `python -m tests.worker crash|drain`."""

if __name__ == "__main__":  # what is forked imports this file too, and is to begin quickly
    import sys
    from importlib import import_module

    sys.exit(import_module(f"tests.worker.{sys.argv.pop(1)}").main())
