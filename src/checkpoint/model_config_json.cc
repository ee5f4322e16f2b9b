#include "checkpoint/model_config_json.h"

#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

#include "checkpoint/architecture.h"

namespace qed {
namespace {

using Json = nlohmann::json;

// The one list of the fields.
template <typename Config, typename Visit>
void VisitFields(Config& c, Visit&& visit) {
  visit("architecture", c.architecture);
  visit("num_layers", c.num_layers);
  visit("num_heads", c.num_heads);
  visit("num_kv_heads", c.num_kv_heads);
  visit("head_dim", c.head_dim);
  visit("hidden_size", c.hidden_size);
  visit("intermediate_size", c.intermediate_size);
  visit("vocab_size", c.vocab_size);
  visit("context_length", c.context_length);
  visit("rms_norm_eps", c.rms_norm_eps);
  visit("rope_theta", c.rope_theta);
  visit("rope_scaling_kind", c.rope_scaling.kind);
  visit("rope_scaling_factor", c.rope_scaling.factor);
  visit("rope_original_context", c.rope_scaling.original_context);
  visit("rope_low_freq_factor", c.rope_scaling.low_freq_factor);
  visit("rope_high_freq_factor", c.rope_scaling.high_freq_factor);
  visit("rope_beta_fast", c.rope_scaling.beta_fast);
  visit("rope_beta_slow", c.rope_scaling.beta_slow);
  visit("rope_truncate", c.rope_scaling.truncate);
  visit("rope_attention_factor", c.rope_scaling.attention_factor);
  visit("rope_freq_factors", c.rope_freq_factors);
  visit("qkv_bias", c.qkv_bias);
  visit("output_bias", c.output_bias);
  visit("qk_norm", c.qk_norm);
  visit("tied_embeddings", c.tied_embeddings);
  visit("eos_token_ids", c.eos_token_ids);
  visit("bos_token_id", c.bos_token_id);
}

template <typename Defaults, typename Visit>
void VisitDefaults(Defaults& d, Visit&& visit) {
  visit("temperature", d.temperature);
  visit("top_p", d.top_p);
  visit("min_p", d.min_p);
  visit("repetition_penalty", d.repetition_penalty);
  visit("top_k", d.top_k);
}

// False where the JSON is of another type or out of range.
template <typename T>
bool Take(const Json& json, T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    if (!json.is_string()) return false;
    value = json.get<std::string>();
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) return false;
    value = json.get<bool>();
  } else if constexpr (std::is_same_v<T, float>) {
    if (!json.is_number()) return false;
    value = json.get<float>();
  } else if constexpr (std::is_enum_v<T>) {
    int32_t number = 0;
    if (!Take(json, number) || number < 0 || number > static_cast<int32_t>(T::kYarn)) return false;
    value = static_cast<T>(number);
  } else {
    if (!json.is_number_integer()) return false;
    const auto number = json.get<int64_t>();
    if (number < std::numeric_limits<T>::min() || number > std::numeric_limits<T>::max()) {
      return false;
    }
    value = static_cast<T>(number);
  }
  return true;
}

template <typename T>
bool Take(const Json& json, std::vector<T>& list) {
  if (!json.is_array()) return false;
  for (const Json& item : json) {
    T value{};
    if (!Take(item, value)) return false;
    list.push_back(value);
  }
  return true;
}

}  // namespace

Json ModelConfigToJson(const ModelConfig& config) {
  Json json = Json::object();
  VisitFields(config, [&](const char* name, const auto& value) { json[name] = value; });
  return json;
}

Result<ModelConfig> ModelConfigFromJson(const Json& json) {
  ModelConfig config;
  std::string wrong;
  VisitFields(config, [&](const char* name, auto& value) {
    const auto found = json.is_object() ? json.find(name) : json.end();
    if (wrong.empty() && (found == json.end() || !Take(*found, value))) wrong = name;
  });
  if (!wrong.empty()) return Corrupt("model: " + wrong + " is missing or of the wrong type");
  QED_RETURN_IF_ERROR(ValidateModelConfig(config));
  return config;
}

Json SamplingDefaultsToJson(const SamplingDefaults& defaults) {
  Json json = Json::object();
  VisitDefaults(defaults, [&](const char* name, const auto& value) {
    if (value) json[name] = *value;
  });
  return json;
}

Result<SamplingDefaults> SamplingDefaultsFromJson(const Json& json) {
  SamplingDefaults defaults;
  std::string wrong;
  VisitDefaults(defaults, [&](const char* name, auto& value) {
    const auto found = json.is_object() ? json.find(name) : json.end();
    if (found == json.end()) return;
    value.emplace();
    if (!Take(*found, *value)) wrong = name;
  });
  if (!wrong.empty()) return Corrupt("sampling: " + wrong + " is of the wrong type");
  return defaults;
}

}  // namespace qed
