// A network's shape and sampling defaults as JSON: QED's own form, without loss, for engine
// folders. (config.json of HF folders: checkpoint/hf_config.h.)
#ifndef QED_CHECKPOINT_MODEL_CONFIG_JSON_H_
#define QED_CHECKPOINT_MODEL_CONFIG_JSON_H_

#include "base/status.h"
#include "config/model_config.h"
#include "config/sampling_defaults.h"
#include "nlohmann/json.hpp"

namespace qed {

nlohmann::json ModelConfigToJson(const ModelConfig& config);
// kCorrupt where a field is missing or of another type, or the whole is no network
// (ValidateModelConfig).
Result<ModelConfig> ModelConfigFromJson(const nlohmann::json& json);

nlohmann::json SamplingDefaultsToJson(const SamplingDefaults& defaults);
Result<SamplingDefaults> SamplingDefaultsFromJson(const nlohmann::json& json);

}  // namespace qed

#endif  // QED_CHECKPOINT_MODEL_CONFIG_JSON_H_
