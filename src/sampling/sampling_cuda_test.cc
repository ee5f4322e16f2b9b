// The GPU's sampler beside the CPU's, on the same logits.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "cuda/buffer.h"
#include "cuda/stream.h"
#include "cuda/test_device.h"
#include "gtest/gtest.h"
#include "kernels/cuda/sampling.h"
#include "sampling/device_sampling.h"
#include "sampling/sampler.h"
#include "sampling/test_support.h"

namespace qed {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr uint16_t kUnseen = cuda::kUnseen;

template <typename T>
cuda::DeviceBuffer ToDevice(const std::vector<T>& values) {
  cuda::DeviceBuffer buffer =
      std::move(cuda::DeviceBuffer::Allocate(std::max<size_t>(1, values.size()) * sizeof(T)))
          .value();
  const cuda::Stream stream = std::move(cuda::Stream::Create()).value();
  cuda::CopyToDevice(buffer.data(), values.data(), values.size() * sizeof(T), stream.handle());
  EXPECT_TRUE(stream.Synchronize().ok());
  return buffer;
}

template <typename T>
std::vector<T> ToHost(const cuda::DeviceBuffer& buffer, size_t count) {
  std::vector<T> values(count);
  const cuda::Stream stream = std::move(cuda::Stream::Create()).value();
  cuda::CopyToHost(values.data(), buffer.data(), count * sizeof(T), stream.handle());
  EXPECT_TRUE(stream.Synchronize().ok());
  return values;
}

struct Row {
  std::vector<float> logits;
  SamplingParams params;
  DeviceSample sample;
};

// Runs all rows at once on the GPU: as it would, or (with `in_blocks`) as a GPU
// without clusters does.
std::vector<SampledToken> SampleOnDevice(const std::vector<Row>& rows, bool in_blocks) {
  const auto vocab = static_cast<int32_t>(rows[0].logits.size());
  const auto count = static_cast<int32_t>(rows.size());
  int32_t tops = 0;
  std::vector<float> logits;
  std::vector<cuda::SamplingRow> device_rows;
  std::vector<TokenBias> biases(rows.size() * cuda::kMaxTokenBiases);
  for (const Row& row : rows) {
    logits.insert(logits.end(), row.logits.begin(), row.logits.end());
    DeviceSample sample = row.sample;
    const std::vector<TokenBias> own = MakeTokenBiases(row.params);
    sample.num_biases = static_cast<int32_t>(own.size());
    std::ranges::copy(own, biases.begin() + int64_t{sample.slot} * cuda::kMaxTokenBiases);
    cuda::SamplingRow& device_row =
        device_rows.emplace_back(MakeSamplingRow(row.params, sample, vocab));
    device_row.first_top = tops;
    tops += device_row.num_top;
  }
  const int64_t result_bytes = cuda::SamplingResultBytes(count, tops);
  const cuda::DeviceBuffer logits_on = ToDevice(logits), rows_on = ToDevice(device_rows);
  const cuda::DeviceBuffer counts =
      ToDevice(std::vector<uint16_t>(static_cast<size_t>(vocab) * rows.size(), kUnseen));
  const cuda::DeviceBuffer biases_on = ToDevice(biases);
  const cuda::DeviceBuffer sampled = ToDevice(std::vector<int32_t>(rows.size(), -7));
  const cuda::DeviceBuffer result = ToDevice(std::vector<std::byte>(result_bytes, std::byte{0xcd}));
  const int64_t scratch_bytes =
      in_blocks ? (int64_t{vocab} + 2048) * 4 * count : cuda::SamplingScratchBytes(vocab, count);
  const cuda::DeviceBuffer scratch = ToDevice(std::vector<std::byte>(scratch_bytes));
  const cuda::Stream stream = std::move(cuda::Stream::Create()).value();
  cuda::Sample({.logits = logits_on.As<float>(),
                .vocab_size = vocab,
                .rows = rows_on.As<cuda::SamplingRow>(),
                .num_rows = count,
                .any_logprobs = true,
                .counts = counts.As<uint16_t>(),
                .biases = biases_on.As<TokenBias>(),
                .sampled = sampled.As<int32_t>(),
                .result = result.As<cuda::TokenLogprob>(),
                .num_tops = tops,
                .scratch = scratch_bytes == 0 ? nullptr : scratch.As<uint32_t>()},
               stream.handle());
  EXPECT_TRUE(stream.Synchronize().ok());
  const auto read = ToHost<cuda::TokenLogprob>(result, static_cast<size_t>(count + tops));
  std::vector<SampledToken> tokens(rows.size());
  for (size_t r = 0; r < rows.size(); ++r) {
    tokens[r].id = read[r].id;
    tokens[r].logprob = read[r].logprob;
    const cuda::TokenLogprob* top = read.data() + rows.size() + device_rows[r].first_top;
    for (int32_t i = 0; i < device_rows[r].num_top && top[i].id >= 0; ++i) {
      tokens[r].top.emplace_back(top[i].id, top[i].logprob);
    }
  }
  const auto kept = ToHost<int32_t>(sampled, rows.size());
  for (size_t r = 0; r < rows.size(); ++r) {
    EXPECT_EQ(kept[rows[r].sample.slot], rows[r].sample.next ? tokens[r].id : -7);
  }
  return tokens;
}

void ExpectAsOnCpu(const std::vector<Row>& rows) {
  ThreadPool pool(2);
  Sampler sampler(static_cast<int32_t>(rows[0].logits.size()), pool);
  std::vector<SampleRow> cpu_rows;
  std::vector<std::vector<TokenBias>> biases;
  for (const Row& row : rows) biases.push_back(MakeTokenBiases(row.params));
  for (size_t r = 0; r < rows.size(); ++r) {
    cpu_rows.push_back({.logits = rows[r].logits,
                        .params = &rows[r].params,
                        .position = rows[r].sample.position,
                        .given = rows[r].sample.given,
                        .biases = biases[r]});
  }
  std::vector<SampledToken> want(rows.size());
  sampler.Sample(cpu_rows, want);
  for (const bool in_blocks : {false, true}) {
    const std::vector<SampledToken> got = SampleOnDevice(rows, in_blocks);
    for (size_t r = 0; r < rows.size(); ++r) {
      SCOPED_TRACE("row " + std::to_string(r) + (in_blocks ? " in a block" : " in a cluster"));
      ASSERT_EQ(got[r].id, want[r].id);
      if (rows[r].params.logprobs < 0 || want[r].id < 0) continue;
      ASSERT_EQ(got[r].top.size(), want[r].top.size());
      EXPECT_NEAR(got[r].logprob, want[r].logprob, 1e-5 * (1 + std::abs(want[r].logprob)));
      for (size_t i = 0; i < got[r].top.size(); ++i) {
        EXPECT_EQ(got[r].top[i].first, want[r].top[i].first) << i;
        if (std::isinf(want[r].top[i].second)) continue;
        EXPECT_NEAR(got[r].top[i].second, want[r].top[i].second,
                    1e-5 * (1 + std::abs(want[r].top[i].second)));
      }
    }
  }
}

TEST(CudaSamplingTest, DrawsWhatTheCpuDraws) {
  QED_REQUIRE_DEVICE();
  std::mt19937 rng(2);
  for (const int32_t vocab : {1, 31, 4097, 49152, 152064}) {
    std::vector<Row> rows;
    for (int32_t r = 0; r < 24; ++r) {
      Row row = {RandomLogits(vocab, 0.5f + static_cast<float>(r % 5), rng()), {}, {.slot = r}};
      row.params.temperature = 0.2f * static_cast<float>(r % 7);
      row.params.top_k = r % 3 == 0 ? static_cast<int32_t>(rng() % 60) : 0;
      row.params.top_p = r % 2 == 0 ? 0.95f : 1.0f;
      row.params.min_p = r % 5 == 0 ? 0.05f : 0.0f;
      row.params.seed = rng();
      row.params.sample_index = r;
      row.params.logprobs = r % 4 == 0 ? static_cast<int32_t>(rng() % 101) : -1;
      row.sample.position = r;
      if (vocab > 1 && r % 4 == 3) {
        row.params.logit_bias = {{0, 4.0f}, {vocab - 1, 5.0f}, {vocab / 2, -3.0f}};
        row.params.barred_ids = {vocab - 1};
        row.params.barred_until = 12;
      }
      if (r == 9) row.sample = {.slot = 9, .position = 1, .given = 0, .next = true};
      if (r == 12) row.sample = {.slot = 12, .position = 1, .given = vocab - 1, .next = false};
      rows.push_back(std::move(row));
    }
    SCOPED_TRACE("vocabulary of " + std::to_string(vocab));
    ASSERT_NO_FATAL_FAILURE(ExpectAsOnCpu(rows));
  }
}

TEST(CudaSamplingTest, TiesAndWhatIsNoNumber) {
  QED_REQUIRE_DEVICE();
  constexpr int32_t kVocab = 30000;
  std::vector<Row> rows;
  for (int32_t r = 0; r < 12; ++r) {
    Row row = {std::vector<float>(kVocab, 1.0f), {}, {.slot = r, .position = uint64_t(r)}};
    row.params.seed = 3;
    row.params.logprobs = 7;
    if (r < 6) {
      row.params.top_k = r % 2 * 5000;
      row.params.top_p = r % 3 == 0 ? 0.6f : 1.0f;
    }
    if (r == 6) row.params.temperature = 0;
    if (r == 7) std::ranges::fill(row.logits, kNan);
    if (r == 8) std::ranges::fill(row.logits, -kInf);
    if (r == 9) row.logits[5] = kInf;
    if (r == 10) {
      std::ranges::fill(row.logits, kNan);
      row.logits[20001] = -3;
    }
    if (r == 11) row.params.temperature = 1e-45f;
    rows.push_back(std::move(row));
  }
  ASSERT_NO_FATAL_FAILURE(ExpectAsOnCpu(rows));
}

// Step after step, with the counts that the device keeps itself.
TEST(CudaSamplingTest, PenaltiesFollowTheTokens) {
  QED_REQUIRE_DEVICE();
  constexpr int32_t kVocab = 500, kSlots = 3, kSlot = 1;
  SamplingParams params;
  params.repetition_penalty = 1.4f;
  params.presence_penalty = 0.5f;
  params.frequency_penalty = 0.3f;
  params.seed = 17;
  const std::vector<int32_t> prompt = {5, 9, 9, 400, -1, kVocab, 5};
  const std::vector<uint8_t> generated = {0, 1, 1, 0, 1, 1, 0};
  TokenCounts cpu_counts(kVocab, 1000);
  for (size_t i = 0; i < prompt.size(); ++i) {
    if (prompt[i] >= 0 && prompt[i] < kVocab) cpu_counts.Add(prompt[i], generated[i] != 0);
  }
  const cuda::DeviceBuffer counts = ToDevice(std::vector<uint16_t>(kVocab * kSlots, 77));
  const cuda::DeviceBuffer prompt_on = ToDevice(prompt), generated_on = ToDevice(generated);
  const cuda::DeviceBuffer sampled = ToDevice(std::vector<int32_t>(kSlots, -7));
  const cuda::DeviceBuffer result = ToDevice(std::vector<cuda::TokenLogprob>(1));
  const cuda::Stream stream = std::move(cuda::Stream::Create()).value();
  cuda::AddTokenCounts(counts.As<uint16_t>() + kSlot * kVocab, kVocab, true,
                       prompt_on.As<int32_t>(), generated_on.As<uint8_t>(),
                       static_cast<int32_t>(prompt.size()), stream.handle());
  const int64_t scratch_bytes = cuda::SamplingScratchBytes(kVocab, 1);
  const cuda::DeviceBuffer scratch = ToDevice(std::vector<std::byte>(scratch_bytes));
  ThreadPool pool(1);
  Sampler sampler(kVocab, pool);
  for (uint64_t step = 0; step < 60; ++step) {
    const std::vector<float> logits = RandomLogits(kVocab, 0.3f, static_cast<uint32_t>(step));
    const SampleRow cpu_row = {logits, &params, &cpu_counts, step};
    SampledToken want;
    sampler.Sample({&cpu_row, 1}, {&want, 1});
    cpu_counts.Add(want.id, true);
    const cuda::DeviceBuffer logits_on = ToDevice(logits);
    const cuda::DeviceBuffer row_on = ToDevice(std::vector<cuda::SamplingRow>{
        MakeSamplingRow(params, {.slot = kSlot, .position = step}, kVocab)});
    cuda::Sample({.logits = logits_on.As<float>(),
                  .vocab_size = kVocab,
                  .rows = row_on.As<cuda::SamplingRow>(),
                  .num_rows = 1,
                  .counts = counts.As<uint16_t>(),
                  .sampled = sampled.As<int32_t>(),
                  .result = result.As<cuda::TokenLogprob>(),
                  .scratch = scratch_bytes == 0 ? nullptr : scratch.As<uint32_t>()},
                 stream.handle());
    ASSERT_TRUE(stream.Synchronize().ok());
    ASSERT_EQ(ToHost<cuda::TokenLogprob>(result, 1)[0].id, want.id) << "step " << step;
  }
  const auto left = ToHost<uint16_t>(counts, kVocab * kSlots);
  EXPECT_EQ(left[0], 77) << "another slot's";
  EXPECT_EQ(left[kVocab * 2], 77) << "another slot's";
}

}  // namespace
}  // namespace qed
