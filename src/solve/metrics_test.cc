#include "solve/metrics.h"

#include "base/json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "solve/progress.h"

namespace qed {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

Problem MakeProblem(const std::string& id, const std::optional<std::string>& expected) {
  Problem problem;
  problem.id = id;
  problem.expected_answer = expected;
  return problem;
}

std::optional<SampleOutcome> Answered(const std::string& answer, const std::string& expected) {
  SampleOutcome outcome;
  outcome.answer = answer;
  outcome.correct = !answer.empty() && answer == expected;
  outcome.generated_tokens = 100;
  outcome.code_calls = 2;
  return outcome;
}

std::optional<SampleOutcome> CancelledSample() {
  SampleOutcome outcome;
  outcome.finish = SampleFinish::kCancelled;
  outcome.generated_tokens = 50;
  return outcome;
}

TEST(ComputeMetrics, CountsByHand) {
  const std::vector<Problem> problems = {MakeProblem("a", "7"), MakeProblem("b", "8")};
  // a: 3 of 4 right. b: 1 of 4 right, outvoted by 9, one without an answer.
  const std::vector<ProblemOutcomes> outcomes = {
      {Answered("7", "7"), Answered("7", "7"), Answered("5", "7"), Answered("7", "7")},
      {Answered("9", "8"), Answered("9", "8"), Answered("8", "8"), Answered("", "8")}};
  const Metrics metrics = ComputeMetrics(problems, outcomes, 4, 12.5);
  EXPECT_DOUBLE_EQ(*metrics.pass_at_1.correct, 50);
  EXPECT_DOUBLE_EQ(*metrics.majority.correct, 50);
  EXPECT_DOUBLE_EQ(*metrics.pass_at_k.correct, 100);
  EXPECT_DOUBLE_EQ(metrics.pass_at_1.no_answer, 12.5);
  EXPECT_DOUBLE_EQ(metrics.majority.no_answer, 0);
  EXPECT_EQ(metrics.generated_tokens, 800);
  EXPECT_EQ(metrics.code_calls, 16);
  // Runs by sample index score 50, 50, 50, 50.
  EXPECT_DOUBLE_EQ(metrics.std_dev_across_runs, 0);
  EXPECT_DOUBLE_EQ(metrics.avg_sample_std_dev, 50);

  const json written = *ParseJson(MetricsToJson(metrics, "set"));
  const json& modes = written.at("set");
  EXPECT_EQ(modes.size(), 3u);
  EXPECT_EQ(modes.at("pass@1[avg-of-4]").at("symbolic_correct"), 50.0);
  EXPECT_EQ(modes.at("pass@1[avg-of-4]").at("num_entries"), 2);
  EXPECT_EQ(modes.at("pass@1[avg-of-4]").at("avg_tokens"), 100.0);
  EXPECT_EQ(modes.at("pass@1[avg-of-4]").at("gen_seconds"), 12.5);
  EXPECT_EQ(modes.at("pass@1[avg-of-4]").at("symbolic_correct_statistics").at("avg"), 50.0);
  EXPECT_EQ(modes.at("majority@4").at("symbolic_correct"), 50.0);
  EXPECT_EQ(modes.at("pass@4").at("symbolic_correct"), 100.0);
}

TEST(ComputeMetrics, LeavesOutCancelledSamplesAndUnknownAnswers) {
  const std::vector<Problem> problems = {MakeProblem("a", "7"), MakeProblem("b", std::nullopt)};
  const std::vector<ProblemOutcomes> outcomes = {{Answered("7", "7"), CancelledSample()},
                                                 {Answered("1", ""), std::nullopt}};
  const Metrics metrics = ComputeMetrics(problems, outcomes, 2, 1);
  EXPECT_DOUBLE_EQ(*metrics.pass_at_1.correct, 100);
  EXPECT_EQ(metrics.samples_done, 3);
  EXPECT_EQ(metrics.generated_tokens, 250);
}

TEST(ComputeMetrics, SaysNothingOfAccuracyWhereNothingIsExpected) {
  const std::vector<Problem> problems = {MakeProblem("a", std::nullopt)};
  const Metrics metrics = ComputeMetrics(problems, {{Answered("1", "")}}, 1, 0);
  EXPECT_EQ(metrics.pass_at_1.correct, std::nullopt);
  EXPECT_THAT(MetricsToJson(metrics, "set"), Not(HasSubstr("symbolic_correct")));
  EXPECT_THAT(FormatSummary(metrics), Not(HasSubstr("pass@1")));
}

TEST(AddSelections, GivesARowOfItsOwn) {
  SelectionOutcome right, none;
  right.selections = 3;
  right.answer = "7";
  right.correct = true;
  right.generated_tokens = 30;
  none.correct = false;
  Metrics metrics;
  metrics.num_samples = 4;
  EXPECT_THAT(MetricsToJson(metrics, "set"), Not(HasSubstr("genselect")));
  AddSelections({right, none}, 3, metrics);
  const nlohmann::json row = ParseJson(MetricsToJson(metrics, "set"))->at("set").at("genselect@4");
  EXPECT_EQ(row.at("symbolic_correct"), 50.0);
  EXPECT_EQ(row.at("no_answer"), 50.0);
  EXPECT_EQ(row.at("num_selections"), 3);
  EXPECT_EQ(row.at("selection_tokens"), 30);
}

TEST(FormatProblem, ShowsTheVote) {
  Problem problem = MakeProblem("3", "42");
  ProblemReport report;
  report.problem = &problem;
  report.tally.votes = {{"42", 5, 0}, {"41", 1, 2}};
  report.tally.ballots = 8;
  report.correct = true;
  EXPECT_EQ(FormatProblem(report), "problem 3: 42 (5 of 8 votes) expected 42: correct");
  report.correct = false;
  report.tally.votes.clear();
  EXPECT_EQ(FormatProblem(report), "problem 3: no answer (0 of 8 votes) expected 42: wrong");
  problem.expected_answer.reset();
  EXPECT_EQ(FormatProblem(report), "problem 3: no answer (0 of 8 votes)");
}

TEST(FormatProblem, TellsWhatEndedItEarly) {
  const Problem problem = MakeProblem("3", std::nullopt);
  ProblemReport report;
  report.problem = &problem;
  report.tally.ballots = 8;
  report.tally.votes = {{.answer = "42", .count = 5, .weight = 5, .partial = 2}};
  report.stopped_by = "time";
  EXPECT_EQ(FormatProblem(report), "problem 3: 42 (5 of 8 votes, 2 partial) [time]");
}

TEST(FormatProblem, CannotSteerTheTerminal) {
  const Problem problem = MakeProblem("a\x1b[2Jb\n", std::nullopt);
  ProblemReport report;
  report.problem = &problem;
  report.tally.votes = {{std::string(500, 'x') + "\r", 1, 0}};
  const std::string line = FormatProblem(report);
  EXPECT_LT(line.size(), 120u);
  for (char c : line) EXPECT_GE(c, 0x20);
}

TEST(FormatProgress, TellsCountsRateTimeAndVotes) {
  const Problem problem = MakeProblem("7", std::nullopt);
  SolveProgress progress;
  progress.problems_done = 12;
  progress.problems_total = 100;
  progress.samples_done = 100;
  progress.samples_total = 800;
  progress.new_samples = 50;
  progress.new_tokens = 41200;
  progress.seconds = 100;
  progress.oldest = &problem;
  progress.votes.votes = {{"42", 3, 0}, {"41", 1, 2}};
  EXPECT_EQ(FormatProgress(progress),
            "12 of 100 problems, 100 of 800 samples, 412 tokens/s, 23:20 left | problem 7: 42 x3, "
            "41 x1");
  progress.bank_seconds = 310;
  progress.problems_open = 2;
  EXPECT_EQ(
      FormatProgress(progress),
      "12 of 100 problems, 100 of 800 samples, 412 tokens/s, 23:20 left, bank 5:10, 2 in work "
      "| problem 7: 42 x3, 41 x1");
  progress.places = "a:5000 (12), b:5000 (away)";
  EXPECT_THAT(FormatProgress(progress),
              HasSubstr("2 in work at a:5000 (12), b:5000 (away) | problem 7"));
}

}  // namespace
}  // namespace qed
