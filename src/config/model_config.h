// The network: what a checkpoint says of its shape. Llama, Qwen2 and Qwen3 are
// the same code and differ only in the flags here.
#ifndef QED_CONFIG_MODEL_CONFIG_H_
#define QED_CONFIG_MODEL_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

namespace qed {

// How RoPE is stretched over more tokens than a network was trained on: "rope_type" of
// HF's config.json, by the definitions of transformers.
struct RopeScaling {
  enum class Kind : uint8_t {
    kNone,
    kLlama3,  // by wavelength; GGUF has it as rope_freqs.weight
    kLinear,  // every frequency divided by the factor
    kYarn,    // by the turns a pair makes in the original context (Peng et al., 2023)
  };
  Kind kind = Kind::kNone;
  float factor = 1.0f;
  int32_t original_context = 8192;  // tokens; not of kLinear
  // Of kLlama3.
  float low_freq_factor = 1.0f;
  float high_freq_factor = 4.0f;
  // Of kYarn: pairs with more than beta_fast turns stay, those with fewer than
  // beta_slow are divided by the factor; `truncate` rounds these bounds to whole pairs.
  float beta_fast = 32.0f;
  float beta_slow = 1.0f;
  bool truncate = true;
  float attention_factor = 1.0f;  // multiplies cosines and sines
};

struct ModelConfig {
  std::string architecture;  // "LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM".

  int32_t num_layers = 0;         // L
  int32_t num_heads = 0;          // H, query heads
  int32_t num_kv_heads = 0;       // KVH; divides H
  int32_t head_dim = 0;           // D
  int32_t hidden_size = 0;        // E
  int32_t intermediate_size = 0;  // F
  int32_t vocab_size = 0;         // V
  int32_t context_length = 0;     // tokens the model was made for

  float rms_norm_eps = 1e-5f;
  float rope_theta = 10000.0f;
  RopeScaling rope_scaling;
  // Divides each RoPE frequency, [D/2]; empty: all 1 or as rope_scaling says.
  // GGUF files carry Llama-3 scaling this way.
  std::vector<float> rope_freq_factors;

  bool qkv_bias = false;         // Qwen2
  bool output_bias = false;      // bias on o_proj ("attention_bias" of Llama)
  bool qk_norm = false;          // Qwen3: RMSNorm over each head of q and k
  bool tied_embeddings = false;  // the head is the embedding

  std::vector<int32_t> eos_token_ids;  // ends of generation
  int32_t bos_token_id = -1;           // -1: none
};

}  // namespace qed

#endif  // QED_CONFIG_MODEL_CONFIG_H_
