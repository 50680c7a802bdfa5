"""What `fasttext` says about the use of its commands, to the letter."""

from __future__ import annotations

GENERAL = """\
usage: fasttext <command> <args>

The commands supported by fasttext are:

  supervised              train a supervised classifier
  quantize                quantize a model to reduce the memory usage
  test                    evaluate a supervised classifier
  test-label              print labels with precision and recall scores
  predict                 predict most likely labels
  predict-prob            predict most likely labels with probabilities
  skipgram                train a skipgram model
  cbow                    train a cbow model
  print-word-vectors      print word vectors given a trained model
  print-sentence-vectors  print sentence vectors given a trained model
  print-ngrams            print ngrams given a trained model and word
  nn                      query for nearest neighbors
  analogies               query for analogies
  dump                    dump arguments,dictionary,input/output vectors

"""

_TOP_K = """\
  <k>          (optional; 1 by default) predict top k labels
  <th>         (optional; 0.0 by default) probability threshold

"""

USAGES = {
    "quantize": "usage: fasttext quantize <args>\n",
    "test": "usage: fasttext test <model> <test-data> [<k>] [<th>]\n\n"
    "  <model>      model filename\n"
    "  <test-data>  test data filename (if -, read from stdin)\n" + _TOP_K,
    "test-label": "usage: fasttext test-label <model> <test-data> [<k>] [<th>]\n\n"
    "  <model>      model filename\n"
    "  <test-data>  test data filename\n" + _TOP_K,
    "predict": "usage: fasttext predict[-prob] <model> <test-data> [<k>] [<th>]\n\n"
    "  <model>      model filename\n"
    "  <test-data>  test data filename (if -, read from stdin)\n" + _TOP_K,
    "print-word-vectors": "usage: fasttext print-word-vectors <model>\n\n"
    "  <model>      model filename\n\n",
    "print-sentence-vectors": "usage: fasttext print-sentence-vectors <model>\n\n"
    "  <model>      model filename\n\n",
    "print-ngrams": "usage: fasttext print-ngrams <model> <word>\n\n"
    "  <model>      model filename\n"
    "  <word>       word to print\n\n",
    "nn": "usage: fasttext nn <model> <k>\n\n"
    "  <model>      model filename\n"
    "  <k>          (optional; 10 by default) predict top k labels\n\n",
    "analogies": "usage: fasttext analogies <model> <k>\n\n"
    "  <model>      model filename\n"
    "  <k>          (optional; 10 by default) predict top k labels\n\n",
    "dump": "usage: fasttext dump <model> <option>\n\n"
    "  <model>      model filename\n"
    "  <option>     option from args,dict,input,output\n",
}
# Ours.
USAGES["explain"] = (
    "usage: fasttext explain <model> <test-data> [<n>] [<label>]\n\n"
    "  <model>      model filename\n"
    "  <test-data>  test data filename (if -, read from stdin)\n"
    "  <n>          (optional; 10 by default) words and n-grams shown for a line; -1: all\n"
    "  <label>      (optional; the likeliest by default) label to explain\n\n"
)
USAGES["probabilities"] = (
    "usage: fasttext probabilities <model> <test-data>\n\n"
    "  <model>      model filename\n"
    "  <test-data>  test data filename (if -, read from stdin)\n\n"
)
USAGES["predict-prob"] = USAGES["predict"]
# The original prints these usages on stdout, all others on stderr.
ON_STDOUT = {"nn", "analogies", "dump"}
