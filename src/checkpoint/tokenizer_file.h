// A tokenizer's description as one JSON file, for engine folders whose source had no
// tokenizer.json (GGUF).
#ifndef QED_CHECKPOINT_TOKENIZER_FILE_H_
#define QED_CHECKPOINT_TOKENIZER_FILE_H_

#include <string>
#include <string_view>

#include "base/status.h"
#include "config/tokenizer_spec.h"

namespace qed {

// kUnsupported where a token is not UTF-8, as none of a byte-level tokenizer is not.
Result<std::string> TokenizerSpecJson(const TokenizerSpec& spec);

// All but `source`. kCorrupt where a field has the wrong type.
Result<TokenizerSpec> ParseTokenizerSpec(std::string_view text);

}  // namespace qed

#endif  // QED_CHECKPOINT_TOKENIZER_FILE_H_
