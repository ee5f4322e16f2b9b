#include "engine/engine_core.h"

#include <cmath>
#include <limits>
#include <string>

#include "engine/core_test_support.h"
#include "gmock/gmock.h"

namespace qed {
namespace {

using ::testing::ElementsAre;

SamplingParams Greedy(int32_t max_tokens) {
  SamplingParams params;
  params.temperature = 0;
  params.max_tokens = max_tokens;
  return params;
}

class EngineCoreTest : public ::testing::TestWithParam<Depth> {
 protected:
  // One request on a model that counts: after "a" come "b", "c", ...
  StretchResult Count(const std::string& prompt, const SamplingParams& params,
                      const FakeModel::Options& options = {}) {
    CoreHarness harness(GetParam(), options, FakeModel::CountingLogits);
    auto sink = std::make_shared<CollectingSink>();
    harness.Submit(Bytes(prompt), params, sink);
    harness.RunToEnd();
    EXPECT_EQ(sink->result.done, 1);
    const EngineStats stats = harness.core.Stats();
    EXPECT_EQ(stats.pages_free + stats.pages_cached, options.num_pages);
    return sink->result;
  }
};

INSTANTIATE_TEST_SUITE_P(Depths, EngineCoreTest, ::testing::Values(Depth::kOne, Depth::kTwo),
                         [](const auto& test) {
                           return test.param == Depth::kOne ? "One" : "Two";
                         });

TEST_P(EngineCoreTest, GeneratesUpToMaxTokens) {
  const StretchResult result = Count("a", Greedy(5));
  EXPECT_EQ(result.text, "bcdef");
  EXPECT_THAT(result.ids, ElementsAre('b', 'c', 'd', 'e', 'f'));
  EXPECT_EQ(result.info.reason, FinishReason::kLength);
  EXPECT_EQ(result.info.prompt_tokens, 1);
  EXPECT_EQ(result.info.generated_tokens, 5);
  EXPECT_EQ(result.info.stop_token_id, -1);
}

TEST_P(EngineCoreTest, TheContextEndsGeneration) {
  FakeModel::Options options;
  options.context_length = 10;
  const StretchResult result = Count("abcd", Greedy(100), options);
  EXPECT_EQ(result.text, "efghij");
  EXPECT_EQ(result.info.reason, FinishReason::kLength);
}

TEST_P(EngineCoreTest, TheModelsEndOfSequenceStops) {
  FakeModel::Options options;
  options.eos_token_ids = {'d'};
  const StretchResult result = Count("a", Greedy(100), options);
  EXPECT_EQ(result.text, "bc") << "the stop token's text is left out";
  EXPECT_THAT(result.ids, ElementsAre('b', 'c', 'd'));
  EXPECT_EQ(result.info.reason, FinishReason::kStop);
  EXPECT_EQ(result.info.stop_token_id, 'd');
  EXPECT_EQ(result.info.generated_tokens, 3);

  SamplingParams params = Greedy(5);
  params.ignore_eos = true;
  EXPECT_EQ(Count("a", params, options).text, "bcdef");
}

TEST_P(EngineCoreTest, NothingEndsBeforeTheLeastNumberOfTokens) {
  FakeModel::Options options;
  options.eos_token_ids = {'d'};
  SamplingParams params = Greedy(100);
  params.stop_token_ids = {'e'};
  params.min_tokens = 6;
  const StretchResult result = Count("a", params, options);
  EXPECT_GE(result.ids.size(), 6u);
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_NE(result.ids[i], 'd') << i;
    EXPECT_NE(result.ids[i], 'e') << i;
  }

