"""Evaluation sets in the layouts that are about, and files that are none."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wordvec import FormatError
from wordvec.evaluate import (
    AnalogySet,
    Categories,
    WordPairs,
    find_layout,
    read_categories,
    read_pairs,
    read_questions,
    read_set,
    read_sets,
    read_word_relations,
)

FEW_FILES = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Zs", "Zl", "Zp", "Cc", "Nd", "Cs")),
    min_size=2,
    max_size=8,
).filter(lambda w: not set(w) & set('#:;,"/'))

SIMILARITY_LAYOUTS = {
    "tabs": "old\tnew\t1.58\nsmart\tclever\t9.2\n",
    "blanks": "old new 1.58\nsmart   clever 9.2\n",
    "commas": "old,new,1.58\nsmart,clever,9.2\n",
    "quoted": '"old","new","1.58"\n"smart","clever","9.2"\n',
    "semicolons, decimal comma": "old;new;1,58\nsmart;clever;9,2\n",
    "header": "Word 1\tWord 2\tHuman (mean)\nold\tnew\t1.58\nsmart\tclever\t9.2\n",
    "comments": "# two words\nold\tnew\t1.58\n\nsmart\tclever\t9.2\n",
    "CR LF and BOM": "\ufeffold\tnew\t1.58\r\nsmart\tclever\t9.2\r\n",
    "SimLex": "word1\tword2\tPOS\tSimLex999\tconc(w1)\tconc(w2)\tconcQ\tAssoc(USF)\n"
    "old\tnew\tA\t1.58\t2.72\t2.81\t2\t7.25\nsmart\tclever\tA\t9.2\t1.75\t2.46\t1\t7.11\n",
    "SimVerb": "old\tnew\tV\t1.58\tANTONYMS\nsmart\tclever\tV\t9.2\tSYNONYMS\n",
    "MEN": "old-j new-j 1.58\nsmart-j clever-j 9.2\n",
    "RareWords": "old\tnew\t1.58\t1\t2\t3\nsmart\tclever\t9.2\t9\t9\t10\n",
    "number first": "1,old,new,1.58\n2,smart,clever,9.2\n",
    "score first": "1.58 old new\n9.2 smart clever\n",
    "named later column": "w1,w2,id,score\nold,new,1,1.58\nsmart,clever,2,9.2\n",
}


@pytest.mark.parametrize("layout", SIMILARITY_LAYOUTS)
def test_similarity_layouts(tmp_path, layout):
    path = tmp_path / "set.x.txt"
    path.write_text(SIMILARITY_LAYOUTS[layout], encoding="utf-8")
    assert find_layout(str(path)) == "similarity"
    found = read_pairs(path)
    assert found.pairs == [("old", "new"), ("smart", "clever")]
    assert found.scores.tolist() == [1.58, 9.2] and found.name == "set.x"


@FEW_FILES
@given(
    st.lists(st.tuples(WORDS, WORDS, st.floats(-10, 10, width=16)), min_size=2, max_size=20),
    st.sampled_from("\t ,;"),
    st.booleans(),
)
def test_pairs_come_back(tmp_path, rows, delimiter, with_header):
    lines = [f"one{delimiter}other{delimiter}mean"] if with_header else []
    lines += [delimiter.join((a, b, repr(score))) for a, b, score in rows]
    path = tmp_path / "pairs"
    path.write_text("\n".join(lines), encoding="utf-8")
    tags = {"nn", "nns", "nnp", "vb", "jj", "rb", "noun", "verb", "adj", "adv"}
    if any(word.lower() in tags or word[-2:-1] == "-" for a, b, _ in rows for word in (a, b)):
        return  # rightly taken for parts of speech
    found = read_pairs(path)
    assert found.pairs == [(a, b) for a, b, _ in rows]
    assert found.scores.tolist() == [score for *_, score in rows]
    assert (found.header is not None) == with_header


@FEW_FILES
@given(st.binary(max_size=300))
def test_odd_bytes_are_a_set_or_a_format_error(tmp_path, data):
    path = tmp_path / "odd"
    path.write_bytes(data)
    try:
        assert isinstance(read_set(path), (AnalogySet, WordPairs, Categories))
    except FormatError as error:
        assert str(path) in str(error) and "\n" not in str(error)


def test_bytes_that_are_no_utf8_survive(tmp_path):
    path = tmp_path / "latin1"
    path.write_bytes(b"caf\xe9\tth\xe9\t7\nold\tnew\t1\n")
    assert read_pairs(path).pairs[0] == ("caf\udce9", "th\udce9")


@pytest.mark.parametrize(
    "text, message",
    [
        ("a b 1\n" * 20 + "c d x\n", "line 21: expected a score in column 3, found 'x' in 'c d x'"),
        ("aa\tbb\t1\n" * 20 + "cc\tdd\n", "line 21: expected at least 3 columns, found 2"),
        ("aa\tbb\t1\n" * 20 + "cc\tdd\tnan\n", "line 21: expected a score"),
        ("aa\tbb\t1\n" * 20 + "\tdd\t3\n", "line 21: expected two words"),
        ("", "found no lines"),
        ("one two three\n", "expected two words and a score"),
    ],
)
def test_bad_pairs_name_the_line(tmp_path, text, message):
    path = tmp_path / "pairs"
    path.write_text(text)
    with pytest.raises(FormatError) as caught:
        read_pairs(path)
    assert message in str(caught.value)


def test_google_sections(tmp_path):
    path = tmp_path / "q.txt"
    path.write_text(": capital-world\nA b C d\n\n: gram2-opposite\r\na b c d\ne f g h\n: empty\n")
    assert find_layout(str(path)) == "questions"
    found = read_questions(path)
    assert [(s.name, s.kind, len(s.questions)) for s in found.sections] == [
        ("capital-world", "semantic", 1), ("gram2-opposite", "syntactic", 2),
        ("empty", "semantic", 0),
    ]  # fmt: skip
    assert found.sections[0].questions[0] == ("A", ("b",), "C", ("d",)) and len(found) == 3
    path.write_text("a b c d\n")
    assert read_questions(path).sections[0].kind is None
    path.write_text(": x\na b c\na b c d\n")
    with pytest.raises(FormatError, match=r"line 2: expected four words.*found 'a b c'"):
        read_questions(path)
    assert read_questions(path, skip_invalid=True).n_invalid == 1
    path.write_text(": x\n")
    with pytest.raises(FormatError, match="expected analogy questions, found none"):
        read_questions(path)


def test_msr_is_two_files(tmp_path):
    questions, answers = tmp_path / "w.questions", tmp_path / "w.answers"
    questions.write_text("good better rough\ndog dogs cat\n")
    answers.write_text("JJ_JJR rougher\nNN_NNS cats\n")
    for path in (questions, answers):
        found = read_set(path)
        assert [(s.name, s.kind) for s in found.sections] == [
            ("JJ_JJR", "syntactic"), ("NN_NNS", "syntactic"),
        ]  # fmt: skip
        assert found.sections[1].questions == [("dog", ("dogs",), "cat", ("cats",))]
    assert len(read_sets(tmp_path)[0]) == 1
    answers.write_text("JJ_JJR rougher\n")
    with pytest.raises(FormatError, match="found 1 for 2"):
        read_set(questions)
    answers.unlink()
    with pytest.raises(FileNotFoundError):
        read_set(questions)


def test_bats_is_a_folder_of_relations(tmp_path):
    for folder, name in (("1_Inflectional", "I01 [noun - plural]"), ("3_Enc", "E04 [nationality]")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{name}.txt").write_text("a\tas/aes\nb\tbs\nc\tcs\n")
    (tmp_path / "metadata.json").write_text("{}")
    sets, left_out = read_sets(tmp_path)
    assert len(sets) == 1 and not left_out
    assert [(s.kind, len(s.questions)) for s in sets[0].sections] == [
        ("syntactic", 6), ("semantic", 6),
    ]  # fmt: skip
    assert sets[0].sections[0].questions[2] == ("b", ("bs",), "a", ("as", "aes"))
    file = tmp_path / "3_Enc" / "E04 [nationality].txt"
    assert find_layout(str(file)) == "bats"
    file.write_text("a b c\n")
    with pytest.raises(FormatError, match="line 1: expected a word and the forms"):
        read_word_relations(tmp_path)


def test_categories(tmp_path):
    path = tmp_path / "c.tsv"
    path.write_text("dog\tanimal\ncat\tanimal\nred\tcolour\nblue\tcolour\n")
    assert find_layout(str(path)) == "categories"
    assert read_categories(path).members[2] == ("red", "colour")
    path.write_text("dog\tanimal\ncat\n")
    with pytest.raises(FormatError, match=r"line 2: expected a word and its category, found 'cat'"):
        read_categories(path)
    # Answers that hardly repeat are a relation.
    path.write_text("dog\tdogs\ncat\tcats\nox\toxen\n")
    assert find_layout(str(path)) == "bats"


def test_folders(tmp_path):
    with pytest.raises(FormatError, match="expected a folder with evaluation sets, found no files"):
        read_sets(tmp_path)
    (tmp_path / "README").write_text("Here are sets from several sources, each in its own file.\n")
    with pytest.raises(FormatError, match="found 1 other files, the first: "):
        read_sets(tmp_path)
    (tmp_path / "pairs.csv").write_text("old,new,1\nsmart,clever,9\n")
    (tmp_path / ".hidden").write_text("x")
    sets, left_out = read_sets(tmp_path)
    assert [item.name for item in sets] == ["pairs"] and len(left_out) == 1
    assert left_out[0].path.endswith("README")
    assert np.array_equal(sets[0].scores, [1, 9])


@pytest.mark.parametrize(
    "data, message",
    [
        (b"o\0l\0d\0", "line 1: expected text in UTF-8"),
        (b"x" * 100_000, "line 1: expected an evaluation set, found a line of more than"),
        (b"  \n\n", "found no lines"),
    ],
)
def test_what_is_no_text_is_said(tmp_path, data, message):
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(FormatError) as caught:
        read_set(path)
    assert message in str(caught.value)


def test_the_shared_sets_are_recognised(shared_data):
    sets, left_out = read_sets(shared_data / "eval")
    assert not left_out
    sizes = {s.name: len(s) if isinstance(s, AnalogySet) else len(s.pairs) for s in sets}
    assert sizes == {
        "EN-MEN-TR-3k": 3000, "EN-RW-STANFORD": 2034, "EN-SIMLEX-999": 999,
        "EN-WS-353-ALL": 353, "EN-WS-353-REL": 252, "EN-WS-353-SIM": 203,
        "questions-words": 19544,
    }  # fmt: skip
