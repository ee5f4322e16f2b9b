#include "checkpoint/hf_config.h"

#include <algorithm>
#include <cmath>

#include "checkpoint/architecture.h"
#include "checkpoint/config_size.h"
#include "checkpoint/json_fields.h"
#include "checkpoint/raw_tensor.h"
#include "checkpoint/rope_scaling.h"

namespace qed {
namespace {

using Json = nlohmann::json;

// "architectures": ["LlamaForCausalLM"].
Result<const Architecture*> ReadArchitecture(const JsonFields& fields) {
  const Json* names = fields.Find("architectures");
  if (names == nullptr || !names->is_array() || names->size() != 1 || !(*names)[0].is_string()) {
    return Corrupt("architectures does not name one architecture");
  }
  return FindHfArchitecture((*names)[0].get_ref<const std::string&>());
}

// Variants of these architectures that need code QED does not have.
Status RejectUnsupported(const JsonFields& fields) {
  for (const char* key : {"num_experts", "num_local_experts", "n_routed_experts"}) {
    QED_ASSIGN_OR_RETURN(const int32_t experts, fields.Int(key, 0));
    if (experts > 0) {
      return Unsupported(std::string(key) +
                         " is set: a mixture of experts, which cannot be run; dense models of the "
                         "Llama, Qwen2 and Qwen3 families can");
    }
  }
  QED_ASSIGN_OR_RETURN(const bool sliding, fields.Bool("use_sliding_window", false));
  if (sliding && fields.Find("sliding_window") != nullptr) {
    return Unsupported("use_sliding_window is set; sliding-window attention cannot be run");
  }
  if (const Json* types = fields.Find("layer_types"); types != nullptr) {
    for (const Json& type : *types) {
      if (type != "full_attention") {
        return Unsupported("layer_types has layers other than full_attention");
      }
    }
  }
  QED_ASSIGN_OR_RETURN(const std::string activation, fields.String("hidden_act", "silu"));
  if (activation != "silu" && activation != "swish") {
    return Unsupported("hidden_act is " + Printable(activation) + "; only silu can be run");
  }
  QED_ASSIGN_OR_RETURN(const bool mlp_bias, fields.Bool("mlp_bias", false));
  if (mlp_bias) return Unsupported("mlp_bias is set, which cannot be run");
  QED_ASSIGN_OR_RETURN(const float rotated, fields.Float("partial_rotary_factor", 1.0f));
  if (rotated != 1.0f) return Unsupported("partial_rotary_factor is not 1");
  return OkStatus();
}

Status ReadLinearScaling(const JsonFields& fields, ModelConfig& config) {
  RopeScaling& scaling = config.rope_scaling;
  scaling.kind = RopeScaling::Kind::kLinear;
  QED_ASSIGN_OR_RETURN(scaling.factor, fields.Float("factor"));
  return FinishRopeScaling(config);
}

Status ReadYarnScaling(const JsonFields& fields, ModelConfig& config) {
  RopeScaling& scaling = config.rope_scaling;
  scaling.kind = RopeScaling::Kind::kYarn;
  QED_ASSIGN_OR_RETURN(scaling.original_context,
                       fields.Int("original_max_position_embeddings", config.context_length));
  if (scaling.original_context < 1) return Corrupt("the original context of YaRN is below 1");
  const float stretched =
      static_cast<float>(config.context_length) / static_cast<float>(scaling.original_context);
  QED_ASSIGN_OR_RETURN(scaling.factor, fields.Float("factor", stretched));
  QED_ASSIGN_OR_RETURN(scaling.beta_fast, fields.Float("beta_fast", 32.0f));
  QED_ASSIGN_OR_RETURN(scaling.beta_slow, fields.Float("beta_slow", 1.0f));
  QED_ASSIGN_OR_RETURN(scaling.truncate, fields.Bool("truncate", true));
  QED_ASSIGN_OR_RETURN(const float mscale, fields.Float("mscale", 0.0f));
  QED_ASSIGN_OR_RETURN(const float mscale_all, fields.Float("mscale_all_dim", 0.0f));
  const float attention =
      mscale != 0 && mscale_all != 0
          ? YarnAttention(scaling.factor, mscale) / YarnAttention(scaling.factor, mscale_all)
          : YarnAttention(scaling.factor, 1.0f);
  QED_ASSIGN_OR_RETURN(scaling.attention_factor, fields.Float("attention_factor", attention));
  return FinishRopeScaling(config);
}

Status ReadLlama3Scaling(const JsonFields& fields, RopeScaling& scaling) {
  scaling.kind = RopeScaling::Kind::kLlama3;
  QED_ASSIGN_OR_RETURN(scaling.factor, fields.Float("factor"));
  QED_ASSIGN_OR_RETURN(scaling.low_freq_factor, fields.Float("low_freq_factor"));
  QED_ASSIGN_OR_RETURN(scaling.high_freq_factor, fields.Float("high_freq_factor"));
  QED_ASSIGN_OR_RETURN(scaling.original_context, fields.Int("original_max_position_embeddings"));
  if (!(scaling.factor >= 1.0f && scaling.low_freq_factor > 0.0f &&
        scaling.high_freq_factor > scaling.low_freq_factor && scaling.original_context > 0)) {
    return Corrupt("the llama3 RoPE factors contradict each other");
  }
  return OkStatus();
}

// The object of "rope_scaling", or of the newer "rope_parameters" (which also
// holds the base).
Status ReadRopeScaling(const Json& object, ModelConfig& config) {
  if (!object.is_object()) return Corrupt("RoPE scaling is not an object");
  const JsonFields fields(object);
  QED_ASSIGN_OR_RETURN(const std::string old_type, fields.String("type", "default"));
  QED_ASSIGN_OR_RETURN(const std::string type, fields.String("rope_type", old_type));
  QED_ASSIGN_OR_RETURN(config.rope_theta, fields.Float("rope_theta", config.rope_theta));
  QED_ASSIGN_OR_RETURN(const float rotated, fields.Float("partial_rotary_factor", 1.0f));
  if (rotated != 1.0f) return Unsupported("partial_rotary_factor is not 1");
  for (const auto& [key, value] : object.items()) {
    if (value.is_object())
      return Unsupported("RoPE differs between layers (" + Printable(key) + ")");
  }
  if (type == "default") return OkStatus();
  if (type == "llama3") return ReadLlama3Scaling(fields, config.rope_scaling);
  if (type == "linear") return ReadLinearScaling(fields, config);
  if (type == "yarn") return ReadYarnScaling(fields, config);
  return Unsupported("RoPE scaling of type " + Printable(type) +
                     " cannot be run; default, llama3, linear and yarn can");
}

// Where both objects stand, "rope_scaling" takes the place of "rope_parameters",
// base and all, as it does in `transformers` 5. An empty object is none.
Status ReadRope(const JsonFields& fields, ModelConfig& config) {
  QED_ASSIGN_OR_RETURN(config.rope_theta, fields.Float("rope_theta", 10000.0f));
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const Json* object = fields.Find(key);
    if (object == nullptr || (object->is_object() && object->empty())) continue;
    const Status status = ReadRopeScaling(*object, config);
    return status.ok() ? status : status.WithPrefix(key);
  }
  return OkStatus();
}

Status ReadSizes(const JsonFields& fields, const Architecture& architecture, ModelConfig& config) {
  QED_ASSIGN_OR_RETURN(config.num_layers, fields.Int("num_hidden_layers"));
  QED_ASSIGN_OR_RETURN(config.num_heads, fields.Int("num_attention_heads"));
  QED_ASSIGN_OR_RETURN(config.num_kv_heads, fields.Int("num_key_value_heads", config.num_heads));
  QED_ASSIGN_OR_RETURN(config.hidden_size, fields.Int("hidden_size"));
  QED_ASSIGN_OR_RETURN(config.intermediate_size, fields.Int("intermediate_size"));
  QED_ASSIGN_OR_RETURN(config.vocab_size, fields.Int("vocab_size"));
  QED_ASSIGN_OR_RETURN(config.context_length, fields.Int("max_position_embeddings"));
  QED_ASSIGN_OR_RETURN(config.rms_norm_eps, fields.Float("rms_norm_eps", 1e-6f));
  if (config.num_heads < 1) return Corrupt("num_attention_heads must be at least 1");
  const int32_t derived = architecture.hf_default_head_dim != 0
                              ? architecture.hf_default_head_dim
                              : config.hidden_size / config.num_heads;
  QED_ASSIGN_OR_RETURN(config.head_dim, fields.Int("head_dim", derived));
  return OkStatus();
}

// A number or a list of numbers.
Status ReadEosIds(const JsonFields& fields, std::vector<int32_t>& ids) {
  const Json* field = fields.Find("eos_token_id");
  if (field == nullptr) return OkStatus();
  if (field->is_array() && field->size() > 1024) return Corrupt("eos_token_id is a long list");
  const Json list = field->is_array() ? *field : Json::array({*field});
  ids.clear();
  for (const Json& id : list) {
    const Json object = {{"eos_token_id", id}};
    QED_ASSIGN_OR_RETURN(const int32_t value, JsonFields(object).Int("eos_token_id"));
    ids.push_back(value);
  }
  return OkStatus();
}

}  // namespace

