#include "solve/run_folder.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include "base/json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "solve/progress.h"
#include "solve/solver.h"
#include "tests/support/solve_fakes.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<Problem> TestProblems(int count) {
  const TempDir dir;
  std::ofstream file(dir.File("test.jsonl"));
  for (int i = 0; i < count; ++i) {
    file << DumpJson(json{{"id", Numbered("p", static_cast<uint64_t>(i))},
                          {"problem", Numbered("What is ", static_cast<uint64_t>(i))},
                          {"expected_answer", std::to_string(i)}})
         << "\n";
  }
  file.close();
  return *ReadProblems(dir.File("test.jsonl"));
}

Sample MakeSample(const std::string& problem, int32_t index) {
  Sample sample;
  sample.problem_id = problem;
  sample.index = index;
  sample.seed = 5 + static_cast<uint64_t>(index);
  sample.transcript.segments = {
      {TranscriptSegment::Source::kModel, "<tool_call>\n1\n</tool_call>", 9},
      {TranscriptSegment::Source::kTool, "\n```output\n1\n```\n", 6},
      {TranscriptSegment::Source::kModel, "So \\boxed{\xC2\xBD}", 5}};
  sample.transcript.code_calls = {{ExecuteResult::ProcessStatus::kTimeout, 2.5, true}};
  sample.transcript.prompt_tokens = 3;
  sample.transcript.generated_tokens = 14;
  sample.transcript.inserted_tokens = 6;
  sample.transcript.logprob_sum = -7;
  sample.transcript.logprob_count = 14;
  sample.boxed = "\xC2\xBD";
  sample.answer = "\xC2\xBD";
  sample.correct = false;
  sample.start_time = 1.5;
  sample.end_time = 4.25;
  sample.generation_seconds = 0.25;
  sample.code_seconds = 2.5;
  sample.run_seconds = 17;
  return sample;
}

std::vector<json> ReadLines(const std::string& path) {
  std::vector<json> lines;
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    Result<json> value = ParseJson(line);
    EXPECT_TRUE(value.ok()) << path << ": " << line;
    if (value.ok()) lines.push_back(*value);
  }
  return lines;
}

void AppendText(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::app) << text;
}

RunFolderOptions Options(const TempDir& dir, bool resume) {
  RunFolderOptions options;
  options.path = dir.File("out");
  options.resume = resume;
  options.first_seed = 5;
  options.num_samples = 2;
  options.settings = {{"model", "m.gguf"}, {"temperature", "0.7"}};
  return options;
}

TEST(RecordLine, HoldsEverythingOfASample) {
  const Sample sample = MakeSample("p1", 1);
  const std::string line = ToRecordLine(sample);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const Result<Sample> back = ParseRecordLine(line);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(ToRecordLine(*back), line);
  EXPECT_EQ(back->transcript.Text(), sample.transcript.Text());
  EXPECT_EQ(back->transcript.code_calls[0].status, ExecuteResult::ProcessStatus::kTimeout);

  Sample compared = sample;
  compared.answer_class = "1/2";
  compared.comparisons = {
      {"\\sqrt{4}", Verdict::kTimeout}, {"x", Verdict::kDifferent, true}, {"1/2", Verdict::kEqual}};
  const Result<Sample> compared_back = ParseRecordLine(ToRecordLine(compared));
  ASSERT_TRUE(compared_back.ok());
  EXPECT_EQ(compared_back->answer_class, "1/2");
  EXPECT_EQ(compared_back->comparisons, compared.comparisons);

  Sample empty;
  empty.finish = SampleFinish::kError;
  empty.error = "out of pages";
  const Result<Sample> empty_back = ParseRecordLine(ToRecordLine(empty));
  ASSERT_TRUE(empty_back.ok());
  EXPECT_EQ(empty_back->error, "out of pages");
  EXPECT_EQ(empty_back->correct, std::nullopt);
}

