// The solver in simulated time: when it stops what, to the nanosecond.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "solve/scripted_generator.h"
#include "solve/solver.h"
#include "tests/support/solve_fakes.h"

namespace qed {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::SizeIs;

ScriptedSample Answer(const std::string& answer, Clock::Duration duration, int32_t tokens = 100) {
  ScriptedSample sample;
  sample.text = std::string(static_cast<size_t>(tokens), '.') + "\\boxed{" + answer + "}";
  sample.num_tokens = tokens;
  sample.duration = duration;
  return sample;
}

// Problems p0, p1, ... with the samples given: [problem][sample].
struct Simulation {
  explicit Simulation(std::vector<std::vector<ScriptedSample>> the_samples, int32_t slots = 4)
      : samples(std::move(the_samples)),
        generator(
            clock,
            [this](const std::string& prompt, uint64_t seed) {
              started.push_back(prompt + "/" + std::to_string(seed));
              return samples.at(std::stoul(prompt.substr(1))).at(seed);
            },
            slots) {
    for (size_t i = 0; i < samples.size(); ++i) {
      Problem problem;
      problem.id = "p" + std::to_string(i);
      problem.expected_answer = "7";
      problem.json = "{}";
      problems.push_back(problem);
      tasks.push_back({problem.id, 1});
    }
    options.num_samples = static_cast<int32_t>(samples.at(0).size());
    options.loop.max_code_calls = 0;
    options.loop.max_tokens = 1 << 20;
    options.loop.max_seq_len = 1 << 30;
  }

  void Run(const std::string& stop_when = "never") {
    options.stop = *StopRule::Parse(stop_when);
    Solver solver(options, problems, tasks,
                  {generator, nullptr, recorder, recorder, clock, &clock});
    for (const Sample& sample : earlier) solver.Restore(sample);
    const Status status = solver.Run(interrupted);
    ASSERT_TRUE(status.ok()) << status.message();
    for (const Sample& sample : earlier) recorder.samples[sample.problem_id][sample.index] = sample;
    for (const Problem& problem : problems) {
      ASSERT_THAT(recorder.samples[problem.id], SizeIs(static_cast<size_t>(options.num_samples)));
    }
  }

  const Sample& At(const std::string& problem, int32_t index) {
    return recorder.samples.at(problem).at(index);
  }
  Clock::Duration elapsed() const { return clock.Now().time_since_epoch(); }
  std::string Winner(const std::string& problem) const {
    const Tally& tally = recorder.reports.at(problem).tally;
    return tally.votes.empty() ? "" : tally.votes[0].answer;
  }

