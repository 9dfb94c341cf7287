"""The corpus: every input that a fuzzer once found interesting, run again. What broke something is among them."""

import pytest

from tests.fuzz import corpus
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_of_the_corpus_breaks_anything(name: str) -> None:
    target = TARGETS[name]()
    target.open()
    try:
        for data in (*target.seeds(), *corpus.inputs(name)):
            target.run(data)
    finally:
        target.close()