TEST(RecordLine, RefusesWhatIsNoRecord) {
  json good = *ParseJson(ToRecordLine(MakeSample("p1", 1)));
  for (const auto& [key, value] : good.items()) {
    json bad = good;
    bad.erase(key);
    EXPECT_FALSE(ParseRecordLine(DumpJson(bad)).ok()) << "without " << key;
    bad[key] = json::array({1});
    if (key != "segments" && key != "code_calls") {
      EXPECT_FALSE(ParseRecordLine(DumpJson(bad)).ok()) << key;
    }
  }
  for (const char* text : {"", "{}", "[]", "7", "{\"problem_id\": 5}"}) {
    EXPECT_FALSE(ParseRecordLine(text).ok()) << text;
  }
}

TEST(ResultLine, HasTheKeysThatNemoSkillsReads) {
  const std::vector<Problem> problems = TestProblems(2);
  const json line = *ParseJson(ToResultLine(problems[1], MakeSample("p1", 0)));
  EXPECT_EQ(line.at("id"), "p1");
  EXPECT_EQ(line.at("problem"), "What is 1");
  EXPECT_EQ(line.at("expected_answer"), "1");
  EXPECT_EQ(line.at("generation"), MakeSample("p1", 0).transcript.Text());
  EXPECT_EQ(line.at("num_generated_tokens"), 14);
  EXPECT_EQ(line.at("code_rounds_executed"), 1);
  EXPECT_EQ(line.at("num_code_timeouts"), 1);
  EXPECT_EQ(line.at("predicted_answer"), "\xC2\xBD");
  EXPECT_EQ(line.at("symbolic_correct"), false);
  EXPECT_EQ(line.at("finish_reason"), "stop");
}

TEST(ResultLine, RepeatsTheDigitsOfTheProblem) {
  Problem problem;
  problem.json =
      R"({"problem": "x", "expected_answer": 18446744073709551616, "id": 1.50, "generation": 7})";
  const std::string line = ToResultLine(problem, MakeSample("1.50", 0));
  EXPECT_THAT(line, HasSubstr(R"("expected_answer":18446744073709551616)"));
  EXPECT_THAT(line, HasSubstr(R"("id":1.50,)"));
  EXPECT_EQ(ParseJson(line)->at("generation"), MakeSample("1.50", 0).transcript.Text());
}

// A box that a program holds which was cut off is no answer; one before it is.
TEST(ReadAnswer, ABoxInAProgramThatWasCutOffIsNone) {
  Problem problem;
  Sample sample;
  sample.transcript.segments = {
      {TranscriptSegment::Source::kModel, "So \\boxed{1}. <tool_call>\nprint('\\boxed{2}')", 9}};
  for (const SampleFinish cut_off : {SampleFinish::kLength, SampleFinish::kDeadline}) {
    sample.finish = cut_off;
    ReadAnswer(problem, CodeTags(), 0, sample);
    EXPECT_EQ(sample.boxed, "1");
  }
  sample.finish = SampleFinish::kStop;
  ReadAnswer(problem, CodeTags(), 0, sample);
  EXPECT_EQ(sample.boxed, "2");
  sample.finish = SampleFinish::kLength;
  sample.transcript.segments[0].text += "\n</tool_call> It is \\boxed{3}";
  ReadAnswer(problem, CodeTags(), 0, sample);
  EXPECT_EQ(sample.boxed, "3");
}

TEST(RunFolder, KeepsSamplesAndWritesResultsInOrder) {
  const TempDir dir;
  const std::vector<Problem> problems = TestProblems(3);
  auto folder = RunFolder::Open(Options(dir, false), problems, [](const Sample&) {});
  ASSERT_TRUE(folder.ok()) << folder.status().message();
  for (const char* id : {"p2", "p0", "p1"}) {
    ASSERT_TRUE((*folder)->Append(MakeSample(id, 1)).ok());
  }
  ASSERT_TRUE((*folder)->Append(MakeSample("p1", 0)).ok());
  EXPECT_THAT(ReadLines(dir.File("out/output-rs6.jsonl")), SizeIs(3));
  ASSERT_TRUE((*folder)->Finish("{}\n").ok());
  const std::vector<json> results = ReadLines(dir.File("out/output-rs6.jsonl"));
  ASSERT_THAT(results, SizeIs(3));
  EXPECT_EQ(results[0].at("id"), "p0");
  EXPECT_EQ(results[2].at("id"), "p2");
  EXPECT_THAT(ReadLines(dir.File("out/output-rs5.jsonl")), SizeIs(1));
  EXPECT_THAT(ReadLines(dir.File("out/samples.jsonl")), SizeIs(4));
  EXPECT_TRUE(std::filesystem::exists(dir.File("out/metrics.json")));
}

