// What the JSON files of a quantized HF folder say of how it is quantized.
#ifndef QED_QUANTIZE_FOLDER_CONFIG_H_
#define QED_QUANTIZE_FOLDER_CONFIG_H_

#include <string>
#include <vector>

#include "base/status.h"
#include "tensor/weight_recipe.h"

namespace qed {

// Whose names the folder uses.
enum class ExportLayout : uint8_t { kModelOpt, kCompressedTensors };

// The value of --export: modelopt or compressed-tensors.
Result<ExportLayout> ParseExportLayout(const std::string& name);

// config.json with its "quantization_config"; everything else as it was, in its order.
// `ignored`: modules that stay as they are ("lm_head").
Result<std::string> QuantizedConfigJson(const std::string& config_json, ExportLayout layout,
                                        const WeightRecipe& recipe,
                                        const std::vector<std::string>& ignored);

// ModelOpt's hf_quant_config.json.
std::string HfQuantConfigJson(const WeightRecipe& recipe, const std::vector<std::string>& ignored);

}  // namespace qed

#endif  // QED_QUANTIZE_FOLDER_CONFIG_H_
