#include "solve/solver.h"

#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/solve_fakes.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class MemoryStore : public SampleStore {
 public:
  Status Append(const Sample& sample) override {
    if (!append_error.ok()) return append_error;
    samples.push_back(sample);
    if (on_append) on_append();
    return OkStatus();
  }
  Status AppendPartial(const Sample& sample) override {
    partial.push_back(sample);
    return OkStatus();
  }
  Status AppendSelection(const Selection&) override { return OkStatus(); }

  std::vector<Sample> samples;
  std::vector<Sample> partial;
  Status append_error;
  std::function<void()> on_append;
};

class RecordingObserver : public SolveObserver {
 public:
  void OnProblemDone(const ProblemReport& report) override { reports.push_back(report); }
  bool WantsProgress() const override { return true; }
  void OnProgress(const SolveProgress& progress) override { last = progress; }

  std::vector<ProblemReport> reports;
  SolveProgress last;
};

Problem MakeProblem(const std::string& id, const std::string& expected = "") {
  Problem problem;
  problem.id = id;
  problem.text = "What is " + id + "?";
  problem.json = "{\"problem\": \"x\"}";
  if (!expected.empty()) problem.expected_answer = expected;
  return problem;
}

std::vector<Problem> MakeProblems(int count) {
  std::vector<Problem> problems;
  for (int i = 0; i < count; ++i)
    problems.push_back(MakeProblem(Numbered("p", static_cast<uint64_t>(i)), "7"));
  return problems;
}

std::vector<SolveTask> MakeTasks(const std::vector<Problem>& problems) {
  std::vector<SolveTask> tasks;
  for (const Problem& problem : problems) tasks.push_back({problem.id + " ", 1});
  return tasks;
}

SolverOptions TestOptions(int32_t samples) {
  SolverOptions options;
  options.num_samples = samples;
  options.loop.max_code_calls = 0;
  options.loop.max_tokens = 100;
  options.loop.max_seq_len = 1000;
  options.loop.end_texts = {"<end>"};
  return options;
}

ExecuteResult Output(const std::string& out) {
  ExecuteResult result;
  result.out = out;
  return result;
}

// One run over fakes.
struct TestRun {
  TestRun(const SolverOptions& solver_options, std::vector<Problem> the_problems,
          FakeGenerator& generator, SandboxClient* sandbox = nullptr)
      : problems(std::move(the_problems)),
        solver(solver_options, problems, MakeTasks(problems),
               SolverParts{generator, sandbox, store, observer, Clock::Real()}) {}

  Status Go() { return solver.Run(interrupted); }

  std::map<std::string, std::string> Texts() const {
    std::map<std::string, std::string> texts;
    for (const Sample& sample : store.samples) {
      const std::string key = sample.problem_id + "/" + std::to_string(sample.index);
      EXPECT_TRUE(texts.emplace(key, sample.transcript.Text()).second) << key << " twice";
    }
    return texts;
  }
  const Sample& Find(const std::string& problem, int32_t index) const {
    for (const Sample& sample : store.samples) {
      if (sample.problem_id == problem && sample.index == index) return sample;
    }
    ADD_FAILURE() << "no sample " << index << " of " << problem;
    return store.samples.front();
  }

  const std::vector<Problem> problems;
  MemoryStore store;
  RecordingObserver observer;
  std::atomic<bool> interrupted{false};
  Solver solver;
};

FakeReply Boxed(const std::string& answer) { return {.text = "So \\boxed{" + answer + "}<end>"}; }

TEST(Solver, FinishesEverySampleOnceWhateverRunsBesideIt) {
  std::map<std::string, std::string> first;
  for (const int32_t concurrent : {1, 3, 32}) {
    FakeGenerator generator(
        [](const SamplingParams& params, const std::string& so_far) {
          return Boxed(so_far + std::to_string(params.seed));
        },
        concurrent);
    SolverOptions options = TestOptions(4);
    options.sampling.seed = 10;
    TestRun run(options, MakeProblems(5), generator);
    ASSERT_TRUE(run.Go().ok());
    EXPECT_THAT(run.Texts(), SizeIs(20));
    EXPECT_LE(generator.most_streams_alive, concurrent);
    EXPECT_EQ(generator.streams_alive, 0);
    EXPECT_THAT(run.observer.reports, SizeIs(5));
    EXPECT_EQ(run.Find("p1", 2).seed, 12u);
    EXPECT_EQ(run.Find("p1", 2).transcript.Text(), "So \\boxed{p1 12}");
    if (first.empty()) first = run.Texts();
    EXPECT_EQ(run.Texts(), first);
  }
}

