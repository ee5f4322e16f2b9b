// What drafts do to tokens: nothing; and which drafts are computed.
#include "engine/drafting.h"

#include <array>
#include <chrono>
#include <cmath>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "draft/step_drafter.h"
#include "engine/core_test_support.h"
#include "engine/draft_test_support.h"
#include "tests/support/sanitizers.h"

namespace qed {
namespace {

FakeModel::Options SmallModel() {
  FakeModel::Options options;
  options.max_logit_rows = 40;
  return options;
}

// One request alone, from an engine with these drafts.
StretchResult RunRequest(const SamplingParams& params, const FakeModel::LogitsFn& fn,
                         std::unique_ptr<Drafting> drafting, DraftStats* stats = nullptr,
                         int64_t* steps = nullptr) {
  CoreHarness harness(Depth::kOne, SmallModel(), fn, true, std::move(drafting));
  auto sink = std::make_shared<CollectingSink>();
  harness.Submit(Bytes("To be checked"), params, sink);
  harness.RunToEnd();
  if (stats != nullptr) *stats = harness.core.Stats().drafts;
  if (steps != nullptr) *steps = harness.core.Stats().steps;
  return sink->result;
}

TEST(DraftingTest, RightDraftsSaveSteps) {
  SamplingParams params;
  params.temperature = 0;
  params.max_tokens = 100;
  const StretchResult want = RunRequest(params, FakeModel::CountingLogits, nullptr);
  DraftStats stats;
  int64_t steps = 0;
  const StretchResult got = RunRequest(
      params, FakeModel::CountingLogits,
      MakeTestDrafting(std::make_unique<ModelDrafter>(FakeModel::CountingLogits, 300, 0.0)), &stats,
      &steps);
  EXPECT_EQ(got.ids, want.ids);
  EXPECT_EQ(got.text, want.text);
  EXPECT_EQ(stats.accepted, stats.tokens);
  EXPECT_EQ(steps, 100 - stats.accepted);
  EXPECT_EQ(stats.tried_at[0], stats.drafts);
  EXPECT_EQ(stats.tried_at[1] + stats.tried_at[2] + stats.tried_at[3],
            stats.tokens - stats.tried_at[0]);
}

TEST(DraftingTest, AreNotLookedForWhereNoRowIsLeft) {
  Drafting drafting(MakeTestDrafter(Drafts::kSuffix, FakeModel::HashLogits, 300),
                    StepCost({{1, 1.0}, {64, 1.1}}), {.max_rows = 8});
  EXPECT_FALSE(drafting.Wanted(0));
  EXPECT_TRUE(drafting.Wanted(7));
  EXPECT_FALSE(drafting.Wanted(8));
}

// A runner with a head that knows what the model counts on with, but for every seventh token.
class CountingHead : public StepRunner {
 public:
  CountingHead(StepRunner& runner, int32_t vocab_size) : runner_(runner), vocab_size_(vocab_size) {}

  const ModelConfig& config() const override { return runner_.config(); }
  int32_t page_size() const override { return runner_.page_size(); }
  int32_t num_pages() const override { return runner_.num_pages(); }
  int32_t max_num_tokens() const override { return runner_.max_num_tokens(); }
  int32_t max_batch_size() const override { return runner_.max_batch_size(); }
  int32_t max_logit_rows() const override { return runner_.max_logit_rows(); }
  int32_t depth() const override { return runner_.depth(); }
  void Start(int32_t slot, const SamplingParams& params, std::span<const int32_t> tokens,
             const std::vector<bool>& generated) override {
    runner_.Start(slot, params, tokens, generated);
  }
  void Launch(const StepBatch& batch) override {
    EXPECT_LE(batch.head_drafts, max_head_drafts());
    launched_.push_back({batch.head_drafts, {batch.samples.begin(), batch.samples.end()}});
    runner_.Launch(batch);
  }
  Result<std::span<const SampledToken>> Finish() override {
    const auto sampled = runner_.Finish();
    const std::vector<StepSample> samples = std::move(launched_.front().samples);
    wanted_ = launched_.front().head_drafts;
    launched_.pop_front();
    newest_.clear();
    for (size_t row = 0; row < samples.size(); ++row) {
      const bool reached = row == 0 || samples[row - 1].draft < 0 ||
                           (newest_.contains(samples[row].sequence) &&
                            newest_[samples[row].sequence] == samples[row - 1].draft);
      if (samples[row].next && reached) newest_[samples[row].sequence] = (*sampled)[row].id;
    }
    return sampled;
  }
  StepTimes last_times() const override { return runner_.last_times(); }
  int32_t max_head_drafts() const override { return 3; }
  std::span<const HeadDraft> head_drafts(int32_t sequence) override {
    drafts_.clear();
    if (!newest_.contains(sequence)) return drafts_;
    for (int32_t i = 1; i <= wanted_; ++i) {
      const int32_t right = (newest_[sequence] + i) % vocab_size_;
      drafts_.push_back({right % 7 == 0 ? 0 : right, 0.9F});
    }
    return drafts_;
  }

