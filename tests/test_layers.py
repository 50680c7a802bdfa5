"""A module imports only lower levels: the table of the architecture, enforced."""

import ast
from pathlib import Path

import pytest

import wordvec

# The package under test: the checkout's, or the installed one where only the tests are.
ROOT = Path(wordvec.__file__).parent

LEVELS = {
    "errors": 0, "recipes": 0.6, "progress": 0, "threads": 0, "callbacks": 0, "wordchoice": 0.5,
    "options": 0.5, "files": 0.5, "memory": 0.5, "unpacking": 0.5,
    "kernels": 1, "subwords": 1.5, "linesentences": 1.5,
    "words": 1.8, "plane": 1.8, "nearest": 1.9, "analogies": 1.95, "csls": 1.95, "ann": 2.1,
    "movers": 1.9,
    "vocab": 2, "sources": 2, "spill": 2, "vectors": 2, "lostkey": 2, "kmeans": 2,
    "rules": 2.1, "idcache": 2.2, "sentences": 2.2, "segments": 2.2, "encoding": 2.3,
    "corpus": 2.5, "phrases": 2.5, "records": 2.5, "cooccur": 2.6, "shuffling": 2.6,
    "glovevocab": 2.6, "fasttextmodel": 2.6, "labelled": 2.7, "quantize": 2.7,
    "fasttextvectors": 2.7, "linerows": 2.65, "morewords": 2.68, "corpusfacts": 2.6,
    "centring": 2.6, "pairplan": 2.56, "paircounting": 2.58,
    "graph": 2.3, "matrixfiles": 2.3, "edgefiles": 2.4, "walks": 2.5,
    "ledger": 2.9, "trainer": 3, "rounds": 3.1, "formats": 3, "evaluate": 3, "keyedrows": 3,
    "keyedqueries": 3.1,
    "significance": 3.1, "keyedevaluation": 3.2, "gensim3": 3.3, "keyedvectors": 3.5, "models": 4,
    "planning": 5, "training": 6, "word2vec": 5, "tune": 5, "fasttext": 5.5, "sklearn": 6,
    "deep": 5, "__init__": 9, "textsample": 2.55, "heldout": 2.56, "traininglog": 2,
    "vocabgrowth": 2.55, "expectedtext": 2.7, "jobplan": 7, "plots": 5, "movement": 2,
}  # fmt: skip


def unit_of(module: str) -> str:
    """The name in LEVELS that a module such as wordvec.formats.word2vec_text belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports_of(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the full name"
            names = [node.module or ""]
            if node.module == "wordvec":
                names = [f"wordvec.{alias.name}" for alias in node.names]
            found += names
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return [name for name in found if name.split(".")[0] == "wordvec"]


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.name))
def test_imports_point_down(path: Path) -> None:
    unit = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert unit in LEVELS, f"{unit} has no level: add it to the table"
    for name in imports_of(path):
        other = unit_of(name)
        if other == unit and path.parent != ROOT:
            continue  # modules of one folder may use each other
        if name == "wordvec.__version__":
            continue
        assert LEVELS[other] < LEVELS[unit], f"{path.name} (level {LEVELS[unit]}) imports {name}"


def test_the_check_sees_imports() -> None:
    """The test above must not pass because it found nothing to look at."""
    assert "wordvec.errors" in imports_of(ROOT / "options.py")