TEST(Solver, StartsOldestProblemsFirst) {
  std::mutex mutex;
  std::vector<std::string> order;
  FakeGenerator generator(
      [&](const SamplingParams&, const std::string& so_far) {
        const std::lock_guard<std::mutex> lock(mutex);
        order.push_back(so_far);
        return Boxed("7");
      },
      1);
  TestRun run(TestOptions(2), MakeProblems(3), generator);
  ASSERT_TRUE(run.Go().ok());
  EXPECT_THAT(order, ElementsAre("p0 ", "p0 ", "p1 ", "p1 ", "p2 ", "p2 "));
}

TEST(Solver, ReportsVotesAndCorrectness) {
  FakeGenerator generator([](const SamplingParams& params, const std::string&) {
    if (params.seed == 0) return FakeReply{.text = "no idea<end>"};
    return Boxed(params.seed == 1 ? "8" : "07.0");
  });
  TestRun run(TestOptions(4), MakeProblems(1), generator);
  ASSERT_TRUE(run.Go().ok());
  ASSERT_THAT(run.observer.reports, SizeIs(1));
  const ProblemReport& report = run.observer.reports[0];
  EXPECT_EQ(report.tally.ballots, 4);
  EXPECT_EQ(report.tally.votes.at(0).answer, "7");
  EXPECT_EQ(report.tally.votes.at(0).count, 2);
  EXPECT_EQ(report.correct, true);
  EXPECT_EQ(run.Find("p0", 1).correct, false);
  EXPECT_EQ(run.Find("p0", 2).boxed, "07.0");
}

TEST(Solver, RunsProgramsInASessionPerSample) {
  FakeGenerator generator([](const SamplingParams& params, const std::string& so_far) {
    const size_t output = so_far.rfind("```output\n");
    if (output == std::string::npos) {
      return FakeReply{.text = Numbered("<tool_call>\n", params.seed) + "\n</tool_call>"};
    }
    return Boxed(so_far.substr(output + 10, 1));
  });
  FakeSandbox sandbox(
      [](const ExecuteRequest& request) { return Output(request.generated_code + "\n"); });
  SolverOptions options = TestOptions(3);
  options.loop.max_code_calls = 2;
  options.code_timeout = 1.5;
  options.code_output_chars = 77;
  TestRun run(options, MakeProblems(2), generator, &sandbox);
  ASSERT_TRUE(run.Go().ok());
  EXPECT_EQ(run.Find("p1", 2).answer, "2");
  EXPECT_THAT(run.Find("p1", 2).transcript.code_calls, SizeIs(1));
  const std::vector<ExecuteRequest> requests = sandbox.requests();
  ASSERT_THAT(requests, SizeIs(6));
  std::set<std::string> sessions;
  for (const ExecuteRequest& request : requests) {
    sessions.insert(request.session_id);
    EXPECT_EQ(request.timeout, 1.5);
    EXPECT_EQ(request.max_output_characters, 77);
  }
  EXPECT_THAT(sessions, SizeIs(6));
  EXPECT_EQ(sandbox.open_sessions(), 0u);
}

TEST(Solver, GeneratesWhileProgramsRun) {
  // Sample 0's program ends only after sample 1 has generated everything.
  std::atomic<bool> other_done{false};
  FakeGenerator generator(
      [&](const SamplingParams& params, const std::string& so_far) {
        if (params.seed == 1) {
          other_done = true;
          return Boxed("7");
        }
        if (so_far.find("output") != std::string::npos) return Boxed("7");
        return FakeReply{.text = "<tool_call>\n1\n</tool_call>"};
      },
      2);
  FakeSandbox sandbox([&](const ExecuteRequest&) {
    while (!other_done) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return Output("1\n");
  });
  SolverOptions options = TestOptions(2);
  options.loop.max_code_calls = 1;
  options.code_threads = 1;
  TestRun run(options, MakeProblems(1), generator, &sandbox);
  EXPECT_TRUE(run.Go().ok());
}

