// Needs a GPU; skips where there is none.
#include "engine/cuda_step_runner.h"

#include <algorithm>
#include <random>

#include "checkpoint/drafter_checkpoint.h"
#include "cuda/test_device.h"
#include "draft/step_drafter.h"
#include "engine/core_test_support.h"
#include "engine/draft_test_support.h"
#include "model/test_checkpoint.h"

namespace qed {
namespace {

class CudaStepRunnerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    QED_REQUIRE_DEVICE();
    ModelConfig config = SmallConfig();
    config.num_heads = 10;
    config.num_kv_heads = 2;
    config.head_dim = 64;
    config.hidden_size = 256;
    config.intermediate_size = 512;
    test_ = RandomCheckpoint(config, DType::kBF16);
    engine_config_.max_batch_size = 8;
    engine_config_.max_num_tokens = 64;
    engine_config_.max_logit_rows = 40;
    engine_config_.kv_cache_free_gpu_memory_fraction = 0.05;
    const DrafterCheckpoint head = MakeRandomDrafter(config, 64);
    auto made = MakeCudaStepRunner(test_.checkpoint, nullptr, &head, engine_config_,
                                   cuda::OpenDevice(0).value(), pool_);
    ASSERT_TRUE(made.ok()) << made.status().message();
    runner_ = std::move(made->runner);
  }

  // One sequence of `tokens` at `position`; its last row is sampled.
  void Launch(int32_t slot, int32_t first_page, int32_t position,
              const std::vector<int32_t>& tokens, uint64_t sampled_before,
              int32_t head_drafts = 0) {
    const std::vector<int32_t> pages = {first_page, first_page + 1};
    const ForwardBatch::Sequence sequence = {.num_rows = static_cast<int32_t>(tokens.size()),
                                             .first_position = position,
                                             .pages = pages};
    const int32_t row = sequence.num_rows - 1;
    const StepSample sample = {.position = sampled_before};
    runner_->Launch({.forward = {tokens, {&sequence, 1}, {&row, 1}},
                     .slots = {&slot, 1},
                     .samples = {&sample, 1},
                     .head_drafts = head_drafts});
  }

  int32_t Finish() {
    const auto sampled = runner_->Finish();
    EXPECT_TRUE(sampled.ok()) << sampled.status().message();
    return sampled.ok() ? (*sampled)[0].id : -1;
  }

  TestCheckpoint test_;
  EngineConfig engine_config_;
  ThreadPool pool_{2};
  std::unique_ptr<StepRunner> runner_;
};

// With the token of the step before on the device, and by way of the host.
TEST_F(CudaStepRunnerTest, ATokenStillOnTheDeviceIsTheOneThatIsTold) {
  const std::vector<int32_t> prompt = {10, 20, 30, 40, 50, 60};
  SamplingParams params;
  params.temperature = 1.5f;
  params.frequency_penalty = 2;
  params.repetition_penalty = 1.2f;
  std::vector<int32_t> pipelined = {}, told = {};
  runner_->Start(3, params, prompt, std::vector<bool>(prompt.size(), false));
  Launch(3, 4, 0, prompt, 0);
  for (int32_t i = 1; i < 12; ++i) {
    Launch(3, 4, 5 + i, {kSampledToken}, static_cast<uint64_t>(i));
    pipelined.push_back(Finish());
  }
  pipelined.push_back(Finish());

  std::vector<int32_t> tokens = prompt;
  std::vector<bool> generated(prompt.size(), false);
  for (int32_t i = 0; i < 12; ++i) {
    runner_->Start(6, params, tokens, generated);
    Launch(6, 8, i == 0 ? 0 : 5 + i, i == 0 ? prompt : std::vector<int32_t>{told.back()},
           static_cast<uint64_t>(i));
    told.push_back(Finish());
    tokens.push_back(told.back());
    generated.push_back(true);
  }
  EXPECT_EQ(pipelined, told);
}

