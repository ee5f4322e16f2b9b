// The GPU's way to a token, run on the CPU, beside the CPU's own sampler.
#include "kernels/cuda/token_choice.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "sampling/device_sampling.h"
#include "sampling/sampler.h"
#include "sampling/test_support.h"

namespace qed {
namespace {

// The Row of kernels/cuda/token_choice.h, one key after the other.
class HostRow {
 public:
  explicit HostRow(size_t vocab_size) : keys_(vocab_size) {}

  template <typename Fn>
  uint32_t Load(Fn fn) {
    for (size_t i = 0; i < keys_.size(); ++i) keys_[i] = fn(static_cast<int32_t>(i));
    return *std::ranges::max_element(keys_);
  }

  template <int N, typename Fn>
  cuda::Sums<N> Map(Fn fn) {
    ++passes;
    cuda::Sums<N> sums = {};
    for (uint32_t& key : keys_) fn(key, sums);
    return sums;
  }

  template <typename Fn>
  int32_t FindOrdered(Fn fn, uint64_t target) {
    for (size_t i = 0; i < keys_.size(); ++i) {
      const uint64_t value = fn(static_cast<int32_t>(i), keys_[i]);
      if (value > target) return static_cast<int32_t>(i);
      target -= value;
    }
    return -1;
  }

  template <typename In, typename Weigh, typename Choose>
  cuda::Picked PickListed(In in, Weigh weigh, Choose choose) {
    std::vector<cuda::Token> list;
    for (size_t i = 0; i < keys_.size(); ++i) {
      const auto id = static_cast<int32_t>(i);
      if (in(id, keys_[i])) list.push_back({keys_[i], id});
    }
    EXPECT_LE(list.size(), static_cast<size_t>(cuda::kListSize));
    cuda::Picked result;
    int chosen = 0;
    for (const cuda::Token& token : list) {
      cuda::Measure up_to;
      for (const cuda::Token& other : list) {
        if (cuda::PrecedesOrIs(other, token)) up_to += weigh(other.key);
      }
      const cuda::Picked picked = choose(token, up_to);
      if (picked.token.id < 0) continue;
      result = picked;
      ++chosen;
    }
    EXPECT_LE(chosen, 1);
    return result;
  }

  int passes = 0;  // over all keys

 private:
  std::vector<uint32_t> keys_;
};

class TokenChoiceTest : public ::testing::Test {
 protected:
  // Both samplers on the same logits.
  void Compare(const std::vector<float>& logits, const SamplingParams& params,
               uint64_t position = 0, const std::vector<int32_t>& history = {}, int32_t given = -1,
               bool next = true) {
    const auto vocab = static_cast<int32_t>(logits.size());
    TokenCounts counts(vocab, static_cast<int64_t>(history.size()));
    std::vector<uint16_t> codes(vocab, cuda::kUnseen);
    for (size_t i = 0; i < history.size(); ++i) {
      counts.Add(history[i], i % 3 != 0);
      codes[history[i]] = cuda::CountOnce(codes[history[i]], i % 3 != 0);
    }
    const std::vector<TokenBias> biases = MakeTokenBiases(params);
    const SampleRow row = {.logits = logits,
                           .params = &params,
                           .counts = HasPenalties(params) ? &counts : nullptr,
                           .position = position,
                           .given = given,
                           .biases = biases};
    Sampler sampler(vocab, pool_);
    SampledToken want;
    sampler.Sample({&row, 1}, {&want, 1});

    const cuda::SamplingRow device_row =
        MakeSamplingRow(params,
                        {.position = position,
                         .given = given,
                         .next = next,
                         .num_biases = static_cast<int32_t>(biases.size())},
                        vocab);
    HostRow host_row(logits.size());
    const int32_t id = cuda::ChooseToken(host_row, device_row, &device_row, logits.data(),
                                         device_row.has_penalties != 0 ? codes.data() : nullptr,
                                         device_row.num_biases > 0 ? biases.data() : nullptr);
    ASSERT_EQ(id, want.id) << "position " << position;
    passes_ = std::max(passes_, host_row.passes);
    if (params.logprobs < 0 || id < 0) return;
    std::vector<std::pair<int32_t, float>> tops(device_row.num_top, {-1, 0.0f});
    const float logprob = cuda::FindLogprobs(host_row, device_row, logits.data(), id,
                                             [&](int32_t rank, int32_t top, float value) {
                                               tops.at(rank) = {top, value};
                                             });
    std::erase_if(tops, [](const auto& top) { return top.first < 0; });
    ASSERT_EQ(tops.size(), want.top.size());
    ExpectNear(logprob, want.logprob);
    for (size_t i = 0; i < tops.size(); ++i) {
      EXPECT_EQ(tops[i].first, want.top[i].first) << i;
      ExpectNear(tops[i].second, want.top[i].second);
    }
  }

  static void ExpectNear(float a, float b) {
    if (std::isfinite(b)) {
      EXPECT_NEAR(a, b, 2e-6 * (1 + std::abs(b)));
    } else {
      EXPECT_EQ(a, b);
    }
  }

