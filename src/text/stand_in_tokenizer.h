// A tokenizer for networks that have none: random weights.
#ifndef QED_TEXT_STAND_IN_TOKENIZER_H_
#define QED_TEXT_STAND_IN_TOKENIZER_H_

#include <cstdint>

#include "config/tokenizer_spec.h"

namespace qed {

// Text is read byte by byte, byte b as token b; each of the other tokens is
// written as "~" and its id. REQUIRES: 256 <= vocab_size <= 2^20.
TokenizerSpec StandInTokenizer(int32_t vocab_size);

}  // namespace qed

#endif  // QED_TEXT_STAND_IN_TOKENIZER_H_
