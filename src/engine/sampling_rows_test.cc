#include "engine/sampling_rows.h"

#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(SamplingRows, CarryTheParameters) {
  SamplingParams params;
  params.temperature = 0.5f;
  params.top_p = 0.9f;
  params.min_p = 0.01f;
  params.top_k = 40;
  params.repetition_penalty = 1.1f;
  params.presence_penalty = 0.2f;
  params.frequency_penalty = 0.3f;
  params.seed = uint64_t{1} << 60;
  params.sample_index = uint64_t{1} << 50;
  params.logprobs = 5;
  cuda::SamplingRow row = MakeSamplingRow(params, 7);
  EXPECT_EQ(row.scale, 2.0f);
  EXPECT_EQ(row.top_p, 0.9f);
  EXPECT_EQ(row.min_p, 0.01f);
  EXPECT_EQ(row.top_k, 40);
  EXPECT_EQ(row.repetition, 1.1f);
  EXPECT_EQ(row.presence, 0.2f);
  EXPECT_EQ(row.frequency, 0.3f);
  EXPECT_EQ(row.seed, params.seed);
  EXPECT_EQ(row.stream, params.sample_index);
  EXPECT_EQ(row.slot, 7);
  EXPECT_EQ(row.has_penalties, 1);
  EXPECT_EQ(row.logprobs, 1);
  EXPECT_EQ(row.num_top, 5);

  params = SamplingParams();
  params.temperature = 0;
  row = MakeSamplingRow(params, 0);
  EXPECT_EQ(row.scale, 0.0f);
  EXPECT_EQ(row.has_penalties, 0);
  EXPECT_EQ(row.logprobs, 0);
  EXPECT_EQ(row.num_top, 0);
  params.temperature = 1e-45f;
  EXPECT_EQ(MakeSamplingRow(params, 0).scale, std::numeric_limits<float>::max());
}

TEST(SamplingRows, AreFilledFromTheirSlotsAndReadBack) {
  SamplingParams plain, with_tops;
  plain.frequency_penalty = 1;
  with_tops.logprobs = 2;
  const std::vector<cuda::SamplingRow> slots = {
      MakeSamplingRow(with_tops, 0), {}, MakeSamplingRow(plain, 2)};
  const std::vector<int32_t> batch_slots = {2, 0};
  const std::vector<StepSample> samples = {{.sequence = 0, .given = 30, .next = false},
                                           {.sequence = 0, .position = 9, .given = 31},
                                           {.sequence = 1, .position = 4},
                                           {.sequence = 1, .position = 5}};
  std::vector<cuda::SamplingRow> rows(4);
  const SamplingTotals totals =
      FillSamplingRows({.forward = {}, .slots = batch_slots, .samples = samples}, slots, rows);
  EXPECT_EQ(totals.num_tops, 4);
  EXPECT_TRUE(totals.any_logprobs);
  EXPECT_EQ(rows[0].slot, 2);
  EXPECT_EQ(rows[0].given, 30);
  EXPECT_EQ(rows[0].next, 0);
  EXPECT_EQ(rows[0].has_penalties, 0) << "it is scored by what the model says";
  EXPECT_EQ(rows[0].logprobs, 1);
  EXPECT_EQ(rows[0].num_top, 0);
  EXPECT_EQ(rows[1].given, 31);
  EXPECT_EQ(rows[1].next, 1);
  EXPECT_EQ(rows[1].position, 9u);
  EXPECT_EQ(rows[1].has_penalties, 1);
  EXPECT_EQ(rows[1].logprobs, 0);
  EXPECT_EQ(rows[2].slot, 0);
  EXPECT_EQ(rows[2].given, -1);
  EXPECT_EQ(rows[2].first_top, 0);
  EXPECT_EQ(rows[3].first_top, 2);

  const std::vector<cuda::TokenLogprob> result = {{30, -3}, {31, -7},   {8, -1}, {-1, 0},
                                                  {8, -1},  {-1, 0.0f}, {5, -2}, {6, -3}};
  std::vector<SampledToken> out(4);
  out[1].top = {{1, 1.0f}};
  ReadSamples(rows, result.data(), out);
  EXPECT_EQ(out[0].id, 30);
  EXPECT_EQ(out[0].logprob, -3);
  EXPECT_EQ(out[1].id, 31);
  EXPECT_EQ(out[1].logprob, 0) << "nobody asked";
  EXPECT_THAT(out[1].top, IsEmpty());
  EXPECT_EQ(out[2].id, 8);
  EXPECT_THAT(out[2].top, ElementsAre(Pair(8, -1.0f))) << "a vocabulary of one";
  EXPECT_EQ(out[3].id, -1);
  EXPECT_THAT(out[3].top, IsEmpty());
}

TEST(SamplingRows, NothingIsWantedOfMostSteps) {
  const std::vector<cuda::SamplingRow> slots = {MakeSamplingRow({}, 0)};
  const std::vector<int32_t> batch_slots = {0};
  const std::vector<StepSample> samples = {{}};
  std::vector<cuda::SamplingRow> rows(1);
  const SamplingTotals totals =
      FillSamplingRows({.forward = {}, .slots = batch_slots, .samples = samples}, slots, rows);
  EXPECT_EQ(totals.num_tops, 0);
  EXPECT_FALSE(totals.any_logprobs);
}

}  // namespace
}  // namespace qed
