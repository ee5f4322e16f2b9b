#include "solve/replay.h"

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

using ::testing::HasSubstr;

// A run over two slots, one second a sample; answers by sample.
Sample Recorded(const std::string& problem, int32_t index, const std::string& answer,
                double start_time) {
  Sample sample;
  sample.problem_id = problem;
  sample.index = index;
  sample.transcript.segments = {
      {TranscriptSegment::Source::kModel, "so \\boxed{" + answer + "}", 50}};
  sample.transcript.generated_tokens = 50;
  sample.answer = answer;
  sample.boxed = answer;
  sample.correct = answer == "7";
  sample.start_time = start_time;
  sample.end_time = start_time + 1;
  sample.generation_seconds = 0.75;
  sample.code_seconds = 0.25;
  return sample;
}

RunRecords TwoProblems() {
  RunRecords records;
  records.samples = {{Recorded("b", 0, "7", 100), Recorded("b", 1, "7", 100),
                      Recorded("b", 2, "8", 101), Recorded("b", 3, "8", 101)},
                     {Recorded("a", 0, "9", 102), Recorded("a", 1, "9", 102),
                      Recorded("a", 2, "9", 103), Recorded("a", 3, "9", 103)}};
  for (const std::vector<Sample>& samples : records.samples) {
    Problem problem;
    problem.id = samples[0].problem_id;
    problem.expected_answer = problem.id == "b" ? "7" : RunRecords::kNeverGiven;
    records.problems.push_back(problem);
  }
  return records;
}

ReplayResult Replayed(const RunRecords& records, const std::string& rule, int32_t samples = 0) {
  ReplayOptions options;
  options.stop = *StopRule::Parse(rule);
  options.num_samples = samples;
  Result<ReplayResult> result = Replay(records, options);
  EXPECT_TRUE(result.ok()) << result.status().message();
  return *std::move(result);
}

TEST(Replay, WithoutARuleItIsTheRun) {
  const ReplayResult result = Replayed(TwoProblems(), "never");
  EXPECT_DOUBLE_EQ(result.metrics.seconds, 4);
  EXPECT_EQ(result.metrics.generated_tokens, 400);
  EXPECT_EQ(result.metrics.majority.correct, 50);
  EXPECT_EQ(result.stop_reasons.at(""), 2);
}

TEST(Replay, RulesSaveTokensAndTime) {
  const ReplayResult result = Replayed(TwoProblems(), "agree:2");
  EXPECT_DOUBLE_EQ(result.metrics.seconds, 2);
  EXPECT_EQ(result.metrics.generated_tokens, 200);
  EXPECT_EQ(result.metrics.majority.correct, 50);
  EXPECT_EQ(result.stop_reasons.at("agree:2"), 2);
}

TEST(Replay, KnowsWhichAnswersAreEqualFromTheRecords) {
  RunRecords records = TwoProblems();
  // In "b" 3.5+x, x+3.5 and 7/2+x are one class, and right.
  const auto rename = [&](size_t sample, const std::string& answer, const std::string& of) {
    Sample& renamed = records.samples[0][sample];
    renamed = Recorded("b", static_cast<int32_t>(sample), answer, renamed.start_time);
    renamed.answer_class = of;
    renamed.correct = answer != "8";
  };
  rename(0, "8", "");
  rename(1, "x+3.5", "");
  rename(2, "8", "");
  rename(3, "7/2+x", "x+3.5");
  EXPECT_EQ(Replayed(records, "never").metrics.majority.correct, 0);  // 8 came first
  records.samples[0][0] = Recorded("b", 0, "3.5+x", 100);
  records.samples[0][0].answer_class = "x+3.5";
  records.samples[0][0].correct = true;
  EXPECT_DOUBLE_EQ(*Replayed(records, "never").metrics.pass_at_1.correct, 37.5);
  const ReplayResult result = Replayed(records, "agree:2");
  EXPECT_EQ(result.metrics.majority.correct, 50);
  EXPECT_EQ(result.stop_reasons.at("agree:2"), 2);
  EXPECT_DOUBLE_EQ(result.metrics.seconds, 2);
}

