#include "text/tokenizer.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/byte_alphabet.h"
#include "text/nfc.h"
#include "text/pretokenize.h"
#include "text/tokenizer_definition.h"

namespace qed {

struct VocabularyToken {
  std::string bytes;
  bool present = false;
  bool special = false;
};

namespace {

// How a token is decoded: out of the byte alphabet, or as it stands where it is
// not written in it.
std::string DecodedBytes(const std::string& text) {
  std::optional<std::string> bytes = AlphabetToBytes(text);
  return bytes.has_value() ? *std::move(bytes) : text;
}

Status CheckId(const std::string& name, int32_t id, const std::vector<VocabularyToken>& tokens) {
  const bool known =
      id == -1 || (id >= 0 && static_cast<size_t>(id) < tokens.size() && tokens[id].present);
  if (known) return OkStatus();
  return Corrupt(name + " " + std::to_string(id) + " is not in the vocabulary");
}

}  // namespace

struct Tokenizer::Impl {
  std::vector<VocabularyToken> tokens;           // [V]
  std::unordered_map<std::string, int32_t> ids;  // by text as the file has it
  Bpe bpe;
  PreTokenizer pre_tokenizer;
  bool nfc = false;
  AddedTokenMatcher raw_added;         // looked for in the text as it came
  AddedTokenMatcher normalized_added;  // looked for in normalized text
  int32_t bos_token_id = -1;
  int32_t eos_token_id = -1;
  bool add_bos_by_default = false;
  std::string chat_template;
  size_t longest_token = 0;  // in bytes; 0: a token can stand for any number of bytes

  explicit Impl(Bpe b) : bpe(std::move(b)) {}

