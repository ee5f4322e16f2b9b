// Choices over the engine with a model that writes what a test wants, and a sandbox
// that answers what a test wants.
#include "serve/choice.h"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/byte_tokenizer.h"
#include "tests/support/fake_model.h"

namespace qed {
namespace {

using ::testing::ElementsAre;

constexpr char kPrompt[] = "Q:";

// The likeliest token is the next character of `whole` (prompt, the model's words
// and outputs together), then the end of sequence. Off that path it is '?'. `before`
// is called first, with the number of tokens so far.
using Before = std::function<void(size_t tokens)>;
FakeModel::LogitsFn Says(const std::string& whole, const Before& before) {
  return [whole, before](std::span<const int32_t> tokens, std::span<float> logits) {
    if (before) before(tokens.size());
    std::ranges::fill(logits, 0.0f);
    const bool on_path =
        tokens.size() <= whole.size() &&
        std::equal(tokens.begin(), tokens.end(), whole.begin(),
                   [](int32_t token, char c) { return token == static_cast<unsigned char>(c); });
    size_t next = '?';
    if (on_path) {
      next = tokens.size() == whole.size() ? size_t{kByteTokenizerEos}
                                           : static_cast<unsigned char>(whole[tokens.size()]);
    }
    logits[next] = 100;
  };
}

class FakeSandbox : public SandboxClient {
 public:
  std::function<Result<ExecuteResult>(const ExecuteRequest&)> execute;

  Result<ExecuteResult> Execute(const ExecuteRequest& request) override { return execute(request); }
  void CloseSession(const std::string& session_id) override {
    const std::lock_guard lock(mutex_);
    closed_.push_back(session_id);
  }
  std::vector<std::string> closed() {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> closed_;
};

class Listener : public ChoiceListener {
 public:
  void OnChoiceStarted(int32_t) override {
    const std::lock_guard lock(mutex_);
    ++started_;
  }
  void OnChoiceText(int32_t, const ChoiceText& text) override {
    const std::lock_guard lock(mutex_);
    text_ += text.text;
    ids_ += text.token_ids.size();
  }
  void OnChoiceDone(int32_t, const ChoiceResult& result) override {
    const std::lock_guard lock(mutex_);
    result_ = result;
    ++done_;
    changed_.notify_all();
  }

  ChoiceResult Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_ > 0; });
    EXPECT_EQ(done_, 1);
    return result_;
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  size_t ids() {
    const std::lock_guard lock(mutex_);
    return ids_;
  }
  int started() {
    const std::lock_guard lock(mutex_);
    return started_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
  size_t ids_ = 0;
  int started_ = 0, done_ = 0;
  ChoiceResult result_;
};

// An engine whose model says `whole`, with a queue for one choice at a time.
class Stage {
 public:
  explicit Stage(const std::string& whole, const Before& before = nullptr)
      : model_(Options(), Says(whole, before)),
        engine_(std::move(Engine::Create(model_, *tokenizer_, EngineConfig(), pool_)).value()),
        code_(std::make_unique<CodeRunner>(sandbox, 2)) {}

  std::shared_ptr<Choice> Make(ChoiceTask task) {
    task.prompt = tokenizer_->Encode(kPrompt);
    task.params.temperature = 0;
    task.session_id = "s";
    auto choice = std::make_shared<Choice>(*engine_, *tokenizer_, queue_, code_.get(),
                                           std::move(task), listener);
    choice->ticket.start = [choice] { choice->Start(); };
    return choice;
  }
  std::shared_ptr<Choice> Run(ChoiceTask task) {
    auto choice = Make(std::move(task));
    EXPECT_TRUE(queue_.Push({&choice->ticket}, [] {}));
    return choice;
  }
  RequestQueue& queue() { return queue_; }

  // After a choice has told its end: the engine and the sandbox have let go too.
  void ExpectNothingLeft() {
    code_.reset();  // does what was asked for
    engine_.reset();
    EXPECT_EQ(model_.error(), "");
  }

  FakeSandbox sandbox;
  std::shared_ptr<Listener> listener = std::make_shared<Listener>();

 private:
  static FakeModel::Options Options() {
    FakeModel::Options options;
    options.eos_token_ids = {kByteTokenizerEos};
    return options;
  }