Status ReadHfConfig(std::string_view config_json, Checkpoint& checkpoint) {
  QED_ASSIGN_OR_RETURN(const Json object, ParseJsonObject(config_json, kMaxConfigBytes));
  const JsonFields fields(object);
  // Before the architecture, whose name says less.
  QED_RETURN_IF_ERROR(RejectUnsupported(fields));
  QED_ASSIGN_OR_RETURN(const Architecture* architecture, ReadArchitecture(fields));
  ModelConfig& config = checkpoint.config;
  config.architecture = architecture->hf_name;
  QED_RETURN_IF_ERROR(ReadSizes(fields, *architecture, config));
  QED_RETURN_IF_ERROR(ReadRope(fields, config));
  QED_ASSIGN_OR_RETURN(config.tied_embeddings, fields.Bool("tie_word_embeddings", false));
  config.qk_norm = architecture->qk_norm;
  config.qkv_bias = architecture->qkv_bias;
  if (architecture->optional_bias) {
    QED_ASSIGN_OR_RETURN(const bool bias, fields.Bool("attention_bias", false));
    config.qkv_bias = bias;
    config.output_bias = bias;
  }
  QED_ASSIGN_OR_RETURN(config.bos_token_id, fields.Int("bos_token_id", -1));
  QED_RETURN_IF_ERROR(ReadEosIds(fields, config.eos_token_ids));
  return ValidateModelConfig(config);
}