TEST(RunFolder, ResumesAfterATornLineAndHalfWrittenFiles) {
  const TempDir dir;
  const std::vector<Problem> problems = TestProblems(3);
  {
    auto folder = RunFolder::Open(Options(dir, false), problems, [](const Sample&) {});
    ASSERT_TRUE(folder.ok());
    ASSERT_TRUE((*folder)->Append(MakeSample("p0", 0)).ok());
    ASSERT_TRUE((*folder)->Append(MakeSample("p1", 1)).ok());
  }
  AppendText(dir.File("out/samples.jsonl"), "{\"problem_id\": \"p2\", \"sam");
  AppendText(dir.File("out/output-rs5.jsonl"), "{\"torn");
  AppendText(dir.File("out/output-rs6.jsonl.tmp.1.2"), "half");
  std::filesystem::remove(dir.File("out/output-rs6.jsonl"));

  std::vector<std::string> found;
  auto folder = RunFolder::Open(Options(dir, true), problems,
                                [&](const Sample& sample) { found.push_back(sample.problem_id); });
  ASSERT_TRUE(folder.ok()) << folder.status().message();
  EXPECT_THAT(found, ElementsAre("p0", "p1"));
  EXPECT_THAT(ReadLines(dir.File("out/output-rs5.jsonl")), SizeIs(1));
  EXPECT_THAT(ReadLines(dir.File("out/output-rs6.jsonl")), SizeIs(1));
  EXPECT_FALSE(std::filesystem::exists(dir.File("out/output-rs6.jsonl.tmp.1.2")));
  ASSERT_TRUE((*folder)->Append(MakeSample("p2", 0)).ok());
  EXPECT_THAT(ReadLines(dir.File("out/samples.jsonl")), SizeIs(3));
}

TEST(RunFolder, ResumesAnEmptyOrMissingFolder) {
  const TempDir dir;
  const std::vector<Problem> problems = TestProblems(1);
  EXPECT_TRUE(RunFolder::Open(Options(dir, true), problems, [](const Sample&) {}).ok());
}

struct RefusalCase {
  const char* what;
  std::function<void(const std::string& path)> prepare;
  bool resume;
  const char* message;
};

TEST(RunFolder, RefusesWithOneLine) {
  const std::string record = ToRecordLine(MakeSample("p0", 0)) + "\n";
  const RefusalCase kCases[] = {
      {"a run without --resume", [](const std::string&) {}, false, "add --resume"},
      {"a foreign folder",
       [](const std::string& path) { std::filesystem::remove(path + "/run.json"); }, true,
       "holds no run that could be resumed"},
      {"damaged settings", [](const std::string& path) { AppendText(path + "/run.json", "x"); },
       true, "run.json"},
      {"a record that is none",
       [&](const std::string& path) { AppendText(path + "/samples.jsonl", record + "{}\n"); }, true,
       "samples.jsonl line 2: not the record of a sample"},
      {"a record twice",
       [&](const std::string& path) { AppendText(path + "/samples.jsonl", record + record); }, true,
       "samples.jsonl line 2: sample 0 of problem \"p0\" is there twice"},
      {"a record of another problem",
       [&](const std::string& path) {
         AppendText(path + "/samples.jsonl", ToRecordLine(MakeSample("q", 0)) + "\n");
       },
       true, "problem \"q\" is not among the problems"},
      {"a sample out of range",
       [&](const std::string& path) {
         AppendText(path + "/samples.jsonl", ToRecordLine(MakeSample("p0", 2)) + "\n");
       },
       true, "sample 2 is out of range"},
  };
  const std::vector<Problem> problems = TestProblems(1);
  for (const RefusalCase& c : kCases) {
    const TempDir dir;
    ASSERT_TRUE(RunFolder::Open(Options(dir, false), problems, [](const Sample&) {}).ok());
    c.prepare(dir.File("out"));
    const auto folder = RunFolder::Open(Options(dir, c.resume), problems, [](const Sample&) {});
    ASSERT_FALSE(folder.ok()) << c.what;
    EXPECT_THAT(folder.status().message(), HasSubstr(c.message)) << c.what;
    EXPECT_EQ(folder.status().message().find('\n'), std::string::npos);
  }
}

