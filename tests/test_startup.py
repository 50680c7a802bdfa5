"""What a start does not import: every module of this list costs each call of a command its time."""

import subprocess
import sys

import pytest

# Modules that some of our code needs and a start does not, each a millisecond or more.
HEAVY = {
    "bz2", "click", "difflib", "glob", "gzip", "hashlib", "json", "logging", "lzma", "pathlib",
    "random", "secrets", "shutil", "tempfile", "unittest", "urllib.parse", "zipfile",
    "numpy.ctypeslib", "numpy.f2py", "numpy.fft", "numpy.ma", "numpy.polynomial", "numpy.random",
    "numpy.testing", "wordvec.evaluate", "wordvec.formats.own", "wordvec.formats.table",
    "wordvec.keyedvectors", "wordvec.models.fasttext", "wordvec.models.word2vec", "wordvec.tune",
}  # fmt: skip
SHOW = "import sys; print(*sorted(sys.modules), file=sys.stderr, sep='\\n')"
# Leaving by os._exit runs the functions of atexit, and nothing else.
RUN = f"import atexit; atexit.register(lambda: exec({SHOW!r})); "
RUN += "from wordvec_cli.main import run; run()"
LINES = "__label__a one two\n__label__b three four\n" * 20


def modules_of(environment, *arguments: str) -> set[str]:
    line = [sys.executable, "-P", *arguments]
    done = subprocess.run(line, env=environment, capture_output=True, check=True, text=True)
    return set(done.stderr.split("\n"))


def test_import_wordvec_is_light(command_environment):
    modules = modules_of(command_environment, "-c", f"import wordvec; {SHOW}")
    assert "wordvec.errors" in modules
    assert not {"numpy", "click", "dataclasses", *HEAVY} & modules


@pytest.fixture(scope="module")
def trained(tmp_path_factory, command_environment):
    folder = tmp_path_factory.mktemp("startup")
    (folder / "lines").write_text(LINES)
    arguments = ["-input", str(folder / "lines"), "-output", str(folder / "model"), "-thread", "1"]
    modules = modules_of(command_environment, "-c", RUN, "fasttext", "supervised", *arguments)
    return folder, modules


def test_supervised_imports_what_it_needs(trained):
    modules = trained[1]
    assert "wordvec.models.classifier" in modules  # or the list would prove nothing
    assert not HEAVY & modules


@pytest.mark.parametrize("name", ["test", "test-label", "predict", "predict-prob"])
def test_asking_imports_what_it_needs(trained, command_environment, name):
    folder = trained[0]
    files = [str(folder / "model.bin"), str(folder / "lines")]
    modules = modules_of(command_environment, "-c", RUN, "fasttext", name, *files)
    assert "wordvec.models.labelling" in modules
    unwanted = {"wordvec.models.classifier", "wordvec.corpus", "wordvec.trainer"}
    assert not (HEAVY | unwanted) & modules


def test_one_format_is_imported_without_the_others(command_environment):
    code = f"import wordvec.formats.word2vec_text; {SHOW}"
    modules = modules_of(command_environment, "-c", code)
    assert "wordvec.formats.lines" in modules
    assert not {"json", "zipfile", "wordvec.formats.own", "wordvec.formats.table"} & modules