TEST_F(CudaStepRunnerTest, TellsHowLongStepsTookAndWaited) {
  runner_->Start(0, {}, {}, {});
  Launch(0, 0, 0, {1, 2, 3}, 0);
  Launch(0, 0, 3, {kSampledToken}, 1);
  Finish();
  EXPECT_GT(runner_->last_times().run_seconds, 0);
  EXPECT_EQ(runner_->last_times().wait_seconds, 0);
  Finish();
  EXPECT_GE(runner_->last_times().wait_seconds, 0);
}

TEST_F(CudaStepRunnerTest, ItsHeadDraftsWhereAStepAsksForIt) {
  ASSERT_EQ(runner_->max_head_drafts(), 4);
  runner_->Start(1, {}, {}, {});
  std::vector<std::vector<int32_t>> found;
  for (int32_t drafts : {3, 0, 4, 3}) {
    Launch(1, 2, 0, {1, 2, 3}, 0, drafts);
    Finish();
    std::vector<int32_t>& ids = found.emplace_back();
    for (const HeadDraft& draft : runner_->head_drafts(0)) {
      ids.push_back(draft.id);
      EXPECT_GE(draft.id, 0);
      EXPECT_LT(draft.id, 64) << "of the head's tokens";
      EXPECT_GT(draft.probability, 0);
      EXPECT_LE(draft.probability, 1);
    }
    ASSERT_EQ(ids.size(), static_cast<size_t>(drafts));
  }
  EXPECT_EQ(found[0], found[3]);
  found[2].pop_back();
  EXPECT_EQ(found[0], found[2]) << "a longer chain begins with the same tokens";
}

// Several rows of a sequence are computed by other kernels than one, so the choice may differ
// where two tokens are about equally likely; what comes after it is another text.
enum class CudaDrafts { kNone, kSuffix, kRandom, kHead };

std::unique_ptr<Drafter> MakeCudaDrafter(CudaDrafts drafts, int32_t vocab_size) {
  if (drafts == CudaDrafts::kHead) return std::make_unique<StepDrafter>();
  const Drafts kind = drafts == CudaDrafts::kNone     ? Drafts::kNone
                      : drafts == CudaDrafts::kSuffix ? Drafts::kSuffix
                                                      : Drafts::kRandom;
  return MakeTestDrafter(kind, FakeModel::HashLogits, vocab_size);
}

class CudaDraftsTest : public CudaStepRunnerTest, public ::testing::WithParamInterface<CudaDrafts> {
 protected:
  // Six texts of likeliest tokens.
  std::vector<StretchResult> Generate(CudaDrafts drafts, DraftStats* stats) {
    const auto tokenizer = MakeByteTokenizer();
    EngineCore core(*runner_, MakeEngineLimits(*runner_, engine_config_).value(),
                    /*prefix_cache=*/true,
                    MakeTestDrafting(MakeCudaDrafter(drafts, test_.checkpoint.config.vocab_size)));
    std::vector<std::shared_ptr<CollectingSink>> sinks;
    for (uint64_t i = 1; i <= 6; ++i) {
      SamplingParams params;
      params.temperature = 0;
      params.max_tokens = 60;
      params.ignore_eos = true;
      params.logprobs = 20;
      const std::vector<int32_t> prompt = {static_cast<int32_t>(i), 20, 30, 20, 30, 20};
      sinks.push_back(SubmitTo(core, i, prompt, params, *tokenizer));
    }
    while (core.HasWork()) {
      core.Step();
      core.Deliver();
    }
    *stats = core.Stats().drafts;
    std::vector<StretchResult> results;
    for (const auto& sink : sinks) results.push_back(sink->result);
    return results;
  }
};

