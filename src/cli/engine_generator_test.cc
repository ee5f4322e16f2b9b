#include "cli/engine_generator.h"

#include <atomic>
#include <future>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "tests/support/byte_tokenizer.h"
#include "tests/support/fake_model.h"
#include "text/test_tokenizers.h"

namespace qed {
namespace {

class EngineGeneratorTest : public ::testing::Test {
 protected:
  EngineGeneratorTest() {
    params_.temperature = 0;
    params_.include_stop_text = true;
  }

  Segment Generate(GenerationStream& stream, std::string_view text, int32_t max_tokens) {
    std::promise<Segment> promise;
    stream.Generate(text, max_tokens,
                    [&](Segment segment) { promise.set_value(std::move(segment)); });
    return promise.get_future().get();
  }

  void OpenGate() {
    gate_is_open_ = true;
    gate_is_open_.notify_all();
  }

  std::unique_ptr<const Tokenizer> tokenizer_ = MakeByteTokenizer();
  ThreadPool pool_{1};
  // Counts up, but holds the fifth step of a sequence until the gate is open.
  std::atomic<bool> gate_is_open_ = true;
  FakeModel model_{{}, [this](std::span<const int32_t> tokens, std::span<float> logits) {
                     FakeModel::CountingLogits(tokens, logits);
                     if (tokens.size() == 5) gate_is_open_.wait(false);
                   }};
  std::unique_ptr<Engine> engine_ =
      std::move(Engine::Create(model_, *tokenizer_, EngineConfig(), pool_)).value();
  EngineGenerator generator_{*engine_, *tokenizer_, 8};
  SamplingParams params_;
};

TEST_F(EngineGeneratorTest, AStreamGrowsOverStopsAndToolOutput) {
  params_.stop.emplace_back("fg");
  params_.logprobs = 0;
  auto stream = generator_.Open(params_).value();
  Segment segment = Generate(*stream, "abc", 100);
  EXPECT_EQ(segment.text, "defg") << "the stop string is part of the text";
  EXPECT_EQ(segment.stop, "fg");
  EXPECT_EQ(segment.finish, Segment::Finish::kStop);
  EXPECT_EQ(segment.num_tokens, 4);
  EXPECT_EQ(segment.logprobs.size(), 4u);
  EXPECT_EQ(segment.prefilled_tokens, 3);
  const int64_t before = model_.tokens_computed();
  segment = Generate(*stream, "123", 2);
  EXPECT_EQ(segment.text, "45");
  EXPECT_EQ(segment.finish, Segment::Finish::kLength);
  EXPECT_EQ(segment.prefilled_tokens, 3) << "what was appended, and nothing else";
  EXPECT_EQ(model_.tokens_computed() - before, 1 + 3 + 1) << "nothing is computed twice";
}

// As `qed serve` has it: a chat's template writes the beginning itself, or means none.
TEST_F(EngineGeneratorTest, WholePromptsGetNoOtherBeginning) {
  TokenizerSpec spec = SmallGgufSpec();
  spec.add_bos_token = true;
  const auto tokenizer = MakeTokenizer(spec);
  const auto engine = Engine::Create(model_, *tokenizer, EngineConfig(), pool_).value();
  EngineGenerator generator(*engine, *tokenizer, 8);
  const auto prefilled = [&](std::string_view prompt) {
    const auto stream = generator.Open(params_).value();
    return Generate(*stream, prompt, 1).prefilled_tokens;
  };
  EXPECT_EQ(prefilled("ab"), 3);
  EXPECT_EQ(prefilled("<s>abc"), 4);
  generator.SetWholePrompts(true);
  EXPECT_EQ(prefilled("xy"), 2);
  EXPECT_EQ(prefilled("<s>xyz"), 4);
}

TEST_F(EngineGeneratorTest, CancelBringsTheTextSoFar) {
  auto stream = generator_.Open(params_).value();
  stream->Cancel();  // Nothing runs yet.
  std::promise<Segment> promise;
  gate_is_open_ = false;
  stream->Generate("a", 790, [&](Segment segment) { promise.set_value(std::move(segment)); });
  stream->Cancel();
  OpenGate();
  const Segment segment = promise.get_future().get();
  EXPECT_EQ(segment.finish, Segment::Finish::kCancelled);
  EXPECT_EQ(segment.text.size(), static_cast<size_t>(segment.num_tokens));
  EXPECT_TRUE(std::string_view("bcdef").starts_with(segment.text)) << segment.text;
}

TEST_F(EngineGeneratorTest, AStreamMayGoWhileItRuns) {
  std::promise<Segment> promise;
  gate_is_open_ = false;
  {
    auto stream = generator_.Open(params_).value();
    stream->Generate("a", 790, [&](Segment segment) { promise.set_value(std::move(segment)); });
  }
  OpenGate();
  EXPECT_EQ(promise.get_future().get().finish, Segment::Finish::kCancelled);
}

TEST_F(EngineGeneratorTest, WhatCannotBeIsAnErrorOfTheSegment) {
  auto stream = generator_.Open(params_).value();
  Segment segment = Generate(*stream, std::string(2000, 'a'), 10);
  EXPECT_EQ(segment.finish, Segment::Finish::kError);
  EXPECT_EQ(segment.error.code(), StatusCode::kInvalidArgument);
  segment = Generate(*stream, "a", 2);
  EXPECT_EQ(segment.text, "bc") << "the stream is as it was";
  params_.top_p = 2;
  EXPECT_EQ(generator_.Open(params_).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(EngineGeneratorTest, KnowsItsLimits) {
  EXPECT_EQ(generator_.max_concurrent(), 8);
  EXPECT_EQ(generator_.max_seq_len(), 800);
  EXPECT_EQ(generator_.CountTokens("abc"), 3);
}

}  // namespace
}  // namespace qed
