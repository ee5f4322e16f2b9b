// The engine with its thread: many callers at once, sinks that call back, the
// end of the engine's life.
#include "engine/engine.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <latch>
#include <mutex>
#include <random>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/byte_tokenizer.h"
#include "tests/support/fake_model.h"
#include "tests/support/two_step_runner.h"
#include "text/detokenizer.h"

namespace qed {
namespace {

using ::testing::HasSubstr;

// Gathers text; Wait returns after `stretches` ends.
class WaitingSink : public OutputSink {
 public:
  std::function<void()> on_tokens;
  std::function<void(RequestId, const FinishInfo&)> on_done;

  void OnTokens(RequestId, const TokenChunk& chunk) override {
    if (on_tokens) on_tokens();
    std::lock_guard lock(mutex_);
    text_ += chunk.text;
    ids_.insert(ids_.end(), chunk.token_ids.begin(), chunk.token_ids.end());
    started_.notify_all();
  }
  void OnDone(RequestId id, const FinishInfo& info) override {
    if (on_done) on_done(id, info);
    std::lock_guard lock(mutex_);
    info_ = info;
    ++done_;
    started_.notify_all();
  }

  FinishInfo Wait(int stretches = 1) {
    std::unique_lock lock(mutex_);
    started_.wait(lock, [&] { return done_ >= stretches; });
    return info_;
  }
  void WaitForText() {
    std::unique_lock lock(mutex_);
    started_.wait(lock, [&] { return !text_.empty(); });
  }
  std::string text() {
    std::lock_guard lock(mutex_);
    return text_;
  }
  std::vector<int32_t> ids() {
    std::lock_guard lock(mutex_);
    return ids_;
  }
  int done() {
    std::lock_guard lock(mutex_);
    return done_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable started_;
  std::string text_;
  std::vector<int32_t> ids_;
  FinishInfo info_;
  int done_ = 0;
};

// Whether steps are computed by a thread of their own, two in flight, or by the
// engine's.
enum class Steps { kInEngine, kInThread };

class EngineTest : public ::testing::TestWithParam<Steps> {
 protected:
  explicit EngineTest(FakeModel::LogitsFn fn = FakeModel::CountingLogits)
      : model_(FakeModel::Options(), std::move(fn)), engine_(MakeEngine()) {}

  std::unique_ptr<Engine> MakeEngine() {
    if (GetParam() == Steps::kInEngine) {
      return std::move(Engine::Create(model_, *tokenizer_, EngineConfig(), pool_)).value();
    }
    auto runner =
        std::make_unique<TwoStepRunner>(model_, pool_, TwoStepRunner::Computes::kInThread);
    runner_ = runner.get();
    return std::move(Engine::Create(std::move(runner), *tokenizer_, EngineConfig())).value();
  }

  static Request MakeRequest(std::vector<int32_t> prompt, int32_t max_tokens,
                             std::shared_ptr<OutputSink> sink, bool keep = false) {
    Request request;
    request.prompt = std::move(prompt);
    request.params.temperature = 0;
    request.params.max_tokens = max_tokens;
    request.sink = std::move(sink);
    request.keep = keep;
    return request;
  }

