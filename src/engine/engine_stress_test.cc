// Random arrivals, cancels, preemptions, keeps and continues, with one and with two
// steps in flight, without drafts and with drafts of every quality: pages are counted
// after every step, and every request gives, bit for bit, what it gives alone with one
// step in flight and no drafts.
#include <random>

#include "engine/core_test_support.h"
#include "engine/draft_test_support.h"
#include "engine/random_jobs.h"
#include "tests/support/sanitizers.h"

namespace qed {
namespace {

// The job in an engine of its own: roomy, without a cache, prompts in one piece.
std::vector<StretchResult> RunAlone(const Job& job, const FakeModel::Options& like,
                                    const FakeModel::LogitsFn& fn) {
  FakeModel::Options options = like;
  options.num_pages = 200;
  options.max_batch_size = 1;
  options.max_num_tokens = 200;
  CoreHarness harness(Depth::kOne, options, fn, /*prefix_cache=*/false);
  auto sink = std::make_shared<CollectingSink>();
  std::vector<StretchResult> results;
  RequestId id = 0;
  for (const Job::Part& part : job.parts) {
    if (id == 0) {
      id = harness.Submit(part.tokens, part.params, sink, true, job.score_prompt);
    } else {
      harness.Continue(id, part.tokens, part.params);
    }
    harness.RunToEnd();
    results.push_back(std::exchange(sink->result, {}));
  }
  return results;
}

// The drafts must have been there, and of the quality that the case is about.
void ExpectDrafts(Drafts drafts, const DraftStats& stats) {
  const double rate = stats.tokens > 0 ? double(stats.accepted) / double(stats.tokens) : -1;
  switch (drafts) {
    case Drafts::kNone:
      EXPECT_EQ(stats.drafts, 0);
      return;
    case Drafts::kSuffix:
      EXPECT_GT(stats.accepted, Rounds(100));
      EXPECT_LT(rate, 0.9);
      return;
    case Drafts::kRandom:
      EXPECT_GT(stats.tokens, Rounds(1000));
      EXPECT_LT(rate, 0.1);
      return;
    case Drafts::kWrong:
      EXPECT_GT(stats.tokens, Rounds(1000));
      EXPECT_LT(rate, 0.2);
      return;
    case Drafts::kOften:
      EXPECT_GT(stats.accepted_at[2], Rounds(100));
      EXPECT_LT(rate, 0.9);
      return;
  }
}

struct StressCase {
  const char* name;
  int32_t num_pages;
  int32_t max_num_tokens;
  int32_t max_batch_size;
  bool prefix_cache;
};

class EngineStressTest : public ::testing::TestWithParam<std::tuple<StressCase, Depth, Drafts>> {
 protected:
  struct Client {
    Job job;
    std::vector<StretchResult> expected;
    std::shared_ptr<CollectingSink> sink = std::make_shared<CollectingSink>();
    RequestId id = 0;
    size_t part = 0;
    bool over = false;
  };

  // After a stretch: compares it, then goes on or lets go.
  void Advance(CoreHarness& harness, Client& client) {
    if (client.over || client.sink->result.done == 0) return;
    const StretchResult result = std::exchange(client.sink->result, {});
    ExpectSame(result, client.expected[client.part]);
    const bool cancelled = result.info.reason == FinishReason::kCancelled;
    if (++client.part < client.job.parts.size() && !cancelled) {
      if (rng_() % 3 == 0) {
        --client.part;  // The tool takes its time: look again in the next step.
        client.sink->result = result;
        return;
      }
      const Job::Part& part = client.job.parts[client.part];
      harness.Continue(client.id, part.tokens, part.params);
    } else {
      harness.core.Release(client.id);
      client.over = true;
    }
  }

