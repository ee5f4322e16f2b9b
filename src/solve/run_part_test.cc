#include "solve/run_part.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "solve/problem_queue.h"
#include "solve/run_folder.h"
#include "solve/solver.h"
#include "tests/support/solve_fakes.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int kProblems = 6;
constexpr int32_t kSamples = 2;
const RunSettings kSettings = {{"model", "m.gguf"}};

std::vector<Problem> TestProblems() {
  std::vector<Problem> problems(kProblems);
  for (int i = 0; i < kProblems; ++i) {
    Problem& problem = problems[static_cast<size_t>(i)];
    problem.id = Numbered("p", static_cast<uint64_t>(i));
    problem.json = "{}";
    problem.expected_answer = "7";
  }
  return problems;
}

Sample SampleWith(const std::string& problem, int32_t index, const std::string& text = "x") {
  Sample sample;
  sample.problem_id = problem;
  sample.index = index;
  sample.transcript.segments = {{TranscriptSegment::Source::kModel, text, 1}};
  return sample;
}

using Keys = std::map<std::pair<std::string, int32_t>, std::string>;

// Opens the folder as one process alone does: every sample that is there, once.
Result<Keys> OpenWhole(const std::string& path, const std::vector<Problem>& problems) {
  RunFolderOptions options;
  options.path = path;
  options.resume = true;
  options.num_samples = kSamples;
  options.settings = kSettings;
  Keys keys;
  const auto folder = RunFolder::Open(options, problems, [&](const Sample& sample) {
    EXPECT_TRUE(
        keys.emplace(std::pair(sample.problem_id, sample.index), sample.transcript.Text()).second);
  });
  if (!folder.ok()) return folder.status();
  return keys;
}

TEST(RunPart, IsTakenOverByWhoOpensTheFolder) {
  const TempDir dir;
  const std::string path = dir.File("out");
  const std::vector<Problem> problems = TestProblems();
  for (const char* name : {"rank-1", "rank-2"}) {
    const auto part = RunPart::Open(path, name, kSettings);
    ASSERT_TRUE(part.ok()) << part.status().message();
    // Both have the first sample, as after a take-over that was killed: one of them counts.
    ASSERT_TRUE((*part)->Append(SampleWith("p0", 0)).ok());
    ASSERT_TRUE((*part)->Append(SampleWith(name == std::string("rank-1") ? "p1" : "p2", 1)).ok());
  }
  std::ofstream(path + "/parts/rank-2/samples.jsonl", std::ios::app) << "{\"problem_id\": \"p3";
  for (int round = 0; round < 2; ++round) {
    const Result<Keys> keys = OpenWhole(path, problems);
    ASSERT_TRUE(keys.ok()) << keys.status().message();
    EXPECT_THAT(*keys, SizeIs(3));
    EXPECT_FALSE(std::filesystem::exists(path + "/parts"));
  }
}

TEST(RunPart, IsReadWhileItIsAtWork) {
  const TempDir dir;
  const std::string path = dir.File("out");
  const auto part = RunPart::Open(path, "rank-1", kSettings);
  ASSERT_TRUE(part.ok());
  ASSERT_TRUE((*part)->Append(SampleWith("p0", 0)).ok());
  ASSERT_TRUE((*part)->Append(SampleWith("p1", 0)).ok());
  const Result<RunSoFar> so_far = ReadRunSoFar(
      path, [](const std::string& id) { return id == "p1"; }, [](Sample&) {});
  ASSERT_TRUE(so_far.ok());
  EXPECT_THAT(so_far->samples, SizeIs(1));
  // Nobody takes over what is in use, and no second process has it.
  EXPECT_THAT(OpenWhole(path, TestProblems()).status().message(), HasSubstr("in use by process"));
  EXPECT_EQ(RunPart::Open(path, "rank-1", kSettings).status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(RunPart::Open(path, "rank-2", {{"model", "other"}}).status().message(),
              HasSubstr("another model"));
}

TEST(RunPart, StrangersFoldersStayAsTheyAre) {
  const TempDir dir;
  EXPECT_TRUE(CheckMayHoldParts(dir.File("new")).ok());
  std::ofstream(dir.File("new") + "/thesis.txt") << "x";
  EXPECT_THAT(CheckMayHoldParts(dir.File("new")).message(), HasSubstr("something else than a run"));
}

class SharedQueue : public ProblemQueue {
 public:
  std::optional<size_t> Take() override {
    const std::lock_guard lock(mutex_);
    return next_ < kProblems ? std::optional(next_++) : std::nullopt;
  }

 private:
  std::mutex mutex_;
  size_t next_ = 0;
};

TEST(ProblemQueue, SolversShareProblemsOut) {
  const TempDir dir;
  const std::string path = dir.File("out");
  const std::vector<Problem> problems = TestProblems();
  std::vector<SolveTask> tasks;
  for (const Problem& problem : problems) tasks.push_back({problem.id + " ", 1});
  SharedQueue queue;
  const auto solve = [&](const std::string& name) {
    FakeGenerator generator(
        [](const SamplingParams&, const std::string& so_far) {
          return FakeReply{.text = so_far + "\\boxed{7}<end>",
                           .delay = std::chrono::milliseconds(2)};
        },
        2);
    SolverOptions options;
    options.num_samples = kSamples;
    options.loop.max_code_calls = 0;
    options.loop.max_tokens = 100;
    options.loop.max_seq_len = 1000;
    options.loop.end_texts = {"<end>"};
    const auto part = RunPart::Open(path, name, kSettings);
    ASSERT_TRUE(part.ok());
    SolveRecorder observer;
    SolverParts parts{generator, nullptr, **part, observer, Clock::Real()};
    parts.queue = &queue;
    Solver solver(options, problems, tasks, parts);
    // One problem is half done: whoever gets it does the other half.
    solver.Restore(SampleWith("p4", 1, "restored"));
    const std::atomic<bool> interrupted{false};
    EXPECT_TRUE(solver.Run(interrupted).ok());
  };
  std::thread other([&] { solve("rank-2"); });
  solve("rank-1");
  other.join();
  const Result<Keys> keys = OpenWhole(path, problems);
  ASSERT_TRUE(keys.ok()) << keys.status().message();
  EXPECT_THAT(*keys, SizeIs(kProblems * kSamples - 1));
  EXPECT_FALSE(keys->contains({"p4", 1}));
}

}  // namespace
}  // namespace qed
