#include "sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sampling/test_support.h"
#include "tests/support/sanitizers.h"

namespace qed {
namespace {

class SamplerTest : public ::testing::Test {
 protected:
  SampledToken Sample(const std::vector<float>& logits, const SamplingParams& params,
                      uint64_t position = 0, const TokenCounts* counts = nullptr) {
    Sampler sampler(static_cast<int32_t>(logits.size()), pool_);
    const SampleRow row = {logits, &params, counts, position};
    SampledToken token;
    sampler.Sample({&row, 1}, {&token, 1});
    return token;
  }

  // How often each id comes in `draws` draws at positions 0, 1, 2, ...
  std::vector<int64_t> Histogram(const std::vector<float>& logits, const SamplingParams& params,
                                 int draws) {
    Sampler sampler(static_cast<int32_t>(logits.size()), pool_);
    std::vector<int64_t> counts(logits.size());
    std::vector<SampleRow> rows(100);
    std::vector<SampledToken> tokens(rows.size());
    for (int done = 0; done < draws; done += static_cast<int>(rows.size())) {
      for (size_t i = 0; i < rows.size(); ++i) rows[i] = {logits, &params, nullptr, done + i};
      sampler.Sample(rows, tokens);
      for (const SampledToken& token : tokens) ++counts.at(token.id);
    }
    return counts;
  }

  ThreadPool pool_{2};
};

// The distribution by the definitions, in double and by sorting.
std::vector<double> ExactDistribution(const std::vector<float>& logits,
                                      const SamplingParams& params) {
  const size_t vocab = logits.size();
  const double max = *std::ranges::max_element(logits);
  std::vector<double> p(vocab);
  for (size_t i = 0; i < vocab; ++i) {
    p[i] = std::exp((double{logits[i]} - max) / double{params.temperature});
    if (p[i] < double{params.min_p}) p[i] = 0;
  }
  std::vector<int> order(vocab);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](int a, int b) { return p[a] > p[b]; });
  if (params.top_k > 0) {
    for (size_t rank = params.top_k; rank < vocab; ++rank) p[order[rank]] = 0;
  }
  const double mass = std::accumulate(p.begin(), p.end(), 0.0);
  double sum = 0;
  for (int id : order) {
    if (params.top_p < 1 && sum >= params.top_p * mass) p[id] = 0;
    sum += p[id];
  }
  const double kept = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= kept;
  return p;
}

struct DistributionCase {
  std::string name;
  int32_t vocab = 300;
  float spread = 2;
  SamplingParams params;
};

SamplingParams Params(float temperature, int32_t top_k, float top_p, float min_p) {
  return ParamsOf(temperature, top_k, top_p, min_p, 12345);
}

class DistributionTest : public SamplerTest,
                         public ::testing::WithParamInterface<DistributionCase> {};

TEST_P(DistributionTest, DrawsTheExactDistribution) {
  const DistributionCase& c = GetParam();
  const std::vector<float> logits = RandomLogits(c.vocab, c.spread, 5);
  const std::vector<double> exact = ExactDistribution(logits, c.params);
  constexpr int kDraws = Rounds(20000);
  const std::vector<int64_t> counts = Histogram(logits, c.params, kDraws);

  // Chi-square, tokens that are expected fewer than 10 times in one cell.
  double statistic = 0, rare_expected = 0, rare_seen = 0;
  int cells = 0;
  for (size_t id = 0; id < exact.size(); ++id) {
    const double expected = exact[id] * kDraws;
    const auto seen = static_cast<double>(counts[id]);
    EXPECT_TRUE(exact[id] > 0 || counts[id] == 0) << "token " << id << " was filtered out";
    if (expected < 10) {
      rare_expected += expected;
      rare_seen += seen;
      continue;
    }
    statistic += (seen - expected) * (seen - expected) / expected;
    ++cells;
  }
  if (rare_expected >= 10) {
    statistic += (rare_seen - rare_expected) * (rare_seen - rare_expected) / rare_expected;
    ++cells;
  }
  // The statistic has mean n and variance 2n; 4 sigma is one failure in 10^4,
  // and the draws are always the same.
  const double freedom = std::max(1, cells - 1);
  EXPECT_LT(statistic, freedom + 4 * std::sqrt(2 * freedom)) << cells << " cells";
}

