// The GPU's logits beside those of the CPU, which computes in f32, over prompts in
// chunks, decode rows, mixed steps and graphs.
#include "model/cuda_decoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "checkpoint/random_checkpoint.h"
#include "cuda/test_device.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/loader.h"
#include "model/test_checkpoint.h"
#include "tests/support/cuda_test_model.h"
#include "tests/support/model_runner.h"

namespace qed {
namespace {

constexpr int kVocab = 304;

struct Shape {
  const char* name;
  int heads, kv_heads, head_dim;
  bool bias, head_norms, tied;
};

// The groups of query heads that published models have, and each kind of network.
constexpr Shape kShapes[] = {{"Group1", 2, 2, 64, false, false, false},
                             {"Group3Llama", 6, 2, 64, false, false, true},
                             {"Group5Qwen2", 10, 2, 128, true, false, false},
                             {"Group7Qwen2", 14, 2, 64, true, false, true},
                             {"Group8Qwen3", 8, 1, 128, false, true, false}};

ModelConfig ConfigOf(const Shape& shape) {
  ModelConfig config = SmallGpuConfig();
  config.num_heads = shape.heads;
  config.num_kv_heads = shape.kv_heads;
  config.head_dim = shape.head_dim;
  config.vocab_size = kVocab;
  config.qkv_bias = shape.bias;
  config.output_bias = shape.bias;
  config.qk_norm = shape.head_norms;
  config.tied_embeddings = shape.tied;
  return config;
}

CudaDecoderOptions OptionsFor(const char* quantize) {
  return SmallDecoderOptions(/*max_num_tokens=*/600, /*max_batch_size=*/20,
                             ParseWeightRecipe(quantize).value());
}

std::unique_ptr<CudaLanguageModel> LoadOnGpu(const Checkpoint& checkpoint, const char* quantize) {
  ThreadPool pool(3);
  auto model = LoadOnFirstGpu(checkpoint, OptionsFor(quantize), pool);
  EXPECT_TRUE(model.ok()) << model.status().message();
  return model.ok() ? std::move(model).value() : nullptr;
}

std::unique_ptr<LanguageModel> LoadOnCpu(const Checkpoint& checkpoint, const std::string& quantize,
                                         ThreadPool& pool) {
  EngineConfig config;
  config.compute = "f32";
  config.quantize = quantize;
  config.kv_cache_bytes = 64 << 20;
  config.max_num_tokens = 600;
  config.max_batch_size = 20;
  return LoadModel(checkpoint, nullptr, config, pool).value();
}

std::vector<int32_t> RandomTokens(int count, uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_int_distribution<int32_t> id(0, kVocab - 1);
  std::vector<int32_t> tokens(static_cast<size_t>(count));
  for (int32_t& t : tokens) t = id(generator);
  return tokens;
}

double RelativeDistance(const std::vector<float>& got, const std::vector<float>& want) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    difference += (double{got[i]} - want[i]) * (double{got[i]} - want[i]);
    size += double{want[i]} * want[i];
  }
  return std::sqrt(difference / size);
}

struct Case {
  Shape shape;
  const char* quantize;
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const Shape& shape : kShapes) {
    for (const char* quantize : {"none", "fp8", "fp8_per_tensor", "int8_wo"}) {
      cases.push_back({shape, quantize});
    }
  }
  return cases;
}

