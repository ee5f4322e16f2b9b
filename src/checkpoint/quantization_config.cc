#include "checkpoint/quantization_config.h"

#include <algorithm>
#include <cctype>

#include "checkpoint/config_size.h"
#include "checkpoint/json_fields.h"
#include "checkpoint/raw_tensor.h"

namespace qed {
namespace {

using Json = nlohmann::json;

// Far above any in use; keeps products of sides small.
constexpr int32_t kMaxBlockSide = 1 << 16;

Status CannotRun(const std::string& scheme) {
  return Unsupported(scheme +
                     " weights cannot be run; the model's 16-bit form can, and its FP8 "
                     "(ModelOpt, compressed-tensors, fine-grained) and int8 (compressed-tensors)");
}

// The names under which people look for a scheme.
std::string SchemeName(const std::string& method) {
  std::string upper = Printable(method);
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
  return upper;
}

Status ReadBlock(const Json& sides, WeightRecipe& recipe) {
  if (!sides.is_array() || sides.size() != 2) return Corrupt("block sizes are not two numbers");
  for (const Json& side : sides) {
    if (!side.is_number_integer() || side < 1 || side > kMaxBlockSide) {
      return Corrupt("block sizes are not two numbers from 1 to " + std::to_string(kMaxBlockSide));
    }
  }
  recipe.scales = ScaleGranularity::kBlock;
  recipe.block_rows = sides[0].get<int32_t>();
  recipe.block_columns = sides[1].get<int32_t>();
  recipe.activations = ActivationScale::kGroup;
  return OkStatus();
}

// "quant_method": "fp8": transformers' blocks, or vLLM's and transformers' scale a tensor.
Result<WeightRecipe> ReadFp8(const JsonFields& fields) {
  WeightRecipe recipe = {WeightFormat::kFp8, ScaleGranularity::kTensor, ActivationScale::kToken};
  QED_ASSIGN_OR_RETURN(const std::string format, fields.String("fmt", "e4m3"));
  if (format != "e4m3" && format != "float8_e4m3fn") return CannotRun("FP8 " + Printable(format));
  QED_ASSIGN_OR_RETURN(const std::string activations,
                       fields.String("activation_scheme", "dynamic"));
  if (const Json* sides = fields.Find("weight_block_size"); sides != nullptr) {
    QED_RETURN_IF_ERROR(ReadBlock(*sides, recipe));
    if (activations != "dynamic") return CannotRun("FP8 blocks with static activation scales");
  } else if (activations == "static") {
    recipe.activations = ActivationScale::kStatic;
  } else if (activations != "dynamic") {
    return CannotRun("FP8 with activation_scheme " + Printable(activations));
  }
  return recipe;
}

Result<WeightRecipe> ReadModelOpt(const JsonFields& fields) {
  QED_ASSIGN_OR_RETURN(const std::string algorithm, fields.String("quant_algo"));
  if (algorithm == "FP8") {
    return WeightRecipe{WeightFormat::kFp8, ScaleGranularity::kTensor, ActivationScale::kStatic};
  }
  if (algorithm == "FP8_PER_CHANNEL_PER_TOKEN") {
    return WeightRecipe{WeightFormat::kFp8, ScaleGranularity::kRow, ActivationScale::kToken};
  }
  if (algorithm == "W8A16") {
    return WeightRecipe{WeightFormat::kInt8, ScaleGranularity::kRow, ActivationScale::kNone};
  }
  return CannotRun("ModelOpt " + Printable(algorithm));
}

// One side of a compressed-tensors scheme.
struct Arguments {
  std::string type;      // "float" or "int"
  std::string strategy;  // "tensor", "channel", "token", "block", "group"
  bool dynamic = false;
};

Result<Arguments> ReadArguments(const Json& object, const char* what) {
  if (!object.is_object()) return Corrupt(std::string(what) + " is not an object");
  const JsonFields fields(object);
  Arguments found;
  QED_ASSIGN_OR_RETURN(const int32_t bits, fields.Int("num_bits"));
  QED_ASSIGN_OR_RETURN(found.type, fields.String("type"));
  if (bits != 8 || (found.type != "float" && found.type != "int")) {
    return CannotRun("compressed-tensors " + std::to_string(bits) + "-bit " +
                     Printable(found.type));
  }
  QED_ASSIGN_OR_RETURN(found.strategy, fields.String("strategy", "tensor"));
  QED_ASSIGN_OR_RETURN(const bool symmetric, fields.Bool("symmetric", true));
  if (!symmetric && std::string_view(what) == "weights") {
    return CannotRun("compressed-tensors asymmetric");
  }
  const Json* dynamic = fields.Find("dynamic");  // true, false or "local"
  found.dynamic = dynamic != nullptr && (dynamic->is_string() || *dynamic == true);
  return found;
}

Result<WeightRecipe> ReadGroup(const Json& group) {
  if (!group.is_object()) return Corrupt("a group is not an object");
  const JsonFields fields(group);
  const Json* weights = fields.Find("weights");
  if (weights == nullptr) return CannotRun("compressed-tensors activation-only");
  QED_ASSIGN_OR_RETURN(const Arguments weight, ReadArguments(*weights, "weights"));
  WeightRecipe recipe;
  recipe.format = weight.type == "float" ? WeightFormat::kFp8 : WeightFormat::kInt8;
  recipe.activations =
      recipe.format == WeightFormat::kFp8 ? ActivationScale::kToken : ActivationScale::kNone;
  if (weight.strategy == "tensor") {
    recipe.scales = ScaleGranularity::kTensor;
  } else if (weight.strategy == "channel") {
    recipe.scales = ScaleGranularity::kRow;
  } else if (weight.strategy == "block" && recipe.format == WeightFormat::kFp8) {
    const Json* sides = JsonFields(*weights).Find("block_structure");
    if (sides == nullptr) return Corrupt("lacks block_structure");
    QED_RETURN_IF_ERROR(ReadBlock(*sides, recipe));
  } else {
    return CannotRun("compressed-tensors " + Printable(weight.strategy) + "-wise " + weight.type +
                     " 8-bit");
  }
  const Json* inputs = fields.Find("input_activations");
  if (recipe.format == WeightFormat::kInt8 || recipe.scales == ScaleGranularity::kBlock) {
    return recipe;
  }
  if (inputs == nullptr) return CannotRun("compressed-tensors FP8 weight-only");
  QED_ASSIGN_OR_RETURN(const Arguments input, ReadArguments(*inputs, "input_activations"));
  if (!input.dynamic) {
    if (input.strategy != "tensor") {
      return CannotRun("compressed-tensors static " + Printable(input.strategy) + "-wise inputs");
    }
    recipe.activations = ActivationScale::kStatic;
  }
  return recipe;
}

Result<WeightRecipe> ReadCompressedTensors(const JsonFields& fields) {
  QED_ASSIGN_OR_RETURN(const std::string format, fields.String("format", "float-quantized"));
  if (format != "float-quantized" && format != "int-quantized" && format != "naive-quantized" &&
      format != "pack-quantized") {
    return CannotRun("compressed-tensors " + Printable(format));
  }
  const Json* groups = fields.Find("config_groups");
  if (groups == nullptr || !groups->is_object() || groups->empty()) {
    return Corrupt("lacks config_groups");
  }
  std::optional<WeightRecipe> recipe;
  for (const auto& [name, group] : groups->items()) {
    const auto read = ReadGroup(group);
    if (!read.ok()) return read.status().WithPrefix("config_groups." + Printable(name));
    if (recipe && *recipe != *read) return CannotRun("compressed-tensors mixed-precision");
    recipe = *read;
  }
  return *recipe;
}

Result<QuantizationConfig> ReadObject(const Json& object) {
  if (!object.is_object()) return Corrupt("is not an object");
  const JsonFields fields(object);
  QuantizationConfig config;
  QED_ASSIGN_OR_RETURN(config.method, fields.String("quant_method"));
  if (config.method == "fp8") {
    QED_ASSIGN_OR_RETURN(config.recipe, ReadFp8(fields));
  } else if (config.method == "modelopt") {
    QED_ASSIGN_OR_RETURN(config.recipe, ReadModelOpt(fields));
  } else if (config.method == "compressed-tensors") {
    QED_ASSIGN_OR_RETURN(config.recipe, ReadCompressedTensors(fields));
    QED_ASSIGN_OR_RETURN(const std::string format, fields.String("format", ""));
    config.packed = format == "pack-quantized";
    if (config.packed && config.recipe.format != WeightFormat::kInt8) {
      return CannotRun("compressed-tensors pack-quantized FP8");
    }
  } else {
    return CannotRun(SchemeName(config.method));
  }
  return config;
}

// ModelOpt's own file; its older checkpoints have nothing in config.json.
Result<std::optional<QuantizationConfig>> ReadModelOptFile(std::string_view text) {
  QED_ASSIGN_OR_RETURN(const Json object, ParseJsonObject(text, kMaxConfigBytes));
  const Json* quantization = JsonFields(object).Find("quantization");
  if (quantization == nullptr || !quantization->is_object()) return Corrupt("lacks quantization");
  const JsonFields fields(*quantization);
  if (fields.Find("quant_algo") == nullptr) return std::optional<QuantizationConfig>();
  QuantizationConfig config = {.method = "modelopt", .recipe = {}};
  QED_ASSIGN_OR_RETURN(config.recipe, ReadModelOpt(fields));
  return std::optional<QuantizationConfig>(config);
}

}  // namespace

Result<std::optional<QuantizationConfig>> ReadQuantizationConfig(
    std::string_view config_json, std::string_view hf_quant_config_json) {
  QED_ASSIGN_OR_RETURN(const Json object, ParseJsonObject(config_json, kMaxConfigBytes));
  const JsonFields fields(object);
  for (const char* key : {"quantization_config", "compression_config"}) {
    const Json* found = fields.Find(key);
    if (found == nullptr) continue;
    Result<QuantizationConfig> config = ReadObject(*found);
    if (!config.ok()) return config.status().WithPrefix(std::string("config.json: ") + key);
    return std::optional<QuantizationConfig>(*std::move(config));
  }
  if (hf_quant_config_json.empty()) return std::optional<QuantizationConfig>();
  auto config = ReadModelOptFile(hf_quant_config_json);
  return config.ok() ? config : config.status().WithPrefix("hf_quant_config.json");
}

}  // namespace qed
