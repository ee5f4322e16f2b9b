#include "checkpoint/adapter_config.h"

#include <cmath>

#include "checkpoint/config_size.h"
#include "checkpoint/json_fields.h"
#include "checkpoint/raw_tensor.h"

namespace qed {
namespace {

using Json = nlohmann::json;

constexpr int32_t kMaxRank = 1 << 16;

// Whether a field says something: not absent, null, false, empty.
bool IsSet(const JsonFields& fields, const char* key) {
  const Json* field = fields.Find(key);
  if (field == nullptr) return false;
  if (field->is_boolean()) return field->get<bool>();
  return !field->empty();
}

Status RejectUnsupported(const JsonFields& fields) {
  QED_ASSIGN_OR_RETURN(const std::string type, fields.String("peft_type"));
  if (type != "LORA") return Unsupported("peft_type is " + Printable(type) + "; only LORA merges");
  QED_ASSIGN_OR_RETURN(const std::string bias, fields.String("bias", "none"));
  if (bias != "none")
    return Unsupported("bias is " + Printable(bias) + "; only none can be merged");
  // Each changes the weights in a way that two matrices do not say.
  for (const char* key : {"use_dora", "lora_bias", "use_qalora", "modules_to_save",
                          "fan_in_fan_out", "layer_replication", "trainable_token_indices",
                          "target_parameters", "alora_invocation_tokens", "megatron_config"}) {
    if (IsSet(fields, key))
      return Unsupported(std::string(key) + " is set, which cannot be merged");
  }
  // These rewrite the base weights before training starts.
  if (const Json* init = fields.Find("init_lora_weights"); init != nullptr && init->is_string()) {
    const std::string& name = init->get_ref<const std::string&>();
    for (const char* rewriting : {"pissa", "olora", "loftq", "corda"}) {
      if (name.starts_with(rewriting)) {
        return Unsupported("init_lora_weights is " + Printable(name) +
                           ": convert the adapter to plain LoRA first");
      }
    }
  }
  return OkStatus();
}

// Calls add(name, fields) for the entries of a pattern object.
template <typename Add>
Status ReadPattern(const JsonFields& fields, const char* key, Add add) {
  const Json* pattern = fields.Find(key);
  if (pattern == nullptr) return OkStatus();
  if (!pattern->is_object()) return Corrupt(std::string(key) + " is not an object");
  for (const auto& [name, value] : pattern->items()) {
    // PEFT reads the names as regular expressions; plain names mean the same.
    if (name.empty() || name.find_first_of("^$*+?()[]{}|\\") != name.npos) {
      return Unsupported(std::string(key) + " has " + Printable(name) +
                         "; only plain module names are read");
    }
    QED_RETURN_IF_ERROR(add(name, JsonFields(*pattern)));
  }
  return OkStatus();
}

Status CheckRank(int32_t rank) {
  if (rank >= 1 && rank <= kMaxRank) return OkStatus();
  return Corrupt("rank " + std::to_string(rank) + " is not from 1 to " + std::to_string(kMaxRank));
}

bool NamesModule(std::string_view pattern, std::string_view module) {
  if (!module.ends_with(pattern)) return false;
  return module.size() == pattern.size() || module[module.size() - pattern.size() - 1] == '.';
}

// The value whose name fits the module, or the fallback.
template <typename T>
Result<T> FromPattern(const std::map<std::string, T>& pattern, std::string_view module,
                      T fallback) {
  const T* found = nullptr;
  for (const auto& [name, value] : pattern) {
    if (!NamesModule(name, module)) continue;
    if (found != nullptr && *found != value) {
      return Corrupt("patterns disagree about " + Printable(module));
    }
    found = &value;
  }
  return found == nullptr ? fallback : *found;
}

}  // namespace

Result<AdapterConfig> ParseAdapterConfig(std::string_view json_text) {
  QED_ASSIGN_OR_RETURN(const Json object, ParseJsonObject(json_text, kMaxConfigBytes));
  const JsonFields fields(object);
  QED_RETURN_IF_ERROR(RejectUnsupported(fields));
  AdapterConfig config;
  QED_ASSIGN_OR_RETURN(config.rank, fields.Int("r"));
  QED_RETURN_IF_ERROR(CheckRank(config.rank));
  QED_ASSIGN_OR_RETURN(config.alpha, fields.Float("lora_alpha"));
  QED_ASSIGN_OR_RETURN(config.rank_stabilized, fields.Bool("use_rslora", false));
  QED_RETURN_IF_ERROR(
      ReadPattern(fields, "rank_pattern", [&](const std::string& name, const JsonFields& values) {
        QED_ASSIGN_OR_RETURN(const int32_t rank, values.Int(name.c_str()));
        config.rank_pattern[name] = rank;
        return CheckRank(rank);
      }));
  QED_RETURN_IF_ERROR(
      ReadPattern(fields, "alpha_pattern", [&](const std::string& name, const JsonFields& values) {
        QED_ASSIGN_OR_RETURN(config.alpha_pattern[name], values.Float(name.c_str()));
        return OkStatus();
      }));
  return config;
}

Result<LoraScale> ScaleOfModule(const AdapterConfig& config, std::string_view module) {
  LoraScale result;
  QED_ASSIGN_OR_RETURN(result.rank, FromPattern(config.rank_pattern, module, config.rank));
  QED_ASSIGN_OR_RETURN(const float alpha, FromPattern(config.alpha_pattern, module, config.alpha));
  const float rank = static_cast<float>(result.rank);
  result.scale = alpha / (config.rank_stabilized ? std::sqrt(rank) : rank);
  return result;
}

}  // namespace qed
