#include "text/stand_in_tokenizer.h"

#include <string>

#include "base/check.h"
#include "text/byte_alphabet.h"
#include "text/tokenizer_definition.h"

namespace qed {

TokenizerSpec StandInTokenizer(int32_t vocab_size) {
  QED_CHECK(vocab_size >= 256 && vocab_size <= kMaxVocabSize) << vocab_size;
  TokenizerSpec spec;
  spec.source = "stand-in tokenizer";
  spec.model = "gpt2";
  spec.pre = "gpt-2";
  spec.tokens.reserve(static_cast<size_t>(vocab_size));
  for (int byte = 0; byte < 256; ++byte) {
    spec.tokens.push_back(BytesToAlphabet(std::string(1, static_cast<char>(byte))));
  }
  for (int32_t id = 256; id < vocab_size; ++id) {
    spec.tokens.emplace_back("~");
    spec.tokens.back() += std::to_string(id);
  }
  return spec;
}

}  // namespace qed
