// adapter_config.json of PEFT's LoRA.
#ifndef QED_CHECKPOINT_ADAPTER_CONFIG_H_
#define QED_CHECKPOINT_ADAPTER_CONFIG_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/status.h"

namespace qed {

struct AdapterConfig {
  int32_t rank = 0;
  float alpha = 0.0f;
  bool rank_stabilized = false;  // rsLoRA: alpha / sqrt(rank)
  // Exceptions by the end of a module's name ("q_proj", "layers.0.mlp.up_proj").
  std::map<std::string, int32_t> rank_pattern;
  std::map<std::string, float> alpha_pattern;
};

// kUnsupported, naming the key, for variants that do not merge as W + scale*B*A.
Result<AdapterConfig> ParseAdapterConfig(std::string_view json_text);

// Rank and scale of the module named as in the base model, for example
// "model.layers.0.self_attn.q_proj". kCorrupt where two patterns disagree.
struct LoraScale {
  int32_t rank = 0;
  float scale = 1.0f;
};
Result<LoraScale> ScaleOfModule(const AdapterConfig& config, std::string_view module);

}  // namespace qed

#endif  // QED_CHECKPOINT_ADAPTER_CONFIG_H_