INSTANTIATE_TEST_SUITE_P(
    Table, DistributionTest,
    ::testing::Values(DistributionCase{"Plain", 300, 2, Params(1, 0, 1, 0)},
                      DistributionCase{"OneToken", 1, 2, Params(1, 0, 0.5f, 0)},
                      DistributionCase{"Flat", 1000, 0.01f, Params(1, 0, 0.9f, 0)},
                      DistributionCase{"Hot", 300, 2, Params(3, 0, 1, 0)},
                      DistributionCase{"Cold", 300, 2, Params(0.3f, 0, 1, 0)},
                      DistributionCase{"TopK", 300, 2, Params(1, 7, 1, 0)},
                      DistributionCase{"TopKOverBlocks", 300, 2, Params(1, 100, 1, 0)},
                      DistributionCase{"TopKOverVocabulary", 300, 2, Params(1, 5000, 1, 0)},
                      DistributionCase{"TopP", 300, 2, Params(0.7f, 0, 0.95f, 0)},
                      DistributionCase{"TopPTiny", 300, 2, Params(1, 0, 1e-6f, 0)},
                      DistributionCase{"TopPOfLarge", 2000, 1, Params(1, 0, 0.8f, 0)},
                      DistributionCase{"MinP", 300, 2, Params(1, 0, 1, 0.05f)},
                      DistributionCase{"MinPOne", 300, 2, Params(1, 0, 1, 1.0f)},
                      DistributionCase{"AllFilters", 300, 2, Params(0.8f, 40, 0.9f, 0.02f)}),
    [](const auto& test) { return test.param.name; });

// Where float and double may disagree on which side of the edge a token lies,
// the sets differ by that token at most.
TEST_F(SamplerTest, FiltersKeepTheRightSetOfRandomRows) {
  std::mt19937 rng(3);
  for (int round = 0; round < Rounds(300); ++round) {
    const int32_t vocab = 1 + static_cast<int32_t>(rng() % 700);
    const std::vector<float> logits =
        RandomLogits(vocab, 0.5f + static_cast<float>(rng() % 4), rng());
    SamplingParams params = Params(0.2f + 0.2f * static_cast<float>(rng() % 8),
                                   static_cast<int32_t>(rng() % 3 * (rng() % 50)),
                                   rng() % 2 ? 1.0f : 0.05f + 0.1f * static_cast<float>(rng() % 9),
                                   rng() % 2 ? 0.0f : 0.01f * static_cast<float>(rng() % 20));
    const std::vector<double> exact = ExactDistribution(logits, params);
    double least = 1;
    for (double p : exact) least = p > 0 ? std::min(least, p) : least;
    for (uint64_t position = 0; position < 50; ++position) {
      params.seed = round;
      const int32_t id = Sample(logits, params, position).id;
      ASSERT_GE(id, 0);
      const double weight = std::exp(double{logits[id] - *std::ranges::max_element(logits)} /
                                     double{params.temperature});
      EXPECT_TRUE(exact[id] > 0 || weight >= least * (1 - 1e-5)) << "round " << round;
    }
  }
}

TEST_F(SamplerTest, GreedyTakesTheLowestOfEqualIds) {
  std::vector<float> logits(200, -1.0f);
  logits[77] = logits[150] = 3.0f;
  EXPECT_EQ(Sample(logits, Params(0, 0, 1, 0)).id, 77);
  EXPECT_EQ(Sample(logits, Params(1, 1, 1, 0)).id, 77);
  EXPECT_EQ(Sample(logits, Params(1, 0, 1e-6f, 0)).id, 77);
}

TEST_F(SamplerTest, TiesAtTheEdgeOfAFilterGoToLowIds) {
  const std::vector<float> logits(256, 0.0f);
  const std::vector<int64_t> counts = Histogram(logits, Params(1, 4, 1, 0), 1000);
  for (size_t id = 0; id < counts.size(); ++id) EXPECT_EQ(counts[id] > 0, id < 4) << id;
  const std::vector<int64_t> by_mass = Histogram(logits, Params(1, 0, 0.25f, 0), 5000);
  for (size_t id = 0; id < by_mass.size(); ++id) EXPECT_EQ(by_mass[id] > 0, id < 64) << id;
}

TEST_F(SamplerTest, SurvivesLogitsThatAreNotNumbers) {
  const std::vector<float> all_nan(100, kNan), none(100, -kInf);
  std::vector<float> infinite(100, 0.0f), mixed(100, kNan);
  infinite[3] = kInf;
  mixed[42] = -5.0f;
  mixed[43] = -kInf;
  for (float temperature : {0.0f, 1.0f, 1e-38f}) {
    SamplingParams params = Params(temperature, 3, 0.9f, 0.1f);
    params.logprobs = 5;
    EXPECT_EQ(Sample(all_nan, params).id, -1);
    EXPECT_EQ(Sample(none, params).id, -1);
    EXPECT_EQ(Sample(infinite, params).id, -1);
    const SampledToken token = Sample(mixed, params);
    EXPECT_EQ(token.id, 42);
    EXPECT_FLOAT_EQ(token.logprob, 0.0f);
  }
}

