// A tokenizer small enough to reason about: token i is byte i, then come an
// end-of-sequence token and a few tokens of several characters.
#ifndef QED_TESTS_SUPPORT_BYTE_TOKENIZER_H_
#define QED_TESTS_SUPPORT_BYTE_TOKENIZER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "text/tokenizer.h"

namespace qed {

inline constexpr int32_t kByteTokenizerEos = 256;    // "<eos>"
inline constexpr int32_t kByteTokenizerMulti = 257;  // "yz!": no merge makes it

inline std::unique_ptr<const Tokenizer> MakeByteTokenizer() {
  TokenizerSpec spec;
  spec.source = "byte tokenizer";
  spec.model = "gpt2";
  spec.pre = "gpt-2";
  // GPT-2's alphabet: printable Latin-1 stands for itself, the other bytes for
  // U+0100 and up.
  int32_t next = 256;
  for (int32_t byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    const int32_t code = printable ? byte : next++;
    std::string utf8;
    if (code < 0x80) {
      utf8 = {static_cast<char>(code)};
    } else {
      utf8 = {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
    }
    spec.tokens.push_back(utf8);
  }
  spec.token_types.assign(256, 1);
  spec.tokens.push_back("<eos>");
  spec.token_types.push_back(3);
  spec.tokens.push_back("yz!");
  spec.token_types.push_back(1);
  spec.eos_token_id = kByteTokenizerEos;
  return std::move(Tokenizer::Create(spec)).value();
}

}  // namespace qed

#endif  // QED_TESTS_SUPPORT_BYTE_TOKENIZER_H_
