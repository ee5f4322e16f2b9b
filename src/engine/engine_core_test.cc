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

// One request on a model that counts: after "a" come "b", "c", ...
StretchResult Count(const std::string& prompt, const SamplingParams& params,
                    const FakeModel::Options& options = {}) {
  CoreHarness harness(options, FakeModel::CountingLogits);
  auto sink = std::make_shared<CollectingSink>();
  harness.Submit(Bytes(prompt), params, sink);
  harness.RunToEnd();
  EXPECT_EQ(sink->result.done, 1);
  EXPECT_EQ(harness.core.Stats().pages_free + harness.core.Stats().pages_cached, options.num_pages);
  return sink->result;
}

TEST(EngineCore, GeneratesUpToMaxTokens) {
  const StretchResult result = Count("a", Greedy(5));
  EXPECT_EQ(result.text, "bcdef");
  EXPECT_THAT(result.ids, ElementsAre('b', 'c', 'd', 'e', 'f'));
  EXPECT_EQ(result.info.reason, FinishReason::kLength);
  EXPECT_EQ(result.info.prompt_tokens, 1);
  EXPECT_EQ(result.info.generated_tokens, 5);
  EXPECT_EQ(result.info.stop_token_id, -1);
}

TEST(EngineCore, TheContextEndsGeneration) {
  FakeModel::Options options;
  options.context_length = 10;
  const StretchResult result = Count("abcd", Greedy(100), options);
  EXPECT_EQ(result.text, "efghij");
  EXPECT_EQ(result.info.reason, FinishReason::kLength);
}

TEST(EngineCore, TheModelsEndOfSequenceStops) {
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

TEST(EngineCore, StopTokenIdsOfTheRequestStop) {
  SamplingParams params = Greedy(100);
  params.stop_token_ids = {'z', 'e'};
  params.ignore_eos = true;
  const StretchResult result = Count("a", params);
  EXPECT_EQ(result.text, "bcd");
  EXPECT_EQ(result.info.stop_token_id, 'e');
}

TEST(EngineCore, StopStringsEndTheTextExactly) {
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

TEST(EngineCore, AStopStringMayEndInsideAToken) {
  // The last token stands for "yz!".
  const auto logits = [](std::span<const int32_t> tokens, std::span<float> out) {
    std::ranges::fill(out, 0.0f);
    out[tokens.back() == 'x' ? kByteTokenizerMulti : (tokens.back() + 1) % 256] = 1;
  };
  CoreHarness harness({}, logits);
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

TEST(EngineCore, TextHeldForAStopStringComesOutAtTheEnd) {
  SamplingParams params = Greedy(3);
  params.stop = {"cdX"};
  EXPECT_EQ(Count("a", params).text, "bcd");
}

TEST(EngineCore, AStopStringOfTheLastTokenWinsOverLength) {
  SamplingParams params = Greedy(3);
  params.stop = {"cd"};
  EXPECT_EQ(Count("a", params).info.reason, FinishReason::kStop);
}

TEST(EngineCore, HalfACharacterIsHeldBackAndMarkedAtTheEnd) {
  // 0xC3 0xA4 is one character; the counting model makes 0xC3 0xC4 of it.
  const StretchResult result = Count("\xC2", Greedy(1));
  EXPECT_EQ(result.text, "\xEF\xBF\xBD");
}

TEST(EngineCore, LogitsThatAreNotNumbersEndTheRequestWithAnError) {
  const auto logits = [](std::span<const int32_t> tokens, std::span<float> out) {
    std::ranges::fill(out, tokens.size() < 4 ? 0.0f : std::numeric_limits<float>::quiet_NaN());
  };
  CoreHarness harness({}, logits);
  auto sink = std::make_shared<CollectingSink>();
  harness.Submit(Bytes("ab"), Greedy(100), sink);
  harness.RunToEnd();
  EXPECT_EQ(sink->result.info.reason, FinishReason::kError);
  EXPECT_FALSE(sink->result.info.error.ok());
  EXPECT_EQ(sink->result.ids.size(), 2u);
}

TEST(EngineCore, LogprobsComeWithEveryToken) {
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

TEST(EngineCore, SamplesOfOneProblemPrefillThePromptOnce) {
  FakeModel::Options options;
  options.max_num_tokens = 64;
  CoreHarness harness(options);
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

TEST(EngineCore, AChunkedPromptIsSharedWhileItIsComputed) {
  FakeModel::Options options;
  options.max_num_tokens = 8;
  CoreHarness harness(options);
  for (int i = 0; i < 4; ++i) {
    harness.Submit(std::vector<int32_t>(33, 7), Greedy(2), std::make_shared<CollectingSink>());
  }
  harness.RunToEnd();
  EXPECT_EQ(harness.core.Stats().prompt_tokens, 33 + 3);
}

TEST(EngineCore, ContinueGoesOnFromItsOwnPages) {
  CoreHarness harness({}, FakeModel::CountingLogits);
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

TEST(EngineCore, AKeptSequenceThatLostItsPagesIsComputedAgainUnseen) {
  FakeModel::Options options;
  options.num_pages = 10;  // 40 tokens
  CoreHarness harness(options, FakeModel::CountingLogits);
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

TEST(EngineCore, CancelFreesPagesWithinAStepAndKeepsTheText) {
  CoreHarness harness({}, FakeModel::CountingLogits, /*prefix_cache=*/false);
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

TEST(EngineCore, CancelledWhileKeptCanBeContinuedOrReleasedAtOnce) {
  CoreHarness harness({}, FakeModel::CountingLogits);
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

TEST(EngineCore, RequestsBeyondTheBatchWaitTheirTurn) {
  FakeModel::Options options;
  options.max_batch_size = 2;
  CoreHarness harness(options, FakeModel::CountingLogits);
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
  EngineConfig config;
  Result<EngineLimits> limits = MakeEngineLimits(model, config);
  ASSERT_TRUE(limits.ok());
  EXPECT_EQ(limits->max_batch_size, 8);
  EXPECT_EQ(limits->max_num_tokens, 64);
  EXPECT_EQ(limits->max_seq_len, 800) << "200 pages of 4 tokens";
  config.max_seq_len = 900;
  EXPECT_THAT(MakeEngineLimits(model, config).status().message(),
              ::testing::HasSubstr("--kv-cache-bytes"));
  config.max_seq_len = 1001;
  EXPECT_THAT(MakeEngineLimits(model, config).status().message(),
              ::testing::HasSubstr("1000 tokens"));
  config.max_seq_len = 0;
  config.max_batch_size = 0;
  EXPECT_EQ(MakeEngineLimits(model, config).status().code(), StatusCode::kInvalidArgument);
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
TEST(EngineCoreTest, ScoresPrompts) {
  for (int32_t num_pages : {250, 60}) {
    FakeModel::Options options;
    options.num_pages = num_pages;
    CoreHarness harness(options);
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

TEST(EngineCoreTest, ScoresAPromptOfOneToken) {
  CoreHarness harness({});
  SamplingParams params;
  params.max_tokens = 1;
  auto sink = std::make_shared<CollectingSink>();
  harness.Submit({65}, params, sink, false, true);
  ASSERT_NO_FATAL_FAILURE(harness.RunToEnd());
  EXPECT_TRUE(sink->result.prompt_logprobs.empty());
  EXPECT_EQ(sink->result.ids.size(), 1u);
}

}  // namespace
}  // namespace qed
