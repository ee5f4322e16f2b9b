// Calibration on a GPU beside that on the CPU, which computes in f32.
#include <cmath>
#include <memory>
#include <vector>

#include "config/engine_config.h"
#include "cuda/test_device.h"
#include "gtest/gtest.h"
#include "model/loader.h"
#include "model/test_checkpoint.h"
#include "quantize/calibration.h"
#include "quantize/test_support.h"
#include "quantize/text_quality.h"
#include "tests/support/cuda_test_model.h"

namespace qed {
namespace {

std::vector<TokenText> Texts() { return TextsOfLengths({30, 7, 1, 90, 200, 2}); }

TestCheckpoint MakeCheckpoint(bool bias) {
  ModelConfig config = SmallGpuConfig();
  config.qkv_bias = bias;
  return RandomCheckpoint(config, DType::kBF16);
}

std::unique_ptr<Decoder> LoadOnCpu(const Checkpoint& checkpoint, ThreadPool& pool) {
  EngineConfig config;
  config.compute = "f32";
  config.kv_cache_bytes = 16 << 20;
  config.max_num_tokens = 64;
  config.max_batch_size = 16;
  return LoadDecoder(checkpoint, nullptr, config, pool).value();
}

// A value is rounded to bfloat16 a few times on its way: by 2^-8 each.
TEST(CudaCalibrationTest, FindsTheScalesOfTheCpu) {
  QED_REQUIRE_DEVICE();
  constexpr float kTolerance = 0.03F;
  ThreadPool pool(2);
  for (bool bias : {false, true}) {
    const TestCheckpoint test = MakeCheckpoint(bias);
    const auto cpu = LoadOnCpu(test.checkpoint, pool);
    const auto gpu =
        LoadOnFirstGpu(test.checkpoint, SmallDecoderOptions(64, 16, std::nullopt), pool);
    ASSERT_TRUE(gpu.ok()) << gpu.status().message();
    // One text at a time has steps of one row, which otherwise are graphs.
    for (int32_t batch_size : {1, 4}) {
      const auto expected = Calibrate(Texts(), batch_size, Observer::kMax, *cpu, nullptr);
      const auto found = Calibrate(Texts(), batch_size, Observer::kMax, **gpu, nullptr);
      ASSERT_TRUE(expected.ok() && found.ok());
      EXPECT_EQ(found->tokens, expected->tokens);
      ASSERT_EQ(found->layers.size(), expected->layers.size());
      for (size_t layer = 0; layer < found->layers.size(); ++layer) {
        for (const auto& [kind, chosen] : expected->layers[layer]) {
          const ChosenScale& scale = found->layers[layer].at(kind);
          EXPECT_NEAR(scale.scale / chosen.scale, 1.0F, kTolerance)
              << "layer " << layer << " kind " << static_cast<int>(kind) << " bias " << bias;
          EXPECT_NEAR(scale.error / chosen.error, 1.0, kTolerance);
        }
      }
    }
  }
}

TEST(CudaCalibrationTest, ModelsAreNearOnBothDevices) {
  QED_REQUIRE_DEVICE();
  ThreadPool pool(2);
  const TestCheckpoint test = MakeCheckpoint(false);
  const auto cpu = LoadOnCpu(test.checkpoint, pool);
  const auto gpu = LoadOnFirstGpu(test.checkpoint, SmallDecoderOptions(64, 16, std::nullopt), pool);
  ASSERT_TRUE(gpu.ok()) << gpu.status().message();
  // Counting ends where the observer goes: later steps may be graphs again.
  ASSERT_TRUE(Calibrate(Texts(), 2, Observer::kMax, **gpu, nullptr).ok());
  const std::vector<TokenText> texts = TakeTokens(Texts(), 300);
  const TextQuality quality = CompareModels(texts, 2, 1 << 20, *cpu, **gpu, pool, nullptr);
  EXPECT_LT(quality.kl, 1e-3);
  EXPECT_NEAR(quality.perplexity_after / quality.perplexity_before, 1.0, 0.01);
}

}  // namespace
}  // namespace qed