  std::vector<std::vector<ScriptedSample>> samples;
  SimulatedClock clock;
  std::vector<std::string> started;
  ScriptedGenerator generator;
  SolverOptions options;
  std::vector<Problem> problems;
  std::vector<SolveTask> tasks;
  std::vector<Sample> earlier;
  SolveRecorder recorder;
  std::atomic<bool> interrupted{false};
};

TEST(SolverRules, TimeIsThatOfTheSlots) {
  // Two slots: 10 + 20 in one, 15 + 5 in the other.
  Simulation run({{Answer("7", seconds(10)), Answer("7", seconds(15)), Answer("8", seconds(20)),
                   Answer("7", seconds(5))}},
                 2);
  run.Run();
  EXPECT_EQ(run.elapsed(), seconds(30));
  EXPECT_EQ(run.Winner("p0"), "7");
  EXPECT_EQ(run.recorder.reports.at("p0").stopped_by, "");
}

TEST(SolverRules, AgreementEndsTheRestThereAndThen) {
  Simulation run({{Answer("7", seconds(10)), Answer("8", seconds(12)), Answer("7", seconds(20)),
                   Answer("7", seconds(40))}});
  run.Run("agree:2");
  EXPECT_EQ(run.elapsed(), seconds(20));
  EXPECT_EQ(run.At("p0", 3).finish, SampleFinish::kCancelled);
  EXPECT_EQ(run.At("p0", 3).stopped_by, "agree:2");
  EXPECT_EQ(run.At("p0", 3).transcript.generated_tokens, 50);  // Half of it was there.
  EXPECT_EQ(run.At("p0", 3).answer, "");
  EXPECT_EQ(run.At("p0", 2).stopped_by, "");
  EXPECT_EQ(run.recorder.reports.at("p0").stopped_by, "agree:2");
}

TEST(SolverRules, EachRuleStopsWhereItSays) {
  const auto elapsed = [](const std::string& rule) {
    Simulation run({{Answer("7", seconds(1)), Answer("7", seconds(2)), Answer("", seconds(3)),
                     Answer("7", seconds(4)), Answer("7", seconds(5)), Answer("7", seconds(6)),
                     Answer("7", seconds(7)), Answer("7", seconds(8))}},
                   8);
    run.Run(rule);
    EXPECT_EQ(run.Winner("p0"), "7") << rule;
    return run.elapsed();
  };
  EXPECT_EQ(elapsed("never"), seconds(8));
  EXPECT_EQ(elapsed("agree:3"), seconds(4));
  EXPECT_EQ(elapsed("done:3"), seconds(3));
  EXPECT_EQ(elapsed("lead"), seconds(5));            // 4 votes of 8: a tie would still be its own
  EXPECT_EQ(elapsed("posterior:0.95"), seconds(5));  // 4 votes, none against
  EXPECT_EQ(elapsed("agree:5,done:7,posterior:0.9"), seconds(4));
}

TEST(SolverRules, CancelledWithinOneStep) {
  const milliseconds step(40);
  Simulation run({{Answer("7", seconds(1)), Answer("7", seconds(100)), Answer("7", seconds(100))}});
  ScriptedGenerator slow(
      run.clock, [&run](const std::string&, uint64_t seed) { return run.samples[0][seed]; }, 4,
      step);
  run.options.stop = *StopRule::Parse("agree:1");
  Solver solver(run.options, run.problems, run.tasks,
                {slow, nullptr, run.recorder, run.recorder, run.clock, &run.clock});
  ASSERT_TRUE(solver.Run(run.interrupted).ok());
  EXPECT_EQ(run.elapsed(), seconds(1) + step);
}

// Answers "7", "8", "8", "7" of the first samples arrive in one moment, in the
// order given; later samples run until they are cancelled.
class OneTickGenerator : public Generator {
 public:
  OneTickGenerator(SimulatedClock& clock, std::vector<size_t> order)
      : clock_(clock), order_(std::move(order)) {
    clock_.At(clock_.Now() + seconds(3), [this] {
      for (const size_t i : order_) End(i, Segment::Finish::kStop);
    });
  }
  Result<std::unique_ptr<GenerationStream>> Open(const SamplingParams& params) override {
    return std::unique_ptr<GenerationStream>(std::make_unique<Stream>(*this, params.seed));
  }
  int32_t max_concurrent() const override { return 5; }  // One sample has no slot yet.
  int64_t tokens_generated() const override { return 0; }
  int32_t max_seq_len() const override { return 1000; }
  int32_t CountTokens(std::string_view) const override { return 1; }

 private:
  class Stream : public GenerationStream {
   public:
    Stream(OneTickGenerator& generator, size_t sample) : generator_(generator), sample_(sample) {}
    void Generate(std::string_view, int32_t, std::function<void(Segment)> done) override {
      generator_.done_[sample_] = std::move(done);
    }
    void Cancel() override {
      generator_.clock_.At(generator_.clock_.Now() + seconds(1),
                           [this] { generator_.End(sample_, Segment::Finish::kCancelled); });
    }

   private:
    OneTickGenerator& generator_;
    size_t sample_;
  };

  void End(size_t sample, Segment::Finish finish) {
    Segment segment;
    if (sample < 4) segment.text = sample % 3 == 0 ? "\\boxed{7}" : "\\boxed{8}";
    segment.finish = finish;
    std::exchange(done_[sample], nullptr)(segment);
  }

