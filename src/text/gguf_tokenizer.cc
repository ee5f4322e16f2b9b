// GGUF metadata (tokenizer.ggml.*) to a TokenizerDefinition.
#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include "text/tokenizer_definition.h"

namespace qed {
namespace {

// tokenizer.ggml.token_type
enum TokenType : int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4 };

using Digits = PreTokenizer::Digits;
using Pattern = PreTokenizer::Pattern;

// What names of tokenizer.ggml.pre that mean the same rules have in common.
// llama.cpp does not normalize text; the tokenizers of the names with `nfc` do.
struct PreTokenizerNames {
  PreTokenizer rules;
  bool nfc;
  bool ignore_merges;
  std::initializer_list<std::string_view> names;
};

// Names of encoder models, which end texts with a separator, are not here.
const PreTokenizerNames kPreTokenizers[] = {
    {{Digits::kNone, Pattern::kGpt2},
     false,
     false,
     {"gpt-2", "phi-2", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de", "gigachat", "a.x-4.0",
      "mellum", "modern-bert", "jais", "trillion", "granite-docling", "exaone4"}},
    {{Digits::kNone, Pattern::kGpt2}, true, false, {"mpt", "olmo"}},
    {{Digits::kSingle, Pattern::kGpt2},
     false,
     false,
     {"smollm", "starcoder", "refact", "codeshell", "exaone", "minerva-7b", "mellum2"}},
    {{Digits::kSingle, Pattern::kGpt2}, true, false, {"command-r"}},
    {{Digits::kNone, Pattern::kQwen2},
     true,
     false,
     {"qwen2", "deepseek-r1-qwen", "f2llmv2", "megrez", "stablelm2"}},
    {{Digits::kNone, Pattern::kQwen2}, false, false, {"kormo", "hunyuan", "solar-open", "grok-2"}},
    {{Digits::kNone, Pattern::kLlama3},
     false,
     true,
     {"llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
      "jina-v5-nano"}},
    {{Digits::kNone, Pattern::kLlama3}, false, false, {"dbrx", "smaug-bpe", "glm4", "chatglm-bpe"}},
};

Status SetPreTokenizer(const TokenizerSpec& spec, TokenizerDefinition& out) {
  for (const PreTokenizerNames& entry : kPreTokenizers) {
    if (std::ranges::find(entry.names, spec.pre) == entry.names.end()) continue;
    out.pre_tokenizer = entry.rules;
    out.nfc = entry.nfc;
    out.ignore_merges = entry.ignore_merges;
    out.add_bos_by_default = spec.add_bos_token;
    return OkStatus();
  }
  return Unsupported("tokenizer.ggml.pre " + QuotedForMessage(spec.pre) +
                     " is not known: gpt-2, smollm, qwen2, llama-bpe and the names that mean the "
                     "rules of one of these are");
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
  QED_RETURN_IF_ERROR(SetPreTokenizer(spec, out));
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
  out.chat_template = spec.chat_template;
  return out;
}

}  // namespace qed
