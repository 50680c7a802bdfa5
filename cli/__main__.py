"""`python -m wordvec_cli` is the same program as `wordvec`."""

from .main import run

if __name__ == "__main__":
    run()