 private:
  StepRunner& runner_;
  const int32_t vocab_size_;
  struct Launched {
    int32_t head_drafts;
    std::vector<StepSample> samples;
  };
  std::deque<Launched> launched_;  // in flight
  int32_t wanted_ = 0;             // of the step that was finished last
  std::map<int32_t, int32_t> newest_;
  std::vector<HeadDraft> drafts_;
};

TEST(DraftingTest, AHeadOfTheRunnersSavesSteps) {
  SamplingParams params;
  params.temperature = 0;
  params.max_tokens = 100;
  const StretchResult want = RunRequest(params, FakeModel::CountingLogits, nullptr);
  CoreHarness harness(Depth::kTwo, SmallModel(), FakeModel::CountingLogits);
  CountingHead head(*harness.runner, harness.limits.vocab_size);
  EngineCore core(
      head, harness.limits, true,
      std::make_unique<Drafting>(std::make_unique<StepDrafter>(),
                                 StepCost({{1, 1.0}, {8, 1.1}, {40, 9.0}}), DraftingOptions{}));
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  for (uint64_t i = 1; i <= 3; ++i) {
    sinks.push_back(SubmitTo(core, i, Bytes("To be checked"), params, *harness.tokenizer));
  }
  while (core.HasWork()) {
    core.Step();
    core.Deliver();
    ASSERT_TRUE(core.CheckIntegrity().ok());
  }
  for (const auto& sink : sinks) EXPECT_EQ(sink->result.ids, want.ids);
  const DraftStats stats = core.Stats().drafts;
  EXPECT_LT(core.Stats().steps, 60);
  EXPECT_GT(stats.accepted, stats.tokens / 2);
  EXPECT_GT(stats.tried_at[2], 0) << "as many as the head may make";
  EXPECT_EQ(stats.tried_at[3], 0);
}

// Drafts at all places what `token` says.
class Saying : public Drafter {
 public:
  explicit Saying(std::function<int32_t()> token) : token_(std::move(token)) {}
  void Start(uint64_t, std::span<const int32_t>) override {}
  void Append(uint64_t, std::span<const int32_t>) override {}
  void Propose(std::span<DraftRequest> requests) override {
    for (DraftRequest& r : requests) {
      r.count = r.wanted;
      for (int32_t i = 0; i < r.count; ++i) r.drafts[static_cast<size_t>(i)] = {token_(), i};
    }
  }
  void End(uint64_t) override {}

 private:
  std::function<int32_t()> token_;
};

constexpr int32_t kChoices = 8;

// Counts tokens by their place in a step.
class PlaceSink : public OutputSink {
 public:
  void OnTokens(RequestId, const TokenChunk& chunk) override {
    for (size_t place = 0; place < chunk.token_ids.size(); ++place) {
      ASSERT_LT(chunk.token_ids[place], kChoices);
      ++counts[place][static_cast<size_t>(chunk.token_ids[place])];
    }
  }
  void OnDone(RequestId, const FinishInfo&) override {}

