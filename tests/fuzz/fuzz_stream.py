"""Fuzz the receiving side of a stream with atheris (pip install atheris)::

    python -m tests.fuzz.fuzz_stream -max_total_time=600 CORPUS_DIRECTORY tests/data/corpus

Keep what a new finding needs, made small, in tests/data/corpus.
"""

import sys

import atheris

with atheris.instrument_imports(include=["xmppd"]):
    from tests.fuzz.stream_target import check


def main() -> None:
    """Run until told to stop."""
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