  std::unique_ptr<const Tokenizer> tokenizer_ = MakeByteTokenizer();
  ThreadPool pool_{2};
  FakeModel model_;
  TwoStepRunner* runner_ = nullptr;  // engine_'s, with kInThread
  std::unique_ptr<Engine> engine_;
};

std::string StepsName(const ::testing::TestParamInfo<Steps>& test) {
  return test.param == Steps::kInEngine ? "StepsInEngine" : "StepsInThread";
}
INSTANTIATE_TEST_SUITE_P(Runners, EngineTest, ::testing::Values(Steps::kInEngine, Steps::kInThread),
                         StepsName);

TEST_P(EngineTest, AnswersARequest) {
  auto sink = std::make_shared<WaitingSink>();
  ASSERT_TRUE(engine_->Submit(MakeRequest({'a'}, 3, sink)).ok());
  EXPECT_EQ(sink->Wait().reason, FinishReason::kLength);
  EXPECT_EQ(sink->text(), "bcd");
  EXPECT_EQ(engine_->Stats().generated_tokens, 3);
  EXPECT_EQ(engine_->max_seq_len(), 800);
}

TEST_P(EngineTest, TracesItsSteps) {
  auto sink = std::make_shared<WaitingSink>();
  ASSERT_TRUE(engine_->Submit(MakeRequest({'a', 'b'}, 3, sink)).ok());
  sink->Wait();
  const std::vector<StepRecord> trace = engine_->Trace();
  ASSERT_EQ(trace.size(), 3u);
  EXPECT_EQ(trace[0].tokens, 2);
  EXPECT_EQ(trace[0].wait, 0) << "the engine had no work before";
  EXPECT_EQ(trace[2].tokens, 1);
  for (const StepRecord& step : trace) {
    EXPECT_EQ(step.sequences, 1);
    EXPECT_GE(step.run, 0);
    EXPECT_GE(step.wait, 0);
  }
}

// The CPU is never lost.
class LostDeviceTest : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Runners, LostDeviceTest, ::testing::Values(Steps::kInThread), StepsName);

TEST_P(LostDeviceTest, EveryRequestEndsWithTheError) {
  runner_->FailAfter(2);
  auto sink = std::make_shared<WaitingSink>();
  ASSERT_TRUE(engine_->Submit(MakeRequest({'a'}, 10, sink)).ok());
  EXPECT_THAT(sink->Wait().error.message(), HasSubstr("bus"));
  EXPECT_EQ(sink->text(), "bc");
  ASSERT_TRUE(engine_->Submit(MakeRequest({'a'}, 10, sink)).ok());
  EXPECT_EQ(sink->Wait(2).reason, FinishReason::kError);
  EXPECT_EQ(engine_->Stats().pages_free, engine_->Stats().pages_total);
}

TEST_P(EngineTest, ImpossibleRequestsAreRefusedInOneLine) {
  auto sink = std::make_shared<WaitingSink>();
  const auto message = [&](Request request) {
    const auto id = engine_->Submit(std::move(request));
    EXPECT_EQ(id.status().code(), StatusCode::kInvalidArgument);
    return id.status().message();
  };
  EXPECT_THAT(message(MakeRequest({}, 3, sink)), HasSubstr("empty"));
  EXPECT_THAT(message(MakeRequest({'a'}, 3, nullptr)), HasSubstr("sink"));
  EXPECT_THAT(message(MakeRequest({300}, 3, sink)), HasSubstr("300"));
  EXPECT_THAT(message(MakeRequest({-1}, 3, sink)), HasSubstr("-1"));
  EXPECT_THAT(message(MakeRequest({'a'}, 0, sink)), HasSubstr("max-tokens"));
  EXPECT_THAT(message(MakeRequest(std::vector<int32_t>(800, 'a'), 1, sink)), HasSubstr("800"));
  Request bad_logprobs = MakeRequest({'a'}, 1, sink);
  bad_logprobs.params.logprobs = 1000;
  EXPECT_THAT(message(std::move(bad_logprobs)), HasSubstr("logprobs"));
  Request bad_forced = MakeRequest({'a'}, 1, sink);
  bad_forced.params.forced_tokens = {'a', 300};
  EXPECT_THAT(message(std::move(bad_forced)), HasSubstr("forced token id 300"));
  EXPECT_EQ(sink->done(), 0);
  EXPECT_TRUE(engine_->Submit(MakeRequest(std::vector<int32_t>(799, 'a'), 5, sink)).ok());
  EXPECT_EQ(sink->Wait().generated_tokens, 1);
}

TEST_P(EngineTest, ContinueIsRefusedWhereItCannotBe) {
  auto sink = std::make_shared<WaitingSink>();
  SamplingParams params;
  params.temperature = 0;
  params.max_tokens = 2;
  EXPECT_EQ(engine_->Continue(99, {}, params).code(), StatusCode::kNotFound);
  const RequestId loose = engine_->Submit(MakeRequest({'a'}, 2, sink)).value();
  sink->Wait();
  EXPECT_EQ(engine_->Continue(loose, {}, params).code(), StatusCode::kNotFound);

  auto kept_sink = std::make_shared<WaitingSink>();
  // The engine's thread waits with the first token, so that the request cannot end early.
  std::latch may_go_on(1);
  kept_sink->on_tokens = [&] { may_go_on.wait(); };
  const RequestId kept = engine_->Submit(MakeRequest({'a'}, 700, kept_sink, true)).value();
  EXPECT_THAT(engine_->Continue(kept, {}, params).message(), HasSubstr("running"));
  engine_->Cancel(kept);
  may_go_on.count_down();
  kept_sink->Wait();
  EXPECT_THAT(engine_->Continue(kept, std::vector<int32_t>(800, 'a'), params).message(),
              HasSubstr("context"));
  EXPECT_TRUE(engine_->Continue(kept, {'x'}, params).ok());
  kept_sink->Wait(2);
  EXPECT_TRUE(kept_sink->text().ends_with("yz"));
  engine_->Release(kept);
  EXPECT_EQ(engine_->Continue(kept, {}, params).code(), StatusCode::kNotFound);
}

TEST_P(EngineTest, ASinkMayContinueFromOnDone) {
  auto sink = std::make_shared<WaitingSink>();
  std::atomic<int> continued = 0;
  sink->on_done = [&](RequestId id, const FinishInfo&) {
    SamplingParams params;
    params.temperature = 0;
    params.max_tokens = 2;
    if (continued++ == 5) return;
    EXPECT_TRUE(engine_->Continue(id, {'0'}, params).ok());
  };
  ASSERT_TRUE(engine_->Submit(MakeRequest({'a'}, 2, sink, true)).ok());
  sink->Wait(6);
  EXPECT_EQ(sink->text(), "bc1212121212");
}

TEST_P(EngineTest, TheEndOfTheEngineEndsItsRequests) {
  auto sink = std::make_shared<WaitingSink>();
  // Not engine_, which is empty while its engine goes.
  Engine* const engine = engine_.get();
  // Slow enough that nobody comes to the end of what was asked.
  sink->on_tokens = [] { std::this_thread::sleep_for(std::chrono::milliseconds(1)); };
  sink->on_done = [&](RequestId, const FinishInfo& info) {
    EXPECT_EQ(info.reason, FinishReason::kCancelled);
    // A sink that does not know that it is over.
    EXPECT_EQ(engine->Submit(MakeRequest({'a'}, 1, sink)).status().code(),
              StatusCode::kUnavailable);
  };
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(engine_->Submit(MakeRequest({'a'}, 790, sink, i % 2 == 0)).ok());
  }
  sink->WaitForText();
  engine_.reset();
  EXPECT_EQ(sink->done(), 20);
}

TEST_P(EngineTest, ATokenizerOfAnotherModelIsRefused) {
  FakeModel::Options options;
  options.vocab_size = 200;
  FakeModel small(options);
  const auto engine = Engine::Create(small, *tokenizer_, EngineConfig(), pool_);
  EXPECT_THAT(engine.status().message(), HasSubstr("258"));
}

class HashEngineTest : public EngineTest {
 protected:
  HashEngineTest() : EngineTest(FakeModel::HashLogits) {}
};
INSTANTIATE_TEST_SUITE_P(Runners, HashEngineTest,
                         ::testing::Values(Steps::kInEngine, Steps::kInThread), StepsName);

// Cut anywhere and submitted anew with what it had, a sequence goes on as if it
// had not been cut: random numbers, penalties, and text that was held back.
TEST_P(HashEngineTest, ASequenceGoesOnFromWhatEarlierRequestsGenerated) {
  constexpr int32_t kTokens = 24;
  const std::vector<int32_t> prompt = {'a', 'b'};
  const auto make = [&](int32_t max_tokens, std::shared_ptr<OutputSink> sink) {
    Request request = MakeRequest(prompt, max_tokens, std::move(sink));
    request.params.temperature = 5;
    request.params.seed = 7;
    request.params.frequency_penalty = 1;
    request.params.ignore_eos = true;
    return request;
  };
  auto whole = std::make_shared<WaitingSink>();
  ASSERT_TRUE(engine_->Submit(make(kTokens, whole)).ok());
  ASSERT_EQ(whole->Wait().generated_tokens, kTokens);
  const std::vector<int32_t> ids = whole->ids();
  for (int32_t cut = 1; cut < kTokens; ++cut) {
    // What the first part sent is what it would have sent of a longer answer.
    std::string text;
    Detokenizer detokenizer(*tokenizer_);
    for (int32_t i = 0; i < cut; ++i) detokenizer.Push(ids[static_cast<size_t>(i)], text);
    auto sink = std::make_shared<WaitingSink>();
    Request request = make(kTokens - cut, sink);
    request.prompt.insert(request.prompt.end(), ids.begin(), ids.begin() + cut);
    request.generated = {{2, 2 + cut}};
    ASSERT_TRUE(engine_->Submit(std::move(request)).ok());
    sink->Wait();
    EXPECT_EQ(text + sink->text(), whole->text()) << cut;
    EXPECT_EQ(sink->ids(), std::vector<int32_t>(ids.begin() + cut, ids.end())) << cut;
  }
}

TEST_P(EngineTest, AStopStringMayBeginInWhatEarlierRequestsGenerated) {
  auto sink = std::make_shared<WaitingSink>();
  Request request = MakeRequest({'x', 'a', 'b', 'c'}, 9, sink);
  request.params.stop = {"bcde"};
  request.generated = {{1, 4}};
  ASSERT_TRUE(engine_->Submit(std::move(request)).ok());
  const FinishInfo info = sink->Wait();
  EXPECT_EQ(info.stop_reason, "bcde");
  EXPECT_EQ(info.generated_tokens, 2);
  EXPECT_EQ(sink->text(), "");
}

TEST_P(EngineTest, GeneratedRangesThatCannotBeAreRefused) {
  auto sink = std::make_shared<WaitingSink>();
  const auto message = [&](std::vector<TokenRange> ranges) {
    Request request = MakeRequest({'a', 'b', 'c', 'd'}, 3, sink);
    request.params.stop = {"bc"};
    request.generated = std::move(ranges);
    const auto id = engine_->Submit(std::move(request));
    EXPECT_EQ(id.status().code(), StatusCode::kInvalidArgument);
    return id.status().message();
  };
  EXPECT_THAT(message({{-1, 2}}), HasSubstr("ascend"));
  EXPECT_THAT(message({{1, 5}}), HasSubstr("ascend"));
  EXPECT_THAT(message({{2, 2}}), HasSubstr("ascend"));
  EXPECT_THAT(message({{1, 3}, {2, 4}}), HasSubstr("ascend"));
  EXPECT_THAT(message({{0, 4}}), HasSubstr("stop string"));
}

TEST_P(HashEngineTest, ManyThreadsSubmitCancelAndContinue) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      std::mt19937 rng(t);
      for (int i = 0; i < 40; ++i) {
        auto sink = std::make_shared<WaitingSink>();
        const bool keep = rng() % 2 == 0;
        Request request = MakeRequest(std::vector<int32_t>(1 + rng() % 40, 'a' + t),
                                      1 + static_cast<int32_t>(rng() % 30), sink, keep);
        request.params.temperature = 1;
        const SamplingParams params = request.params;
        const RequestId id = engine_->Submit(std::move(request)).value();
        if (rng() % 3 == 0) engine_->Cancel(id);
        if (rng() % 7 == 0) engine_->Release(id);
        sink->Wait();
        if (!keep) continue;
        if (engine_->Continue(id, {'b'}, params).ok()) sink->Wait(2);
        engine_->Release(id);
        static_cast<void>(engine_->Stats());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  // Releases may still be on their way: one more request comes after them.
  auto sink = std::make_shared<WaitingSink>();
  ASSERT_TRUE(engine_->Submit(MakeRequest({'a'}, 1, sink)).ok());
  sink->Wait();
  const EngineStats stats = engine_->Stats();
  EXPECT_EQ(stats.kept + stats.running + stats.waiting, 0);
  EXPECT_EQ(stats.pages_free + stats.pages_cached, stats.pages_total);
  EXPECT_EQ(model_.error(), "");
}

}  // namespace
}  // namespace qed
