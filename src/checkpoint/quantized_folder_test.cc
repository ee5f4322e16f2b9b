// HF folders whose linears are codes with scales, in every layout that is read, and
// what of them cannot be run or lies.
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "checkpoint/checkpoint.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_files.h"
#include "tests/support/tiny_model.h"

namespace qed {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;
using Tensors = std::map<std::string, SafetensorsTensor>;

std::string Floats(const std::vector<float>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

// One published layout: its configuration, the scales beside a matrix, what is read.
struct Layout {
  const char* name;
  Json config;  // "quantization_config"; null: hf_quant_config.json instead
  DType dtype;
  const char* scale_name;
  ScaleGranularity granularity;
  bool scale_is_column;     // [N, 1] and not [N]
  const char* input_scale;  // its name; null: none
  WeightRecipe recipe;
};

Json CompressedTensors(const char* type, const char* strategy, Json inputs) {
  Json weights = {{"num_bits", 8},     {"type", type},     {"strategy", strategy},
                  {"symmetric", true}, {"dynamic", false}, {"group_size", nullptr}};
  if (std::string(strategy) == "block") weights["block_structure"] = {16, 8};
  return {{"quant_method", "compressed-tensors"},
          {"format", std::string(type) + "-quantized"},
          {"quantization_status", "compressed"},
          {"ignore", {"lm_head"}},
          {"kv_cache_scheme", nullptr},
          {"config_groups",
           {{"group_0",
             {{"targets", {"Linear"}},
              {"weights", std::move(weights)},
              {"input_activations", std::move(inputs)},
              {"output_activations", nullptr}}}}}};
}

Json Inputs(const char* type, const char* strategy, bool dynamic) {
  return {{"num_bits", 8},
          {"type", type},
          {"strategy", strategy},
          {"dynamic", dynamic},
          {"symmetric", true}};
}

std::vector<Layout> Layouts() {
  using enum ScaleGranularity;
  constexpr auto kStatic = ActivationScale::kStatic, kToken = ActivationScale::kToken,
                 kGroup = ActivationScale::kGroup, kAsIs = ActivationScale::kNone;
  constexpr WeightFormat kE4M3 = WeightFormat::kFp8;
  const DType f8 = DType::kF8E4M3, i8 = DType::kI8;
  const WeightRecipe blocks = {kE4M3, kBlock, kGroup, 16, 8};
  return {
      {"modelopt",
       {{"quant_method", "modelopt"}, {"quant_algo", "FP8"}},
       f8,
       "weight_scale",
       kTensor,
       false,
       "input_scale",
       {kE4M3, kTensor, kStatic}},
      {"modelopt, its own file",
       nullptr,
       f8,
       "weight_scale",
       kTensor,
       false,
       "input_scale",
       {kE4M3, kTensor, kStatic}},
      {"compressed-tensors FP8",
       CompressedTensors("float", "tensor", Inputs("float", "tensor", false)),
       f8,
       "weight_scale",
       kTensor,
       false,
       "input_scale",
       {kE4M3, kTensor, kStatic}},
      {"compressed-tensors FP8_DYNAMIC",
       CompressedTensors("float", "channel", Inputs("float", "token", true)),
       f8,
       "weight_scale",
       kRow,
       true,
       nullptr,
       {kE4M3, kRow, kToken}},
      {"compressed-tensors FP8_BLOCK",
       CompressedTensors("float", "block", Inputs("float", "group", true)), f8, "weight_scale",
       kBlock, false, nullptr, blocks},
      {"compressed-tensors INT8",
       CompressedTensors("int", "channel", Inputs("int", "token", true)),
       i8,
       "weight_scale",
       kRow,
       true,
       nullptr,
       {WeightFormat::kInt8, kRow, kAsIs}},
      {"compressed-tensors INT8 static",
       CompressedTensors("int", "tensor", Inputs("int", "tensor", false)),
       i8,
       "weight_scale",
       kTensor,
       false,
       "input_scale",
       {WeightFormat::kInt8, kTensor, kAsIs}},
      {"compressed-tensors weight-only INT8",
       CompressedTensors("int", "channel", nullptr),
       i8,
       "weight_scale",
       kRow,
       true,
       nullptr,
       {WeightFormat::kInt8, kRow, kAsIs}},
      {"fine-grained FP8",
       {{"quant_method", "fp8"},
        {"fmt", "e4m3"},
        {"activation_scheme", "dynamic"},
        {"weight_block_size", {16, 8}}},
       f8,
       "weight_scale_inv",
       kBlock,
       false,
       nullptr,
       blocks},
      {"FP8 a tensor",
       {{"quant_method", "fp8"}, {"activation_scheme", "static"}},
       f8,
       "weight_scale_inv",
       kTensor,
       false,
       "activation_scale",
       {kE4M3, kTensor, kStatic}},
  };
}

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

std::vector<int64_t> ScaleShape(const Layout& layout, const std::vector<int64_t>& matrix) {
  switch (layout.granularity) {
    case ScaleGranularity::kRow:
      return layout.scale_is_column ? std::vector<int64_t>{matrix[0], 1}
                                    : std::vector<int64_t>{matrix[0]};
    case ScaleGranularity::kBlock:
      return {CeilDiv(matrix[0], layout.recipe.block_rows),
              CeilDiv(matrix[1], layout.recipe.block_columns)};
    default:
      return {};
  }
}

// The tiny network with its linears as codes 0, 1, 2, ... and scales 1, 2, 3, ...
Tensors CodedTensors(const Layout& layout) {
  const ModelConfig config = TinyConfig();
  Tensors tensors = TinyHfTensors(config);
  for (const ExpectedTensor& expected : ExpectedTensors(config)) {
    if (!IsLinear(expected.role)) continue;
    SafetensorsTensor& matrix = tensors[expected.hf_name];
    matrix.dtype = layout.dtype;
    matrix.data.resize(static_cast<size_t>(ValuesOf(expected.shape)));
    for (size_t i = 0; i < matrix.data.size(); ++i) matrix.data[i] = static_cast<char>(i % 0x70);
    const std::string module = expected.hf_name.substr(0, expected.hf_name.size() - 6);
    SafetensorsTensor scale = {DType::kF32, ScaleShape(layout, expected.shape), ""};
    std::vector<float> values(static_cast<size_t>(ValuesOf(scale.shape)));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i + 1);
    scale.data = Floats(values);
    tensors[module + layout.scale_name] = scale;
    if (layout.input_scale != nullptr) {
      const float input = expected.role == TensorRole::kKey ? 3.0F : 2.0F;
      tensors[module + layout.input_scale] = {DType::kF32, {1}, Floats({input})};
    }
  }
  return tensors;
}

void WriteFolder(const std::string& folder, const Layout& layout, const Tensors& tensors) {
  Json config = TinyHfConfig();
  if (layout.config.is_null()) {
    WriteBytes(folder + "/hf_quant_config.json",
               R"({"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "FP8"}})");
  } else {
    config["quantization_config"] = layout.config;
  }
  WriteBytes(folder + "/config.json", config.dump());
  WriteBytes(folder + "/model.safetensors", BuildSafetensors(tensors));
}