  Status AddTokens(const TokenizerDefinition& definition);
  void SetAddedTokens(const std::vector<AddedToken>& added);
  void FindLongestToken(const std::vector<AddedToken>& added);
  void EncodeText(std::string_view text, bool match_special, Bpe::Scratch& scratch,
                  std::vector<int32_t>& ids) const;
};

Status Tokenizer::Impl::AddTokens(const TokenizerDefinition& definition) {
  const auto slot = [this](int32_t id) -> VocabularyToken& {
    if (tokens.size() <= static_cast<size_t>(id)) tokens.resize(static_cast<size_t>(id) + 1);
    return tokens[id];
  };
  for (const VocabToken& token : definition.vocab) {
    if (token.id < 0 || token.id >= kMaxVocabSize) {
      return Corrupt("token " + QuotedForMessage(token.text) + " has the impossible id " +
                     std::to_string(token.id));
    }
    VocabularyToken& entry = slot(token.id);
    if (entry.present) {
      return Corrupt("token id " + std::to_string(token.id) + " is given to two tokens");
    }
    entry = {DecodedBytes(token.text), true, false};
    ids.emplace(token.text, token.id);
  }
  for (const AddedToken& token : definition.added) {
    if (token.id < 0 || token.id >= kMaxVocabSize) {
      return Corrupt("added token " + QuotedForMessage(token.text) + " has the impossible id " +
                     std::to_string(token.id));
    }
    VocabularyToken& entry = slot(token.id);
    const auto [known, inserted] = ids.emplace(token.text, token.id);
    if (known->second != token.id || entry.present == inserted) {
      return Corrupt("added token " + QuotedForMessage(token.text) + " and its id " +
                     std::to_string(token.id) + " contradict the vocabulary");
    }
    entry = {token.normalized && definition.nfc ? ToNfc(token.text) : token.text, true,
             token.special};
  }
  return OkStatus();
}

void Tokenizer::Impl::SetAddedTokens(const std::vector<AddedToken>& added) {
  std::vector<AddedToken> raw, normalized;
  for (const AddedToken& token : added) {
    if (token.normalized) {
      normalized.push_back(token);
      if (nfc) normalized.back().text = ToNfc(token.text);
    } else {
      raw.push_back(token);
    }
  }
  raw_added = AddedTokenMatcher(std::move(raw));
  normalized_added = AddedTokenMatcher(std::move(normalized));
}

void Tokenizer::Impl::FindLongestToken(const std::vector<AddedToken>& added) {
  const bool stretches = std::ranges::any_of(
      added, [](const AddedToken& token) { return token.lstrip || token.rstrip; });
  if (stretches) return;
  for (const VocabularyToken& token : tokens)
    longest_token = std::max(longest_token, token.bytes.size());
}

void Tokenizer::Impl::EncodeText(std::string_view text, bool match_special, Bpe::Scratch& scratch,
                                 std::vector<int32_t>& out) const {
  std::string normalized;
  if (nfc) {
    normalized = ToNfc(text);
    text = normalized;
  }
  std::vector<AddedTokenSpan> spans;
  normalized_added.Split(text, match_special, spans);
  std::vector<std::string_view> words;
  for (const AddedTokenSpan& span : spans) {
    if (span.id >= 0) {
      out.push_back(span.id);
      continue;
    }
    words.clear();
    PreTokenize(pre_tokenizer, span.text, words);
    for (const std::string_view word : words) bpe.Encode(word, scratch, out);
  }
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;

Result<std::unique_ptr<const Tokenizer>> Tokenizer::Create(const TokenizerSpec& spec) {
  const auto build = [&spec]() -> Result<std::unique_ptr<Impl>> {
    if (spec.tokenizer_json.empty() && spec.tokens.empty() && spec.model.empty()) {
      return NotFound("no tokenizer here: tokenizer.json is missing or empty");
    }
    QED_ASSIGN_OR_RETURN(TokenizerDefinition definition, spec.tokenizer_json.empty()
                                                             ? ReadGgufTokenizer(spec)
                                                             : ReadHfTokenizer(spec));
    QED_ASSIGN_OR_RETURN(Bpe bpe, Bpe::Create(definition));
    auto impl = std::make_unique<Impl>(std::move(bpe));
    QED_RETURN_IF_ERROR(impl->AddTokens(definition));
    QED_RETURN_IF_ERROR(CheckId("bos_token_id", definition.bos_token_id, impl->tokens));
    QED_RETURN_IF_ERROR(CheckId("eos_token_id", definition.eos_token_id, impl->tokens));
    impl->pre_tokenizer = definition.pre_tokenizer;
    impl->nfc = definition.nfc;
    impl->SetAddedTokens(definition.added);
    impl->FindLongestToken(definition.added);
    impl->bos_token_id = definition.bos_token_id;
    impl->eos_token_id = definition.eos_token_id;
    impl->add_bos_by_default = definition.add_bos_by_default;
    impl->chat_template = std::move(definition.chat_template);
    return impl;
  };
  Result<std::unique_ptr<Impl>> impl = build();
  if (!impl.ok()) return impl.status().WithPrefix(spec.source);
  return std::unique_ptr<const Tokenizer>(new Tokenizer(*std::move(impl)));
}

std::vector<int32_t> Tokenizer::Encode(std::string_view text, const EncodeOptions& options) const {
  std::vector<int32_t> ids;
  if (options.add_bos && impl_->bos_token_id >= 0) ids.push_back(impl_->bos_token_id);
  std::vector<AddedTokenSpan> spans;
  impl_->raw_added.Split(text, options.parse_special, spans);
  Bpe::Scratch scratch;
  for (const AddedTokenSpan& span : spans) {
    if (span.id >= 0) {
      ids.push_back(span.id);
    } else {
      impl_->EncodeText(span.text, options.parse_special, scratch, ids);
    }
  }
  return ids;
}

size_t Tokenizer::FewestTokens(std::string_view text) const {
  if (impl_->longest_token == 0) return 0;
  const size_t bytes = impl_->nfc ? impl_->bpe.KeptBytes(ToNfc(text)) : impl_->bpe.KeptBytes(text);
  return (bytes + impl_->longest_token - 1) / impl_->longest_token;
}

std::string Tokenizer::Decode(const std::vector<int32_t>& ids, bool skip_special) const {
  std::string bytes;
  for (const int32_t id : ids) {
    if (!skip_special || !IsSpecial(id)) bytes.append(TokenBytes(id));
  }
  return bytes;
}

std::string_view Tokenizer::TokenBytes(int32_t id) const {
  if (id < 0 || id >= vocab_size()) return {};
  return impl_->tokens[id].bytes;
}

bool Tokenizer::IsSpecial(int32_t id) const {
  return id >= 0 && id < vocab_size() && impl_->tokens[id].special;
}

int32_t Tokenizer::FindToken(std::string_view text) const {
  const auto it = impl_->ids.find(std::string(text));
  return it == impl_->ids.end() ? -1 : it->second;
}

int32_t Tokenizer::vocab_size() const { return static_cast<int32_t>(impl_->tokens.size()); }
int32_t Tokenizer::bos_token_id() const { return impl_->bos_token_id; }
int32_t Tokenizer::eos_token_id() const { return impl_->eos_token_id; }
bool Tokenizer::add_bos_by_default() const { return impl_->add_bos_by_default; }
const std::string& Tokenizer::chat_template() const { return impl_->chat_template; }

std::vector<int32_t> EncodePrompt(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<int32_t> ids = tokenizer.Encode(text);
  const int32_t bos = tokenizer.bos_token_id();
  if (tokenizer.add_bos_by_default() && bos >= 0 && (ids.empty() || ids.front() != bos)) {
    ids.insert(ids.begin(), bos);
  }
  return ids;
}

}  // namespace qed