  std::unique_ptr<const Tokenizer> tokenizer_ = MakeByteTokenizer();
  ThreadPool pool_{1};
  FakeModel model_;
  std::unique_ptr<Engine> engine_;
  RequestQueue queue_{1, 10};
  std::unique_ptr<CodeRunner> code_;
};

ChoiceTask Task(int32_t max_tokens) {
  ChoiceTask task;
  task.params.max_tokens = max_tokens;
  return task;
}

ChoiceTask ToolTask(int32_t max_tokens = 200) {
  ChoiceTask task = Task(max_tokens);
  task.sandbox = SandboxTool{};
  task.sandbox->tags.code_begin = "<c>";
  task.sandbox->tags.code_end = "</c>";
  task.sandbox->tags.output_begin = "<o>";
  task.sandbox->tags.output_end = "</o>";
  return task;
}

ExecuteResult Output(const std::string& out) {
  ExecuteResult result;
  result.out = out;
  return result;
}

TEST(ChoiceTest, RunsToTheModelsEnd) {
  Stage stage(std::string(kPrompt) + "hello");
  stage.Run(Task(100));
  const ChoiceResult result = stage.listener->Wait();
  EXPECT_EQ(stage.listener->text(), "hello");
  EXPECT_EQ(stage.listener->started(), 1);
  EXPECT_EQ(result.finish_reason, "stop");
  EXPECT_EQ(result.stop_text, "");
  EXPECT_EQ(result.prompt_tokens, 2);
  EXPECT_EQ(result.generated_tokens, 6) << "with the end of sequence";
  EXPECT_EQ(stage.listener->ids(), 6u);
}

TEST(ChoiceTest, EndsAtItsLengthAndAtItsStops) {
  {
    Stage stage(std::string(kPrompt) + "hello");
    stage.Run(Task(3));
    EXPECT_EQ(stage.listener->Wait().finish_reason, "length");
    EXPECT_EQ(stage.listener->text(), "hel");
  }
  {
    Stage stage(std::string(kPrompt) + "hello");
    ChoiceTask task = Task(100);
    task.params.stop = {"ll"};
    stage.Run(std::move(task));
    EXPECT_EQ(stage.listener->Wait().stop_text, "ll");
    EXPECT_EQ(stage.listener->text(), "he");
  }
  Stage stage(std::string(kPrompt) + "hello");
  ChoiceTask task = Task(100);
  task.params.stop_token_ids = {'o'};
  stage.Run(std::move(task));
  EXPECT_EQ(stage.listener->Wait().stop_token_id, 'o');
}

TEST(ChoiceTest, ProgramsRunInTheMiddle) {
  const std::string text = "So <c>1+1</c><o>2\n</o>it is 2.";
  Stage stage(kPrompt + text);
  stage.sandbox.execute = [](const ExecuteRequest& request) -> Result<ExecuteResult> {
    EXPECT_EQ(request.generated_code, "1+1");
    EXPECT_EQ(request.session_id, "s");
    EXPECT_EQ(request.timeout, 2.0);
    return Output("2\n");
  };
  stage.Run(ToolTask());
  const ChoiceResult result = stage.listener->Wait();
  EXPECT_EQ(stage.listener->text(), text);
  EXPECT_EQ(result.finish_reason, "stop");
  EXPECT_EQ(result.inserted_tokens, 9);
  EXPECT_EQ(result.code_calls.size(), 1u);
  stage.ExpectNothingLeft();
  EXPECT_THAT(stage.sandbox.closed(), ElementsAre("s"));
}

TEST(ChoiceTest, OneProgramTooManyEndsIt) {
  Stage stage(std::string(kPrompt) + "<c>1</c><o></o><c>2</c>never");
  stage.sandbox.execute = [](const ExecuteRequest&) -> Result<ExecuteResult> { return Output(""); };
  ChoiceTask task = ToolTask();
  task.sandbox->max_code_calls = 1;
  stage.Run(std::move(task));
  EXPECT_EQ(stage.listener->Wait().finish_reason, "code_limit");
  EXPECT_EQ(stage.listener->text(), "<c>1</c><o></o><c>2</c>");
}

TEST(ChoiceTest, ASandboxThatFailsIsAnError) {
  Stage stage(std::string(kPrompt) + "<c>1</c>");
  stage.sandbox.execute = [](const ExecuteRequest&) -> Result<ExecuteResult> {
    return Unavailable("the sandbox is gone");
  };
  stage.Run(ToolTask());
  const ChoiceResult result = stage.listener->Wait();
  EXPECT_EQ(result.finish_reason, "error");
  EXPECT_EQ(result.error.message(), "the sandbox is gone");
  stage.ExpectNothingLeft();
  EXPECT_THAT(stage.sandbox.closed(), ElementsAre("s"));
}

TEST(ChoiceTest, WhatTheEngineRefusesIsAnError) {
  Stage stage(kPrompt);
  ChoiceTask task = Task(3);
  task.params.logprobs = 100000;
  stage.Run(std::move(task));
  const ChoiceResult result = stage.listener->Wait();
  EXPECT_EQ(result.finish_reason, "error");
  EXPECT_EQ(result.error.code(), StatusCode::kInvalidArgument);
}

TEST(ChoiceTest, CancelledWhileItGenerates) {
  for (const auto& [reason, name] : {std::pair(CancelReason::kTimeout, "timeout"),
                                     std::pair(CancelReason::kDisconnected, "cancelled")}) {
    // The engine's step waits with the fourth token.
    std::latch arrived(1), may_go_on(1);
    Stage stage(kPrompt + std::string(700, 'x'), [&](size_t tokens) {
      if (tokens != 5) return;
      arrived.count_down();
      may_go_on.wait();
    });
    const auto choice = stage.Run(Task(700));
    arrived.wait();
    choice->Cancel(reason);
    choice->Cancel(CancelReason::kShutdown);  // does nothing any more
    may_go_on.count_down();
    EXPECT_EQ(stage.listener->Wait().finish_reason, name);
    EXPECT_LE(stage.listener->text().size(), 4u) << "within one step";
  }
}

TEST(ChoiceTest, CancelledWhileAProgramRuns) {
  Stage stage(std::string(kPrompt) + "<c>1</c>");
  std::latch running(1), may_end(1);
  stage.sandbox.execute = [&](const ExecuteRequest&) -> Result<ExecuteResult> {
    running.count_down();
    may_end.wait();
    return Output("late");
  };
  const auto choice = stage.Run(ToolTask());
  running.wait();
  choice->Cancel(CancelReason::kTimeout);
  EXPECT_EQ(stage.listener->Wait().finish_reason, "timeout") << "at once, not when it ends";
  may_end.count_down();
  stage.ExpectNothingLeft();
  EXPECT_EQ(stage.listener->text(), "<c>1</c>");
  EXPECT_THAT(stage.sandbox.closed(), ElementsAre("s"));
}

TEST(ChoiceTest, CancelledWhileItWaits) {
  Stage stage(std::string(kPrompt) + "<c>1</c>");
  std::latch running(1), may_end(1);
  stage.sandbox.execute = [&](const ExecuteRequest&) -> Result<ExecuteResult> {
    running.count_down();
    may_end.wait();
    return Output("");
  };
  const auto first = stage.Run(ToolTask(20));
  running.wait();  // it has the queue's only place
  const auto first_listener = std::exchange(stage.listener, std::make_shared<Listener>());
  const auto second = stage.Run(Task(5));
  EXPECT_EQ(stage.queue().waiting(), 1);
  second->Cancel(CancelReason::kDisconnected);
  EXPECT_EQ(stage.listener->Wait().finish_reason, "cancelled");
  EXPECT_EQ(stage.listener->started(), 0);
  EXPECT_EQ(stage.queue().waiting(), 0);
  may_end.count_down();
  first_listener->Wait();
}

TEST(ChoiceTest, AbandonedItLetsGoWithoutAWord) {
  Stage stage(kPrompt);
  const auto choice = stage.Make(Task(5));
  EXPECT_EQ(stage.listener.use_count(), 2);
  choice->Abandon();
  EXPECT_EQ(stage.listener.use_count(), 1);
  choice->Cancel(CancelReason::kShutdown);
}

}  // namespace
}  // namespace qed
