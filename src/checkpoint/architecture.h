// The networks QED knows: one table of flags. The tensors that a network with these
// flags and sizes is made of: checkpoint/network_tensors.h.
#ifndef QED_CHECKPOINT_ARCHITECTURE_H_
#define QED_CHECKPOINT_ARCHITECTURE_H_

#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "config/model_config.h"

namespace qed {

struct Architecture {
  std::string_view hf_name;            // "LlamaForCausalLM"
  std::string_view gguf_name;          // general.architecture
  bool qkv_bias = false;               // always there
  bool optional_bias = false;          // on q, k, v and o, where the checkpoint says so
  bool qk_norm = false;                // RMSNorm over the heads of q and k
  bool gguf_interleaved_rope = false;  // q and k rows as checkpoint/rope_rows.h says
  int32_t hf_default_head_dim = 0;     // where config.json gives none; 0: hidden size / heads
};

// kUnsupported, with the names that are known.
Result<const Architecture*> FindHfArchitecture(std::string_view hf_name);
Result<const Architecture*> FindGgufArchitecture(std::string_view gguf_name);

// Whether the sizes can be a network's: each in its range, KVH divides H, D is
// even, ids are below V. Keeps every later product inside 64 bits.
Status ValidateModelConfig(const ModelConfig& config);

}  // namespace qed

#endif  // QED_CHECKPOINT_ARCHITECTURE_H_
