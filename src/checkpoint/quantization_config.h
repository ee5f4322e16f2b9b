// How the linears of an HF folder are quantized: config.json's "quantization_config",
// or ModelOpt's hf_quant_config.json. Read are ModelOpt's FP8, compressed-tensors' FP8
// and int8, the FP8 of transformers (128 x 128 blocks, or a scale a tensor).
#ifndef QED_CHECKPOINT_QUANTIZATION_CONFIG_H_
#define QED_CHECKPOINT_QUANTIZATION_CONFIG_H_

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "tensor/weight_recipe.h"

namespace qed {

struct QuantizationConfig {
  std::string method;   // "modelopt", "compressed-tensors", "fp8": for messages
  WeightRecipe recipe;  // of every linear that is stored as codes
  bool packed = false;  // codes are int32 words of four, beside the shape that they stand for
};

// `hf_quant_config_json` is empty where there is no such file; where both say
// something, config.json counts. Nothing where neither does. kUnsupported, with the
// scheme's own name and what would run, for all other schemes.
Result<std::optional<QuantizationConfig>> ReadQuantizationConfig(
    std::string_view config_json, std::string_view hf_quant_config_json);

}  // namespace qed

#endif  // QED_CHECKPOINT_QUANTIZATION_CONFIG_H_
