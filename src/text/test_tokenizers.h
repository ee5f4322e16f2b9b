// Small tokenizers for tests.
#ifndef QED_TEXT_TEST_TOKENIZERS_H_
#define QED_TEXT_TEST_TOKENIZERS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/tokenizer_spec.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "text/byte_alphabet.h"
#include "text/tokenizer.h"

namespace qed {

// All 256 bytes as ids 0 to 255 (by value), then "he" 256, "ll" 257, "hell" 258
// and "hello" 259, "Ġhello" 260, then the special "<s>" 261 and the added
// "<tool>" 262.
inline TokenizerSpec SmallGgufSpec() {
  TokenizerSpec spec;
  spec.source = "small.gguf";
  spec.model = "gpt2";
  spec.pre = "gpt-2";
  for (int byte = 0; byte < 256; ++byte) {
    spec.tokens.push_back(BytesToAlphabet(std::string(1, static_cast<char>(byte))));
  }
  for (const char* text : {"he", "ll", "hell", "hello", "Ġhello", "<s>", "<tool>"}) {
    spec.tokens.push_back(text);
  }
  spec.token_types.assign(spec.tokens.size(), 1);
  spec.token_types[261] = 3;
  spec.token_types[262] = 4;
  spec.merges = {"h e", "l l", "he ll", "hell o", "Ġ hello"};
  spec.bos_token_id = 261;
  spec.eos_token_id = 261;
  return spec;
}

// The same tokenizer as the content of a tokenizer.json.
inline nlohmann::json SmallTokenizerJson() {
  const TokenizerSpec gguf = SmallGgufSpec();
  nlohmann::json root = nlohmann::json::parse(R"({
    "version": "1.0", "truncation": null, "padding": null, "normalizer": null,
    "added_tokens": [
      {"id": 261, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false,
       "normalized": false, "special": true},
      {"id": 262, "content": "<tool>", "single_word": false, "lstrip": false, "rstrip": false,
       "normalized": false, "special": false}],
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
                      "use_regex": true},
    "post_processor": null,
    "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
                "use_regex": true},
    "model": {"type": "BPE", "dropout": null, "unk_token": null,
              "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false,
              "byte_fallback": false, "vocab": {}, "merges": []}})");
  for (int id = 0; id < 261; ++id) root["model"]["vocab"][gguf.tokens[id]] = id;
  for (const std::string& merge : gguf.merges) root["model"]["merges"].push_back(merge);
  return root;
}

inline TokenizerSpec HfSpec(const nlohmann::json& tokenizer_json,
                            const nlohmann::json& tokenizer_config = nullptr) {
  TokenizerSpec spec;
  spec.source = "small/tokenizer.json";
  spec.tokenizer_json = tokenizer_json.dump();
  if (!tokenizer_config.is_null()) spec.tokenizer_config_json = tokenizer_config.dump();
  return spec;
}

// The tokenizer; fails the test if there is an error.
inline std::unique_ptr<const Tokenizer> MakeTokenizer(const TokenizerSpec& spec) {
  auto result = Tokenizer::Create(spec);
  if (!result.ok()) {
    ADD_FAILURE() << result.status().message();
    return nullptr;
  }
  return *std::move(result);
}

// The one line that Create fails with; "" if it does not.
inline std::string CreateError(const TokenizerSpec& spec) {
  const auto result = Tokenizer::Create(spec);
  return result.ok() ? "" : result.status().message();
}

}  // namespace qed

#endif  // QED_TEXT_TEST_TOKENIZERS_H_
