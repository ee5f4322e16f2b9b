#include "quantize/folder_config.h"

#include "base/json.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kProducer[] = "qed";
constexpr char kVersion[] = "0.1.0";

const char* ModelOptAlgorithm(const WeightRecipe& recipe) {
  if (recipe.format == WeightFormat::kInt8) return "W8A16";
  return recipe.scales == ScaleGranularity::kRow ? "FP8_PER_CHANNEL_PER_TOKEN" : "FP8";
}

Json Arguments(const char* type, const char* strategy, bool dynamic) {
  return {{"num_bits", 8},
          {"type", type},
          {"strategy", strategy},
          {"symmetric", true},
          {"dynamic", dynamic},
          {"group_size", nullptr},
          {"actorder", nullptr},
          {"observer", "minmax"},
          {"block_structure", nullptr},
          {"observer_kwargs", Json::object()}};
}

Json CompressedTensorsConfig(const WeightRecipe& recipe, const std::vector<std::string>& ignored) {
  const bool fp8 = recipe.format == WeightFormat::kFp8;
  const char* type = fp8 ? "float" : "int";
  const bool rows = recipe.scales == ScaleGranularity::kRow;
  Json inputs = nullptr;
  if (fp8) inputs = Arguments(type, rows ? "token" : "tensor", rows);
  return {{"quant_method", "compressed-tensors"},
          {"format", fp8 ? "float-quantized" : "pack-quantized"},
          {"quantization_status", "compressed"},
          {"global_compression_ratio", nullptr},
          {"ignore", ignored},
          {"kv_cache_scheme", nullptr},
          {"config_groups",
           {{"group_0",
             {{"targets", {"Linear"}},
              {"weights", Arguments(type, rows ? "channel" : "tensor", false)},
              {"input_activations", std::move(inputs)},
              {"output_activations", nullptr}}}}}};
}

Json ModelOptConfig(const WeightRecipe& recipe, const std::vector<std::string>& ignored) {
  return {{"quant_method", "modelopt"},
          {"quant_algo", ModelOptAlgorithm(recipe)},
          {"kv_cache_quant_algo", nullptr},
          {"ignore", ignored},
          {"producer", {{"name", kProducer}, {"version", kVersion}}}};
}

}  // namespace

Result<ExportLayout> ParseExportLayout(const std::string& name) {
  if (name == "modelopt") return ExportLayout::kModelOpt;
  if (name == "compressed-tensors") return ExportLayout::kCompressedTensors;
  return InvalidArgument("--export is \"" + name + "\"; it must be modelopt or compressed-tensors");
}

Result<std::string> QuantizedConfigJson(const std::string& config_json, ExportLayout layout,
                                        const WeightRecipe& recipe,
                                        const std::vector<std::string>& ignored) {
  QED_ASSIGN_OR_RETURN(Json config, ParseOrderedJson(config_json));
  if (!config.is_object()) return Corrupt("config.json is not an object");
  config["quantization_config"] = layout == ExportLayout::kModelOpt
                                      ? ModelOptConfig(recipe, ignored)
                                      : CompressedTensorsConfig(recipe, ignored);
  return config.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string HfQuantConfigJson(const WeightRecipe& recipe, const std::vector<std::string>& ignored) {
  const Json config = {{"producer", {{"name", kProducer}, {"version", kVersion}}},
                       {"quantization",
                        {{"quant_algo", ModelOptAlgorithm(recipe)},
                         {"kv_cache_quant_algo", nullptr},
                         {"exclude_modules", ignored}}}};
  return config.dump(2) + "\n";
}

}  // namespace qed
