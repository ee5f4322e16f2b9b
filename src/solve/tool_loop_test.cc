#include "solve/tool_loop.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "solve/code_block.h"
#include "tests/support/solve_fakes.h"

namespace qed {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using Kind = ToolLoopAction::Kind;

ToolLoopConfig TestConfig() {
  ToolLoopConfig config;
  config.end_texts = {"<|im_end|>"};
  config.max_code_calls = 2;
  config.max_tokens = 100;
  config.max_seq_len = 1000;
  return config;
}

ToolLoop MakeLoop(const ToolLoopConfig& config) {
  return ToolLoop(config, "prompt", 10, [](std::string_view text) {
    return static_cast<int32_t>(FakeTokens(text).size());
  });
}

Segment Stopped(std::string text, std::string stop, int32_t tokens = 5) {
  Segment segment;
  segment.text = std::move(text);
  segment.stop = std::move(stop);
  segment.num_tokens = tokens;
  segment.logprobs.assign(static_cast<size_t>(tokens), -1.0f);
  return segment;
}

Segment Ended(std::string text, Segment::Finish finish, int32_t tokens = 5) {
  Segment segment = Stopped(std::move(text), "", tokens);
  segment.finish = finish;
  return segment;
}

Segment Program(const std::string& code) {
  return Stopped("<tool_call>\n" + code + "\n</tool_call>", "</tool_call>");
}

ExecuteResult Output(const std::string& out, const std::string& err = "") {
  ExecuteResult result;
  result.out = out;
  result.err = err;
  return result;
}

TEST(ToolLoop, RunsAProgramAndGoesOn) {
  const ToolLoopConfig config = TestConfig();
  ToolLoop loop = MakeLoop(config);
  ToolLoopAction action = loop.Start();
  ASSERT_EQ(action.kind, Kind::kGenerate);
  EXPECT_EQ(action.text, "prompt");
  EXPECT_EQ(action.max_tokens, 100);

  action = loop.OnSegment(
      Stopped("Let us see. <tool_call>\nprint(6*7)\n</tool_call>", "</tool_call>", 30));
  ASSERT_EQ(action.kind, Kind::kExecute);
  EXPECT_EQ(action.text, "print(6*7)");

  action = loop.OnCodeResult(Output("42\n"));
  ASSERT_EQ(action.kind, Kind::kGenerate);
  EXPECT_EQ(action.text, "\n```output\n42\n```\n");
  EXPECT_EQ(action.max_tokens, 70);  // What the output takes is not of the model's budget.

  action = loop.OnSegment(Stopped("It is \\boxed{42}.<|im_end|>", "<|im_end|>", 8));
  EXPECT_EQ(action.kind, Kind::kFinished);
  EXPECT_EQ(loop.finish(), SampleFinish::kStop);
  const Transcript& transcript = loop.transcript();
  EXPECT_EQ(transcript.Text(),
            "Let us see. <tool_call>\nprint(6*7)\n</tool_call>\n```output\n42\n```\n"
            "It is \\boxed{42}.");
  EXPECT_EQ(transcript.prompt_tokens, 10);
  EXPECT_EQ(transcript.generated_tokens, 38);
  EXPECT_EQ(transcript.inserted_tokens, 4);  // The last newline is one.
  EXPECT_EQ(transcript.code_calls.size(), 1u);
  EXPECT_EQ(transcript.logprob_count, 38);
  EXPECT_DOUBLE_EQ(transcript.logprob_sum, -38);
}

TEST(ToolLoop, NeverRunsATruncatedProgram) {
  for (const Segment::Finish finish : {Segment::Finish::kLength, Segment::Finish::kCancelled}) {
    const ToolLoopConfig config = TestConfig();
    ToolLoop loop = MakeLoop(config);
    loop.Start();
    const ToolLoopAction action = loop.OnSegment(Ended("<tool_call>\nimport os\nos.remo", finish));
    EXPECT_EQ(action.kind, Kind::kFinished);
    EXPECT_EQ(loop.finish(), finish == Segment::Finish::kLength ? SampleFinish::kLength
                                                                : SampleFinish::kCancelled);
    EXPECT_THAT(loop.transcript().Text(), EndsWith("os.remo"));
    EXPECT_EQ(loop.transcript().generated_tokens, 5);
  }
}

TEST(ToolLoop, DoesNotRunAProgramWhoseOutputCouldNotBeUsed) {
  const ToolLoopConfig config = TestConfig();
  ToolLoop loop = MakeLoop(config);
  loop.Start();
  EXPECT_EQ(loop.OnSegment(Stopped("<tool_call>\n1\n</tool_call>", "</tool_call>", 100)).kind,
            Kind::kFinished);
  EXPECT_EQ(loop.finish(), SampleFinish::kLength);
}

TEST(ToolLoop, GivesOneMoreRoundAfterTheLastCall) {
  const ToolLoopConfig config = TestConfig();
  ToolLoop loop = MakeLoop(config);
  loop.Start();
  for (int call = 0; call < 2; ++call) {
    ASSERT_EQ(loop.OnSegment(Program("x")).kind, Kind::kExecute);
    ASSERT_EQ(loop.OnCodeResult(Output("")).kind, Kind::kGenerate);
  }
  EXPECT_EQ(loop.OnSegment(Program("y")).kind, Kind::kFinished);
  EXPECT_EQ(loop.finish(), SampleFinish::kCodeLimit);
  EXPECT_EQ(loop.transcript().code_calls.size(), 2u);
  EXPECT_EQ(loop.transcript().generated_tokens, 15);  // The last round's too.
  EXPECT_THAT(loop.transcript().Text(), EndsWith("<tool_call>\ny\n</tool_call>"));
}

TEST(ToolLoop, TellsHowManyCallsAreLeftWhereAsked) {
  ToolLoopConfig config = TestConfig();
  config.remaining_calls_notice = true;
  ToolLoop loop = MakeLoop(config);
  loop.Start();
  loop.OnSegment(Program("x"));
  EXPECT_EQ(loop.OnCodeResult(Output("1\n")).text,
            "\n```output\n1\n```\n```system\nRemaining code executions: 1. You will not be able to "
            "call code when you run out of executions, so use it wisely. Note that you can still "
            "continue solving the problem without code after that.\n```\n");
  loop.OnSegment(Program("x"));
  EXPECT_EQ(
      loop.OnCodeResult(Output("1\n")).text,
      "\n```output\n1\n```\n```system\nYou have run out of code executions! You can no longer "
      "write or execute code. Now you should continue solving the problem by relying on your "
      "mathematical reasoning and analytical skills.\n```\n");
}

TEST(ToolLoop, EndsOnAClosingTagWithoutAnOpeningOne) {
  const ToolLoopConfig config = TestConfig();
  ToolLoop loop = MakeLoop(config);
  loop.Start();
  EXPECT_EQ(loop.OnSegment(Stopped("no code</tool_call>", "</tool_call>")).kind, Kind::kFinished);
  EXPECT_EQ(loop.finish(), SampleFinish::kUnmatchedCodeEnd);
}

TEST(ToolLoop, TreatsCodeAsTextWithoutASandbox) {
  ToolLoopConfig config = TestConfig();
  EXPECT_THAT(config.StopStrings(), ::testing::ElementsAre("<|im_end|>", "</tool_call>"));
  config.max_code_calls = 0;
  EXPECT_THAT(config.StopStrings(), ::testing::ElementsAre("<|im_end|>"));
  ToolLoop loop = MakeLoop(config);
  loop.Start();
  EXPECT_EQ(loop.OnSegment(Stopped("<tool_call>1</tool_call> so", "")).kind, Kind::kFinished);
  EXPECT_EQ(loop.finish(), SampleFinish::kStop);
}

TEST(ToolLoop, LeavesRoomInTheContext) {
  ToolLoopConfig config = TestConfig();
  config.max_seq_len = 41;
  ToolLoop loop = MakeLoop(config);
  EXPECT_EQ(loop.Start().max_tokens, 31);
  loop.OnSegment(Stopped("<tool_call>\n1\n</tool_call>", "</tool_call>", 20));
  // 10 + 20 tokens used; the output has 11 and fills the context.
  EXPECT_EQ(loop.OnCodeResult(Output("1 2 3 4 5 6 7 8\n")).kind, Kind::kFinished);
  EXPECT_EQ(loop.finish(), SampleFinish::kLength);
  EXPECT_EQ(loop.transcript().inserted_tokens, 11);
}

TEST(ToolLoop, KeepsTheTextOfACancelledSample) {
  const ToolLoopConfig config = TestConfig();
  ToolLoop loop = MakeLoop(config);
  loop.Start();
  ASSERT_EQ(loop.OnSegment(Program("x")).kind, Kind::kExecute);
  loop.Cancel(SampleFinish::kDeadline);
  EXPECT_EQ(loop.OnCodeCancelled().kind, Kind::kFinished);
  EXPECT_EQ(loop.finish(), SampleFinish::kDeadline);
  EXPECT_EQ(loop.transcript().Text(), "<tool_call>\nx\n</tool_call>");
}

TEST(ToolLoop, CancelBeatsANewProgramButNotANaturalEnd) {
  const ToolLoopConfig config = TestConfig();
  ToolLoop first = MakeLoop(config);
  first.Start();
  first.Cancel(SampleFinish::kCancelled);
  EXPECT_EQ(first.OnSegment(Program("x")).kind, Kind::kFinished);
  EXPECT_EQ(first.finish(), SampleFinish::kCancelled);

  ToolLoop second = MakeLoop(config);
  second.Start();
  second.Cancel(SampleFinish::kCancelled);
  second.OnSegment(Stopped("\\boxed{1}<|im_end|>", "<|im_end|>"));
  EXPECT_EQ(second.finish(), SampleFinish::kStop);
}

TEST(ToolLoop, ReportsTheGeneratorsError) {
  const ToolLoopConfig config = TestConfig();
  ToolLoop loop = MakeLoop(config);
  loop.Start();
  Segment failed = Ended("so far", Segment::Finish::kError);
  failed.error = ResourceExhausted("out of pages");
  EXPECT_EQ(loop.OnSegment(failed).kind, Kind::kFinished);
  EXPECT_EQ(loop.finish(), SampleFinish::kError);
  EXPECT_EQ(loop.error().message(), "out of pages");
  EXPECT_EQ(loop.transcript().Text(), "so far");
}

TEST(ToolLoop, IgnoresLogprobsThatAreNoNumbers) {
  const ToolLoopConfig config = TestConfig();
  ToolLoop loop = MakeLoop(config);
  loop.Start();
  Segment segment = Stopped("x", "", 2);
  segment.logprobs = {-1.0f, -std::numeric_limits<float>::infinity()};
  loop.OnSegment(segment);
  EXPECT_EQ(loop.transcript().logprob_count, 1);
  EXPECT_DOUBLE_EQ(loop.transcript().logprob_sum, -1);
}

struct BlockCase {
  const char* text;
  std::optional<std::string> code;
};

TEST(ClosedCodeBlock, TakesTheLastOpenBlock) {
  const BlockCase kCases[] = {
      {"<tool_call>\nprint(1)\n</tool_call>", "print(1)"},
      {"<tool_call>print(1)</tool_call>", "print(1)"},
      {"<tool_call>\n\n  if x:\n    y\n\n</tool_call>", "  if x:\n    y"},
      // A block that was opened and forgotten is text.
      {"<tool_call>\nold\nno, rather: <tool_call>\nnew\n</tool_call>", "new"},
      {"<tool_call>\n</tool_call>", ""},
      {"<tool_call></tool_call>", ""},
      {"</tool_call>", std::nullopt},
      {"print(1)</tool_call>", std::nullopt},
      {"<tool_call>a</tool_call> b</tool_call>", std::nullopt},
  };
  for (const BlockCase& c : kCases)
    EXPECT_EQ(ClosedCodeBlock(c.text, CodeTags()), c.code) << c.text;
}

TEST(ClosedCodeBlock, KnowsOtherTags) {
  const CodeTags tags{.code_begin = "```python\n", .code_end = "```\n"};
  EXPECT_EQ(ClosedCodeBlock("so\n```python\nprint(1)\n```\n", tags), "print(1)");
}

TEST(FormatCodeOutput, WritesBothFormats) {
  CodeTags tags;
  EXPECT_EQ(FormatCodeOutput(Output("a\n", "b\n"), tags), "\n```output\na\nb\n```\n");
  EXPECT_EQ(FormatCodeOutput(Output(""), tags), "\n```output\n```\n");
  EXPECT_EQ(FormatCodeOutput(Output("abc<output cut>"), tags), "\n```output\nabc<output cut>```\n");
  tags.output_format = "llama";
  EXPECT_EQ(FormatCodeOutput(Output("a\n", "b\n"), tags),
            "\n```output\ncompleted\n[stdout]\na\n[/stdout]\n[stderr]\nb\n[/stderr]```\n");
}

}  // namespace
}  // namespace qed
