// Deadlines while programs run: the total is overshot by a step of the engine and a
// program's time-out at most.
#include <chrono>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "solve/code_runner.h"
#include "solve/solver.h"
#include "tests/support/solve_fakes.h"

namespace qed {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class NoReports : public SolveObserver {
 public:
  void OnProblemDone(const ProblemReport&) override { ++done; }
  bool WantsProgress() const override { return false; }
  void OnProgress(const SolveProgress&) override {}

  int done = 0;
};

void WaitUntil(const std::function<bool()>& holds) {
  while (!holds()) std::this_thread::sleep_for(milliseconds(1));
}

// Problems of which every sample writes programs without end, two at a time.
struct DeadlineRun {
  DeadlineRun(int num_problems, int32_t samples, FakeSandbox::Script script)
      : generator([](const SamplingParams&, const std::string&) {
          return FakeReply{.text = "Let us see. <tool_call>\nrun\n</tool_call>"};
        }),
        sandbox(std::move(script)) {
    for (int i = 0; i < num_problems; ++i) {
      Problem problem;
      problem.id = Numbered("p", static_cast<uint64_t>(i));
      problem.json = "{}";
      problems.push_back(problem);
      tasks.push_back({"solve ", 1});
    }
    options.num_samples = samples;
    options.loop.max_code_calls = 100;
    options.loop.max_tokens = 1 << 20;
    options.loop.max_seq_len = 1 << 20;
    options.code_timeout = 1.5;
    options.code_threads = 2;
  }

  void Go() {
    Solver solver(options, problems, tasks, {generator, &sandbox, store, reports, clock});
    const Status status = solver.Run(std::atomic<bool>(false));
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(std::cmp_equal(reports.done, problems.size()), true);
    for (const ProblemOutcomes& outcomes : solver.outcomes()) {
      for (const auto& outcome : outcomes) EXPECT_EQ(outcome->finish, SampleFinish::kDeadline);
    }
  }

  FakeClock clock;  // the fakes move it, from any thread
  FakeGenerator generator;
  FakeSandbox sandbox;
  SolverOptions options;
  std::vector<Problem> problems;
  std::vector<SolveTask> tasks;
  NoSampleStore store;
  NoReports reports;
};

TEST(SolverDeadline, ARunningProgramIsEndedThereAndThen) {
  DeadlineRun* run = nullptr;
  DeadlineRun the_run(1, 1, [&run](const ExecuteRequest& request) -> Result<ExecuteResult> {
    run->clock.Advance(seconds(3));
    WaitUntil([&] { return run->sandbox.was_closed(request.session_id); });
    return Cancelled("closed");
  });
  run = &the_run;
  run->options.time.total = seconds(2);
  run->Go();
  EXPECT_EQ(run->clock.elapsed(), seconds(3));
}

TEST(SolverDeadline, ProgramsThatOnlyTheirTimeOutEndsCostOneTimeOut) {
  DeadlineRun* run = nullptr;
  // More samples at work than programs at a time: some wait. Each program takes all of
  // its time whatever is closed; half of that counts, for two run side by side. Only
  // one that begins after the end, before the solver comes to it, is closed at once.
  DeadlineRun the_run(3, 4, [&run](const ExecuteRequest& request) -> Result<ExecuteResult> {
    if (run->clock.elapsed() < run->options.time.total) {
      run->clock.Advance(std::chrono::nanoseconds(static_cast<int64_t>(request.timeout * 1e9) /
                                                  run->options.code_threads));
    }
    // The solver, which looks many times a second, has seen what the clock says.
    if (run->clock.elapsed() >= run->options.time.total) {
      WaitUntil([&] { return run->sandbox.was_closed(request.session_id); });
    }
    ExecuteResult result;
    result.process_status = ExecuteResult::ProcessStatus::kTimeout;
    return result;
  });
  run = &the_run;
  run->options.time.total = seconds(30);
  run->Go();
  EXPECT_GE(run->clock.elapsed(), seconds(30));
  EXPECT_LE(run->clock.elapsed(), seconds(30) + milliseconds(1500));
}

TEST(CodeRunner, AClosedSessionsWaitingProgramIsNotBegun) {
  std::atomic<bool> release = false;
  FakeSandbox sandbox([&](const ExecuteRequest&) -> Result<ExecuteResult> {
    WaitUntil([&] { return release.load(); });
    return ExecuteResult();
  });
  Status first, second;
  {
    CodeRunner runner(sandbox, 1);
    runner.Execute({"a", "1"}, [&](Result<ExecuteResult> result) { first = result.status(); });
    runner.Execute({"b", "2"}, [&](Result<ExecuteResult> result) { second = result.status(); });
    WaitUntil([&] { return !sandbox.requests().empty(); });
    // Closing does not wait for the thread that runs "a".
    runner.CloseSession("b");
    runner.CloseSession("a");
    WaitUntil([&] { return sandbox.was_closed("a"); });
    release = true;
  }
  EXPECT_TRUE(first.ok());
  EXPECT_EQ(second.code(), StatusCode::kCancelled);
  EXPECT_EQ(sandbox.requests().size(), 1u);
}

}  // namespace
}  // namespace qed
