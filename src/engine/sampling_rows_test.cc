#include "engine/sampling_rows.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

// Which chains a head begins: behind rows that draw, not behind those that score a prompt.
TEST(SamplingRows, ChainsBeginWithASequencesFirstNewToken) {
  std::vector<ForwardBatch::Sequence> sequences(4);
  const std::vector<StepSample> samples = {{.sequence = 0, .given = 3, .next = false},
                                           {.sequence = 0},
                                           {.sequence = 1, .given = 3, .next = false},
                                           {.sequence = 3, .draft = 8},
                                           {.sequence = 3}};
  StepBatch batch;
  batch.forward.sequences = sequences;
  batch.samples = samples;
  std::vector<int32_t> first_rows(2), chains;
  EXPECT_EQ(PackChains(batch, first_rows, chains), 2);
  EXPECT_THAT(first_rows, ElementsAre(1, 3));
  EXPECT_THAT(chains, ElementsAre(0, -1, -1, 1));
  EXPECT_EQ(PackChains(batch, std::span(first_rows).first(1), chains), 0) << "no room for both";
}

TEST(SamplingRows, AreFilledFromTheirSlotsAndReadBack) {
  std::vector<SamplingParams> params(3);  // of the slots
  params[0].logprobs = 2;
  params[2].frequency_penalty = 1;
  params[0].barred_until = 5;
  const std::vector<int32_t> num_biases = {6, 0, 7};
  const std::vector<int32_t> batch_slots = {2, 0};
  const std::vector<StepSample> samples = {{.sequence = 0, .given = 30, .next = false},
                                           {.sequence = 0, .position = 9, .given = 31},
                                           {.sequence = 1, .position = 4},
                                           {.sequence = 1, .position = 5}};
  std::vector<cuda::SamplingRow> rows(4);
  const SamplingTotals totals = FillSamplingRows(
      {.forward = {}, .slots = batch_slots, .samples = samples}, params, num_biases, 300, rows);
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
  EXPECT_EQ(rows[0].num_biases, 0) << "it is scored by what the model says";
  EXPECT_EQ(rows[1].num_biases, 7);
  EXPECT_EQ(rows[2].num_biases, 6);
  EXPECT_EQ(rows[2].barring, 1);
  EXPECT_EQ(rows[3].barring, 0);

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
  const std::vector<SamplingParams> params(1);
  const std::vector<int32_t> batch_slots = {0};
  const std::vector<StepSample> samples = {{}};
  std::vector<cuda::SamplingRow> rows(1);
  const std::vector<int32_t> num_biases(1);
  const SamplingTotals totals = FillSamplingRows(
      {.forward = {}, .slots = batch_slots, .samples = samples}, params, num_biases, 300, rows);
  EXPECT_EQ(totals.num_tops, 0);
  EXPECT_FALSE(totals.any_logprobs);
}

TEST(SamplingRows, RowsOfAChainKnowTheirPlaces) {
  const std::vector<SamplingParams> params(2);
  const std::vector<int32_t> batch_slots = {1, 0};
  const std::vector<StepSample> samples = {{.sequence = 0, .position = 3, .draft = 7},
                                           {.sequence = 0, .position = 4, .draft = 8},
                                           {.sequence = 0, .position = 5},
                                           {.sequence = 1, .position = 9}};
  std::vector<cuda::SamplingRow> rows(4);
  const std::vector<int32_t> num_biases(2);
  const SamplingTotals totals = FillSamplingRows(
      {.forward = {}, .slots = batch_slots, .samples = samples}, params, num_biases, 300, rows);
  EXPECT_TRUE(totals.any_drafts);
  std::vector<int32_t> drafts, places;
  for (const cuda::SamplingRow& row : rows) {
    drafts.push_back(row.draft);
    places.push_back(row.place);
  }
  EXPECT_THAT(drafts, ElementsAre(7, 8, -1, -1));
  EXPECT_THAT(places, ElementsAre(0, 1, 2, 0));
}

}  // namespace
}  // namespace qed