TEST_P(CudaDraftsTest, ChangeNoTokenButForNearTies) {
  constexpr float kNearTie = 0.3F;
  DraftStats without, with;
  const std::vector<StretchResult> want = Generate(CudaDrafts::kNone, &without);
  const std::vector<StretchResult> got = Generate(GetParam(), &with);
  EXPECT_EQ(without.tokens, 0);
  EXPECT_GT(with.tokens, 0);
  int64_t same = 0;
  for (size_t s = 0; s < want.size(); ++s) {
    ASSERT_EQ(got[s].ids.size(), want[s].ids.size());
    for (size_t i = 0; i < want[s].ids.size(); ++i, ++same) {
      const TokenLogprob &ours = got[s].logprobs[i], &theirs = want[s].logprobs[i];
      if (ours.token_id == theirs.token_id) {
        ASSERT_NEAR(ours.logprob, theirs.logprob, kNearTie) << "text " << s << " token " << i;
        continue;
      }
      const auto also =
          std::ranges::find(theirs.top, ours.token_id, &std::pair<int32_t, float>::first);
      ASSERT_NE(also, theirs.top.end()) << "text " << s << " token " << i;
      EXPECT_NEAR(also->second, theirs.logprob, kNearTie) << "text " << s << " token " << i;
      break;
    }
  }
  EXPECT_GT(same, 100);  // of 360
}

INSTANTIATE_TEST_SUITE_P(Drafters, CudaDraftsTest,
                         ::testing::Values(CudaDrafts::kSuffix, CudaDrafts::kRandom,
                                           CudaDrafts::kHead),
                         [](const auto& test) {
                           return test.param == CudaDrafts::kSuffix   ? "Suffix"
                                  : test.param == CudaDrafts::kRandom ? "Random"
                                                                      : "Head";
                         });

// Some short runs in place of a long one: under memcheck each step takes a part of a second.
class CudaRandomTrafficTest : public CudaStepRunnerTest,
                              public ::testing::WithParamInterface<uint32_t> {};

// Arrivals, cancels, keeps and releases at random: everything is given back.
TEST_P(CudaRandomTrafficTest, LeavesAllPagesFree) {
  const auto tokenizer = MakeByteTokenizer();
  const EngineLimits limits = MakeEngineLimits(*runner_, engine_config_).value();
  EngineCore core(*runner_, limits, /*prefix_cache=*/true);
  std::mt19937 rng(GetParam());
  std::vector<RequestId> ids;
  const auto stretch = [&](size_t tokens) {
    SamplingParams params;
    params.max_tokens = 1 + static_cast<int32_t>(rng() % 40);
    params.sample_index = rng();
    params.top_p = rng() % 2 == 0 ? 1.0f : 0.9f;
    params.presence_penalty = rng() % 4 == 0 ? 0.5f : 0.0f;
    params.logprobs = static_cast<int32_t>(rng() % 4) - 1;
    params.stop = {std::string(1, static_cast<char>(rng() % 128))};
    return Stretch{std::vector<int32_t>(tokens, static_cast<int32_t>(rng() % 4)), params,
                   OutputText(*tokenizer, false, params)};
  };
  for (int step = 0; step < 400; ++step) {
    if (step < 350 && rng() % 3 == 0) {
      const size_t prompt = 1 + rng() % 100;
      auto sequence = std::make_unique<Sequence>(ids.size() + 1, stretch(prompt));
      sequence->sink = std::make_shared<CollectingSink>();
      sequence->keep = rng() % 2 == 0;
      if (rng() % 10 == 0) sequence->to_score = static_cast<int32_t>(prompt);
      ids.push_back(sequence->id);
      core.Submit(std::move(sequence));
    }
    if (!ids.empty() && rng() % 8 == 0) core.Cancel(ids[rng() % ids.size()]);
    if (!ids.empty() && rng() % 8 == 0) core.Release(ids[rng() % ids.size()]);
    core.Step();
    core.Deliver();
    ASSERT_TRUE(core.CheckIntegrity().ok()) << core.CheckIntegrity().message();
  }
  EXPECT_GT(core.Stats().generated_tokens, 500);
  for (RequestId id : ids) core.Release(id);
  while (core.HasWork()) {
    core.Step();
    core.Deliver();
  }
  const EngineStats stats = core.Stats();
  EXPECT_EQ(stats.pages_free + stats.pages_cached, stats.pages_total);
  EXPECT_EQ(stats.kept + stats.running + stats.waiting, 0);
}

INSTANTIATE_TEST_SUITE_P(Seeds, CudaRandomTrafficTest, ::testing::Range(1u, 6u));

}  // namespace
}  // namespace qed
