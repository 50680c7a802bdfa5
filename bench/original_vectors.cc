// Writes the float32 bits of fastText's word vectors, which its own commands round to 5 digits.
//
// usage: original_vectors MODEL.bin < words > vectors
//
// Built by rivals.py against fastText's object files.

#include <iostream>
#include <string>

#include "src/fasttext.h"

int main(int argc, char **argv) {
  if (argc != 2) {
    std::cerr << "usage: original_vectors MODEL.bin < words > vectors\n";
    return 2;
  }
  fasttext::FastText model;
  model.loadModel(std::string(argv[1]));
  fasttext::Vector vector(model.getDimension());
  std::string word;
  while (std::getline(std::cin, word)) {
    model.getWordVector(vector, word);
    std::cout.write(reinterpret_cast<const char *>(vector.data()), 4 * vector.size());
  }
  return std::cout.flush() ? 0 : 1;
}
