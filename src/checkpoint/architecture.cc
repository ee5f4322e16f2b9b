#include "checkpoint/architecture.h"

#include <cmath>
#include <string>

#include "checkpoint/raw_tensor.h"

namespace qed {
namespace {

constexpr Architecture kArchitectures[] = {
    {.hf_name = "LlamaForCausalLM",
     .gguf_name = "llama",
     .optional_bias = true,
     .gguf_interleaved_rope = true},
    {.hf_name = "Qwen2ForCausalLM", .gguf_name = "qwen2", .qkv_bias = true},
    {.hf_name = "Qwen3ForCausalLM",
     .gguf_name = "qwen3",
     .optional_bias = true,
     .qk_norm = true,
     .hf_default_head_dim = 128},
};

Result<const Architecture*> Find(std::string_view name, std::string_view Architecture::*field) {
  std::string known;
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.*field == name) return &architecture;
    if (!known.empty()) known += ", ";
    known += architecture.*field;
  }
  return Unsupported("architecture " + Printable(name) + " is not known; known are " + known);
}

struct Range {
  const char* what;
  int64_t value;
  int64_t min;
  int64_t max;
};

}  // namespace

Result<const Architecture*> FindHfArchitecture(std::string_view hf_name) {
  return Find(hf_name, &Architecture::hf_name);
}

Result<const Architecture*> FindGgufArchitecture(std::string_view gguf_name) {
  return Find(gguf_name, &Architecture::gguf_name);
}

Status ValidateModelConfig(const ModelConfig& c) {
  const Range ranges[] = {
      {"number of layers", c.num_layers, 1, 1024},
      {"number of heads", c.num_heads, 1, 1024},
      {"number of key-value heads", c.num_kv_heads, 1, 1024},
      {"head size", c.head_dim, 2, 1024},
      {"hidden size", c.hidden_size, 1, 1 << 18},
      {"intermediate size", c.intermediate_size, 1, 1 << 20},
      {"vocabulary size", c.vocab_size, 1, 1 << 24},
      {"context length", c.context_length, 1, 1 << 24},
      {"beginning-of-sequence id", c.bos_token_id, -1, c.vocab_size - 1},
  };
  for (const Range& range : ranges) {
    if (range.value < range.min || range.value > range.max) {
      return Corrupt(std::string(range.what) + " is " + std::to_string(range.value) +
                     "; it must be from " + std::to_string(range.min) + " to " +
                     std::to_string(range.max));
    }
  }
  if (c.num_heads % c.num_kv_heads != 0) {
    return Corrupt(std::to_string(c.num_heads) + " heads cannot share " +
                   std::to_string(c.num_kv_heads) + " key-value heads");
  }
  if (c.head_dim % 2 != 0) return Corrupt("head size " + std::to_string(c.head_dim) + " is odd");
  if (!(c.rms_norm_eps >= 0.0f && c.rms_norm_eps < 1.0f)) {
    return Corrupt("RMSNorm epsilon is not in [0, 1)");
  }
  if (!(c.rope_theta > 0.0f && std::isfinite(c.rope_theta))) {
    return Corrupt("RoPE base is not a positive number");
  }
  for (int32_t id : c.eos_token_ids) {
    if (id < 0 || id >= c.vocab_size) {
      return Corrupt("end-of-sequence id " + std::to_string(id) + " is not in the vocabulary of " +
                     std::to_string(c.vocab_size));
    }
  }
  return OkStatus();
}

}  // namespace qed