TEST_F(SamplerTest, ExtremeTemperaturesStayDefined) {
  const std::vector<float> logits = RandomLogits(500, 5, 1);
  const auto likeliest = static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin());
  EXPECT_EQ(Sample(logits, Params(1e-38f, 0, 1, 0)).id, likeliest);
  EXPECT_EQ(Sample(logits, Params(1e-45f, 0, 0.9f, 0)).id, likeliest);
  std::vector<int64_t> counts = Histogram(logits, Params(100, 0, 1, 0), 5000);
  EXPECT_GT(std::ranges::count_if(counts, [](int64_t n) { return n > 0; }), 400);
}

TEST_F(SamplerTest, LogprobsAreOfTheRawDistribution) {
  const std::vector<float> logits = RandomLogits(1000, 3, 9);
  const std::vector<double> exact = ExactDistribution(logits, Params(1, 0, 1, 0));
  SamplingParams params = Params(0.5f, 10, 0.9f, 0);
  params.logprobs = 20;
  const SampledToken token = Sample(logits, params);
  EXPECT_NEAR(token.logprob, std::log(exact[token.id]), 1e-5);
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](int a, int b) { return logits[a] > logits[b]; });
  ASSERT_EQ(token.top.size(), 20u);
  for (size_t rank = 0; rank < token.top.size(); ++rank) {
    EXPECT_EQ(token.top[rank].first, order[rank]);
    EXPECT_NEAR(token.top[rank].second, std::log(exact[order[rank]]), 1e-5);
  }
  params.logprobs = 0;
  EXPECT_TRUE(Sample(logits, params).top.empty());
  // More than there are blocks, and more than there are tokens.
  params.logprobs = 100;
  EXPECT_EQ(Sample(logits, params).top.size(), 100u);
  EXPECT_EQ(Sample(RandomLogits(7, 1, 1), params).top.size(), 7u);
}

TEST_F(SamplerTest, PenaltiesFollowTheirFormulas) {
  SamplingParams params = Params(0, 0, 1, 0);
  params.repetition_penalty = 2;
  params.presence_penalty = 0.5f;
  params.frequency_penalty = 0.25f;
  TokenCounts counts(4, 10);
  counts.Add(0, false);
  counts.Add(1, true);
  counts.Add(1, true);
  counts.Add(2, false);
  std::vector<float> logits = {4, 4, -1, 3};
  counts.ApplyPenalties(params, {}, logits);
  EXPECT_THAT(logits, ::testing::ElementsAre(2, 2 - 0.5f - 0.5f, -2, 3));
  EXPECT_EQ(Sample({4, 4, -1, 3}, params, 0, &counts).id, 3);
  // Log-probabilities do not see penalties.
  params.logprobs = 1;
  const SampledToken token = Sample({4, 4, -1, 3}, params, 0, &counts);
  EXPECT_EQ(token.top[0].first, 0);
}

TEST_F(SamplerTest, DraftsCountAsIfTheyHadBeenGenerated) {
  std::mt19937 random(5);
  SamplingParams params = Params(0, 0, 1, 0);
  params.repetition_penalty = 1.3f;
  params.presence_penalty = 0.5f;
  params.frequency_penalty = 0.25f;
  for (int round = 0; round < 100; ++round) {
    TokenCounts counts(10, 100), all(10, 100);
    for (int i = 0; i < 5; ++i) {
      const auto id = static_cast<int32_t>(random() % 10);
      const bool generated = random() % 2 == 0;
      counts.Add(id, generated);
      all.Add(id, generated);
    }
    std::vector<int32_t> drafts(random() % 5);
    for (int32_t& id : drafts) {
      id = static_cast<int32_t>(random() % 10);
      all.Add(id, true);
    }
    std::vector<float> got = RandomLogits(10, 3, round), want = got;
    counts.ApplyPenalties(params, drafts, got);
    all.ApplyPenalties(params, {}, want);
    EXPECT_EQ(got, want);
  }
}

TEST_F(SamplerTest, NeighboursAndThreadsChangeNothing) {
  constexpr int32_t kVocab = 2000;
  ThreadPool one(1);
  Sampler alone(kVocab, one), together(kVocab, pool_);
  std::vector<std::vector<float>> logits;
  std::vector<SamplingParams> params;
  for (int i = 0; i < 32; ++i) {
    logits.push_back(RandomLogits(kVocab, 2, i));
    params.push_back(Params(0.1f * static_cast<float>(i % 12), i % 5 * 10, i % 3 ? 0.9f : 1.0f,
                            i % 4 ? 0.0f : 0.01f));
    params.back().logprobs = i % 6 - 1;
  }
  std::vector<SampleRow> rows;
  for (int i = 0; i < 32; ++i) rows.push_back({logits[i], &params[i], nullptr, uint64_t(i)});
  std::vector<SampledToken> tokens(rows.size());
  together.Sample(rows, tokens);
  for (size_t i = 0; i < rows.size(); ++i) {
    SampledToken token;
    alone.Sample({&rows[i], 1}, {&token, 1});
    EXPECT_EQ(token.id, tokens[i].id);
    EXPECT_EQ(token.top, tokens[i].top);
    EXPECT_EQ(token.logprob, tokens[i].logprob);
  }
}

