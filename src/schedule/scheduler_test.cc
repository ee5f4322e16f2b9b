#include "schedule/scheduler.h"

#include <ostream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {

void PrintTo(const StepPlan::Work& work, std::ostream* out) {
  *out << (work.admitted ? "waiting " : "running ") << work.index << ": " << work.num_tokens;
}

namespace {

using ::testing::IsEmpty;

constexpr int32_t kPage = 16;

struct Case {
  std::string name;
  std::vector<SequenceView> running = {};
  std::vector<SequenceView> waiting = {};
  std::vector<int32_t> parked = {};
  int32_t available = 100;
  int32_t max_batch = 8;
  int32_t max_rows = 0;  // of logits; 0: max_batch
  int32_t max_tokens = 64;

  std::vector<std::pair<int32_t, int32_t>> run = {};    // index, tokens
  std::vector<std::pair<int32_t, int32_t>> admit = {};  // index, tokens
  std::vector<int32_t> drafts = {};                     // of each that runs; empty: none
  std::vector<int32_t> give_up = {};
  std::vector<int32_t> preempt = {};
  std::vector<int32_t> drop = {};
};

int32_t PagesFor(int32_t tokens) { return (tokens + kPage - 1) / kPage; }

// A sequence that has computed all but its newest token.
SequenceView Decoding(uint64_t arrival, int32_t tokens) {
  return {.arrival = arrival,
          .tokens = tokens,
          .computed = tokens - 1,
          .pages = PagesFor(tokens - 1),
          .exclusive_pages = PagesFor(tokens - 1)};
}

SequenceView Prefilling(uint64_t arrival, int32_t tokens, int32_t computed, uint64_t key = 0) {
  return {.arrival = arrival,
          .tokens = tokens,
          .computed = computed,
          .pages = PagesFor(computed),
          .exclusive_pages = PagesFor(computed),
          .next_page_key = key};
}

SequenceView New(uint64_t arrival, int32_t tokens, int32_t cached = 0, uint64_t key = 0) {
  return {.arrival = arrival,
          .tokens = tokens,
          .cached_pages = cached,
          .idle_cached_pages = cached,
          .next_page_key = key};
}

SequenceView WithDrafts(SequenceView view, int32_t drafts) {
  view.drafts = drafts;
  return view;
}

SequenceView Drafting(uint64_t arrival, int32_t tokens, int32_t drafts) {
  return WithDrafts(Decoding(arrival, tokens), drafts);
}

// The last token of the sequence is being sampled.
SequenceView Ending(uint64_t arrival, int32_t tokens) {
  SequenceView view = Decoding(arrival, tokens);
  view.tokens = view.computed;
  return view;
}

SequenceView Scoring(SequenceView view) {
  view.scores_prompt = true;
  return view;
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  cases.push_back({.name = "NothingToDo"});
  // Four of the eight rows are spare: two for the first, one of two for the second,
  // whose own is one of those four.
  cases.push_back({.name = "ScoringTakesHalfOfTheSpareRows",
                   .running = {Decoding(1, 20), Scoring(Prefilling(2, 100, 16)), Decoding(3, 30),
                               Decoding(4, 30)},
                   .waiting = {Scoring(New(5, 100)), New(6, 10)},
                   .run = {{0, 1}, {1, 3}, {2, 1}, {3, 1}},
                   .admit = {{0, 1}, {1, 10}}});
  cases.push_back({.name = "DecodesComeBeforePrefill",
                   .running = {Decoding(1, 20), Prefilling(2, 100, 16), Decoding(3, 30)},
                   .max_tokens = 10,
                   .run = {{0, 1}, {1, 8}, {2, 1}}});
  cases.push_back({.name = "TheOldestInPrefillGetsATokenAmongDecodes",
                   .running = {Prefilling(1, 100, 16), Decoding(2, 20), Decoding(3, 30)},
                   .max_tokens = 2,
                   .run = {{0, 1}, {1, 1}}});
  cases.push_back(
      {.name = "AnEndingSequenceComputesNothingInItsPlace",
       .running = {Ending(1, 33), Prefilling(2, 100, 16), Ending(3, 30), Decoding(4, 33)},
       .waiting = {New(5, 2), New(6, 2)},
       .available = 20,
       .max_batch = 5,
       .max_tokens = 90,
       .run = {{1, 84}, {3, 1}},
       .admit = {{0, 2}}});
  cases.push_back({.name = "PromptsAreCutIntoChunks",
                   .waiting = {New(1, 100), New(2, 50)},
                   .max_tokens = 64,
                   .admit = {{0, 64}}});
  cases.push_back({.name = "ChunksOfSeveralPromptsShareAStep",
                   .waiting = {New(1, 40), New(2, 50)},
                   .max_tokens = 64,
                   .admit = {{0, 40}, {1, 24}}});
  cases.push_back({.name = "TheBatchHasRoomForSoMany",
                   .running = {Decoding(1, 20)},
                   .waiting = {New(2, 5), New(3, 5), New(4, 5)},
                   .max_batch = 3,
                   .run = {{0, 1}},
                   .admit = {{0, 5}, {1, 5}}});
  cases.push_back({.name = "CachedPagesAreNotComputed",
                   .waiting = {New(1, 40, 2)},
                   .available = 3,
                   .admit = {{0, 8}}});
  cases.push_back({.name = "AdmissionNeedsPagesForThePromptAndThoseThatDecode",
                   .running = {Decoding(1, 20)},
                   .waiting = {New(2, 48), New(3, 5)},
                   .available = 3,
                   .run = {{0, 1}}});
  cases.push_back({.name = "NobodyOvertakesOnPages",
                   .running = {Decoding(1, 20)},
                   .waiting = {New(2, 160), New(3, 5)},
                   .available = 9,
                   .run = {{0, 1}}});
  cases.push_back({.name = "PagesOfAPrefillUnderWayAreSpokenFor",
                   .running = {Prefilling(1, 96, 32)},
                   .waiting = {New(2, 16)},
                   .available = 5,
                   .max_tokens = 32,
                   .run = {{0, 32}}});
  cases.push_back({.name = "SamplesOfOneProblemWaitForTheFirst",
                   .waiting = {New(1, 40, 0, 7), New(2, 40, 0, 7), New(3, 40, 0, 8)},
                   .max_tokens = 200,
                   .admit = {{0, 40}, {2, 40}}});
  cases.push_back({.name = "AndForOneThatRuns",
                   .running = {Prefilling(1, 100, 16, 7)},
                   .waiting = {New(2, 40, 1, 7), New(3, 6)},
                   .max_tokens = 200,
                   .run = {{0, 84}},
                   .admit = {{1, 6}}});
  cases.push_back({.name = "AReturningSequenceGoesOnFromItsPages",
                   .waiting = {Prefilling(1, 50, 37)},
                   .available = 1,
                   .admit = {{0, 13}}});
  cases.push_back({.name = "ParkedSequencesGiveUpTheirPagesFirst",
                   .running = {Decoding(1, 17), Decoding(2, 17)},
                   .parked = {1, 5, 5},
                   .available = 0,
                   .run = {{0, 1}, {1, 1}},
                   .give_up = {0, 1}});
  cases.push_back({.name = "ParkedSequencesMakeRoomForNewOnes",
                   .waiting = {New(1, 64)},
                   .parked = {1, 2, 3},
                   .available = 2,
                   .give_up = {0, 1}});
  cases.push_back({.name = "ParkedSequencesKeepWhatWouldNotBeEnough",
                   .running = {Decoding(1, 20)},
                   .waiting = {New(2, 160)},
                   .parked = {1, 2},
                   .available = 2,
                   .run = {{0, 1}}});
  cases.push_back({.name = "TheNewestIsPreempted",
                   .running = {Decoding(1, 17), Decoding(2, 17), Decoding(3, 33)},
                   .waiting = {New(4, 5)},
                   .available = 0,
                   .run = {{0, 1}, {1, 1}},
                   .preempt = {2}});
  cases.push_back({.name = "AReturningOneThatWaitsIsDroppedBeforeAnOlderOneThatRuns",
                   .running = {Decoding(1, 17), Decoding(2, 16)},
                   .waiting = {Prefilling(3, 40, 20)},
                   .available = 0,
                   .run = {{0, 1}, {1, 1}},
                   .drop = {0}});
  cases.push_back({.name = "TheYoungestPreemptsItself",
                   .running = {Decoding(1, 16), Decoding(2, 17)},
                   .available = 0,
                   .run = {{0, 1}},
                   .preempt = {1}});
  cases.push_back({.name = "ARunningOneYieldsToAnOlderHolder",
                   .running = {Decoding(5, 17)},
                   .waiting = {New(1, 40), Prefilling(2, 50, 37)},
                   .available = 0,
                   .preempt = {0}});
  cases.push_back({.name = "SharedPagesOfThePreemptedComeNextStep",
                   .running = {Decoding(1, 17),
                               {.arrival = 2, .tokens = 18, .computed = 17, .pages = 2},
                               {.arrival = 3, .tokens = 18, .computed = 17, .pages = 2}},
                   .available = 0,
                   .preempt = {2, 1}});
  cases.push_back({.name = "ScoringTakesRowsBesideThoseOfSequences",
                   .running = {Decoding(1, 17)},
                   .waiting = {Scoring(New(2, 40)), New(3, 5)},
                   .max_batch = 3,
                   .max_rows = 22,
                   .run = {{0, 1}},
                   .admit = {{0, 11}, {1, 5}}});
  cases.push_back({.name = "DraftsTakeTheTokensThatPrefillLeaves",
                   .running = {Drafting(1, 17, 3), Drafting(2, 17, 3)},
                   .waiting = {New(3, 58)},
                   .max_rows = 32,
                   .run = {{0, 1}, {1, 1}},
                   .admit = {{0, 58}},
                   .drafts = {3, 1}});
  cases.push_back({.name = "DraftsTakeTheRowsThatSequencesAndScoresLeave",
                   .running = {Drafting(1, 17, 3), Drafting(2, 17, 3)},
                   .waiting = {Scoring(New(3, 40))},
                   .max_rows = 8,
                   .run = {{0, 1}, {1, 1}},
                   .admit = {{0, 3}},
                   .drafts = {3, 0}});
  cases.push_back({.name = "DraftsTakePagesThatAreLeft",
                   .running = {Drafting(1, 16, 3), Drafting(2, 16, 3), Drafting(3, 15, 3)},
                   .available = 1,
                   .max_rows = 32,
                   .run = {{0, 1}, {1, 1}, {2, 1}},
                   .drafts = {3, 0, 1}});
  cases.push_back({.name = "DraftsComeNotBeforeAllIsComputed",
                   .running = {Drafting(1, 17, 3), WithDrafts(Prefilling(2, 200, 16), 3)},
                   .max_rows = 32,
                   .run = {{0, 1}, {1, 63}},
                   .drafts = {0, 0}});
  cases.push_back({.name = "NoDraftsWhereOthersGiveUpPages",
                   .running = {Drafting(1, 17, 3), Drafting(2, 18, 3)},
                   .parked = {4},
                   .available = 0,
                   .max_rows = 32,
                   .run = {{0, 1}, {1, 1}},
                   .give_up = {0}});
  cases.push_back({.name = "MoreRowsThanSequencesAdmitNobodyMore",
                   .running = {Decoding(1, 17)},
                   .waiting = {New(2, 5), New(3, 5)},
                   .max_batch = 2,
                   .max_rows = 22,
                   .run = {{0, 1}},
                   .admit = {{0, 5}}});
  cases.push_back({.name = "WhenNothingRunsRoomIsMadeForTheOldestWaiting",
                   .waiting = {New(1, 64), Prefilling(2, 60, 48), New(3, 5)},
                   .available = 2,
                   .drop = {1}});
  return cases;
}

class PlanStepTest : public ::testing::TestWithParam<Case> {};

TEST_P(PlanStepTest, IsAsExpected) {
  const Case& c = GetParam();
  StepPlan plan;
  PlanStep({.max_batch_size = c.max_batch,
            .max_logit_rows = c.max_rows > 0 ? c.max_rows : c.max_batch,
            .max_num_tokens = c.max_tokens,
            .page_size = kPage,
            .available_pages = c.available,
            .running = c.running,
            .waiting = c.waiting,
            .parked_pages = c.parked},
           plan);
  std::vector<std::pair<int32_t, int32_t>> run, admit;
  std::vector<int32_t> drafts;
  for (const StepPlan::Work& work : plan.work) {
    if (!work.admitted) drafts.push_back(work.num_drafts);
    (work.admitted ? admit : run).emplace_back(work.index, work.num_tokens);
  }
  EXPECT_EQ(run, c.run);
  EXPECT_EQ(admit, c.admit);
  EXPECT_EQ(drafts, c.drafts.empty() ? std::vector<int32_t>(run.size(), 0) : c.drafts);
  EXPECT_EQ(plan.give_up, c.give_up);
  EXPECT_EQ(plan.preempt, c.preempt);
  EXPECT_EQ(plan.drop, c.drop);
}

INSTANTIATE_TEST_SUITE_P(Table, PlanStepTest, ::testing::ValuesIn(Cases()),
                         [](const auto& test) { return test.param.name; });

TEST(PlanStep, ClearsAnOldPlan) {
  StepPlan plan;
  plan.give_up = {1};
  plan.work.resize(3);
  PlanStep({.max_batch_size = 1, .max_logit_rows = 1, .max_num_tokens = 1, .page_size = kPage},
           plan);
  EXPECT_THAT(plan.give_up, IsEmpty());
  EXPECT_THAT(plan.work, IsEmpty());
}

}  // namespace
}  // namespace qed
