// What a checkpoint says of its tokenizer, before anyone has built one: the raw
// HF files, or the arrays of GGUF metadata. checkpoint/ fills it, text/ builds
// the tokenizer from it.
#ifndef QED_CONFIG_TOKENIZER_SPEC_H_
#define QED_CONFIG_TOKENIZER_SPEC_H_

#include <cstdint>
#include <string>
#include <vector>

namespace qed {

struct TokenizerSpec {
  std::string source;  // the file, for error messages

  // HF folder: file contents; empty in a GGUF file.
  std::string tokenizer_json;
  std::string tokenizer_config_json;  // may be empty even in an HF folder

  // GGUF: tokenizer.ggml.*; empty in an HF folder.
  std::string model;                 // "gpt2" is byte-level BPE
  std::string pre;                   // "smollm", "qwen2", "llama-bpe", "gpt-2", ...
  std::vector<std::string> tokens;   // [V], in the byte-to-unicode alphabet
  std::vector<int32_t> token_types;  // [V]: 1 normal, 2 unknown, 3 control, 4 user defined, ...
  std::vector<std::string> merges;   // "left right"
  int32_t bos_token_id = -1;
  int32_t eos_token_id = -1;
  int32_t padding_token_id = -1;
  bool add_bos_token = false;
  std::string chat_template;
};

}  // namespace qed

#endif  // QED_CONFIG_TOKENIZER_SPEC_H_
