#include "engine/cpu_step_runner.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_model.h"

namespace qed {
namespace {

using ::testing::ElementsAre;

// One sequence in slot 3, on a model that counts.
class CpuStepRunnerTest : public ::testing::Test {
 protected:
  CpuStepRunnerTest() { params_.temperature = 0; }

  // A step of `tokens`, the rows of the samples being the last ones.
  std::vector<int32_t> Run(const std::vector<int32_t>& tokens,
                           const std::vector<StepSample>& samples) {
    const ForwardBatch::Sequence sequence = {.num_rows = static_cast<int32_t>(tokens.size()),
                                             .first_position = position_,
                                             .pages = pages_};
    std::vector<int32_t> rows;
    for (size_t i = tokens.size() - samples.size(); i < tokens.size(); ++i) {
      rows.push_back(static_cast<int32_t>(i));
    }
    const int32_t slot = 3;
    runner_.Launch(
        {.forward = {tokens, {&sequence, 1}, rows}, .slots = {&slot, 1}, .samples = samples});
    position_ += sequence.num_rows;
    std::vector<int32_t> ids;
    const std::span<const SampledToken> sampled = runner_.Finish().value();
    for (const SampledToken& token : sampled) ids.push_back(token.id);
    EXPECT_EQ(model_.error(), "");
    return ids;
  }

  SamplingParams params_;
  ThreadPool pool_{1};
  FakeModel model_{{}, FakeModel::CountingLogits};
  CpuStepRunner runner_{model_, pool_};
  const std::vector<int32_t> pages_ = {5, 6, 7};
  int32_t position_ = 0;
};

TEST_F(CpuStepRunnerTest, KnowsTheTokenOfTheStepBefore) {
  runner_.Start(3, params_, {}, {});
  EXPECT_THAT(Run({10, 20}, {{}}), ElementsAre(21));
  EXPECT_THAT(Run({kSampledToken}, {{.position = 1}}), ElementsAre(22));
  EXPECT_THAT(Run({kSampledToken}, {{.position = 2, .given = 50}}), ElementsAre(50));
  EXPECT_THAT(Run({kSampledToken}, {{.position = 3}}), ElementsAre(51));
  EXPECT_THAT(Run({7}, {{.position = 4}}), ElementsAre(8)) << "not the one it sampled";
}

TEST_F(CpuStepRunnerTest, ScoredTokensAreNotTheNext) {
  runner_.Start(3, params_, {}, {});
  EXPECT_THAT(Run({10, 20, 30}, {{.given = 20, .next = false}, {.given = 30, .next = false}, {}}),
              ElementsAre(20, 30, 31));
  EXPECT_THAT(Run({kSampledToken}, {{.position = 1}}), ElementsAre(32));
}

TEST_F(CpuStepRunnerTest, CountsForPenaltiesFromTheStartOn) {
  params_.frequency_penalty = 6;
  runner_.Start(3, params_, std::vector<int32_t>{21, 21}, {false, true});
  EXPECT_THAT(Run({20}, {{}}), ElementsAre(21)) << "generated once";
  EXPECT_THAT(Run({20}, {{}}), ElementsAre(0)) << "twice";
  EXPECT_THAT(Run({40}, {{.given = 41}}), ElementsAre(41));
  EXPECT_THAT(Run({40}, {{.given = 41, .next = false}}), ElementsAre(41)) << "not counted";
  EXPECT_THAT(Run({40}, {{}}), ElementsAre(41));
  runner_.Start(3, params_, {}, {});
  EXPECT_THAT(Run({20}, {{}}), ElementsAre(21)) << "another sequence's slot now";
}

TEST_F(CpuStepRunnerTest, TellsHowLongStepsTookAndWaited) {
  runner_.Start(3, params_, {}, {});
  Run({10}, {{}});
  EXPECT_EQ(runner_.last_times().wait_seconds, 0);
  Run({11}, {{}});
  EXPECT_GT(runner_.last_times().run_seconds, 0);
  EXPECT_GT(runner_.last_times().wait_seconds, 0);
}

}  // namespace
}  // namespace qed