  std::mt19937 rng_{11};
};

TEST_P(EngineStressTest, EveryRequestGivesWhatItGivesAlone) {
  const auto& [c, depth, drafts] = GetParam();
  const FakeModel::LogitsFn fn = drafts == Drafts::kNone ? FakeModel::HashLogits : RepetitiveLogits;
  FakeModel::Options options;
  options.context_length = 90;
  options.num_pages = c.num_pages;
  options.max_num_tokens = c.max_num_tokens;
  options.max_batch_size = c.max_batch_size;
  options.eos_token_ids = {kByteTokenizerEos};
  if (drafts != Drafts::kNone) options.max_logit_rows = c.max_batch_size + 10;
  CoreHarness harness(depth, options, fn, c.prefix_cache,
                      MakeTestDrafting(MakeTestDrafter(drafts, fn, options.vocab_size)));
  std::vector<std::unique_ptr<Client>> clients;
  int finished = 0;
  for (int step = 0; step < Rounds(2500) && !HasFatalFailure(); ++step) {
    while (clients.size() < 14 && rng_() % 3 == 0) {
      auto client = std::make_unique<Client>();
      client->job = RandomJob(rng_, 30);
      client->expected = RunAlone(client->job, options, fn);
      const Job::Part& first = client->job.parts[0];
      client->id = harness.Submit(first.tokens, first.params, client->sink,
                                  client->job.parts.size() > 1, client->job.score_prompt);
      clients.push_back(std::move(client));
    }
    if (!clients.empty() && rng_() % 12 == 0) {
      const Client& victim = *clients[rng_() % clients.size()];
      if (victim.sink->result.done == 0) harness.core.Cancel(victim.id);
    }
    harness.Step();
    for (const auto& client : clients) Advance(harness, *client);
    finished += static_cast<int>(std::erase_if(clients, [](const auto& x) { return x->over; }));
  }
  for (int step = 0; !clients.empty() && !HasFatalFailure(); ++step) {
    ASSERT_LT(step, 5000) << "some request makes no progress";
    harness.Step();
    for (const auto& client : clients) Advance(harness, *client);
    std::erase_if(clients, [](const auto& x) { return x->over; });
  }
  const EngineStats stats = harness.core.Stats();
  EXPECT_GT(finished, Rounds(100));
  EXPECT_EQ(stats.pages_free + stats.pages_cached, stats.pages_total);
  EXPECT_EQ(stats.kept + stats.running + stats.waiting, 0);
  EXPECT_GT(stats.preemptions, c.num_pages < 40 ? Rounds(50) : -1)
      << "the case is to be short of pages";
  EXPECT_GT(stats.cached_tokens, c.prefix_cache ? Rounds(500) : -1);
  ExpectDrafts(drafts, stats.drafts);
}

constexpr StressCase kCases[] = {{"Roomy", 300, 64, 8, true},
                                 {"RoomyWithoutCache", 300, 64, 8, false},
                                 {"ShortOfPages", 26, 64, 8, true},
                                 {"ShortOfPagesWithoutCache", 26, 64, 8, false},
                                 {"OneSequenceFits", 23, 16, 8, true},
                                 {"SmallChunks", 40, 5, 8, true},
                                 {"FewerTokensThanSequences", 60, 3, 8, true},
                                 {"BatchOfOne", 60, 64, 1, true},
                                 {"BatchOf32", 100, 64, 32, true}};

std::string StressName(const ::testing::TestParamInfo<EngineStressTest::ParamType>& test) {
  const auto& [c, depth, drafts] = test.param;
  constexpr const char* kDrafts[] = {"", "SuffixDrafts", "RandomDrafts", "WrongDrafts",
                                     "GoodDrafts"};
  return std::string(c.name) + (depth == Depth::kOne ? "" : "TwoInFlight") +
         kDrafts[static_cast<size_t>(drafts)];
}

INSTANTIATE_TEST_SUITE_P(Table, EngineStressTest,
                         ::testing::Combine(::testing::ValuesIn(kCases),
                                            ::testing::Values(Depth::kOne, Depth::kTwo),
                                            ::testing::Values(Drafts::kNone)),
                         StressName);

constexpr StressCase kDraftCases[] = {{"Roomy", 300, 64, 8, true},
                                      {"ShortOfPages", 26, 64, 8, true},
                                      {"SmallChunksWithoutCache", 40, 14, 8, false}};

INSTANTIATE_TEST_SUITE_P(Drafts, EngineStressTest,
                         ::testing::Combine(::testing::ValuesIn(kDraftCases),
                                            ::testing::Values(Depth::kOne, Depth::kTwo),
                                            ::testing::Values(Drafts::kSuffix, Drafts::kRandom,
                                                              Drafts::kWrong, Drafts::kOften)),
                         StressName);

}  // namespace
}  // namespace qed
