// Texts for tests, in a vocabulary of 300 tokens or more.
#ifndef QED_QUANTIZE_TEST_TEXTS_H_
#define QED_QUANTIZE_TEST_TEXTS_H_

#include <initializer_list>
#include <vector>

#include "quantize/text_runner.h"

namespace qed {

inline std::vector<TokenText> TextsOfLengths(std::initializer_list<int> lengths) {
  std::vector<TokenText> texts;
  for (int length : lengths) {
    TokenText& text = texts.emplace_back();
    for (int i = 0; i < length; ++i) text.push_back((i * 37 + length) % 300);
  }
  return texts;
}

}  // namespace qed

#endif  // QED_QUANTIZE_TEST_TEXTS_H_