namespace {

// Files say 0 or -1 where they mean that a filter is off.
Status ReadSamplingDefaults(const JsonFields& fields, SamplingDefaults& out) {
  const auto read = [&](const char* key, float floor, std::optional<float>& value) -> Status {
    QED_ASSIGN_OR_RETURN(const float number, fields.Float(key, -1.0f));
    if (number > floor) value = number;
    return OkStatus();
  };
  constexpr float kBelowZero = -0.5f;
  QED_RETURN_IF_ERROR(read("temperature", kBelowZero, out.temperature));
  QED_RETURN_IF_ERROR(read("top_p", 0, out.top_p));
  QED_RETURN_IF_ERROR(read("min_p", kBelowZero, out.min_p));
  QED_RETURN_IF_ERROR(read("repetition_penalty", 0, out.repetition_penalty));
  QED_ASSIGN_OR_RETURN(const int32_t top_k, fields.Int("top_k", -1));
  if (top_k >= 0) out.top_k = top_k;
  SamplingParams params;
  out.ApplyTo(&params);
  return ValidateKnobs(params);
}

}  // namespace

Status ReadHfGenerationConfig(std::string_view generation_config_json, Checkpoint& checkpoint) {
  QED_ASSIGN_OR_RETURN(const Json object, ParseJsonObject(generation_config_json, kMaxConfigBytes));
  const JsonFields fields(object);
  QED_RETURN_IF_ERROR(ReadSamplingDefaults(fields, checkpoint.sampling_defaults));
  QED_RETURN_IF_ERROR(ReadEosIds(fields, checkpoint.config.eos_token_ids));
  return ValidateModelConfig(checkpoint.config);
}

}  // namespace qed
