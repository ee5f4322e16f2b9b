// Prints the form of each line of the standard input, for property_test.py.
#include <iostream>
#include <string>

#include "solve/answer.h"

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << qed::NormalizeAnswer(line) << '\n';
  }
  return 0;
}
