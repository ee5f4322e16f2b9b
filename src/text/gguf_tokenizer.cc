// GGUF metadata (tokenizer.ggml.*) to a TokenizerDefinition.
#include <string>

#include "text/tokenizer_definition.h"

namespace qed {
namespace {

// tokenizer.ggml.token_type
enum TokenType : int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4 };

Status SetPreTokenizer(const std::string& pre, TokenizerDefinition& out) {
  using Digits = PreTokenizer::Digits;
  using Pattern = PreTokenizer::Pattern;
  if (pre == "smollm") {
    out.pre_tokenizer = {Digits::kSingle, Pattern::kGpt2};
  } else if (pre == "gpt-2") {
    out.pre_tokenizer = {Digits::kNone, Pattern::kGpt2};
  } else if (pre == "llama-bpe") {
    out.pre_tokenizer = {Digits::kNone, Pattern::kLlama3};
    out.ignore_merges = true;
  } else if (pre == "qwen2") {
    out.pre_tokenizer = {Digits::kNone, Pattern::kQwen2};
    out.nfc = true;
  } else {
    return Unsupported("tokenizer.ggml.pre " + QuotedForMessage(pre) +
                       " is not known: smollm, gpt-2, llama-bpe and qwen2 are");
  }
  return OkStatus();
}

Status AddToken(const TokenizerSpec& spec, int32_t id, TokenizerDefinition& out) {
  const std::string& text = spec.tokens[id];
  const int32_t type = spec.token_types.empty() ? kNormal : spec.token_types[id];
  if (text.size() > kMaxTokenBytes) {
    return Corrupt("token " + std::to_string(id) + " has " + std::to_string(text.size()) +
                   " bytes, more than " + std::to_string(kMaxTokenBytes));
  }
  if (type == kUnknown || type == kControl || type == kUserDefined) {
    AddedToken token;
    token.id = id;
    token.text = text;
    token.special = type != kUserDefined;
    out.added.push_back(std::move(token));
  } else {
    out.vocab.push_back({text, id});
  }
  return OkStatus();
}

}  // namespace

Result<TokenizerDefinition> ReadGgufTokenizer(const TokenizerSpec& spec) {
  TokenizerDefinition out;
  if (spec.model != "gpt2") {
    return Unsupported("tokenizer.ggml.model " + QuotedForMessage(spec.model) +
                       " is not byte-level BPE (\"gpt2\")");
  }
  QED_RETURN_IF_ERROR(SetPreTokenizer(spec.pre, out));
  if (spec.tokens.empty() || spec.tokens.size() > static_cast<size_t>(kMaxVocabSize)) {
    return Corrupt("tokenizer.ggml.tokens has " + std::to_string(spec.tokens.size()) +
                   " entries; 1 to " + std::to_string(kMaxVocabSize) + " are possible");
  }
  if (!spec.token_types.empty() && spec.token_types.size() != spec.tokens.size()) {
    return Corrupt("tokenizer.ggml.token_type has " + std::to_string(spec.token_types.size()) +
                   " entries for " + std::to_string(spec.tokens.size()) + " tokens");
  }
  for (int32_t id = 0; id < static_cast<int32_t>(spec.tokens.size()); ++id) {
    QED_RETURN_IF_ERROR(AddToken(spec, id, out));
  }
  out.merges.reserve(spec.merges.size());
  for (const std::string& merge : spec.merges) {
    const size_t space = merge.find(' ');
    if (space == std::string::npos || merge.find(' ', space + 1) != std::string::npos) {
      return Corrupt("tokenizer.ggml.merges: " + QuotedForMessage(merge) +
                     " is not two tokens and a space");
    }
    out.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
  out.bos_token_id = spec.bos_token_id;
  out.eos_token_id = spec.eos_token_id;
  out.add_bos_by_default = spec.add_bos_token;
  out.chat_template = spec.chat_template;
  return out;
}

}  // namespace qed