TEST(RunFolder, LeavesAStrangersFolderAlone) {
  const TempDir dir;
  std::filesystem::create_directory(dir.File("out"));
  AppendText(dir.File("out/thesis.tmp.tex"), "precious");
  const std::vector<Problem> problems = TestProblems(1);
  for (const bool resume : {false, true}) {
    EXPECT_FALSE(RunFolder::Open(Options(dir, resume), problems, [](const Sample&) {}).ok());
  }
  EXPECT_FALSE(std::filesystem::exists(dir.File("out/.lock")));
  EXPECT_TRUE(std::filesystem::exists(dir.File("out/thesis.tmp.tex")));
}

TEST(RunFolder, NamesTheSettingThatDiffers) {
  const TempDir dir;
  const std::vector<Problem> problems = TestProblems(1);
  ASSERT_TRUE(RunFolder::Open(Options(dir, false), problems, [](const Sample&) {}).ok());
  RunFolderOptions other = Options(dir, true);
  other.settings["temperature"] = "0.8";
  const auto folder = RunFolder::Open(other, problems, [](const Sample&) {});
  ASSERT_FALSE(folder.ok());
  EXPECT_THAT(folder.status().message(), HasSubstr("temperature: it was 0.7 and is now 0.8"));
  other = Options(dir, true);
  other.settings["adapter"] = "a";
  EXPECT_THAT(RunFolder::Open(other, problems, [](const Sample&) {}).status().message(),
              HasSubstr("adapter: it was not set and is now a"));
}