  params = Greedy(100);
  params.stop = {"c", "g"};
  params.min_tokens = 3;
  EXPECT_EQ(Count("a", params).text, "bcdef") << "stop strings count behind them only";
}

TEST_P(EngineCoreTest, BiasesChangeWhatIsSaid) {
  SamplingParams params = Greedy(3);
  params.logit_bias = {{'x', 100.0f}};
  EXPECT_EQ(Count("a", params).text, "xxx");
}

TEST_P(EngineCoreTest, StopTokenIdsOfTheRequestStop) {
  SamplingParams params = Greedy(100);
  params.stop_token_ids = {'z', 'e'};
  params.ignore_eos = true;
  const StretchResult result = Count("a", params);
  EXPECT_EQ(result.text, "bcd");
  EXPECT_EQ(result.info.stop_token_id, 'e');
}

TEST_P(EngineCoreTest, StopStringsEndTheTextExactly) {
  SamplingParams params = Greedy(100);
  params.stop = {"xyz", "ef", "fgh"};
  StretchResult result = Count("a", params);
  EXPECT_EQ(result.text, "bcd");
  EXPECT_EQ(result.info.stop_reason, "ef");
  EXPECT_EQ(result.info.reason, FinishReason::kStop);
  EXPECT_EQ(result.info.generated_tokens, 5);
  params.include_stop_text = true;
  EXPECT_EQ(Count("a", params).text, "bcdef");
}

TEST_P(EngineCoreTest, AStopStringMayEndInsideAToken) {
  // The last token stands for "yz!".
  const auto logits = [](std::span<const int32_t> tokens, std::span<float> out) {
    std::ranges::fill(out, 0.0f);
    out[tokens.back() == 'x' ? kByteTokenizerMulti : (tokens.back() + 1) % 256] = 1;
  };
  CoreHarness harness(GetParam(), {}, logits);
  auto sink = std::make_shared<CollectingSink>();
  SamplingParams params = Greedy(100);
  params.stop = {"xy"};
  params.include_stop_text = true;
  const RequestId id = harness.Submit(Bytes("v"), params, sink, true);
  harness.RunToEnd();
  EXPECT_EQ(sink->result.text, "wxy");
  EXPECT_THAT(sink->result.ids, ElementsAre('w', 'x', kByteTokenizerMulti));
  // The history has the whole token: 1 + 3 tokens, and goes on from it.
  sink->result = {};
  harness.Continue(id, {}, Greedy(1));
  harness.RunToEnd();
  EXPECT_THAT(sink->result.ids, ElementsAre((kByteTokenizerMulti + 1) % 256));
}

TEST_P(EngineCoreTest, TextHeldForAStopStringComesOutAtTheEnd) {
  SamplingParams params = Greedy(3);
  params.stop = {"cdX"};
  EXPECT_EQ(Count("a", params).text, "bcd");
}

TEST_P(EngineCoreTest, AStopStringOfTheLastTokenWinsOverLength) {
  SamplingParams params = Greedy(3);
  params.stop = {"cd"};
  EXPECT_EQ(Count("a", params).info.reason, FinishReason::kStop);
}

TEST_P(EngineCoreTest, HalfACharacterIsHeldBackAndMarkedAtTheEnd) {
  // 0xC3 0xA4 is one character; the counting model makes 0xC3 0xC4 of it.
  const StretchResult result = Count("\xC2", Greedy(1));
  EXPECT_EQ(result.text, "\xEF\xBF\xBD");
}

TEST_P(EngineCoreTest, LogitsThatAreNotNumbersEndTheRequestWithAnError) {
  const auto logits = [](std::span<const int32_t> tokens, std::span<float> out) {
    std::ranges::fill(out, tokens.size() < 4 ? 0.0f : std::numeric_limits<float>::quiet_NaN());
  };
  CoreHarness harness(GetParam(), {}, logits);
  auto sink = std::make_shared<CollectingSink>();
  harness.Submit(Bytes("ab"), Greedy(100), sink);
  harness.RunToEnd();
  EXPECT_EQ(sink->result.info.reason, FinishReason::kError);
  EXPECT_FALSE(sink->result.info.error.ok());
  EXPECT_EQ(sink->result.ids.size(), 2u);
}

TEST_P(EngineCoreTest, LogprobsComeWithEveryToken) {
  SamplingParams params = Greedy(4);
  params.logprobs = 3;
  const StretchResult result = Count("a", params);
  ASSERT_EQ(result.logprobs.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(result.logprobs[i].token_id, result.ids[i]);
    ASSERT_EQ(result.logprobs[i].top.size(), 3u);
    EXPECT_EQ(result.logprobs[i].top[0].first, result.ids[i]);
    EXPECT_FLOAT_EQ(result.logprobs[i].top[0].second, result.logprobs[i].logprob);
  }
}

TEST_P(EngineCoreTest, SamplesOfOneProblemPrefillThePromptOnce) {
  FakeModel::Options options;
  options.max_num_tokens = 64;
  CoreHarness harness(GetParam(), options);
  const std::vector<int32_t> prompt(41, 7);
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  for (int i = 0; i < 8; ++i) {
    SamplingParams params;
    params.max_tokens = 3;
    params.sample_index = i;
    sinks.push_back(std::make_shared<CollectingSink>());
    harness.Submit(prompt, params, sinks.back());
  }
  harness.RunToEnd();
  // 10 full pages of 4 tokens are shared; each computes the 41st token.
  EXPECT_EQ(harness.core.Stats().prompt_tokens, 41 + 7);
  EXPECT_EQ(harness.core.Stats().cached_tokens, 7 * 40);
  EXPECT_EQ(sinks[0]->result.info.cached_tokens, 0);
  EXPECT_EQ(sinks[7]->result.info.cached_tokens, 40);
  EXPECT_EQ(harness.core.Stats().generated_tokens, 24);
}

TEST_P(EngineCoreTest, AChunkedPromptIsSharedWhileItIsComputed) {
  FakeModel::Options options;
  options.max_num_tokens = 8;
  CoreHarness harness(GetParam(), options);
  for (int i = 0; i < 4; ++i) {
    harness.Submit(std::vector<int32_t>(33, 7), Greedy(2), std::make_shared<CollectingSink>());
  }
  harness.RunToEnd();
  EXPECT_EQ(harness.core.Stats().prompt_tokens, 33 + 3);
}

TEST_P(EngineCoreTest, ContinueGoesOnFromItsOwnPages) {
  CoreHarness harness(GetParam(), {}, FakeModel::CountingLogits);
  auto sink = std::make_shared<CollectingSink>();
  const RequestId id = harness.Submit(Bytes("hello"), Greedy(3), sink, true);
  harness.RunToEnd();
  EXPECT_EQ(sink->result.text, "pqr");
  EXPECT_EQ(harness.core.Stats().kept, 1);
  const int64_t before = harness.model.tokens_computed();
  sink->result = {};
  harness.Continue(id, Bytes("12"), Greedy(2));
  harness.RunToEnd();
  EXPECT_EQ(sink->result.text, "34");
  EXPECT_EQ(sink->result.info.prompt_tokens, 2);
  EXPECT_EQ(sink->result.info.generated_tokens, 2);
  // The token that was sampled last, the two appended, one of the two generated.
  EXPECT_EQ(harness.model.tokens_computed() - before, 1 + 2 + 1);
  harness.core.Release(id);
  EXPECT_EQ(harness.core.Stats().kept, 0);
  EXPECT_TRUE(harness.core.CheckIntegrity().ok());
}

TEST_P(EngineCoreTest, AKeptSequenceThatLostItsPagesIsComputedAgainUnseen) {
  FakeModel::Options options;
  options.num_pages = 10;  // 40 tokens
  CoreHarness harness(GetParam(), options, FakeModel::CountingLogits);
  auto kept = std::make_shared<CollectingSink>();
  const RequestId id = harness.Submit(Bytes("hello hello"), Greedy(3), kept, true);
  harness.RunToEnd();
  auto other = std::make_shared<CollectingSink>();
  harness.Submit(std::vector<int32_t>(35, 'A'), Greedy(4), other);
  harness.RunToEnd();
  EXPECT_EQ(other->result.text, "BCDE");
  kept->result = {};
  harness.Continue(id, Bytes("1"), Greedy(3));
  harness.RunToEnd();
  EXPECT_EQ(kept->result.text, "234");
  EXPECT_EQ(kept->result.info.prompt_tokens, 1);
  EXPECT_EQ(kept->result.info.cached_tokens, 0);
}

TEST_P(EngineCoreTest, CancelFreesPagesWithinAStepAndKeepsTheText) {
  CoreHarness harness(GetParam(), {}, FakeModel::CountingLogits, /*prefix_cache=*/false);
  auto sink = std::make_shared<CollectingSink>();
  SamplingParams params = Greedy(100);
  params.stop = {"fgX"};
  const RequestId id = harness.Submit(Bytes("a"), params, sink);
  for (int i = 0; i < 6; ++i) harness.Step();
  EXPECT_EQ(sink->result.text, "bcde") << "fg may begin a stop string";
  harness.core.Cancel(id);
  harness.core.Deliver();
  EXPECT_EQ(sink->result.text, "bcdefg");
  EXPECT_EQ(sink->result.info.reason, FinishReason::kCancelled);
  EXPECT_EQ(sink->result.info.generated_tokens, 6);
  EXPECT_EQ(harness.core.Stats().pages_free, harness.core.Stats().pages_total);
  harness.core.Cancel(id);
  harness.core.Cancel(12345);
  EXPECT_TRUE(harness.core.deliveries().empty());
}

TEST_P(EngineCoreTest, CancelledWhileKeptCanBeContinuedOrReleasedAtOnce) {
  CoreHarness harness(GetParam(), {}, FakeModel::CountingLogits);
  auto sink = std::make_shared<CollectingSink>();
  const RequestId id = harness.Submit(Bytes("a"), Greedy(100), sink, true);
  harness.Step();
  harness.core.Cancel(id);
  harness.core.Deliver();
  EXPECT_EQ(sink->result.done, 1);
  sink->result = {};
  harness.Continue(id, {}, Greedy(2));
  harness.RunToEnd();
  EXPECT_EQ(sink->result.text, "cd");

  sink->result = {};
  harness.Continue(id, {}, Greedy(100));
  harness.Step();
  harness.core.Cancel(id);
  harness.core.Release(id);  // before the end was delivered
  harness.core.Deliver();
  EXPECT_EQ(sink->result.done, 1);
  EXPECT_TRUE(harness.core.CheckIntegrity().ok());
}

TEST_P(EngineCoreTest, RequestsBeyondTheBatchWaitTheirTurn) {
  FakeModel::Options options;
  options.max_batch_size = 2;
  CoreHarness harness(GetParam(), options, FakeModel::CountingLogits);
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  for (int i = 0; i < 7; ++i) {
    sinks.push_back(std::make_shared<CollectingSink>());
    harness.Submit(Bytes(std::string(1, static_cast<char>('a' + i))), Greedy(3), sinks.back());
  }
  harness.Step();
  EXPECT_EQ(harness.core.Stats().running, 2);
  EXPECT_EQ(harness.core.Stats().waiting, 5);
  harness.RunToEnd();
  for (const auto& sink : sinks) EXPECT_EQ(sink->result.ids.size(), 3u);
}

TEST(MakeEngineLimits, TakesTheSmallerAndNamesContradictions) {
  FakeModel model({});
  ThreadPool pool(1);
  const CpuStepRunner runner(model, pool);
  EngineConfig config;
  Result<EngineLimits> limits = MakeEngineLimits(runner, config);
  ASSERT_TRUE(limits.ok());
  EXPECT_EQ(limits->max_batch_size, 8);
  EXPECT_EQ(limits->max_num_tokens, 64);
  EXPECT_EQ(limits->max_seq_len, 800) << "200 pages of 4 tokens";
  config.max_seq_len = 900;
  EXPECT_THAT(MakeEngineLimits(runner, config).status().message(),
              ::testing::HasSubstr("--kv-cache-bytes"));
  config.max_seq_len = 1001;
  EXPECT_THAT(MakeEngineLimits(runner, config).status().message(),
              ::testing::HasSubstr("1000 tokens"));
  config.max_seq_len = 0;
  config.max_batch_size = 0;
  EXPECT_EQ(MakeEngineLimits(runner, config).status().code(), StatusCode::kInvalidArgument);
}

// What the fake model says of a prompt, computed here.
std::vector<float> ExpectedPromptLogprobs(const std::vector<int32_t>& prompt, int32_t vocab_size) {
  std::vector<float> expected;
  std::vector<float> logits(vocab_size);
  for (size_t i = 1; i < prompt.size(); ++i) {
    FakeModel::HashLogits(std::span(prompt).first(i), logits);
    double sum = 0;
    for (float logit : logits) sum += std::exp(logit);
    expected.push_back(static_cast<float>(logits[prompt[i]] - std::log(sum)));
  }
  return expected;
}

// Also where pages are so few that scoring sequences are preempted, beside
// others with the same prompt, which they must not take from the cache.
TEST_P(EngineCoreTest, ScoresPrompts) {
  for (int32_t num_pages : {250, 60}) {
    FakeModel::Options options;
    options.num_pages = num_pages;
    CoreHarness harness(GetParam(), options);
    SamplingParams params;
    params.max_tokens = 60;
    params.logprobs = 2;
    params.ignore_eos = true;
    const std::vector<int32_t> prompt = Bytes(std::string(70, 'a') + "the end of a longer prompt");
    std::vector<std::shared_ptr<CollectingSink>> sinks;
    for (int i = 0; i < 6; ++i) {
      sinks.push_back(std::make_shared<CollectingSink>());
      harness.Submit(prompt, params, sinks.back(), false, i % 2 == 1);
    }
    ASSERT_NO_FATAL_FAILURE(harness.RunToEnd());
    const std::vector<float> expected = ExpectedPromptLogprobs(prompt, options.vocab_size);
    for (int i = 0; i < 6; ++i) {
      const StretchResult& result = sinks[i]->result;
      EXPECT_EQ(result.ids, sinks[0]->result.ids);
      ASSERT_EQ(result.prompt_logprobs.size(), i % 2 == 1 ? expected.size() : 0u);
      for (size_t t = 0; t < result.prompt_logprobs.size(); ++t) {
        EXPECT_EQ(result.prompt_logprobs[t].token_id, prompt[t + 1]);
        EXPECT_NEAR(result.prompt_logprobs[t].logprob, expected[t], 1e-4);
        EXPECT_EQ(result.prompt_logprobs[t].top.size(), 2u);
      }
      EXPECT_TRUE(i % 2 == 0 || result.info.cached_tokens == 0);
    }
    EXPECT_EQ(harness.core.Stats().preemptions > 0, num_pages == 60);
  }
}

TEST_P(EngineCoreTest, ScoresAPromptOfOneToken) {
  CoreHarness harness(GetParam(), {});
  SamplingParams params;
  params.max_tokens = 1;
  auto sink = std::make_shared<CollectingSink>();
  harness.Submit({65}, params, sink, false, true);
  ASSERT_NO_FATAL_FAILURE(harness.RunToEnd());
  EXPECT_TRUE(sink->result.prompt_logprobs.empty());
  EXPECT_EQ(sink->result.ids.size(), 1u);
}

TEST_P(EngineCoreTest, ForcedTokensTakeThePlaceOfTheModels) {
  CoreHarness harness(GetParam(), {}, FakeModel::CountingLogits);
  auto sink = std::make_shared<CollectingSink>();
  SamplingParams params = Greedy(6);
  params.forced_tokens = Bytes("yyx");
  params.frequency_penalty = 6;  // Behind two of them, 'y' is not the likeliest any more.
  params.logprobs = 0;
  const RequestId id = harness.Submit(Bytes("a"), params, sink, true);
  harness.RunToEnd();
  EXPECT_THAT(sink->result.ids, ElementsAre('y', 'y', 'x', 0, 1, 2));
  ASSERT_EQ(sink->result.logprobs.size(), 6u);
  EXPECT_LT(sink->result.logprobs[0].logprob, -10) << "of the token that was taken";
  EXPECT_GT(sink->result.logprobs[4].logprob, -1);
  sink->result = {};
  params = Greedy(2);
  params.forced_tokens = Bytes("pqrs");
  harness.Continue(id, Bytes("1"), params);
  harness.RunToEnd();
  EXPECT_EQ(sink->result.text, "pq");
}

TEST_P(EngineCoreTest, AForcedStopTokenStops) {
  FakeModel::Options options;
  options.eos_token_ids = {'!'};
  SamplingParams params = Greedy(9);
  params.forced_tokens = Bytes("xy!z");
  const StretchResult result = Count("a", params, options);
  EXPECT_EQ(result.text, "xy");
  EXPECT_EQ(result.info.stop_token_id, '!');
}

// Sequences that end one after the other, by length, stop id and stop string, with
// others going on beside them.
TEST_P(EngineCoreTest, OnlyASurprisingEndCostsARow) {
  FakeModel::Options options;
  options.eos_token_ids = {'m'};
  CoreHarness harness(GetParam(), options, FakeModel::CountingLogits);
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  const auto submit = [&](const char* prompt, int32_t max_tokens, const char* stop) {
    SamplingParams params = Greedy(max_tokens);
    if (*stop != 0) params.stop = {stop};
    sinks.push_back(std::make_shared<CollectingSink>());
    harness.Submit(Bytes(prompt), params, sinks.back());
  };
  submit("a", 5, "");      // computes a, then 4 of the 5 that it generates
  submit("h", 100, "");    // h, 4 of the 5 up to m
  submit("A", 100, "FG");  // A, 5 of the 6 up to G
  submit("N", 30, "");     // N, 29 of 30
  harness.RunToEnd();
  EXPECT_EQ(sinks[0]->result.text, "bcdef");
  EXPECT_EQ(sinks[1]->result.text, "ijkl");
  EXPECT_EQ(sinks[2]->result.text, "BCDE");
  EXPECT_EQ(sinks[3]->result.ids.size(), 30u);
  const int64_t surprises = GetParam() == Depth::kOne ? 0 : 2;
  EXPECT_EQ(harness.model.tokens_computed(), 5 + 5 + 6 + 30 + surprises);
  EXPECT_EQ(harness.core.Stats().generated_tokens, 5 + 5 + 6 + 30);
  EXPECT_EQ(harness.core.Stats().steps, 30) << "the longest one's; nobody waited";
}

TEST(EngineCoreTwoInFlight, EndsAndArrivalsLeaveTheDeviceItsNextStep) {
  FakeModel::Options options;
  options.eos_token_ids = {'m'};
  CoreHarness harness(Depth::kTwo, options, FakeModel::CountingLogits);
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  RequestId kept = 0;
  // One goes on all the time. The others end by stop strings and cancels, and one is
  // a tool loop: it ends with a stop string and goes on with what the tool said.
  SamplingParams params = Greedy(200);
  params.ignore_eos = true;
  harness.Submit(Bytes("N"), params, std::make_shared<CollectingSink>());
  params.stop = {"de", "56"};
  for (int step = 0; step < 60; ++step) {
    if (step % 7 == 0) {
      sinks.push_back(std::make_shared<CollectingSink>());
      const RequestId id = harness.Submit(Bytes("a"), params, sinks.back(), step == 0);
      if (step == 0) kept = id;
    }
    if (step % 14 == 10) harness.core.Cancel(harness.last_id);
    harness.Step();
    if (step % 10 != 9) continue;
    EXPECT_EQ(sinks[0]->result.info.stop_reason, step == 9 ? "de" : "56");
    EXPECT_EQ(std::exchange(sinks[0]->result, {}).done, 1);
    harness.Continue(kept, Bytes("1"), params);
  }
  const auto& runner = static_cast<const TwoStepRunner&>(*harness.runner);
  EXPECT_GE(runner.launches(), 60);
  EXPECT_EQ(runner.launches_into_nothing(), 1);
  harness.core.CancelAll();
  harness.core.Deliver();
  harness.RunToEnd();
}

// At every point of a sequence's life, with pages about to be full or not: cancelled
// and continued it says what it would have said.
TEST_P(EngineCoreTest, AnyCancelLeavesPagesThatCanBeContinued) {
  for (int32_t prompt_tokens = 1; prompt_tokens <= 9; ++prompt_tokens) {
    for (int steps = 1; steps <= 12; ++steps) {
      FakeModel::Options options;
      options.max_num_tokens = 3;
      CoreHarness harness(GetParam(), options);
      SamplingParams params;
      params.max_tokens = 20;
      params.ignore_eos = true;
      const std::vector<int32_t> prompt(prompt_tokens, 'p');
      auto whole = std::make_shared<CollectingSink>(), cut = std::make_shared<CollectingSink>();
      const RequestId id = harness.Submit(prompt, params, cut, true);
      for (int i = 0; i < steps; ++i) harness.Step();
      harness.core.Cancel(id);
      harness.core.Deliver();
      ASSERT_TRUE(harness.core.CheckIntegrity().ok()) << harness.core.CheckIntegrity().message();
      EXPECT_EQ(cut->result.info.reason, FinishReason::kCancelled);
      params.max_tokens -= static_cast<int32_t>(cut->result.ids.size());
      cut->result.done = 0;
      harness.Continue(id, {}, params);
      params.max_tokens = 20;
      harness.Submit(prompt, params, whole);
      ASSERT_NO_FATAL_FAILURE(harness.RunToEnd());
      EXPECT_EQ(cut->result.ids, whole->result.ids) << prompt_tokens << " " << steps;
    }
  }
}

TEST(EngineCoreTwoInFlight, TheErrorOfTheRunnerEndsEverything) {
  CoreHarness harness(Depth::kTwo, {}, FakeModel::CountingLogits);
  auto& runner = static_cast<TwoStepRunner&>(*harness.runner);
  runner.FailAfter(3);
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  std::vector<RequestId> ids;
  for (int i = 0; i < 10; ++i) {  // two of them wait
    sinks.push_back(std::make_shared<CollectingSink>());
    ids.push_back(harness.Submit(Bytes("a"), Greedy(100), sinks.back(), i % 2 == 0));
  }
  harness.RunToEnd();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(sinks[i]->result.done, 1);
    EXPECT_EQ(sinks[i]->result.info.reason, FinishReason::kError);
    EXPECT_THAT(sinks[i]->result.info.error.message(), ::testing::HasSubstr("bus"));
    EXPECT_EQ(sinks[i]->result.text, i < 8 ? "bcd" : "");
  }
  const int64_t launches = runner.launches();
  sinks[0]->result = {};
  harness.Continue(ids[0], {}, Greedy(1));
  harness.RunToEnd();
  EXPECT_EQ(sinks[0]->result.info.reason, FinishReason::kError);
  EXPECT_EQ(runner.launches(), launches);
  for (RequestId id : ids) harness.core.Release(id);
  EXPECT_EQ(harness.core.Stats().pages_free + harness.core.Stats().pages_cached,
            harness.core.Stats().pages_total);
}

}  // namespace
}  // namespace qed