TEST(Replay, TakesTheFirstSamples) {
  const ReplayResult result = Replayed(TwoProblems(), "never", 1);
  EXPECT_EQ(result.metrics.num_samples, 1);
  EXPECT_DOUBLE_EQ(result.metrics.seconds, 1);  // Both problems at a time.
  ReplayOptions options;
  options.num_samples = 5;
  EXPECT_THAT(Replay(TwoProblems(), options).status().message(), HasSubstr("--samples"));
}

TEST(Replay, KnowsTimeLimits) {
  ReplayOptions options;
  options.time.base = std::chrono::milliseconds(1500);
  options.problems_in_flight = 1;
  const Result<ReplayResult> result = Replay(TwoProblems(), options);
  ASSERT_TRUE(result.ok());
  EXPECT_DOUBLE_EQ(result->metrics.seconds, 3);
  EXPECT_EQ(result->stop_reasons.at("time"), 2);
}

TEST(Replay, VotesWithTheRecordedAnswers) {
  RunRecords records = TwoProblems();
  // Read with a modulo then: the text says something else.
  for (Sample& sample : records.samples[0]) {
    sample.transcript.segments[0].text = "\\boxed{100" + sample.answer + "}";
  }
  EXPECT_EQ(Replayed(records, "never").metrics.majority.correct, 50);
}

TEST(Replay, CountsWhatTheRunCutShort) {
  RunRecords records = TwoProblems();
  records.samples[0][3].finish = SampleFinish::kCancelled;
  EXPECT_EQ(CountCutShort(records), 1);
  EXPECT_EQ(Replayed(records, "never").metrics.majority.correct, 50);
}

class RunRecordsTest : public ::testing::Test {
 protected:
  void Write(const std::vector<Sample>& samples) {
    std::ofstream file(dir_.File("samples.jsonl"));
    for (const Sample& sample : samples) file << ToRecordLine(sample) << "\n";
  }
  std::string Error() { return ReadRunRecords(dir_.File("samples.jsonl")).status().message(); }

  TempDir dir_;
};

TEST_F(RunRecordsTest, AreReadInTheOrderOfTheRun) {
  const RunRecords expected = TwoProblems();
  std::vector<Sample> shuffled;
  for (size_t i = 4; i-- > 0;) {
    shuffled.push_back(expected.samples[1][i]);
    shuffled.push_back(expected.samples[0][i]);
  }
  Write(shuffled);
  const Result<RunRecords> records = ReadRunRecords(dir_.File(""));
  ASSERT_TRUE(records.ok()) << records.status().message();
  EXPECT_EQ(records->problems.at(0).id, "b");
  EXPECT_EQ(records->problems[0].expected_answer, "7");
  EXPECT_EQ(records->problems[1].expected_answer, RunRecords::kNeverGiven);
  EXPECT_EQ(records->samples[1][2].index, 2);
  EXPECT_EQ(MostAtATime(*records), 2);
}

TEST_F(RunRecordsTest, BadOnesAreRefused) {
  EXPECT_THAT(Error(), HasSubstr("cannot read"));
  Write({});
  EXPECT_THAT(Error(), HasSubstr("no samples"));
  Write({Recorded("a", 0, "1", 0), Recorded("a", 0, "1", 0)});
  EXPECT_THAT(Error(), HasSubstr("line 2: sample 0 of its problem is there twice"));
  Write({Recorded("a", 0, "1", 0), Recorded("a", 1, "1", 0), Recorded("b", 1, "1", 0)});
  EXPECT_THAT(Error(), HasSubstr("problem \"b\" has 1 of 2 samples"));
  Write({Recorded("a", -1, "1", 0)});
  EXPECT_THAT(Error(), HasSubstr("out of range"));
  Write({Recorded("a", 2000000000, "1", 0)});
  EXPECT_THAT(Error(), HasSubstr("out of range"));
  std::ofstream(dir_.File("samples.jsonl")) << "{}\n";
  EXPECT_THAT(Error(), HasSubstr("line 1: not the record of a sample"));
}

}  // namespace
}  // namespace qed