TEST(Solver, AgreementCancelsTheRestAndKeepsItsText) {
  FakeGenerator generator(
      [](const SamplingParams& params, const std::string&) {
        if (params.seed < 2) return Boxed("7");
        return FakeReply{.text = "thinking \\boxed{9} on", .hang = true};
      },
      4);
  SolverOptions options = TestOptions(6);
  options.stop = *StopRule::Parse("agree:2");
  TestRun run(options, MakeProblems(2), generator);
  ASSERT_TRUE(run.Go().ok());
  EXPECT_THAT(run.Texts(), SizeIs(12));  // The samples that never began are recorded too.
  EXPECT_THAT(run.observer.reports, SizeIs(2));
  EXPECT_EQ(run.observer.reports[0].tally.ballots, 2);
  int with_text = 0;
  for (const Sample& sample : run.store.samples) {
    if (sample.index < 2) continue;
    EXPECT_EQ(sample.finish, SampleFinish::kCancelled);
    EXPECT_EQ(sample.answer, "");  // It may have changed its mind.
    with_text += sample.transcript.Text() == "thinking \\boxed{9} on" ? 1 : 0;
  }
  EXPECT_GE(with_text, 1);
}

TEST(Solver, AgreementEndsProgramsToo) {
  FakeSandbox* closing = nullptr;
  FakeSandbox sandbox([&closing](const ExecuteRequest& request) -> Result<ExecuteResult> {
    while (!closing->was_closed(request.session_id)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return Cancelled("closed");
  });
  closing = &sandbox;
  FakeGenerator generator([](const SamplingParams& params, const std::string&) {
    if (params.seed == 0) return FakeReply{.text = "<tool_call>\nloop\n</tool_call>"};
    FakeReply reply = Boxed("7");
    reply.delay = std::chrono::milliseconds(20);
    return reply;
  });
  SolverOptions options = TestOptions(2);
  options.loop.max_code_calls = 1;
  options.stop = *StopRule::Parse("agree:1");
  TestRun run(options, MakeProblems(1), generator, &sandbox);
  ASSERT_TRUE(run.Go().ok());
  EXPECT_EQ(run.Find("p0", 0).finish, SampleFinish::kCancelled);
  EXPECT_EQ(run.Find("p0", 0).transcript.Text(), "<tool_call>\nloop\n</tool_call>");
  EXPECT_EQ(sandbox.open_sessions(), 0u);
}

TEST(Solver, DeadlineCountsWhatWasBoxedSoFar) {
  FakeGenerator generator(
      [](const SamplingParams& params, const std::string&) {
        if (params.seed == 0) return FakeReply{.text = "maybe \\boxed{7} or", .hang = true};
        return FakeReply{.text = "hm", .hang = true};
      },
      2);
  SolverOptions options = TestOptions(3);
  options.time.base = std::chrono::milliseconds(50);
  TestRun run(options, MakeProblems(2), generator);
  ASSERT_TRUE(run.Go().ok());
  EXPECT_THAT(run.Texts(), SizeIs(6));
  for (const Sample& sample : run.store.samples) EXPECT_EQ(sample.finish, SampleFinish::kDeadline);
  EXPECT_EQ(run.observer.reports.at(0).tally.votes.at(0).answer, "7");
  EXPECT_EQ(run.observer.reports.at(0).tally.ballots, 3);
}

TEST(Solver, InterruptKeepsPartialTextApart) {
  FakeGenerator generator(
      [](const SamplingParams& params, const std::string& so_far) {
        if (so_far == "p0 " && params.seed == 0) return Boxed("7");
        return FakeReply{.text = "half a tho", .hang = true};
      },
      2);
  TestRun run(TestOptions(2), MakeProblems(3), generator);
  run.store.on_append = [&] { run.interrupted = true; };
  const Status status = run.Go();
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
  EXPECT_THAT(status.message(), HasSubstr("1 of 6 samples"));
  EXPECT_THAT(run.store.samples, SizeIs(1));
  ASSERT_THAT(run.store.partial, ::testing::Not(IsEmpty()));
  EXPECT_EQ(run.store.partial[0].transcript.Text(), "half a tho");
  EXPECT_EQ(generator.streams_alive, 0);
}

TEST(Solver, RestoredSamplesAreNotRunAgain) {
  FakeGenerator generator([](const SamplingParams&, const std::string&) { return Boxed("7"); });
  TestRun run(TestOptions(2), MakeProblems(2), generator);
  Sample sample;
  sample.problem_id = "p0";
  sample.index = 1;
  sample.answer = "8";
  sample.run_seconds = 100;
  run.solver.Restore(sample);
  ASSERT_TRUE(run.Go().ok());
  EXPECT_EQ(generator.streams_opened, 3);
  EXPECT_THAT(run.store.samples, SizeIs(3));
  EXPECT_THAT(run.observer.reports, SizeIs(2));
  EXPECT_GE(run.solver.seconds(), 100);
}

TEST(Solver, RestoredAgreementIsCarriedOut) {
  FakeGenerator generator([](const SamplingParams&, const std::string&) { return Boxed("7"); });
  SolverOptions options = TestOptions(3);
  options.stop = *StopRule::Parse("agree:2");
  TestRun run(options, MakeProblems(1), generator);
  for (int32_t i = 0; i < 2; ++i) {
    Sample sample;
    sample.problem_id = "p0";
    sample.index = i;
    sample.answer = "7";
    run.solver.Restore(sample);
  }
  ASSERT_TRUE(run.Go().ok());
  EXPECT_EQ(generator.streams_opened, 0);
  EXPECT_EQ(run.Find("p0", 2).finish, SampleFinish::kCancelled);
  EXPECT_THAT(run.observer.reports, SizeIs(1));
}

TEST(Solver, OneSamplesErrorDoesNotEndTheRun) {
  FakeGenerator generator([](const SamplingParams& params, const std::string&) {
    if (params.seed == 0) return FakeReply{.text = "", .error = ResourceExhausted("out of pages")};
    return Boxed("7");
  });
  TestRun run(TestOptions(2), MakeProblems(2), generator);
  ASSERT_TRUE(run.Go().ok());
  EXPECT_EQ(run.Find("p0", 0).finish, SampleFinish::kError);
  EXPECT_EQ(run.Find("p0", 0).error, "out of pages");
  EXPECT_EQ(run.Find("p0", 1).finish, SampleFinish::kStop);
}

TEST(Solver, AGeneratorThatIsGoneEndsTheRun) {
  FakeGenerator generator([](const SamplingParams& params, const std::string&) {
    if (params.seed == 1) return FakeReply{.text = "", .error = Unavailable("engine is gone")};
    return FakeReply{.text = "thinking", .hang = true};
  });
  TestRun run(TestOptions(2), MakeProblems(1), generator);
  const Status status = run.Go();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "engine is gone");
  EXPECT_THAT(run.store.samples, IsEmpty());
  EXPECT_EQ(generator.streams_alive, 0);
}

