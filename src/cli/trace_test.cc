#include "cli/trace.h"

#include <string>

#include "cli/trace_records.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

constexpr char kHeader[] = "{\"trace\": 1, \"name\": \"two\", \"at_a_time\": 2, \"enough\": 1}\n";
constexpr char kSample[] =
    "{\"problem\": \"p\", \"prompt\": 7, \"stretches\": [{\"generate\": 5, \"wait_s\": 0.25, "
    "\"append\": 3}, {\"ids\": [1, 2]}]}\n";

TEST(TraceTest, ReadsWhatItWrites) {
  const std::string other =
      "\n{\"problem\": \"q\", \"prompt_ids\": [4, 5], \"stretches\": [{\"generate\": 1, "
      "\"append_ids\": [9]}, {\"generate\": 2}]}";
  const auto trace = ParseTrace(std::string(kHeader) + kSample + other, "file");
  ASSERT_TRUE(trace.ok()) << trace.status().message();
  EXPECT_EQ(trace->name, "two");
  EXPECT_EQ(trace->at_a_time, 2);
  EXPECT_EQ(trace->enough, 1);
  ASSERT_EQ(trace->samples.size(), 2U);
  const TraceSample& sample = trace->samples[0];
  EXPECT_EQ(sample.tokens(), 7 + 5 + 3 + 2);
  EXPECT_EQ(sample.stretches[0].wait_seconds, 0.25);
  EXPECT_EQ(sample.stretches[1].ids, (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(trace->samples[1].prompt, 2);
  EXPECT_EQ(trace->samples[1].stretches[0].append, 1);
  const std::string text = TraceText(*trace);
  const auto again = ParseTrace(text, "again");
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(TraceText(*again), text);
}

TEST(TraceTest, BadLinesAreNamed) {
  const std::string header = kHeader;
  const std::pair<std::string, std::string> cases[] = {
      {"", "holds no samples"},
      {header, "holds no samples"},
      {kSample, "line 1: lacks \"trace\""},
      {"{\"trace\": 2, \"name\": \"x\"}", "version"},
      {"{\"trace\": 1}", "\"name\""},
      {"{\"trace\": 1, \"name\": \"x\", \"at_a_time\": -1}", "\"at_a_time\""},
      {header + "[]", "line 2: is not a JSON object"},
      {header + "{\"problem\": \"p\"", "line 2"},
      {header + "{\"problem\": 3, \"prompt\": 1, \"stretches\": [{\"generate\": 1}]}",
       "\"problem\""},
      {header + "{\"problem\": \"p\", \"stretches\": [{\"generate\": 1}]}", "lacks \"prompt\""},
      {header + "{\"problem\": \"p\", \"prompt\": 0, \"stretches\": [{\"generate\": 1}]}",
       "\"prompt\""},
      {header + "{\"problem\": \"p\", \"prompt\": 1, \"stretches\": []}", "\"stretches\""},
      {header + "{\"problem\": \"p\", \"prompt\": 1, \"stretches\": [3]}", "not an object"},
      {header + "{\"problem\": \"p\", \"prompt\": 1, \"stretches\": [{\"generate\": 99999999}]}",
       "\"generate\""},
      {header + "{\"problem\": \"p\", \"prompt\": 1, \"stretches\": [{\"generate\": 1.5}]}",
       "\"generate\""},
      {header +
           "{\"problem\": \"p\", \"prompt\": 1, \"stretches\": [{\"generate\": 1, \"ids\": [2]}]}",
       "both"},
      {header + "{\"problem\": \"p\", \"prompt\": 1, \"stretches\": [{\"ids\": []}]}", "empty"},
      {header + "{\"problem\": \"p\", \"prompt\": 1, \"stretches\": [{\"ids\": [-1]}]}",
       "token ids"},
      {header +
           "{\"problem\": \"p\", \"prompt\": 1, \"stretches\": [{\"generate\": 1, \"append\": 2}]}",
       "last stretch"},
      {header + "{\"problem\": \"p\", \"prompt\": 1, \"stretches\": [{\"generate\": 1, \"wait_s\": "
                "1e9}, "
                "{\"generate\": 1}]}",
       "\"wait_s\""},
  };
  for (const auto& [text, expected] : cases) {
    const Status status = ParseTrace(text, "file").status();
    EXPECT_FALSE(status.ok()) << text;
    EXPECT_NE(status.message().find("file"), std::string::npos) << status.message();
    EXPECT_NE(status.message().find(expected), std::string::npos) << status.message();
    EXPECT_EQ(status.message().find('\n'), std::string::npos) << status.message();
  }
}

Sample MakeSample(const std::string& problem, double start, std::vector<TranscriptSegment> segments,
                  std::vector<CodeCall> calls) {
  Sample sample;
  sample.problem_id = problem;
  sample.start_time = start;
  sample.end_time = start + 10;
  sample.transcript.prompt_tokens = 20;
  sample.transcript.segments = std::move(segments);
  sample.transcript.code_calls = std::move(calls);
  return sample;
}

TEST(TraceOfRunTest, KeepsLengthsAndTimes) {
  using Source = TranscriptSegment::Source;
  using Process = ExecuteResult::ProcessStatus;
  RunRecords records;
  records.samples = {
      {MakeSample("a", 5,
                  {{Source::kModel, "x", 30},
                   {Source::kTool, "o", 4},
                   {Source::kTool, "n", 2},
                   {Source::kModel, "y", 11},
                   {Source::kModel, "z", 1}},
                  {{Process::kCompleted, 0.5, false}}),
       // Ended by an output after its last program: nothing more was generated.
       MakeSample("a", 1, {{Source::kModel, "x", 8}, {Source::kTool, "o", 4}},
                  {{Process::kTimeout, 2.0, false}})},
      {MakeSample("b", 2, {}, {}), MakeSample("b", 3, {{Source::kModel, "x", 9}}, {})}};
  const Trace trace = TraceOfRun(records, "run");
  EXPECT_EQ(trace.at_a_time, 4);
  ASSERT_EQ(trace.samples.size(), 3U);
  EXPECT_EQ(trace.samples[0].problem, "a");
  EXPECT_EQ(trace.samples[0].tokens(), 20 + 8);
  EXPECT_EQ(trace.samples[1].problem, "b");
  const TraceSample& whole = trace.samples[2];
  ASSERT_EQ(whole.stretches.size(), 2U);
  EXPECT_EQ(whole.stretches[0].generate, 30);
  EXPECT_EQ(whole.stretches[0].append, 6);
  EXPECT_EQ(whole.stretches[0].wait_seconds, 0.5);
  EXPECT_EQ(whole.stretches[1].generate, 12);
  EXPECT_EQ(whole.stretches[1].wait_seconds, 0);
  EXPECT_TRUE(ParseTrace(TraceText(trace), "again").ok());
}

}  // namespace
}  // namespace qed
