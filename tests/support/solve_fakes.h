// A generator and a sandbox that do what a test's functions say, and a recorder.
#ifndef QED_TESTS_SUPPORT_SOLVE_FAKES_H_
#define QED_TESTS_SUPPORT_SOLVE_FAKES_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "sandbox/client.h"
#include "solve/blocking_queue.h"
#include "solve/generator.h"
#include "solve/sample_store.h"
#include "solve/solve_observer.h"

namespace qed {

inline std::string Numbered(std::string text, uint64_t number) {
  text += std::to_string(number);
  return text;
}

// A token of the fakes is a word with the white space before it.
inline std::vector<std::string> FakeTokens(std::string_view text) {
  std::vector<std::string> tokens;
  bool in_word = false;
  std::string token;
  for (char c : text) {
    const bool space = c == ' ' || c == '\n';
    if (space && in_word) {
      tokens.push_back(std::exchange(token, ""));
      in_word = false;
    }
    token += c;
    in_word = in_word || !space;
  }
  if (!token.empty()) tokens.push_back(token);
  return tokens;
}

// What the model would write if nothing stopped it.
struct FakeReply {
  std::string text;
  bool hang = false;  // after the text: until cancelled
  Status error = {};  // instead of the text
  std::chrono::milliseconds delay{0};
};

class FakeGenerator : public Generator {
 public:
  // Called with the stream's parameters and everything in it so far.
  using Script = std::function<FakeReply(const SamplingParams&, const std::string& so_far)>;

  explicit FakeGenerator(Script script, int32_t max_concurrent = 4, int32_t max_seq_len = 1000)
      : script_(std::move(script)), max_concurrent_(max_concurrent), max_seq_len_(max_seq_len) {
    for (int i = 0; i < 2; ++i) {
      threads_.emplace_back([this] {
        while (std::optional<std::function<void()>> job = jobs_.Pop()) (*job)();
      });
    }
  }
  ~FakeGenerator() override {
    jobs_.Close();
    for (std::thread& thread : threads_) thread.join();
  }

  Result<std::unique_ptr<GenerationStream>> Open(const SamplingParams& params) override {
    if (!open_error.ok()) return open_error;
    ++streams_opened;
    return std::unique_ptr<GenerationStream>(new Stream(*this, params));
  }
  int32_t max_concurrent() const override { return max_concurrent_; }
  int64_t tokens_generated() const override { return tokens_generated_; }
  int32_t max_seq_len() const override { return max_seq_len_; }
  int32_t CountTokens(std::string_view text) const override {
    return static_cast<int32_t>(FakeTokens(text).size());
  }

  std::atomic<int> streams_opened{0};
  std::atomic<int> streams_alive{0};
  std::atomic<int> most_streams_alive{0};
  Status open_error;

 private:
  class Stream : public GenerationStream {
   public:
    Stream(FakeGenerator& generator, const SamplingParams& params)
        : generator_(generator), params_(params), state_(std::make_shared<State>()) {
      const int alive = ++generator_.streams_alive;
      if (alive > generator_.most_streams_alive) generator_.most_streams_alive = alive;
    }
    ~Stream() override { --generator_.streams_alive; }

    void Generate(std::string_view text, int32_t max_tokens,
                  std::function<void(Segment)> done) override {
      so_far_ += text;
      state_->cancelled = false;
      generator_.jobs_.Push([this, max_tokens, done = std::move(done), state = state_] {
        Segment segment = Make(max_tokens, *state);
        if (segment.finish == Segment::Finish::kError) return done(std::move(segment));
        so_far_ += segment.text;
        done(std::move(segment));
      });
    }
    void Cancel() override { state_->cancelled = true; }

   private:
    struct State {
      std::atomic<bool> cancelled{false};
    };

    Segment Make(int32_t max_tokens, const State& state) const {
      const FakeReply reply = generator_.script_(params_, so_far_);
      std::this_thread::sleep_for(reply.delay);
      Segment segment;
      segment.error = reply.error;
      segment.finish = reply.error.ok() ? Segment::Finish::kStop : Segment::Finish::kError;
      if (!reply.error.ok()) return segment;
      segment.text = reply.text;
      size_t cut = std::string::npos;
      for (const std::string& stop : params_.stop) {
        const size_t at = segment.text.find(stop);
        if (at == std::string::npos || at + stop.size() > cut) continue;
        cut = at + stop.size();
        segment.stop = stop;
      }
      if (cut != std::string::npos) segment.text.resize(cut);
      std::vector<std::string> tokens = FakeTokens(segment.text);
      if (tokens.size() > static_cast<size_t>(max_tokens)) {
        tokens.resize(static_cast<size_t>(max_tokens));
        segment.text.clear();
        for (const std::string& token : tokens) segment.text += token;
        segment.stop.clear();
        segment.finish = Segment::Finish::kLength;
      } else if (reply.hang && segment.stop.empty()) {
        while (!state.cancelled) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        segment.finish = Segment::Finish::kCancelled;
      }
      segment.num_tokens = static_cast<int32_t>(tokens.size());
      generator_.tokens_generated_ += segment.num_tokens;
      segment.logprobs.assign(tokens.size(), -0.5f);
      return segment;
    }

    FakeGenerator& generator_;
    SamplingParams params_;
    std::shared_ptr<State> state_;
    std::string so_far_;
  };

  Script script_;
  int32_t max_concurrent_;
  int32_t max_seq_len_;
  std::atomic<int64_t> tokens_generated_{0};
  BlockingQueue<std::function<void()>> jobs_;
  std::vector<std::thread> threads_;
};

class FakeSandbox : public SandboxClient {
 public:
  using Script = std::function<Result<ExecuteResult>(const ExecuteRequest&)>;
  explicit FakeSandbox(Script script) : script_(std::move(script)) {}

  Result<ExecuteResult> Execute(const ExecuteRequest& request) override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      open_.insert(request.session_id);
      requests_.push_back(request);
    }
    return script_(request);
  }
  void CloseSession(const std::string& session_id) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    open_.erase(session_id);
    closed_.insert(session_id);
  }

  std::vector<ExecuteRequest> requests() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return requests_;
  }
  size_t open_sessions() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return open_.size();
  }
  bool was_closed(const std::string& session_id) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return closed_.count(session_id) > 0;
  }

 private:
  Script script_;
  mutable std::mutex mutex_;
  std::set<std::string> open_;
  std::set<std::string> closed_;
  std::vector<ExecuteRequest> requests_;
};

// Keeps what a solver tells. Not thread-safe.
class SolveRecorder : public SampleStore, public SolveObserver {
 public:
  Status Append(const Sample& sample) override {
    samples[sample.problem_id][sample.index] = sample;
    sample_order.push_back(sample.index);
    return OkStatus();
  }
  Status AppendPartial(const Sample&) override { return OkStatus(); }
  Status AppendSelection(const Selection& selection) override {
    selections.push_back(selection);
    return OkStatus();
  }
  void OnProblemDone(const ProblemReport& report) override {
    problem_order.push_back(report.problem->id);
    reports[report.problem->id] = report;
  }
  bool WantsProgress() const override { return false; }
  void OnProgress(const SolveProgress&) override {}

  std::map<std::string, std::map<int32_t, Sample>> samples;
  std::vector<int32_t> sample_order;  // their indices, as they were stored
  std::vector<Selection> selections;
  std::vector<std::string> problem_order;  // as they were done
  std::map<std::string, ProblemReport> reports;
};

}  // namespace qed

#endif  // QED_TESTS_SUPPORT_SOLVE_FAKES_H_
