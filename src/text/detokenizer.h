// Tokens to text while they arrive. Never emits half a character: bytes of an
// unfinished UTF-8 sequence are held back until it is whole or shown to be
// invalid, and then come out as U+FFFD.
#ifndef QED_TEXT_DETOKENIZER_H_
#define QED_TEXT_DETOKENIZER_H_

#include <cstdint>
#include <string>

#include "text/tokenizer.h"

namespace qed {

// One per sequence; not thread-safe. The tokenizer must outlive it.
class Detokenizer {
 public:
  explicit Detokenizer(const Tokenizer& tokenizer, bool skip_special = false)
      : tokenizer_(&tokenizer), skip_special_(skip_special) {}

  // Appends to `out` the text that became certain with this token.
  void Push(int32_t id, std::string& out);
  // The end: appends U+FFFD for what was held back.
  void Finish(std::string& out);

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_;
  std::string pending_;  // at most 3 bytes of an unfinished character
};

}  // namespace qed

#endif  // QED_TEXT_DETOKENIZER_H_
