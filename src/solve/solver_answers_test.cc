// The solver with answers that have to be compared, in simulated time.
#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "solve/answer.h"
#include "solve/scripted_generator.h"
#include "solve/solver.h"
#include "tests/support/solve_fakes.h"

namespace qed {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Answers are equal where their letters are, in any order; takes its time.
class FakeComparer : public AnswerComparer {
 public:
  FakeComparer(SimulatedClock& clock, Clock::Duration duration)
      : clock_(clock), duration_(duration) {}

  void Compare(ComparisonRequest request, std::function<void(Verdicts)> done) override {
    requests.push_back(request);
    Verdicts verdicts;
    for (const auto& [other, expected] : request.others) {
      verdicts.push_back(failing                                   ? Verdict::kFailed
                         : Sorted(request.answer) == Sorted(other) ? Verdict::kEqual
                                                                   : Verdict::kDifferent);
      if (verdicts.back() == Verdict::kEqual && !expected) break;
    }
    clock_.At(clock_.Now() + duration_, [verdicts, done] { done(verdicts); });
  }
  void Stop() override { stopped = true; }

  std::vector<ComparisonRequest> requests;
  bool failing = false;
  bool stopped = false;

 private:
  static std::string Sorted(std::string text) {
    std::sort(text.begin(), text.end());
    return text;
  }

  SimulatedClock& clock_;
  Clock::Duration duration_;
};

struct TimedAnswer {
  std::string answer;
  Clock::Duration time;
};

struct AnswersSimulation {
  explicit AnswersSimulation(std::vector<TimedAnswer> answers, std::optional<std::string> expected,
                             Clock::Duration comparison = milliseconds(100))
      : generator(
            clock,
            [answers](const std::string&, uint64_t seed) {
              ScriptedSample sample;
              sample.text = "\\boxed{" + answers.at(seed).answer + "}";
              sample.num_tokens = 1;
              sample.duration = answers.at(seed).time;
              return sample;
            },
            static_cast<int32_t>(answers.size())),
        comparer(clock, comparison) {
    Problem problem;
    problem.id = "p";
    problem.json = "{}";
    problem.expected_answer = std::move(expected);
    problems = {problem};
    options.num_samples = static_cast<int32_t>(answers.size());
    options.loop.max_code_calls = 0;
    options.loop.max_tokens = 1 << 20;
    options.loop.max_seq_len = 1 << 30;
  }

  void Run(const std::string& stop_when = "never") {
    options.stop = *StopRule::Parse(stop_when);
    Solver solver(options, problems, {{"p", 1}},
                  {generator, nullptr, recorder, recorder, clock, &clock, &comparer});
    for (const Sample& sample : earlier) solver.Restore(sample);
    const Status status = solver.Run(std::atomic<bool>(false));
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_TRUE(comparer.stopped);
  }

  const Vote& winner() const { return recorder.reports.at("p").tally.votes.at(0); }
  Clock::Duration elapsed() const { return clock.Now().time_since_epoch(); }