TEST(QuantizedFolderTest, EveryLayoutOpensWithItsScales) {
  for (const Layout& layout : Layouts()) {
    SCOPED_TRACE(layout.name);
    TempDir dir;
    Tensors tensors = CodedTensors(layout);
    tensors["model.layers.0.self_attn.k_proj.k_scale"] = {DType::kF32, {}, Floats({1})};
    WriteFolder(dir.path(), layout, tensors);
    const auto checkpoint = OpenCheckpoint(dir.path());
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    EXPECT_THAT(checkpoint->quantization, HasSubstr(RecipeText(layout.recipe)));
    for (const ExpectedTensor& expected : ExpectedTensors(checkpoint->config)) {
      const CheckpointTensor& tensor = *checkpoint->Find(expected.layer, expected.role);
      ASSERT_EQ(tensor.scales.has_value(), IsLinear(expected.role)) << tensor.name;
      if (!tensor.scales) continue;
      EXPECT_EQ(tensor.scales->recipe, layout.recipe) << tensor.name;
      ASSERT_EQ(tensor.scales->scales.size(),
                static_cast<size_t>(ValuesOf(ScaleShape(layout, expected.shape))));
      EXPECT_EQ(tensor.scales->scales.back(), static_cast<float>(tensor.scales->scales.size()));
      if (layout.recipe.activations != ActivationScale::kStatic) continue;
      // q, k and v share the largest.
      const bool reads_norm = expected.role == TensorRole::kQuery ||
                              expected.role == TensorRole::kKey ||
                              expected.role == TensorRole::kValue;
      EXPECT_EQ(tensor.scales->input_scale, reads_norm ? 3.0F : 2.0F) << tensor.name;
    }
  }
}