TEST(RunFolder, KeepsASecondRunOut) {
  const TempDir dir;
  const std::vector<Problem> problems = TestProblems(1);
  auto first = RunFolder::Open(Options(dir, false), problems, [](const Sample&) {});
  ASSERT_TRUE(first.ok());
  const auto second = RunFolder::Open(Options(dir, true), problems, [](const Sample&) {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(second.status().message(),
              HasSubstr("in use by process " + std::to_string(getpid())));
  first->reset();
  EXPECT_TRUE(RunFolder::Open(Options(dir, true), problems, [](const Sample&) {}).ok());
}

TEST(RunFolder, SaysThatItCannotWrite) {
  const std::vector<Problem> problems = TestProblems(1);
  RunFolderOptions options;
  options.path = "/proc/qed-output";
  EXPECT_THAT(RunFolder::Open(options, problems, [](const Sample&) {}).status().message(),
              HasSubstr("/proc/qed-output"));
  const TempDir dir;
  AppendText(dir.File("file"), "x");
  options.path = dir.File("file");
  EXPECT_FALSE(RunFolder::Open(options, problems, [](const Sample&) {}).ok());
  options.path = dir.File("file/below");
  EXPECT_FALSE(RunFolder::Open(options, problems, [](const Sample&) {}).ok());
}

constexpr int kRunProblems = 16;
constexpr int32_t kRunSamples = 8;

// A whole run over a fake generator, as a process of its own would do it.
Status SolveInto(const std::string& path) {
  const std::vector<Problem> problems = TestProblems(kRunProblems);
  FakeGenerator generator(
      [](const SamplingParams& params, const std::string& so_far) {
        FakeReply reply{.text = so_far + "\\boxed{" + std::to_string(params.seed) + "}<end>"};
        reply.delay = std::chrono::milliseconds(3);
        return reply;
      },
      8);
  SolverOptions options;
  options.num_samples = kRunSamples;
  options.loop.max_code_calls = 0;
  options.loop.max_seq_len = 1000;
  options.loop.end_texts = {"<end>"};
  std::vector<SolveTask> tasks;
  for (const Problem& problem : problems) tasks.push_back({problem.id + " ", 1});

  RunFolderOptions folder_options;
  folder_options.path = path;
  folder_options.resume = true;
  folder_options.num_samples = kRunSamples;
  std::vector<Sample> earlier;
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<RunFolder> folder,
                       RunFolder::Open(folder_options, problems,
                                       [&](const Sample& sample) { earlier.push_back(sample); }));
  std::FILE* null = std::fopen("/dev/null", "w");
  ProgressPrinter printer(null, null, Clock::Real());
  Solver solver(options, problems, tasks,
                SolverParts{generator, nullptr, *folder, printer, Clock::Real()});
  for (const Sample& sample : earlier) solver.Restore(sample);
  const std::atomic<bool> interrupted{false};
  QED_RETURN_IF_ERROR(solver.Run(interrupted));
  return folder->Finish("{}\n");
}

void CheckEverySampleOnce(const std::string& path) {
  std::set<std::string> records;
  for (const json& line : ReadLines(path + "/samples.jsonl")) {
    const std::string id = line.at("problem_id");
    const uint64_t seed = line.at("seed");
    EXPECT_TRUE(records.insert(id + "/" + std::to_string(seed)).second);
    EXPECT_EQ(line.at("answer"), std::to_string(seed));
    EXPECT_EQ(line.at("segments").at(0).at("text"), id + " \\boxed{" + std::to_string(seed) + "}");
  }
  EXPECT_THAT(records, SizeIs(kRunProblems * kRunSamples));
  for (int32_t seed = 0; seed < kRunSamples; ++seed) {
    const auto lines = ReadLines(path + "/output-rs" + std::to_string(seed) + ".jsonl");
    ASSERT_THAT(lines, SizeIs(kRunProblems));
    for (int i = 0; i < kRunProblems; ++i) {
      EXPECT_EQ(lines[static_cast<size_t>(i)].at("id"), Numbered("p", static_cast<uint64_t>(i)));
    }
  }
}

// Runs SolveInto in a child process and kills it after `life`; whether it was
// killed before it was done.
bool RunAndKill(const std::string& path, std::chrono::microseconds life) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(SolveInto(path).ok() ? 0 : 1);
  std::this_thread::sleep_for(life);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  return WIFSIGNALED(status);
}

TEST(RunFolder, EverySampleIsThereOnceAfterAnyDeaths) {
  const TempDir dir;
  std::mt19937 random(7);
  int kills = 0;
  for (int i = 0; i < 10; ++i) {
    kills +=
        RunAndKill(dir.File("out"), std::chrono::microseconds(1000 + random() % 25000)) ? 1 : 0;
  }
  EXPECT_GE(kills, 8);
  const Status status = SolveInto(dir.File("out"));
  ASSERT_TRUE(status.ok()) << status.message();
  CheckEverySampleOnce(dir.File("out"));
}

// A disk with room for `bytes` a file: writes beyond come back short, then fail.
Status SolveWithLittleSpace(const std::string& path, rlim_t bytes, int* exit_code) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::_exit(SolveInto(path).ok() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  *exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return OkStatus();
}

TEST(RunFolder, NothingIsLostWhenTheDiskIsFull) {
  const TempDir dir;
  for (const rlim_t bytes : {2000, 7777, 20000}) {
    int exit_code = 0;
    ASSERT_TRUE(SolveWithLittleSpace(dir.File("out"), bytes, &exit_code).ok());
    EXPECT_EQ(exit_code, 1);
  }
  EXPECT_THAT(ReadLines(dir.File("out/samples.jsonl")), ::testing::Not(IsEmpty()));
  const Status status = SolveInto(dir.File("out"));
  ASSERT_TRUE(status.ok()) << status.message();
  CheckEverySampleOnce(dir.File("out"));
}

}  // namespace
}  // namespace qed