TEST_F(SamplerTest, SeedSampleAndPositionEachChangeTheDraw) {
  const std::vector<float> logits(4096, 0.0f);
  SamplingParams params = Params(1, 0, 1, 0);
  const int32_t id = Sample(logits, params, 3).id;
  EXPECT_EQ(Sample(logits, params, 3).id, id);
  EXPECT_NE(Sample(logits, params, 4).id, id);
  params.sample_index = 1;
  EXPECT_NE(Sample(logits, params, 3).id, id);
  params.sample_index = 0;
  params.seed = 2;
  EXPECT_NE(Sample(logits, params, 3).id, id);
}

TEST(ValidateSamplingParams, NamesWhatIsWrong) {
  SamplingParams params;
  EXPECT_TRUE(ValidateSamplingParams(params, 100).ok());
  params.stop_token_ids = {100};
  EXPECT_THAT(ValidateSamplingParams(params, 100).message(), ::testing::HasSubstr("100"));
  params = {};
  params.logprobs = 101;
  EXPECT_THAT(ValidateSamplingParams(params, 100).message(), ::testing::HasSubstr("logprobs"));
  params = {};
  params.temperature = kNan;
  EXPECT_THAT(ValidateSamplingParams(params, 100).message(), ::testing::HasSubstr("temperature"));
  params = {};
  params.top_p = 0;
  EXPECT_EQ(ValidateSamplingParams(params, 100).code(), StatusCode::kInvalidArgument);
  params = {};
  params.max_tokens = 0;
  EXPECT_EQ(ValidateSamplingParams(params, 100).code(), StatusCode::kInvalidArgument);
}

TEST_F(SamplerTest, BiasesAndBars) {
  const std::vector<float> logits = {1, 4, 3, 2};
  SamplingParams params;
  params.temperature = 0;
  params.logprobs = 0;
  const auto draw = [&](uint64_t position) {
    const std::vector<TokenBias> biases = MakeTokenBiases(params);
    const SampleRow row = {
        .logits = logits, .params = &params, .position = position, .biases = biases};
    Sampler sampler(4, pool_);
    SampledToken token;
    sampler.Sample({&row, 1}, {&token, 1});
    return token;
  };
  EXPECT_EQ(draw(0).id, 1);
  params.logit_bias = {{0, 3.5f}};
  EXPECT_EQ(draw(0).id, 0);
  const double sum = std::exp(1.0) + std::exp(4.0) + std::exp(3.0) + std::exp(2.0);
  EXPECT_NEAR(draw(0).logprob, 1 - std::log(sum), 1e-5) << "of the model itself";
  params.barred_ids = {0, 1};
  params.barred_until = 3;
  EXPECT_EQ(draw(2).id, 2);
  EXPECT_EQ(draw(3).id, 0);
}

TEST_F(SamplerTest, AForcedTokenTakesThePlaceOfTheDrawnOne) {
  const std::vector<float> logits = RandomLogits(500, 3, 5);
  SamplingParams params;
  params.logprobs = 2;
  const SampledToken drawn = Sample(logits, params);
  Sampler sampler(500, pool_);
  const SampleRow row = {.logits = logits, .params = &params, .forced = 7};
  SampledToken token;
  sampler.Sample({&row, 1}, {&token, 1});
  EXPECT_EQ(token.id, 7);
  EXPECT_FLOAT_EQ(token.logprob - logits[7], drawn.logprob - logits[drawn.id]);
  EXPECT_EQ(token.top, drawn.top);
}

TEST_F(SamplerTest, AGivenTokenIsScoredAloneWhereNoOthersAreAskedFor) {
  const std::vector<float> logits = RandomLogits(500, 3, 6);
  const SamplingParams params;
  ASSERT_EQ(params.logprobs, -1);
  Sampler sampler(500, pool_);
  const SampleRow row = {.logits = logits, .params = &params, .given = 7};
  SampledToken token;
  sampler.Sample({&row, 1}, {&token, 1});
  EXPECT_EQ(token.id, 7);
  EXPECT_LT(token.logprob, 0);
  EXPECT_TRUE(token.top.empty());
}

}  // namespace
}  // namespace qed