  ThreadPool pool_{1};
  int passes_ = 0;  // most over a row's keys
};

TEST_F(TokenChoiceTest, DrawsWhatTheSamplerDraws) {
  std::mt19937 rng(11);
  for (const int32_t vocab : {1, 2, 7, 300, 3000}) {
    for (const float spread : {0.001f, 0.5f, 3.0f, 30.0f}) {
      const std::vector<float> logits = RandomLogits(vocab, spread, rng());
      for (int round = 0; round < 100; ++round) {
        SamplingParams params =
            ParamsOf(0.1f + 0.3f * static_cast<float>(rng() % 6),
                     static_cast<int32_t>(rng() % 2 * (rng() % (vocab + 5))),
                     rng() % 2 ? 1.0f : 0.02f + 0.14f * static_cast<float>(rng() % 8),
                     rng() % 2 ? 0.0f : 0.01f * static_cast<float>(rng() % 30));
        params.seed = rng();
        params.sample_index = rng() % 5;
        Compare(logits, params, round);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(TokenChoiceTest, LargeVocabulariesTakeFewPasses) {
  const std::vector<float> logits = RandomLogits(50000, 3, 4);
  for (uint64_t position = 0; position < 20; ++position) {
    Compare(logits, ParamsOf(0.7f, 0, 0.95f, 0), position);
    Compare(logits, ParamsOf(0.6f, 20, 0.95f, 0), position);
    Compare(logits, ParamsOf(1.0f, 0, 1, 0), position);
    Compare(logits, ParamsOf(2.0f, 0, 0.9f, 0), position);
    if (HasFatalFailure()) return;
  }
  EXPECT_LE(passes_, 5);
}

TEST_F(TokenChoiceTest, TiesGoToLowIds) {
  // More of one value than a list holds.
  std::vector<float> flat(2000, 0.25f);
  for (uint64_t position = 0; position < 50; ++position) {
    Compare(flat, ParamsOf(1, 0, 1, 0), position);
    Compare(flat, ParamsOf(1, 700, 1, 0), position);
    Compare(flat, ParamsOf(1, 0, 0.3f, 0), position);
    Compare(flat, ParamsOf(1, 900, 0.9f, 1), position);
    Compare(flat, ParamsOf(0, 0, 1, 0), position);
  }
  flat[1500] = flat[77] = 3;
  flat[3] = 2.9999f;
  for (uint64_t position = 0; position < 50; ++position) {
    Compare(flat, ParamsOf(1, 1, 1, 0), position);
    Compare(flat, ParamsOf(1, 2, 1, 0), position);
    Compare(flat, ParamsOf(1, 1000, 1, 0), position);
    Compare(flat, ParamsOf(1, 0, 1e-6f, 0), position);
    Compare(flat, ParamsOf(0, 0, 1, 0), position);
  }
}

TEST_F(TokenChoiceTest, LogitsThatAreNotNumbers) {
  std::vector<float> all_nan(100, kNan), none(100, -kInf), infinite(100, 0.0f), mixed(100, kNan);
  infinite[3] = kInf;
  mixed[42] = -5.0f;
  mixed[43] = -kInf;
  mixed[44] = -5.5f;
  for (const float temperature : {0.0f, 1.0f, 1e-38f}) {
    SamplingParams params = ParamsOf(temperature, 3, 0.9f, 0.1f);
    params.logprobs = 5;
    for (const auto& logits : {all_nan, none, infinite, mixed}) Compare(logits, params);
  }
  // Zeros of both signs are equal.
  std::vector<float> zeros(50, -0.0f);
  zeros[20] = 0.0f;
  Compare(zeros, ParamsOf(0, 0, 1, 0));
}

TEST_F(TokenChoiceTest, ExtremeTemperatures) {
  const std::vector<float> logits = RandomLogits(500, 5, 1);
  for (uint64_t position = 0; position < 20; ++position) {
    for (const float temperature : {1e-45f, 1e-38f, 0.01f, 100.0f}) {
      Compare(logits, ParamsOf(temperature, 0, 1, 0), position);
      Compare(logits, ParamsOf(temperature, 0, 0.9f, 0), position);
    }
  }
}

TEST_F(TokenChoiceTest, LogprobsAndTheLikeliest) {
  for (const int32_t vocab : {3, 99, 100, 101, 5000}) {
    for (const float spread : {0.0f, 1.0f, 20.0f}) {
      const std::vector<float> logits = RandomLogits(vocab, spread, vocab);
      for (const int32_t k : {0, 1, 20, 100}) {
        SamplingParams params = ParamsOf(0.5f, 10, 0.9f, 0);
        params.logprobs = k;
        Compare(logits, params, k);
        Compare(logits, params, k, {}, vocab - 1, false);
      }
    }
  }
}

TEST_F(TokenChoiceTest, PenaltiesAndGivenTokens) {
  std::mt19937 rng(5);
  const std::vector<float> logits = RandomLogits(200, 1, 8);
  for (uint64_t position = 0; position < 100; ++position) {
    SamplingParams params = ParamsOf(static_cast<float>(position % 3) * 0.5f, 0, 0.9f, 0);
    params.repetition_penalty = 1.3f;
    params.presence_penalty = 0.7f;
    params.frequency_penalty = 0.31f;
    params.logprobs = 3;
    std::vector<int32_t> history(60);
    for (int32_t& id : history) id = static_cast<int32_t>(rng() % 40);
    Compare(logits, params, position, history);
    Compare(logits, params, position, history, 17, false);
  }
  const cuda::SamplingRow row = MakeSamplingRow(ParamsOf(1, 0, 1, 0), {.given = 5}, 200);
  HostRow host_row(200);
  EXPECT_EQ(cuda::ChooseToken(host_row, row, &row, logits.data(), nullptr, nullptr), 5);
}

TEST_F(TokenChoiceTest, BiasesComeBeforePenaltiesAndBarsEndInTime) {
  std::mt19937 rng(5);
  for (int round = 0; round < 300; ++round) {
    const std::vector<float> logits = RandomLogits(200, 2, rng());
    SamplingParams params = ParamsOf(0.5f * static_cast<float>(rng() % 3), 0, 0.9f, 0);
    std::vector<int32_t> ids(200);
    std::iota(ids.begin(), ids.end(), 0);
    std::ranges::shuffle(ids, rng);
    for (size_t i = 0; i < rng() % 200; ++i) {
      params.logit_bias.emplace_back(ids[i], static_cast<float>(rng() % 200) - 100);
    }
    for (size_t i = 0; i < rng() % 199; ++i) params.barred_ids.push_back(ids[199 - i]);
    params.barred_until = 2;
    if (rng() % 2 != 0) params.repetition_penalty = 1.3f;
    if (rng() % 2 != 0) params.presence_penalty = 0.7f;
    params.logprobs = 3;
    for (uint64_t position = 0; position < 4; ++position) {
      Compare(logits, params, position, {1, 5, 5, 100});
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(TokenChoiceTest, DraftsBeforeARowCountAsGenerated) {
  const cuda::SamplingRow rows[] = {
      {.draft = 5}, {.draft = 7, .place = 1}, {.draft = 5, .place = 2}, {.place = 3}};
  EXPECT_EQ(cuda::CountWithDrafts(rows, cuda::kUnseen, 5), cuda::kUnseen);
  EXPECT_EQ(cuda::CountWithDrafts(rows + 1, cuda::kUnseen, 5), 2);
  EXPECT_EQ(cuda::CountWithDrafts(rows + 1, cuda::kUnseen, 7), cuda::kUnseen);
  EXPECT_EQ(cuda::CountWithDrafts(rows + 3, 1, 5), 3);  // of the prompt, then drafted twice
  EXPECT_EQ(cuda::CountWithDrafts(rows + 3, 4, 7), 5);
}

TEST_F(TokenChoiceTest, CountsSaturate) {
  uint16_t code = cuda::kUnseen;
  code = cuda::CountOnce(code, false);
  EXPECT_EQ(code, 1);
  code = cuda::CountOnce(code, false);
  EXPECT_EQ(code, 1);
  for (int i = 0; i < 70000; ++i) code = cuda::CountOnce(code, true);
  EXPECT_EQ(code, 0xffff);
}

TEST(DeviceSamplingTest, RowsSayWhatTheParametersSay) {
  SamplingParams params = ParamsOf(0.5f, 20, 0.95f, 0.05f);
  params.sample_index = 3;
  cuda::SamplingRow row = MakeSamplingRow(params, {.slot = 4, .position = 9}, 1000);
  EXPECT_EQ(row.seed, 99u);
  EXPECT_EQ(row.stream, 3u);
  EXPECT_EQ(row.position, 9u);
  EXPECT_EQ(row.scale, 2.0f);
  EXPECT_EQ(row.slot, 4);
  EXPECT_EQ(row.next, 1);
  EXPECT_EQ(row.logprobs, 0);
  EXPECT_EQ(row.num_top, 0);
  EXPECT_EQ(row.has_penalties, 0);
  params.temperature = 0;
  params.logprobs = 50;
  params.presence_penalty = 1;
  row = MakeSamplingRow(params, {}, 30);
  EXPECT_EQ(row.scale, 0);
  EXPECT_EQ(row.logprobs, 1);
  EXPECT_EQ(row.num_top, 30);
  EXPECT_EQ(row.has_penalties, 1);
  // A prompt's token is only scored.
  params.logprobs = -1;
  row = MakeSamplingRow(params, {.given = 7, .next = false}, 30);
  EXPECT_EQ(row.logprobs, 1);
  EXPECT_EQ(row.num_top, 0);
  EXPECT_EQ(row.has_penalties, 0);
}

}  // namespace
}  // namespace qed