// The network with its embedding off by as much as rounding to bfloat16 can make it.
// How far its logits lie from those of `test` says what one rounding does to this
// network: in FP8 much, since a code that tips over changes a value by up to 2^-4.
TestCheckpoint WithRoundingNoise(const ModelConfig& config) {
  constexpr float kBFloat16Step = 0x1p-8F;
  TestCheckpoint noisy = RandomCheckpoint(config, DType::kBF16);
  CheckpointTensor& embedding = noisy.checkpoint.tensors.at("model.embed_tokens.weight");
  const auto count = static_cast<size_t>(embedding.shape[0] * embedding.shape[1]);
  std::vector<float> values(count);
  DequantizeRow(embedding.dtype, embedding.data, values);
  std::mt19937 generator(7);
  std::uniform_real_distribution<float> noise(-kBFloat16Step, kBFloat16Step);
  for (float& v : values) v *= 1 + noise(generator);
  std::vector<std::byte>& bytes = noisy.storage.emplace_back(count * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  embedding.dtype = DType::kF32;
  embedding.data = bytes;
  return noisy;
}

// Root mean square of distances, and the largest.
struct Distances {
  double squares = 0, largest = 0;
  int count = 0;
  void Add(double distance) {
    squares += distance * distance;
    largest = std::max(largest, distance);
    ++count;
  }
  double mean() const { return std::sqrt(squares / count); }
};

class CudaDecoderTest : public ::testing::TestWithParam<Case> {};

TEST_P(CudaDecoderTest, GivesTheCpusLogits) {
  QED_REQUIRE_DEVICE();
  const TestCheckpoint test = RandomCheckpoint(ConfigOf(GetParam().shape), DType::kBF16);
  const auto gpu = LoadOnGpu(test.checkpoint, GetParam().quantize);
  ASSERT_NE(gpu, nullptr);
  ThreadPool pool(2);
  const auto cpu = LoadOnCpu(test.checkpoint, GetParam().quantize, pool);
  const TestCheckpoint noisy = WithRoundingNoise(ConfigOf(GetParam().shape));
  const auto noisy_cpu = LoadOnCpu(noisy.checkpoint, GetParam().quantize, pool);
  ModelRunner on_gpu(*gpu), on_cpu(*cpu), on_noisy(*noisy_cpu);
  on_gpu.SkipPages(5);

  Distances from_cpu, from_noise;
  const auto step = [&](const std::vector<ModelRunner::Input>& inputs, const std::string& what) {
    const auto got = on_gpu.Step(inputs), want = on_cpu.Step(inputs);
    const auto with_noise = on_noisy.Step(inputs);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) {
      from_noise.Add(RelativeDistance(with_noise[i], want[i]));
      from_cpu.Add(RelativeDistance(got[i], want[i]));
      // Logits of another network would be at 1.4.
      ASSERT_LT(from_cpu.largest, 0.5) << what << " row " << i;
    }
  };
  step({{0, RandomTokens(13, 1), true}}, "a short prompt");
  EXPECT_FALSE(gpu->last_was_recorded());
  step({{1, RandomTokens(300, 2)}, {0, RandomTokens(5, 3), true}}, "a chunk and several rows");
  step({{0, RandomTokens(1, 4)}, {1, RandomTokens(200, 5)}, {2, RandomTokens(1, 6)}}, "mixed");
  for (uint32_t i = 0; i < 3; ++i) {
    step({{1, RandomTokens(1, 10 + i)}, {0, RandomTokens(1, 20 + i)}, {2, RandomTokens(1, 30 + i)}},
         "decode");
    EXPECT_TRUE(gpu->last_was_recorded());
  }
  std::vector<ModelRunner::Input> many;
  for (int s = 3; s < 20; ++s) many.push_back({s, RandomTokens(1, 40 + s)});
  step(many, "decode of 17");
  EXPECT_TRUE(gpu->last_was_recorded());
  // Some fifteen roundings one after another, each of half the noise's size, of which
  // those in later layers have less of the network before them.
  EXPECT_LT(from_cpu.mean(), 2 * from_noise.mean());
  EXPECT_LT(from_cpu.largest, 3 * from_noise.largest);
}

INSTANTIATE_TEST_SUITE_P(Shapes, CudaDecoderTest, ::testing::ValuesIn(Cases()),
                         [](const auto& test) {
                           return std::string(test.param.shape.name) + "_" + test.param.quantize;
                         });

TEST(CudaDecoderRandomTest, RandomWeightsAreTheCpus) {
  QED_REQUIRE_DEVICE();
  const Checkpoint checkpoint = MakeRandomCheckpoint("tiny", RandomShape("tiny").value());
  ThreadPool pool(2);
  const auto cpu = LoadOnCpu(checkpoint, "none", pool);
  const auto gpu = LoadOnGpu(checkpoint, "none");
  ASSERT_NE(gpu, nullptr);
  const std::vector<int32_t> tokens = RandomTokens(20, 1);
  const auto got = ModelRunner(*gpu).Step({{0, tokens, true}});
  const auto want = ModelRunner(*cpu).Step({{0, tokens, true}});
  for (size_t i = 0; i < got.size(); ++i) EXPECT_LT(RelativeDistance(got[i], want[i]), 0.02) << i;
}

TEST(CudaDecoderErrorTest, WhatCannotBeRunIsToldInOneLine) {
  QED_REQUIRE_DEVICE();
  ThreadPool pool(1);
  const cuda::DeviceInfo device = cuda::OpenDevice(0).value();
  ModelConfig odd = ConfigOf(kShapes[0]);
  odd.head_dim = 48;
  const TestCheckpoint odd_heads = RandomCheckpoint(odd, DType::kBF16);
  const auto unsupported =
      CudaDecoder::Load(odd_heads.checkpoint, nullptr, OptionsFor("none"), device, pool);
  ASSERT_FALSE(unsupported.ok());
  EXPECT_EQ(unsupported.status().code(), StatusCode::kUnsupported);
  EXPECT_THAT(unsupported.status().message(), ::testing::HasSubstr("48"));

  const TestCheckpoint fine = RandomCheckpoint(ConfigOf(kShapes[0]), DType::kBF16);
  CudaDecoderOptions greedy = OptionsFor("none");
  greedy.reserved_bytes = int64_t{1} << 50;
  const auto too_large = CudaDecoder::Load(fine.checkpoint, nullptr, greedy, device, pool);
  ASSERT_FALSE(too_large.ok());
  EXPECT_EQ(too_large.status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(too_large.status().message(), ::testing::HasSubstr("bytes short"));
}

}  // namespace
}  // namespace qed
