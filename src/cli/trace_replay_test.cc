#include "cli/trace_replay.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/support/byte_tokenizer.h"
#include "tests/support/fake_model.h"

namespace qed {
namespace {

constexpr int32_t kVocab = 258;

TraceStretch Stretch(int32_t generate, double wait_seconds = 0, int32_t append = 0) {
  TraceStretch stretch;
  stretch.generate = generate;
  stretch.wait_seconds = wait_seconds;
  stretch.append = append;
  return stretch;
}

TraceSample MakeSample(const std::string& problem, int32_t prompt,
                       std::vector<TraceStretch> stretches) {
  TraceSample sample;
  sample.problem = problem;
  sample.prompt = prompt;
  sample.stretches = std::move(stretches);
  return sample;
}

class TraceReplayTest : public ::testing::Test {
 protected:
  Result<TraceReport> Replay(const Trace& trace) {
    SamplingParams params;
    params.temperature = 0.7F;
    params.top_p = 0.95F;
    return ReplayTrace(*engine_, kVocab, trace, params);
  }

  std::unique_ptr<const Tokenizer> tokenizer_ = MakeByteTokenizer();
  ThreadPool pool_{1};
  FakeModel model_{{.vocab_size = kVocab, .eos_token_ids = {kByteTokenizerEos}}};
  std::unique_ptr<Engine> engine_ =
      std::move(Engine::Create(model_, *tokenizer_, EngineConfig(), pool_)).value();
};

TEST_F(TraceReplayTest, EverySampleHasItsLengths) {
  Trace trace;
  trace.name = "t";
  trace.samples = {MakeSample("a", 9, {Stretch(12, 0.01, 5), Stretch(3, 0, 2), Stretch(7)}),
                   MakeSample("a", 9, {Stretch(40)}), MakeSample("b", 30, {Stretch(1)})};
  const auto report = Replay(trace);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->samples[0].generated, 22);
  EXPECT_EQ(report->samples[0].appended, 7);
  EXPECT_EQ(report->samples[0].sandbox_s, 0.01);
  EXPECT_GE(report->samples[0].end_s, 0.01);
  EXPECT_EQ(report->samples[1].generated, 40);
  EXPECT_EQ(report->samples[2].generated, 1);
  EXPECT_EQ(report->generated, 63);
  EXPECT_EQ(report->kept, 63);
  EXPECT_EQ(report->most_at_a_time, 3);
  for (const ReplayedSample& sample : report->samples) {
    EXPECT_TRUE(sample.started);
    EXPECT_FALSE(sample.cancelled);
    EXPECT_GE(sample.first_token_s, sample.start_s);
    EXPECT_LE(sample.first_token_s, sample.end_s);
    EXPECT_LE(sample.end_s, report->seconds);
  }
  // From the live pages: nothing but prompts and outputs is ever prefilled.
  EXPECT_EQ(report->prefilled + report->cached, 9 + 9 + 30 + 5 + 2);
  EXPECT_EQ(model_.error(), "");
}

TEST_F(TraceReplayTest, SamplesOfAProblemShareTheirPrompt) {
  Trace trace;
  trace.name = "t";
  trace.at_a_time = 1;
  trace.samples = {MakeSample("a", 33, {Stretch(2)}), MakeSample("a", 33, {Stretch(2)}),
                   MakeSample("b", 33, {Stretch(2)})};
  const auto report = Replay(trace);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->cached, 32);  // whole pages of 4 of the second sample's prompt
  EXPECT_EQ(report->most_at_a_time, 1);
  EXPECT_LE(report->samples[0].end_s, report->samples[1].start_s);
  EXPECT_EQ(report->tail_s, 0);
}

TEST_F(TraceReplayTest, EnoughSamplesEndTheirProblem) {
  Trace trace;
  trace.name = "t";
  trace.at_a_time = 4;
  trace.enough = 1;
  // Of problem a, one sample is generating, one in the sandbox and one not
  // started when the short one ends.
  trace.samples = {MakeSample("a", 5, {Stretch(600)}),
                   MakeSample("a", 5, {Stretch(1, 3600, 1), Stretch(1)}),
                   MakeSample("a", 5, {Stretch(20)}), MakeSample("b", 5, {Stretch(60)}),
                   MakeSample("a", 5, {Stretch(1)})};
  const auto report = Replay(trace);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_TRUE(report->samples[0].cancelled);
  EXPECT_LT(report->samples[0].generated, 600);
  EXPECT_TRUE(report->samples[1].cancelled);
  EXPECT_FALSE(report->samples[2].cancelled);
  EXPECT_FALSE(report->samples[3].cancelled);
  EXPECT_EQ(report->samples[3].generated, 60);
  EXPECT_FALSE(report->samples[4].started);
  EXPECT_EQ(report->kept, 80);
  EXPECT_GT(report->generated, 80);
  EXPECT_LT(report->seconds, 3600);
}

TEST_F(TraceReplayTest, WhatDoesNotFitIsRefused) {
  Trace trace;
  trace.name = "long";
  trace.samples = {MakeSample("a", 5, {Stretch(2)}), MakeSample("a", 600, {Stretch(600)})};
  Status status = Replay(trace).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("sample 2 of trace long: has 1200 tokens"), std::string::npos)
      << status.message();
  trace.samples[1] = MakeSample("a", 1, {Stretch(2)});
  trace.samples[1].prompt_ids = {kVocab};
  status = Replay(trace).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("token id 258"), std::string::npos) << status.message();
}

}  // namespace
}  // namespace qed