  SimulatedClock clock;
  ScriptedGenerator generator;
  FakeComparer comparer;
  SolverOptions options;
  std::vector<Problem> problems;
  std::vector<Sample> earlier;
  SolveRecorder recorder;
};

TEST(SolverAnswers, WholeNumbersAskNobody) {
  AnswersSimulation run(
      {{"7", seconds(1)}, {"007", seconds(1)}, {"8", seconds(2)}, {"7.0", seconds(3)}}, "7");
  run.Run();
  EXPECT_THAT(run.comparer.requests, IsEmpty());
  EXPECT_EQ(run.winner().count, 3);
  EXPECT_TRUE(*run.recorder.reports.at("p").correct);
  EXPECT_EQ(run.elapsed(), seconds(3));
}

TEST(SolverAnswers, EqualAnswersVoteTogether) {
  AnswersSimulation run(
      {{"x+y", seconds(1)}, {"7", seconds(2)}, {"y+x", seconds(3)}, {"y+x", seconds(4)}},
      std::nullopt);
  run.Run();
  EXPECT_EQ(run.winner().count, 3);
  EXPECT_EQ(run.winner().answer, "y+x");  // the more frequent form
  EXPECT_EQ(run.winner().answer_class, "x+y");
  EXPECT_EQ(run.recorder.samples.at("p").at(2).answer, "y+x");
  EXPECT_EQ(run.recorder.samples.at("p").at(2).answer_class, "x+y");
  EXPECT_THAT(run.recorder.samples.at("p").at(2).comparisons,
              ElementsAre(AnswerComparison{"x+y", Verdict::kEqual}));
  EXPECT_THAT(run.recorder.samples.at("p").at(1).comparisons,
              ElementsAre(AnswerComparison{"x+y", Verdict::kDifferent}));
  // Every form once.
  EXPECT_EQ(run.comparer.requests.size(), 2u);
}

TEST(SolverAnswers, TheExpectedAnswerIsComparedOnceForAClass) {
  AnswersSimulation run({{"x+y", seconds(1)}, {"y+x", seconds(2)}, {"x-y", seconds(3)}}, "+xy");
  run.Run();
  EXPECT_TRUE(*run.recorder.reports.at("p").correct);
  EXPECT_TRUE(*run.recorder.samples.at("p").at(0).correct);
  EXPECT_TRUE(*run.recorder.samples.at("p").at(1).correct);
  EXPECT_FALSE(*run.recorder.samples.at("p").at(2).correct);
  ASSERT_EQ(run.comparer.requests.at(0).others.size(), 1u);
  EXPECT_EQ(run.comparer.requests.at(0).others[0].written, "+xy");
  EXPECT_TRUE(run.comparer.requests.at(0).others[0].expected);
}

TEST(SolverAnswers, AStopRuleSeesAVoteOnceItsClassIsKnown) {
  AnswersSimulation run({{"x+y", seconds(1)}, {"y+x", seconds(2)}, {"9", seconds(50)}},
                        std::nullopt);
  run.Run("agree:2");
  EXPECT_EQ(run.elapsed(), seconds(2) + milliseconds(100));
  EXPECT_EQ(run.recorder.samples.at("p").at(2).stopped_by, "agree:2");
}

TEST(SolverAnswers, FailuresCountAsDifferent) {
  AnswersSimulation run({{"x+y", seconds(1)}, {"y+x", seconds(2)}}, "xy+");
  run.comparer.failing = true;
  run.Run();
  EXPECT_EQ(run.recorder.reports.at("p").tally.votes.size(), 2u);
  EXPECT_FALSE(*run.recorder.reports.at("p").correct);
  EXPECT_THAT(run.recorder.samples.at("p").at(1).comparisons,
              ElementsAre(AnswerComparison{"xy+", Verdict::kFailed},
                          AnswerComparison{"x+y", Verdict::kFailed}));
}

TEST(SolverAnswers, ADeadlineDoesNotWaitForComparisons) {
  AnswersSimulation run({{"x+y", seconds(1)}, {"y+x", seconds(2)}, {"x+y", seconds(9)}},
                        std::nullopt, seconds(1000));
  run.options.time.base = seconds(5);
  run.Run();
  EXPECT_EQ(run.elapsed(), seconds(5));
  EXPECT_EQ(run.recorder.reports.at("p").tally.votes.size(), 2u);
  EXPECT_THAT(run.recorder.samples.at("p").at(1).comparisons, IsEmpty());
  EXPECT_EQ(run.recorder.samples.at("p").at(1).answer_class, "");
  EXPECT_EQ(run.recorder.samples.at("p").at(2).finish, SampleFinish::kDeadline);
}

TEST(SolverAnswers, TheOrderOfArrivalDoesNotMatter) {
  std::vector<int> order = {0, 1, 2, 3};
  do {
    AnswersSimulation run({{"x+y", seconds(1) + std::chrono::nanoseconds(order[0])},
                           {"y+x", seconds(1) + std::chrono::nanoseconds(order[1])},
                           {"+xy", seconds(1) + std::chrono::nanoseconds(order[2])},
                           {"7", seconds(1) + std::chrono::nanoseconds(order[3])}},
                          "7");
    run.Run();
    EXPECT_EQ(run.winner().count, 3);
    EXPECT_EQ(run.winner().answer, "x+y");
    EXPECT_EQ(run.winner().first_sample, 0);
    EXPECT_TRUE(*run.recorder.samples.at("p").at(3).correct);
    EXPECT_FALSE(*run.recorder.reports.at("p").correct);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(SolverAnswers, OfWhatIsThereTheLowestIndexIsPlacedFirst) {
  // Samples 2 and 1 finish while sample 3's answer is being compared.
  AnswersSimulation run({{"7", seconds(9)},
                         {"y+x", seconds(2) + milliseconds(30)},
                         {"+yx", seconds(2) + milliseconds(20)},
                         {"x-y", seconds(2)},
                         {"z", seconds(1)}},
                        std::nullopt);
  run.Run();
  EXPECT_THAT(run.recorder.sample_order, ElementsAre(4, 3, 1, 2, 0));
  EXPECT_EQ(run.recorder.samples.at("p").at(2).answer_class, "y+x");
}

TEST(SolverAnswers, AResumedRunKnowsTheClasses) {
  AnswersSimulation run({{"x+y", seconds(1)}, {"y+x", seconds(2)}, {"yx+", seconds(3)}},
                        std::nullopt);
  run.Run();
  AnswersSimulation again({{"x+y", seconds(1)}, {"y+x", seconds(2)}, {"yx+", seconds(3)}},
                          std::nullopt);
  again.earlier = {run.recorder.samples.at("p").at(0), run.recorder.samples.at("p").at(1)};
  again.Run();
  EXPECT_EQ(again.winner().count, 3);
  ASSERT_EQ(again.comparer.requests.size(), 1u);
  ASSERT_EQ(again.comparer.requests[0].others.size(), 1u);
  EXPECT_EQ(again.comparer.requests[0].others[0].written, "x+y");
  EXPECT_EQ(again.recorder.samples.at("p").at(2).answer_class, "x+y");
}

}  // namespace
}  // namespace qed
