// The solver with selections, in simulated time.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "solve/scripted_generator.h"
#include "solve/solver.h"
#include "tests/support/solve_fakes.h"

namespace qed {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Samples take one second, judgments two.
struct SelectSimulation {
  SelectSimulation(std::vector<std::vector<std::string>> answers,
                   std::vector<std::string> judgments, int32_t slots = 4)
      : generator(
            clock,
            [this, answers, judgments](const std::string& prompt, uint64_t seed) {
              started.push_back(prompt.substr(0, 2));
              ScriptedSample sample;
              sample.num_tokens = 10;
              const bool judging = prompt.starts_with("J");
              sample.text = judging ? judgments.at(seed)
                                    : "\\boxed{" + answers.at(std::stoul(prompt)).at(seed) + "}";
              sample.duration = seconds(judging ? 2 : 1);
              return sample;
            },
            slots) {
    for (size_t i = 0; i < answers.size(); ++i) {
      Problem problem;
      problem.id = "p" + std::to_string(i);
      problem.json = "{}";
      problem.expected_answer = "7";
      problem.fields["problem"] = std::to_string(i);
      problems.push_back(problem);
      tasks.push_back({std::to_string(i), 1});
    }
    options.num_samples = static_cast<int32_t>(answers[0].size());
    options.loop.max_code_calls = 0;
    options.loop.max_tokens = 1 << 20;
    options.loop.max_seq_len = 1 << 30;
    options.select.num_selections = static_cast<int32_t>(judgments.size());
    options.select.task.prompt.user = "J{problem} {solutions}";
    options.select.task.wrapper = *ChatWrapper::Load("none");
  }

  void Run() {
    Solver solver(options, problems, tasks,
                  {generator, nullptr, recorder, recorder, clock, &clock});
    for (const Sample& sample : earlier) solver.Restore(sample);
    for (const Selection& selection : earlier_selections) solver.RestoreSelection(selection);
    const Status status = solver.Run(std::atomic<bool>(false));
    ASSERT_TRUE(status.ok()) << status.message();
    outcomes = solver.selections();
  }

  std::vector<Sample> Samples() const {
    std::vector<Sample> all;
    for (const auto& [problem, samples] : recorder.samples) {
      for (const auto& [index, sample] : samples) all.push_back(sample);
    }
    return all;
  }

  SimulatedClock clock;
  std::vector<std::string> started;  // prompts' first two characters
  ScriptedGenerator generator;
  SolverOptions options;
  std::vector<Problem> problems;
  std::vector<SolveTask> tasks;
  std::vector<Sample> earlier;
  std::vector<Selection> earlier_selections;
  SolveRecorder recorder;
  std::vector<SelectionOutcome> outcomes;
};

TEST(SolverSelect, TheMajorityOfJudgmentsDecides) {
  SelectSimulation run({{"8", "8", "7"}}, {"Judgment: 2", "hm", "Judgment: 2", "Judgment: 0"});
  run.Run();
  ASSERT_THAT(run.recorder.selections, SizeIs(4));
  EXPECT_THAT(run.recorder.selections[0].candidates, ElementsAre(0, 1, 2));
  EXPECT_EQ(run.recorder.selections[0].answer_class, "7");
  EXPECT_EQ(run.recorder.selections[1].choice, std::nullopt);
  const ProblemReport& report = run.recorder.reports.at("p0");
  EXPECT_FALSE(*report.correct);  // the vote
  EXPECT_EQ(report.selected->answer, "7");
  EXPECT_EQ(report.selected->chosen, 2);
  EXPECT_TRUE(*run.outcomes.at(0).correct);
  EXPECT_EQ(run.clock.Now().time_since_epoch(), seconds(3));
}

TEST(SolverSelect, AgreementNeedsNoJudgment) {
  SelectSimulation run({{"7", "7", "7"}}, {"Judgment: 0"});
  run.Run();
  EXPECT_THAT(run.recorder.selections, IsEmpty());
  EXPECT_TRUE(run.outcomes.at(0).by_vote);
  EXPECT_TRUE(*run.outcomes.at(0).correct);
}

TEST(SolverSelect, ComesBeforeNewSamplesAndKeepsToTheSlots) {
  SelectSimulation run({{"7", "8"}, {"7", "8"}}, {"Judgment: 0", "Judgment: 0", "Judgment: 0"}, 2);
  run.Run();
  EXPECT_THAT(run.started, ElementsAre("0", "0", "J0", "J0", "J0", "1", "1", "J1", "J1", "J1"));
}

TEST(SolverSelect, EndsWithTheProblemsTime) {
  SelectSimulation run({{"8", "8", "7"}}, {"Judgment: 2", "Judgment: 2", "Judgment: 2"}, 3);
  run.options.time.base = seconds(2);
  run.Run();
  EXPECT_EQ(run.clock.Now().time_since_epoch(), seconds(2));
  EXPECT_TRUE(run.outcomes.at(0).by_vote);  // half a judgment says nothing
  EXPECT_EQ(run.outcomes.at(0).answer, "8");
}

TEST(SolverSelect, WhatAStopForTimeCutIsNotJudged) {
  SelectSimulation run({{"8", "8", "7"}}, {"Judgment: 2"}, 1);
  run.options.time.base = std::chrono::milliseconds(2500);
  run.Run();
  EXPECT_THAT(run.recorder.selections, IsEmpty());
  EXPECT_EQ(run.recorder.reports.at("p0").stopped_by, "time");
}

TEST(SolverSelect, GoesOnWhereAnEarlierRunEnded) {
  const std::vector<std::string> judgments = {"Judgment: 2", "Judgment: 2", "Judgment: 0"};
  SelectSimulation first({{"8", "8", "7"}}, judgments);
  first.Run();
  SelectSimulation again({{"8", "8", "7"}}, judgments);
  again.earlier = first.Samples();
  again.earlier_selections = {first.recorder.selections[0], first.recorder.selections[2]};
  again.Run();
  EXPECT_THAT(again.started, ElementsAre("J0"));
  ASSERT_THAT(again.recorder.selections, SizeIs(1));
  EXPECT_EQ(again.recorder.selections[0].index, 1);
  EXPECT_EQ(again.outcomes.at(0).answer, "7");

  SelectSimulation complete({{"8", "8", "7"}}, judgments);
  complete.earlier = first.Samples();
  complete.earlier_selections = first.recorder.selections;
  complete.Run();
  EXPECT_THAT(complete.started, IsEmpty());
  EXPECT_EQ(complete.outcomes.at(0).answer, "7");
}

TEST(SolverSelect, APromptWithUnknownFieldsIsAnError) {
  SelectSimulation run({{"8", "7"}}, {"Judgment: 1"});
  run.options.select.task.prompt.user = "J{candidates}";
  Solver solver(run.options, run.problems, run.tasks,
                {run.generator, nullptr, run.recorder, run.recorder, run.clock, &run.clock});
  const Status status = solver.Run(std::atomic<bool>(false));
  EXPECT_THAT(status.message(), ::testing::StartsWith("the prompt for selections: "));
}

}  // namespace
}  // namespace qed
