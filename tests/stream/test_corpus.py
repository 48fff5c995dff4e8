"""The fuzzer's corpus: inputs that were, or could have been, too much for a stream."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.stream_target import Unexpected, check

CORPUS = Path(__file__).resolve().parent.parent / "data" / "corpus"


class CorpusTests(SynchronousTestCase):
    """Every input comes to named events and nothing else."""

    def test_corpus(self) -> None:
        files = sorted(CORPUS.iterdir())
        self.assertGreater(len(files), 10)
        for file in files:
            try:
                check(file.read_bytes())
            except Exception as error:
                raise Unexpected(file.name) from error
