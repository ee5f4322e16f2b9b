#include "quantize/quantized_folder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>

#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/weight_reader.h"
#include "tensor/eight_bit.h"
#include "tests/support/test_files.h"
#include "tests/support/tiny_model.h"

namespace qed {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr WeightRecipe kStaticFp8 = {WeightFormat::kFp8, ScaleGranularity::kTensor,
                                     ActivationScale::kStatic};
constexpr WeightRecipe kRowFp8 = {WeightFormat::kFp8, ScaleGranularity::kRow,
                                  ActivationScale::kToken};
constexpr WeightRecipe kInt8 = {WeightFormat::kInt8, ScaleGranularity::kRow,
                                ActivationScale::kNone};

// Different scales everywhere.
Calibration MadeUp(int32_t layers) {
  Calibration calibration;
  float scale = 0.01F;
  for (int32_t layer = 0; layer < layers; ++layer) {
    auto& kinds = calibration.layers.emplace_back();
    for (int kind = 0; kind < kObservedKinds; ++kind) {
      kinds[static_cast<ObservedRows>(kind)].scale = scale *= 1.5F;
    }
  }
  return calibration;
}

class QuantizedFolderTest : public ::testing::Test {
 protected:
  QuantizedFolderTest() {
    WriteTinyHfFolder(dir_.File("source"), TinyConfig("Qwen2ForCausalLM"));
    WriteBytes(dir_.File("source/tokenizer.json"), "{\"a\": 1}");
    WriteBytes(dir_.File("source/LICENSE"), "free");
  }

  Result<QuantizedFolder> Write(const QuantizeSettings& settings, const std::string& name,
                                int threads = 2) {
    ThreadPool pool(threads);
    const Checkpoint source = OpenCheckpoint(dir_.File("source")).value();
    const Calibration calibration = MadeUp(source.config.num_layers);
    return WriteQuantizedFolder(source, nullptr, settings, {.calibration = &calibration},
                                dir_.File(name), pool, nullptr);
  }