  SimulatedClock& clock_;
  std::vector<size_t> order_;
  std::map<size_t, std::function<void(Segment)>> done_;
};

std::string VotesAndReason(const ProblemReport& report) {
  std::string text = report.stopped_by;
  for (const Vote& vote : report.tally.votes)
    text += " " + vote.answer + "x" + std::to_string(vote.count);
  return text;
}

TEST(SolverRules, TheOrderWithinATickDoesNotMatter) {
  const std::map<std::string, std::string> expected = {{"agree:2", "agree:2 7x2 8x2"},
                                                       {"agree:1", "agree:1 7x2 8x2"},
                                                       {"posterior:0.4", "posterior:0.4 7x2 8x2"},
                                                       {"done:3", "done:3 7x2 8x2"},
                                                       {"agree:3,done:4", "done:4 7x2 8x2"}};
  for (const auto& [rule, result] : expected) {
    std::vector<size_t> order = {0, 1, 2, 3};
    do {
      Simulation run({std::vector<ScriptedSample>(6)});
      OneTickGenerator generator(run.clock, order);
      run.options.stop = *StopRule::Parse(rule);
      Solver solver(run.options, run.problems, run.tasks,
                    {generator, nullptr, run.recorder, run.recorder, run.clock, &run.clock});
      ASSERT_TRUE(solver.Run(run.interrupted).ok());
      EXPECT_EQ(VotesAndReason(run.recorder.reports.at("p0")), result);
      EXPECT_EQ(run.At("p0", 5).transcript.Text(), "");
      EXPECT_EQ(run.elapsed(), seconds(4));
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

TEST(SolverRules, ADeadlineTakesWhatIsBoxedSoFar) {
  ScriptedSample early = Answer("7", seconds(100));
  early.text = "\\boxed{7} and on and on";
  Simulation run({{early, Answer("8", seconds(100)), Answer("9", seconds(3))}});
  run.options.time.base = seconds(60);
  run.Run();
  EXPECT_EQ(run.elapsed(), seconds(60));
  EXPECT_TRUE(IsPartial(run.At("p0", 0)));
  EXPECT_EQ(run.At("p0", 0).stopped_by, "time");
  EXPECT_EQ(run.At("p0", 1).answer, "");
  EXPECT_FALSE(IsPartial(run.At("p0", 2)));
  const Tally& tally = run.recorder.reports.at("p0").tally;
  EXPECT_EQ(tally.ballots, 3);
  EXPECT_EQ(tally.votes.at(0).partial, 1);
  EXPECT_EQ(run.recorder.reports.at("p0").stopped_by, "time");
}

TEST(SolverRules, WhatIsSettledInTheLastMomentIsNotCutShort) {
  Simulation run({{Answer("7", seconds(60)), Answer("7", seconds(60)), Answer("8", seconds(99))}});
  run.options.time.base = seconds(60);
  run.Run("agree:2");
  EXPECT_EQ(run.recorder.reports.at("p0").stopped_by, "agree:2");
}

TEST(SolverRules, UnusedTimeGoesToLaterProblems) {
  Simulation run(
      {{Answer("7", seconds(100))}, {Answer("7", seconds(1000))}, {Answer("7", seconds(600))}});
  run.options.problems_in_flight = 1;
  run.options.time = {.base = seconds(350), .draw = seconds(210), .cap = seconds(560)};
  run.Run();
  EXPECT_DOUBLE_EQ(run.At("p0", 0).problem_seconds, 100);
  EXPECT_DOUBLE_EQ(run.At("p1", 0).problem_seconds, 560);  // 350 + 210 of the 250 left over
  EXPECT_DOUBLE_EQ(run.At("p2", 0).problem_seconds, 390);  // 350 + the last 40
  EXPECT_EQ(run.At("p2", 0).finish, SampleFinish::kDeadline);
}

TEST(SolverRules, ATotalIsNotOverrunByMoreThanAStep) {
  const milliseconds step(70);
  std::mt19937 random(2);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::vector<ScriptedSample>> samples(6);
    for (auto& problem : samples) {
      for (int i = 0; i < 4; ++i) problem.push_back(Answer("7", milliseconds(random() % 90000)));
    }
    Simulation run(samples, 1 + static_cast<int32_t>(random() % 8));
    run.options.problems_in_flight = static_cast<int32_t>(random() % 4);
    run.options.time = {.base = seconds(20), .draw = seconds(15), .total = seconds(140)};
    ScriptedGenerator slow(
        run.clock,
        [&run](const std::string& prompt, uint64_t seed) {
          return run.samples.at(std::stoul(prompt.substr(1))).at(seed);
        },
        run.generator.max_concurrent(), step);
    Solver solver(run.options, run.problems, run.tasks,
                  {slow, nullptr, run.recorder, run.recorder, run.clock, &run.clock});
    ASSERT_TRUE(solver.Run(run.interrupted).ok());
    EXPECT_LE(run.elapsed(), seconds(140) + step);
  }
}

TEST(SolverRules, TheLedgerSurvivesAResume) {
  const auto limits = TimeLimits{.base = seconds(50), .draw = seconds(50)};
  const std::vector<std::vector<ScriptedSample>> samples = {
      {Answer("7", seconds(10)), Answer("7", seconds(30))},
      {Answer("7", seconds(20)), Answer("7", seconds(900))}};
  Simulation whole(samples, 2);
  whole.options.problems_in_flight = 1;
  whole.options.time = limits;
  whole.Run();
  EXPECT_EQ(whole.elapsed(), seconds(30 + 70));  // 50 + 20 unused by the first problem

  // Killed after the first sample of the second problem.
  Simulation resumed(samples, 2);
  resumed.options = whole.options;
  for (const auto& [problem, index] : {std::pair{"p0", 0}, {"p0", 1}, {"p1", 0}}) {
    resumed.earlier.push_back(whole.At(problem, index));
  }
  resumed.Run();
  EXPECT_EQ(resumed.elapsed(), seconds(50));  // 20 of its 70 are gone.
  EXPECT_DOUBLE_EQ(resumed.At("p1", 1).problem_seconds, 70);
  EXPECT_DOUBLE_EQ(resumed.At("p1", 1).run_seconds, 100);
}

TEST(SolverRules, StragglersOfOneProblemDoNotHoldUpTheNext) {
  Simulation run({{Answer("7", seconds(10)), Answer("7", seconds(500))},
                  {Answer("7", seconds(10)), Answer("7", seconds(10))},
                  {Answer("7", seconds(10)), Answer("7", seconds(10))}},
                 2);
  run.Run();
  EXPECT_THAT(run.recorder.problem_order, ElementsAre("p1", "p2", "p0"));
  EXPECT_EQ(run.elapsed(), seconds(500));
  // One at a time, they do.
  Simulation strict(run.samples, 2);
  strict.options.problems_in_flight = 1;
  strict.Run();
  EXPECT_THAT(strict.recorder.problem_order, ElementsAre("p0", "p1", "p2"));
  EXPECT_EQ(strict.elapsed(), seconds(520));
}

TEST(SolverRules, OldestProblemsAreServedFirst) {
  Simulation run({{Answer("7", seconds(10)), Answer("7", seconds(10)), Answer("7", seconds(10))},
                  {Answer("7", seconds(10)), Answer("7", seconds(10)), Answer("7", seconds(10))}},
                 2);
  run.Run();
  EXPECT_THAT(run.started, ElementsAre("p0/0", "p0/1", "p0/2", "p1/0", "p1/1", "p1/2"));
}

// Sample i of the problem has token log-probs that fall from -0.1 to `low` in the middle.
ScriptedSample Unsure(const std::string& answer, Clock::Duration duration, float low) {
  ScriptedSample sample = Answer(answer, duration);
  sample.logprobs.assign(100, -0.1f);
  for (size_t i = 40; i < 60; ++i) sample.logprobs[i] = low;
  return sample;
}

TEST(SolverRules, UnsureSamplesArePrunedOnceABoundIsLearnt) {
  Simulation run({{Unsure("7", seconds(10), -1), Unsure("7", seconds(10), -2),
                   Unsure("9", seconds(100), -5), Unsure("7", seconds(100), -1.2f)}});
  run.options.loop.confidence_window = 10;
  run.options.pruning = {.keep = 0.5, .warmup = 2};
  run.Run();
  EXPECT_NEAR(*run.At("p0", 1).transcript.lowest_window_logprob, -2, 1e-6);
  const Sample& pruned = run.At("p0", 2);
  EXPECT_EQ(pruned.finish, SampleFinish::kPruned);
  EXPECT_EQ(pruned.stopped_by, "confidence");
  EXPECT_EQ(pruned.answer, "");
  // The bound is -1.5: four tokens of the low stretch bring a window of ten below it.
  EXPECT_GE(pruned.transcript.generated_tokens, 43);
  EXPECT_LE(pruned.transcript.generated_tokens, 44);
  EXPECT_EQ(run.At("p0", 3).finish, SampleFinish::kStop);
  EXPECT_EQ(run.recorder.reports.at("p0").tally.ballots, 3);
}

TEST(SolverRules, WithoutPruningNothingIsPruned) {
  Simulation run({{Unsure("7", seconds(10), -1), Unsure("9", seconds(20), -50)}});
  run.options.loop.confidence_window = 10;
  run.Run();
  EXPECT_EQ(run.At("p0", 1).finish, SampleFinish::kStop);
}

TEST(SolverRules, ModuloAnswersVoteByTheirRemainders) {
  Simulation run({{Answer("1016", seconds(1)), Answer("016", seconds(1)), Answer("1/2", seconds(1)),
                   Answer("8", seconds(1))}});
  run.options.answer_modulo = 1000;
  run.Run();
  EXPECT_EQ(run.Winner("p0"), "16");
  EXPECT_EQ(run.recorder.reports.at("p0").tally.votes.size(), 2u);
  EXPECT_EQ(run.At("p0", 2).answer, "");
  EXPECT_EQ(run.At("p0", 0).boxed, "1016");
}

TEST(SolverRules, ConfidenceCanWeighVotes) {
  Simulation run({{Unsure("8", seconds(10), -3), Unsure("8", seconds(10), -3),
                   Unsure("7", seconds(20), -0.5f)}});
  run.options.loop.confidence_window = 10;
  run.Run();
  EXPECT_EQ(run.Winner("p0"), "8");
  Simulation weighted(run.samples);
  weighted.options = run.options;
  weighted.options.vote_weighting = VoteWeighting::kConfidence;
  weighted.Run();
  EXPECT_EQ(weighted.Winner("p0"), "7");
}

}  // namespace
}  // namespace qed
