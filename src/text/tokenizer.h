// Text to token ids and back: byte-level BPE, as HF `tokenizers` does it.
#ifndef QED_TEXT_TOKENIZER_H_
#define QED_TEXT_TOKENIZER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "config/tokenizer_spec.h"

namespace qed {

struct EncodeOptions {
  bool add_bos = false;       // put the beginning-of-sequence token in front, if the model has one
  bool parse_special = true;  // read special tokens written out in the text ("<|im_end|>") as such
};

// Immutable after Create: all methods may be called by any number of threads.
class Tokenizer {
 public:
  // Builds from tokenizer.json or GGUF arrays. One-line errors name the source:
  // a model that is not byte-level BPE, a pre-tokenizer that is not known, a
  // merge of unknown tokens, ids out of range or given twice.
  static Result<std::unique_ptr<const Tokenizer>> Create(const TokenizerSpec& spec);
  ~Tokenizer();

  // Any bytes are accepted; invalid UTF-8 is encoded byte by byte.
  std::vector<int32_t> Encode(std::string_view text, const EncodeOptions& options = {}) const;

  // A lower bound of the number of ids that `text` has, told by its bytes and those of
  // the longest token, without encoding it; 0 where nothing can be said: of a tokenizer
  // with tokens that take the white space beside them.
  size_t FewestTokens(std::string_view text) const;

  // Raw bytes of the ids: may end inside a character. Ids out of range give
  // nothing. Special tokens are written out, or left out with `skip_special`.
  std::string Decode(const std::vector<int32_t>& ids, bool skip_special = false) const;

  // Bytes of one token, as Decode writes them.
  std::string_view TokenBytes(int32_t id) const;
  bool IsSpecial(int32_t id) const;

  // The id of a token by its text; -1 if there is none.
  int32_t FindToken(std::string_view text) const;

  int32_t vocab_size() const;    // one above the highest id
  int32_t bos_token_id() const;  // -1: none
  int32_t eos_token_id() const;  // -1: none
  bool add_bos_by_default() const;
  const std::string& chat_template() const;  // Jinja text, may be empty

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

// The ids of a prompt: special tokens in the text are read as such, and the
// beginning-of-sequence token comes first if the model asks for one and the
// text does not begin with it.
std::vector<int32_t> EncodePrompt(const Tokenizer& tokenizer, std::string_view text);

}  // namespace qed

#endif  // QED_TEXT_TOKENIZER_H_