  TempDir dir_;
};

std::vector<float> FloatsOf(const Checkpoint& checkpoint, int32_t layer, TensorRole role) {
  const WeightReader reader(checkpoint, nullptr);
  const CheckpointTensor& tensor = reader.Tensor(layer, role);
  std::vector<float> values(static_cast<size_t>(tensor.shape[0] * tensor.shape[1]));
  reader.ReadFloats(tensor, WholeRows(tensor, 0, tensor.shape[0]), values);
  return values;
}

// Reads back what was written, in every recipe and layout: a step of the code at most
// away from the source, everything else as it was.
TEST_F(QuantizedFolderTest, OpensAgainWithTheSameNumbers) {
  int i = 0;
  for (const WeightRecipe& recipe : {kStaticFp8, kRowFp8, kInt8}) {
    for (ExportLayout layout : {ExportLayout::kModelOpt, ExportLayout::kCompressedTensors}) {
      const std::string name = "out" + std::to_string(i++);
      SCOPED_TRACE(RecipeText(recipe) + " " + name);
      const auto folder = Write({.recipe = recipe, .layout = layout}, name);
      ASSERT_TRUE(folder.ok()) << folder.status().message();
      EXPECT_EQ(*ReadFile(dir_.File(name + "/LICENSE")), "free");
      const auto made = OpenCheckpoint(dir_.File(name));
      ASSERT_TRUE(made.ok()) << made.status().message();
      const Checkpoint source = OpenCheckpoint(dir_.File("source")).value();
      EXPECT_EQ(folder->matrices.size(), 7 * 2u);
      EXPECT_LT(folder->bytes_after, folder->bytes_before);
      for (const ExpectedTensor& expected : ExpectedTensors(source.config)) {
        const CheckpointTensor& tensor = *made->Find(expected.layer, expected.role);
        if (!IsLinear(expected.role)) {
          const CheckpointTensor& before = *source.Find(expected.layer, expected.role);
          EXPECT_TRUE(std::ranges::equal(tensor.data, before.data)) << tensor.name;
          continue;
        }
        ASSERT_TRUE(tensor.scales.has_value());
        EXPECT_EQ(tensor.scales->recipe, recipe);
        const std::vector<float> before = FloatsOf(source, expected.layer, expected.role);
        const std::vector<float> after = FloatsOf(*made, expected.layer, expected.role);
        double error = 0, size = 0;
        for (size_t k = 0; k < before.size(); ++k) {
          error += std::pow(double{after[k]} - before[k], 2);
          size += double{before[k]} * before[k];
        }
        const double relative = std::sqrt(error / size);
        EXPECT_LT(relative, recipe.format == WeightFormat::kFp8 ? 0.05 : 0.01) << tensor.name;
        const auto report = std::ranges::find(folder->matrices, tensor.name, &MatrixReport::name);
        ASSERT_NE(report, folder->matrices.end());
        EXPECT_NEAR(report->error, relative, 1e-9);
      }
    }
  }
}

TEST_F(QuantizedFolderTest, LinearsThatReadersJoinShareTheirScale) {
  ASSERT_TRUE(Write({.recipe = kStaticFp8, .layout = ExportLayout::kModelOpt}, "joint").ok());
  ASSERT_TRUE(
      Write({.recipe = kStaticFp8, .layout = ExportLayout::kCompressedTensors}, "own").ok());
  const Checkpoint joint = OpenCheckpoint(dir_.File("joint")).value();
  const Checkpoint own = OpenCheckpoint(dir_.File("own")).value();
  const auto scale = [](const Checkpoint& checkpoint, TensorRole role) {
    return checkpoint.Find(1, role)->scales->scales[0];
  };
  using enum TensorRole;
  const float largest = std::max({scale(own, kQuery), scale(own, kKey), scale(own, kValue)});
  for (TensorRole role : {kQuery, kKey, kValue}) EXPECT_EQ(scale(joint, role), largest);
  EXPECT_EQ(scale(joint, kGate), scale(joint, kUp));
  EXPECT_NE(scale(own, kQuery), scale(own, kKey));
  EXPECT_EQ(joint.Find(1, kOutput)->scales->input_scale, own.Find(1, kOutput)->scales->input_scale);
}

TEST_F(QuantizedFolderTest, TheSameBytesWhateverTheThreadsAndInShards) {
  const QuantizeSettings whole = {.recipe = kRowFp8};
  ASSERT_TRUE(Write(whole, "one", 1).ok());
  ASSERT_TRUE(Write(whole, "three", 3).ok());
  EXPECT_EQ(*ReadFile(dir_.File("one/model.safetensors")),
            *ReadFile(dir_.File("three/model.safetensors")));
  ASSERT_TRUE(Write({.recipe = kRowFp8, .shard_bytes = 4096}, "shards").ok());
  EXPECT_TRUE(fs::exists(dir_.File("shards/model.safetensors.index.json")));
  const Checkpoint one = OpenCheckpoint(dir_.File("one")).value();
  const auto shards = OpenCheckpoint(dir_.File("shards"));
  ASSERT_TRUE(shards.ok()) << shards.status().message();
  EXPECT_GT(shards->files.size(), 1u);
  for (const auto& [name, tensor] : one.tensors) {
    EXPECT_TRUE(std::ranges::equal(tensor.data, shards->Find(name)->data)) << name;
  }
}

// What cannot be coded is named, and no part of a folder is left.
TEST_F(QuantizedFolderTest, ValuesThatAreNotFiniteAreRefusedByName) {
  for (float bad : {std::nanf(""), std::numeric_limits<float>::infinity(),
                    -std::numeric_limits<float>::infinity()}) {
    auto tensors = TinyHfTensors(TinyConfig("Qwen2ForCausalLM"));
    std::memcpy(tensors["model.layers.1.mlp.up_proj.weight"].data.data() + 4 * 37, &bad, 4);
    WriteBytes(dir_.File("source/model.safetensors"), BuildSafetensors(tensors));
    for (const WeightRecipe& recipe : {kStaticFp8, kRowFp8, kInt8}) {
      const Status status = Write({.recipe = recipe}, "bad").status();
      EXPECT_EQ(status.code(), StatusCode::kCorrupt);
      EXPECT_THAT(status.message(), HasSubstr("model.layers.1.mlp.up_proj.weight holds "));
      EXPECT_THAT(status.message(), HasSubstr("row 1"));
    }
  }
  for (const auto& entry : fs::directory_iterator(dir_.path())) {
    EXPECT_EQ(entry.path().filename(), "source");
  }
}

TEST_F(QuantizedFolderTest, TakenOrImpossibleTargetsAndQuantizedSourcesAreRefused) {
  ASSERT_TRUE(Write({.recipe = kInt8}, "int8").ok());
  Status status = Write({.recipe = kInt8}, "int8").status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("not an empty folder"));
  fs::create_directory(dir_.File("empty"));
  EXPECT_TRUE(Write({.recipe = kInt8}, "empty").ok());
  EXPECT_THAT(Write({.recipe = kInt8}, "source/config.json/x").status().message(),
              HasSubstr("cannot write"));
  const Checkpoint quantized = OpenCheckpoint(dir_.File("int8")).value();
  ThreadPool pool(1);
  status = WriteQuantizedFolder(quantized, nullptr, {.recipe = kInt8}, {}, dir_.File("again"), pool,
                                nullptr)
               .status();
  EXPECT_THAT(status.message(), HasSubstr("quantized already"));
}

}  // namespace
}  // namespace qed