TEST(QuantizedFolderTest, LinearsThatAreNotQuantizedStayAsTheyAre) {
  const Layout layout = Layouts()[0];
  TempDir dir;
  Tensors tensors = CodedTensors(layout);
  const std::string module = "model.layers.1.mlp.down_proj.";
  tensors[module + "weight"] = TinyHfTensors()[module + "weight"];
  tensors.erase(module + "weight_scale");
  tensors.erase(module + "input_scale");
  WriteFolder(dir.path(), layout, tensors);
  const auto checkpoint = OpenCheckpoint(dir.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_FALSE(checkpoint->Find(1, TensorRole::kDown)->scales.has_value());
  EXPECT_TRUE(checkpoint->Find(0, TensorRole::kDown)->scales.has_value());
}

struct Lie {
  const char* what;
  size_t layout;
  std::function<void(Tensors&)> change;
  const char* message;
};

constexpr char kModule[] = "model.layers.1.mlp.up_proj.";

std::function<void(Tensors&)> SetScale(const char* name, std::vector<int64_t> shape,
                                       std::vector<float> values) {
  return [=](Tensors& tensors) {
    tensors[std::string(kModule) + name] = {DType::kF32, shape, Floats(values)};
  };
}

TEST(QuantizedFolderTest, LyingScalesAreOneLineThatNamesThem) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const Lie lies[] = {
      {"no scale", 0, [](Tensors& t) { t.erase(std::string(kModule) + "weight_scale"); },
       "up_proj.weight_scale is missing"},
      {"no input scale", 0, [](Tensors& t) { t.erase(std::string(kModule) + "input_scale"); },
       "up_proj.input_scale is missing"},
      {"NaN", 0, SetScale("weight_scale", {1}, {nan}), "up_proj.weight_scale holds nan"},
      {"infinity", 0, SetScale("weight_scale", {}, {infinity}), "weight_scale holds inf"},
      {"negative", 0, SetScale("weight_scale", {1}, {-1}), "weight_scale holds -1"},
      {"zero input", 0, SetScale("input_scale", {1}, {0}), "input_scale is 0"},
      {"NaN input", 0, SetScale("input_scale", {1}, {nan}), "input_scale holds nan"},
      {"two inputs", 0, SetScale("input_scale", {2}, {1, 1}), "input_scale is [2]"},
      {"two scales", 0, SetScale("weight_scale", {2}, {1, 1}), "is [2] and must be [1]"},
      {"a row of scales", 3, SetScale("weight_scale", {1, 1}, {1}), "is [1, 1] and must be ["},
      {"a turned grid", 4, SetScale("weight_scale", {1, 1}, {1}), "is [1, 1] and must be ["},
      {"scales of another type", 0,
       [](Tensors& t) {
         t[std::string(kModule) + "weight_scale"] = {DType::kI8, {1}, "x"};
       },
       "is I8; scales are"},
      {"codes of another type", 0,
       [](Tensors& t) { t[std::string(kModule) + "weight"].dtype = DType::kI8; },
       "up_proj.weight is I8, but the modelopt configuration says FP8"},
      {"a coded embedding", 0,
       [](Tensors& t) {
         SafetensorsTensor& table = t["model.embed_tokens.weight"];
         table.dtype = DType::kF8E4M3;
         table.data.resize(table.data.size() / 4);
       },
       "model.embed_tokens.weight is F8_E4M3"},
      {"a scale of nothing", 0, SetScale("other_scale", {1}, {1}), "not used"},
  };
  for (const Lie& lie : lies) {
    SCOPED_TRACE(lie.what);
    const Layout layout = Layouts()[lie.layout];
    TempDir dir;
    Tensors tensors = CodedTensors(layout);
    lie.change(tensors);
    WriteFolder(dir.path(), layout, tensors);
    const Status status = OpenCheckpoint(dir.path()).status();
    EXPECT_EQ(status.code(), StatusCode::kCorrupt) << status.message();
    EXPECT_THAT(status.message(), HasSubstr(lie.message));
    EXPECT_THAT(status.message(), HasSubstr(dir.path()));
    EXPECT_THAT(status.message(), Not(HasSubstr("\n")));
  }
}