TEST(Solver, ParametersThatTheGeneratorRefusesEndTheRun) {
  FakeGenerator generator([](const SamplingParams&, const std::string&) { return Boxed("7"); });
  generator.open_error = InvalidArgument("top-k of this engine is at most 100");
  TestRun run(TestOptions(2), MakeProblems(1), generator);
  EXPECT_EQ(run.Go().code(), StatusCode::kInvalidArgument);
}

TEST(Solver, ABrokenSandboxEndsTheRun) {
  FakeGenerator generator([](const SamplingParams&, const std::string&) {
    return FakeReply{.text = "<tool_call>\n1\n</tool_call>"};
  });
  FakeSandbox sandbox(
      [](const ExecuteRequest&) -> Result<ExecuteResult> { return Unavailable("no jail"); });
  SolverOptions options = TestOptions(4);
  options.loop.max_code_calls = 1;
  TestRun run(options, MakeProblems(2), generator, &sandbox);
  const Status status = run.Go();
  EXPECT_EQ(status.message(), "the sandbox failed: no jail");
  EXPECT_EQ(generator.streams_alive, 0);
}

TEST(Solver, AFullDiskEndsTheRun) {
  FakeGenerator generator([](const SamplingParams&, const std::string&) { return Boxed("7"); });
  TestRun run(TestOptions(4), MakeProblems(2), generator);
  run.store.append_error = ResourceExhausted("no space left");
  const Status status = run.Go();
  EXPECT_EQ(status.message(), "no space left");
  EXPECT_EQ(generator.streams_alive, 0);
}

TEST(Solver, TellsItsProgress) {
  FakeGenerator generator([](const SamplingParams&, const std::string&) { return Boxed("7"); });
  TestRun run(TestOptions(3), MakeProblems(2), generator);
  ASSERT_TRUE(run.Go().ok());
  EXPECT_EQ(run.observer.last.problems_total, 2);
  EXPECT_EQ(run.observer.last.samples_total, 6);
  EXPECT_EQ(run.observer.last.samples_done, 6);
  EXPECT_EQ(run.observer.last.new_tokens, 12);  // "So \boxed{7}<end>" has two.
}

}  // namespace
}  // namespace qed
