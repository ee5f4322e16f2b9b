// A byte-level BPE tokenizer, read and checked for form, before its tables are
// built: what tokenizer.json and GGUF metadata have in common.
#ifndef QED_TEXT_TOKENIZER_DEFINITION_H_
#define QED_TEXT_TOKENIZER_DEFINITION_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "config/tokenizer_spec.h"
#include "text/added_tokens.h"
#include "text/pretokenize.h"

namespace qed {

// Bounds on hostile files. The largest published vocabularies have about 262
// thousand tokens.
constexpr int32_t kMaxVocabSize = 1 << 20;
constexpr size_t kMaxMerges = 4 << 20;
constexpr size_t kMaxTokenBytes = 16 << 10;

struct VocabToken {
  std::string text;  // in the byte alphabet
  int32_t id;
};

struct TokenizerDefinition {
  std::vector<VocabToken> vocab;                            // of the BPE model; ids unique
  std::vector<std::pair<std::string, std::string>> merges;  // by rank
  std::vector<AddedToken> added;                            // may repeat tokens of `vocab`
  PreTokenizer pre_tokenizer;
  bool nfc = false;            // normalize to NFC first
  bool ignore_merges = false;  // a word that is a token is that token
  int32_t unknown_token_id = -1;
  bool fuse_unknown = false;
  int32_t bos_token_id = -1;
  int32_t eos_token_id = -1;
  bool add_bos_by_default = false;
  std::string chat_template;
};

// `text` from a file for a one-line message: quoted, escaped, and cut if long.
std::string QuotedForMessage(std::string_view text);

// Readers; errors do not name the source yet.
Result<TokenizerDefinition> ReadHfTokenizer(const TokenizerSpec& spec);
Result<TokenizerDefinition> ReadGgufTokenizer(const TokenizerSpec& spec);

}  // namespace qed

#endif  // QED_TEXT_TOKENIZER_DEFINITION_H_