TEST(QuantizedFolderTest, CodesWithoutAConfigurationAreNotWeights) {
  TempDir dir;
  Layout layout = Layouts()[0];
  WriteFolder(dir.path(), layout, CodedTensors(layout));
  WriteBytes(dir.File("config.json"), TinyHfConfig().dump());
  const Status status = OpenCheckpoint(dir.path()).status();
  EXPECT_THAT(status.message(), HasSubstr("of the wrong type"));
  EXPECT_THAT(status.message(), HasSubstr("is F8_E4M3"));
}

TEST(QuantizedFolderTest, SchemesThatCannotBeRunAreNamedWithWhatCan) {
  Json four_bits = CompressedTensors("int", "group", nullptr);
  four_bits["config_groups"]["group_0"]["weights"]["num_bits"] = 4;
  Json asymmetric = CompressedTensors("int", "channel", nullptr);
  asymmetric["config_groups"]["group_0"]["weights"]["symmetric"] = false;
  Json mixed = CompressedTensors("float", "channel", Inputs("float", "token", true));
  mixed["config_groups"]["group_1"] = CompressedTensors(
      "float", "tensor", Inputs("float", "tensor", false))["config_groups"]["group_0"];
  struct Case {
    Json config;
    const char* name;
  };
  const Case cases[] = {
      {{{"quant_method", "awq"}, {"bits", 4}}, "AWQ"},
      {{{"quant_method", "gptq"}, {"bits", 4}}, "GPTQ"},
      {{{"quant_method", "mxfp4"}}, "MXFP4"},
      {{{"quant_method", "bitsandbytes"}}, "BITSANDBYTES"},
      {{{"quant_method", "modelopt"}, {"quant_algo", "NVFP4"}}, "ModelOpt NVFP4"},
      {{{"quant_method", "fp8"}, {"fmt", "e5m2"}}, "FP8 e5m2"},
      {four_bits, "4-bit int"},
      {asymmetric, "asymmetric"},
      {mixed, "mixed-precision"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    TempDir dir;
    Json config = TinyHfConfig();
    config["quantization_config"] = c.config;
    WriteBytes(dir.File("config.json"), config.dump());
    WriteBytes(dir.File("model.safetensors"), BuildSafetensors(TinyHfTensors()));
    const Status status = OpenCheckpoint(dir.path()).status();
    EXPECT_EQ(status.code(), StatusCode::kUnsupported);
    EXPECT_THAT(status.message(), HasSubstr(c.name));
    EXPECT_THAT(status.message(), HasSubstr("quantization_config"));
    EXPECT_THAT(status.message(), HasSubstr("16-bit form can"));
  }
}

TEST(QuantizedFolderTest, ConfigurationsThatMakeNoSenseAreOneLine) {
  const Json cases[] = {
      4,
      Json::object(),
      {{"quant_method", 1}},
      {{"quant_method", "modelopt"}},
      {{"quant_method", "compressed-tensors"}},
      {{"quant_method", "compressed-tensors"}, {"config_groups", {{"a", 1}}}},
      {{"quant_method", "compressed-tensors"}, {"config_groups", {{"a", {{"weights", 1}}}}}},
      {{"quant_method", "fp8"}, {"weight_block_size", {128}}},
      {{"quant_method", "fp8"}, {"weight_block_size", {128, 0}}},
      {{"quant_method", "fp8"}, {"weight_block_size", {128, 1e9}}},
  };
  for (const Json& c : cases) {
    SCOPED_TRACE(c.dump());
    TempDir dir;
    Json config = TinyHfConfig();
    config["quantization_config"] = c;
    WriteBytes(dir.File("config.json"), config.dump());
    WriteBytes(dir.File("model.safetensors"), BuildSafetensors(TinyHfTensors()));
    const Status status = OpenCheckpoint(dir.path()).status();
    EXPECT_EQ(status.code(), StatusCode::kCorrupt) << status.message();
    EXPECT_THAT(status.message(), HasSubstr("quantization_config"));
  }
}

}  // namespace
}  // namespace qed