  std::array<std::array<double, kChoices>, kMaxDrafts + 1> counts = {};
};

// The tokens drawn must be the model's at every place of a step, whatever the drafter
// says: likely tokens, any, or one that never comes must neither draw them to it nor away.
TEST(DraftingTest, DrawnTokensHaveTheModelsDistributionAtEveryPlace) {
  const auto weight = [](int32_t i) { return std::exp(0.3 * i); };
  const auto logits = [](std::span<const int32_t>, std::span<float> row) {
    std::ranges::fill(row, -100.0f);
    for (int32_t i = 0; i < kChoices; ++i) row[i] = 0.3f * static_cast<float>(i);
  };
  std::mt19937 random(3);
  const std::vector<std::function<int32_t()>> drafts = {
      [] { return kChoices - 1; }, [] { return 0; },
      [&random] { return static_cast<int32_t>(random() % kChoices); }, [] { return 100; }};
  constexpr int kSeeds = Rounds(60);
  for (size_t d = 0; d < drafts.size(); ++d) {
    CoreHarness harness(Depth::kOne, SmallModel(), logits, true,
                        MakeTestDrafting(std::make_unique<Saying>(drafts[d])));
    auto sink = std::make_shared<PlaceSink>();
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      SamplingParams params;
      params.seed = seed;
      params.max_tokens = 500;
      auto sequence = std::make_unique<Sequence>(
          seed + 1, Stretch{Bytes("any"), params, OutputText(*harness.tokenizer, false, params)});
      sequence->sink = sink;
      harness.core.Submit(std::move(sequence));
      harness.RunToEnd();
    }
    double sum = 0;
    for (int32_t i = 0; i < kChoices; ++i) sum += weight(i);
    for (size_t place = 0; place <= 4; ++place) {
      const auto& counts = sink->counts[place];
      const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
      if (total * weight(0) / sum < 5) continue;  // too few for the test
      double chi_square = 0;
      for (int32_t i = 0; i < kChoices; ++i) {
        const double expected = total * weight(i) / sum;
        chi_square += std::pow(counts[static_cast<size_t>(i)] - expected, 2) / expected;
      }
      // One in 100,000 for seven degrees of freedom; there are up to 20 tests.
      EXPECT_LT(chi_square, 36.0) << "drafter " << d << ", place " << place;
    }
    EXPECT_EQ(harness.core.Stats().generated_tokens, kSeeds * 500);
    EXPECT_GT(harness.core.Stats().drafts.tokens, kSeeds * 500);
    if (d == 0) {
      EXPECT_GT(sink->counts[2][kChoices - 1], 5 * kSeeds);
    }
  }
}

TEST(DraftingTest, UselessDraftsAreGivenUp) {
  SamplingParams params;
  params.temperature = 0;
  params.max_tokens = 900;
  auto drafting = std::make_unique<Drafting>(
      std::make_unique<ModelDrafter>(FakeModel::CountingLogits, 300, 2.0),
      StepCost({{1, 1.0}, {16, 2.0}}), DraftingOptions{});
  DraftStats stats;
  testing::internal::CaptureStderr();
  RunRequest(params, FakeModel::CountingLogits, std::move(drafting), &stats);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_GT(stats.drafts, 0);
  EXPECT_LT(stats.drafts, 100);
  EXPECT_EQ(stats.accepted, 0);
  EXPECT_NE(log.find("drafts took more time than they saved"), std::string::npos);
  EXPECT_EQ(std::ranges::count(log, '\n'), 1) << log;
}

// How many of the next steps with so many sequences look for drafts, of which there are none.
int32_t StepsThatLook(Drafting& drafting, int32_t sequences, int32_t steps, CoreHarness& harness) {
  Sequence idle(1, Stretch{{1, 2}, {}, OutputText(*harness.tokenizer, false, {})});
  idle.in_flight = 1;
  const std::vector<Sequence*> running(static_cast<size_t>(sequences), &idle);
  int32_t looked = 0;
  for (int32_t i = 0; i < steps; ++i) {
    if (!drafting.Wanted(sequences)) continue;
    ++looked;
    drafting.Propose(running, 100, *harness.runner);
  }
  return looked;
}

TEST(DraftingTest, RestsTwiceAsLongEachTimeAndLooksAgainForFewer) {
  CoreHarness harness(Depth::kOne, SmallModel());
  Drafting drafting(std::make_unique<SuffixDrafter>(), StepCost({{1, 1.0}, {64, 1.5}}),
                    {.quiet = true});
  testing::internal::CaptureStderr();
  EXPECT_EQ(StepsThatLook(drafting, 8, 100 + 400, harness), 100);
  EXPECT_EQ(StepsThatLook(drafting, 8, 100 + 800, harness), 100);
  EXPECT_EQ(StepsThatLook(drafting, 8, 100 + 1000, harness), 100) << "of 1600 to rest";
  EXPECT_EQ(StepsThatLook(drafting, 4, 100 + 400, harness), 100) << "fewer";
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << "nobody asked for drafts";
}

// Drafts that are right, but take longer to find than they save.
TEST(DraftingTest, DraftsThatAreDearToFindAreGivenUp) {
  class Slow : public ModelDrafter {
   public:
    using ModelDrafter::ModelDrafter;
    void Propose(std::span<DraftRequest> requests) override {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ++asked;
      ModelDrafter::Propose(requests);
    }
    int asked = 0;
  };
  auto slow = std::make_unique<Slow>(FakeModel::CountingLogits, 300, 0.0);
  const Slow& drafter = *slow;
  CoreHarness harness(Depth::kOne, SmallModel(), FakeModel::CountingLogits, true,
                      std::make_unique<Drafting>(
                          std::move(slow), StepCost({{1, 1e-4}, {16, 1.5e-4}}), DraftingOptions{}));
  SamplingParams params;
  params.temperature = 0;
  params.max_tokens = 900;
  harness.Submit(Bytes("To be checked"), params, std::make_shared<CollectingSink>());
  testing::internal::CaptureStderr();
  harness.RunToEnd();
  testing::internal::GetCapturedStderr();
  EXPECT_EQ(drafter.asked, 40) << "20 steps, 400 without, and 20 again";
}

TEST(DraftingTest, NoDraftsWhereRowsCostAsMuchAsTokens) {
  SamplingParams params;
  params.temperature = 0;
  params.max_tokens = 100;
  auto drafting = std::make_unique<Drafting>(
      std::make_unique<ModelDrafter>(FakeModel::CountingLogits, 300, 0.0),
      StepCost({{1, 1.0}, {16, 16.0}}), DraftingOptions{});
  EXPECT_FALSE(drafting->Wanted(1));
  DraftStats stats;
  RunRequest(params, FakeModel::CountingLogits, std::move(drafting), &stats);
  EXPECT_EQ(stats.drafts, 0);
}

}  // namespace
}  // namespace qed
