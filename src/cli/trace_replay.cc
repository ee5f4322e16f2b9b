#include "cli/trace_replay.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "cli/random_ids.h"

namespace qed {
namespace {

// Streams of the random ids: of prompts from 1, of outputs and answers from here.
constexpr uint64_t kOutputStreams = uint64_t{1} << 32;
constexpr uint64_t kAnswerStreams = uint64_t{1} << 48;
constexpr uint64_t kStretchesPerSample = 4096;

// Ends of stretches, handed from the step thread to the replay's.
class EventQueue {
 public:
  struct End {
    size_t sample;
    FinishInfo info;
  };

  void Push(End end) {
    std::lock_guard lock(mutex_);
    ends_.push_back(std::move(end));
    changed_.notify_one();
  }
  // None once it is `until`; without it, waits as long as it takes.
  std::optional<End> Pop(std::optional<Clock::Time> until) {
    std::unique_lock lock(mutex_);
    const auto something = [this] { return !ends_.empty(); };
    if (!until) {
      changed_.wait(lock, something);
    } else if (!changed_.wait_until(lock, *until, something)) {
      return std::nullopt;
    }
    End end = std::move(ends_.front());
    ends_.pop_front();
    return end;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<End> ends_;
};

class SampleSink : public OutputSink {
 public:
  SampleSink(size_t sample, std::shared_ptr<EventQueue> events)
      : sample_(sample), events_(std::move(events)) {}

  void OnTokens(RequestId, const TokenChunk& chunk) override {
    if (first_ || chunk.token_ids.empty()) return;
    first_ = Clock::Real().Now();
  }
  void OnDone(RequestId, const FinishInfo& info) override { events_->Push({sample_, info}); }

  // When the first token came. For after a stretch's end.
  std::optional<Clock::Time> first() const { return first_; }

 private:
  const size_t sample_;
  const std::shared_ptr<EventQueue> events_;
  std::optional<Clock::Time> first_;
};

Status CheckIds(const std::vector<int32_t>& ids, int32_t vocab_size) {
  for (int32_t id : ids) {
    if (id < vocab_size) continue;
    return InvalidArgument("has the token id " + std::to_string(id) + "; the vocabulary has " +
                           std::to_string(vocab_size));
  }
  return OkStatus();
}

Status CheckSample(const TraceSample& sample, int32_t vocab_size, int32_t max_seq_len) {
  if (sample.tokens() > max_seq_len) {
    return InvalidArgument("has " + std::to_string(sample.tokens()) +
                           " tokens; the engine's sequences have at most " +
                           std::to_string(max_seq_len) + " (--max-seq-len, --kv-cache-bytes)");
  }
  QED_RETURN_IF_ERROR(CheckIds(sample.prompt_ids, vocab_size));
  for (const TraceStretch& stretch : sample.stretches) {
    QED_RETURN_IF_ERROR(CheckIds(stretch.ids, vocab_size));
    QED_RETURN_IF_ERROR(CheckIds(stretch.outputs, vocab_size));
  }
  return OkStatus();
}

class TraceRun {
 public:
  TraceRun(Engine& engine, int32_t vocab_size, const Trace& trace, const SamplingParams& params,
           bool made_up)
      : engine_(engine),
        vocab_size_(vocab_size),
        trace_(trace),
        params_(params),
        made_up_(made_up) {
    report_.samples.resize(trace.samples.size());
    states_.resize(trace.samples.size());
  }

  Result<TraceReport> Run() {
    began_ = Clock::Real().Now();
    Status status = StartMore();
    while (status.ok() && ended_ < states_.size()) status = HandleNext();
    if (!status.ok()) {
      Abandon();
      return status;
    }
    Summarize();
    return std::move(report_);
  }

 private:
  enum class Where { kNotStarted, kGenerating, kInSandbox, kEnded };
  struct State {
    Where where = Where::kNotStarted;
    RequestId id = 0;
    size_t stretch = 0;
    std::shared_ptr<SampleSink> sink;
  };
  // When the sandbox is through with a sample's program.
  using Timer = std::pair<Clock::Time, size_t>;

  double Now() const { return Seconds(Clock::Real().Now() - began_); }

  SamplingParams ParamsFor(size_t sample) const {
    SamplingParams params = params_;
    params.sample_index = sample;
    params.ignore_eos = true;
    const TraceStretch& stretch = trace_.samples[sample].stretches[states_[sample].stretch];
    params.max_tokens = stretch.generate;
    params.forced_tokens = stretch.ids;
    if (made_up_ && stretch.ids.empty()) {
      params.forced_tokens =
          RandomIds(stretch.generate, vocab_size_,
                    kAnswerStreams + sample * kStretchesPerSample + states_[sample].stretch);
    }
    return params;
  }

  Status StartMore() {
    const size_t limit =
        trace_.at_a_time > 0 ? static_cast<size_t>(trace_.at_a_time) : states_.size();
    for (; next_ < states_.size() && under_way_ < limit; ++next_) {
      if (HasEnough(trace_.samples[next_].problem)) {
        states_[next_].where = Where::kEnded;
        ++ended_;
      } else {
        QED_RETURN_IF_ERROR(Start(next_));
      }
    }
    return OkStatus();
  }

  Status Start(size_t i) {
    const TraceSample& sample = trace_.samples[i];
    const auto [problem, is_new] = problems_.try_emplace(sample.problem, problems_.size() + 1);
    Request request;
    request.prompt = sample.prompt_ids;
    if (request.prompt.empty()) {
      request.prompt = RandomIds(sample.prompt, vocab_size_, problem->second);
    }
    request.params = ParamsFor(i);
    request.keep = true;
    State& state = states_[i];
    state.sink = std::make_shared<SampleSink>(i, events_);
    request.sink = state.sink;
    report_.samples[i].started = true;
    report_.samples[i].start_s = Now();
    QED_ASSIGN_OR_RETURN(state.id, engine_.Submit(std::move(request)));
    state.where = Where::kGenerating;
    ++under_way_;
    return OkStatus();
  }

  Status HandleNext() {
    std::optional<Clock::Time> until;
    if (!timers_.empty()) until = timers_.top().first;
    if (const std::optional<EventQueue::End> end = events_->Pop(until)) return StretchEnded(*end);
    const size_t i = timers_.top().second;
    timers_.pop();
    return states_[i].where == Where::kInSandbox ? ProgramEnded(i) : OkStatus();
  }

  Status StretchEnded(const EventQueue::End& end) {
    const size_t i = end.sample;
    State& state = states_[i];
    ReplayedSample& replayed = report_.samples[i];
    replayed.generated += end.info.generated_tokens;
    report_.prefilled += end.info.computed_tokens;
    report_.cached += end.info.cached_tokens;
    if (end.info.reason == FinishReason::kError) return end.info.error;
    const TraceSample& sample = trace_.samples[i];
    const TraceStretch& stretch = sample.stretches[state.stretch];
    const bool last = state.stretch + 1 == sample.stretches.size();
    // A stretch may end by itself just before it would have been cancelled.
    const bool cancelled = end.info.reason == FinishReason::kCancelled;
    if (cancelled || (!last && HasEnough(sample.problem))) return EndSample(i, true);
    if (end.info.generated_tokens != stretch.generate) {
      return ResourceExhausted("a sample of " + std::to_string(stretch.generate) +
                               " tokens was ended after " +
                               std::to_string(end.info.generated_tokens));
    }
    if (last) return EndSample(i, false);
    state.where = Where::kInSandbox;
    timers_.emplace(Clock::Real().Now() + ToDuration(stretch.wait_seconds), i);
    return OkStatus();
  }

  Status ProgramEnded(size_t i) {
    State& state = states_[i];
    const TraceStretch& before = trace_.samples[i].stretches[state.stretch];
    std::vector<int32_t> output = before.outputs;
    if (output.empty()) {
      output = RandomIds(before.append, vocab_size_,
                         kOutputStreams + i * kStretchesPerSample + state.stretch);
    }
    report_.samples[i].appended += static_cast<int64_t>(output.size());
    report_.samples[i].sandbox_s += before.wait_seconds;
    ++state.stretch;
    state.where = Where::kGenerating;
    return engine_.Continue(state.id, std::move(output), ParamsFor(i));
  }

  bool HasEnough(const std::string& problem) const {
    const auto it = ended_by_problem_.find(problem);
    return trace_.enough > 0 && it != ended_by_problem_.end() && it->second >= trace_.enough;
  }

  Status EndSample(size_t i, bool cancelled) {
    State& state = states_[i];
    ReplayedSample& replayed = report_.samples[i];
    state.where = Where::kEnded;
    engine_.Release(state.id);
    replayed.end_s = Now();
    replayed.cancelled = cancelled;
    if (state.sink->first()) replayed.first_token_s = Seconds(*state.sink->first() - began_);
    --under_way_;
    ++ended_;
    if (!cancelled) {
      const std::string& problem = trace_.samples[i].problem;
      ++ended_by_problem_[problem];
      if (HasEnough(problem)) QED_RETURN_IF_ERROR(CancelOthers(problem));
    }
    return StartMore();
  }

  Status CancelOthers(const std::string& problem) {
    for (size_t i = 0; i < next_; ++i) {
      if (trace_.samples[i].problem != problem) continue;
      if (states_[i].where == Where::kGenerating) engine_.Cancel(states_[i].id);
      if (states_[i].where == Where::kInSandbox) QED_RETURN_IF_ERROR(EndSample(i, true));
    }
    return OkStatus();
  }

  // After an error.
  void Abandon() {
    for (const State& state : states_) {
      const bool open = state.where == Where::kGenerating || state.where == Where::kInSandbox;
      if (open) engine_.Release(state.id);
    }
  }

  // What is a function of the samples' times and lengths.
  void Summarize() {
    std::vector<std::pair<double, int32_t>> changes;
    for (const ReplayedSample& sample : report_.samples) {
      if (!sample.started) continue;
      changes.emplace_back(sample.start_s, 1);
      changes.emplace_back(sample.end_s, -1);
      report_.seconds = std::max(report_.seconds, sample.end_s);
      report_.generated += sample.generated;
      if (!sample.cancelled) report_.kept += sample.generated;
    }
    std::sort(changes.begin(), changes.end());  // at one moment, ends first
    int32_t now = 0;
    for (const auto& [time, change] : changes) {
      report_.most_at_a_time = std::max(report_.most_at_a_time, now += change);
    }
    // Backwards from the end, where nothing is under way.
    double tail_begins = report_.seconds;
    for (auto it = changes.rbegin(); it != changes.rend() && 2 * now < report_.most_at_a_time;
         ++it) {
      tail_begins = it->first;
      now -= it->second;
    }
    report_.tail_s = report_.seconds - tail_begins;
  }

  Engine& engine_;
  const int32_t vocab_size_;
  const Trace& trace_;
  const SamplingParams params_;
  const bool made_up_;
  // The engine may tell the sinks of cancelled samples after the run is over.
  const std::shared_ptr<EventQueue> events_ = std::make_shared<EventQueue>();
  Clock::Time began_{};
  TraceReport report_;
  std::vector<State> states_;
  std::map<std::string, uint64_t> problems_;  // their streams of random ids
  std::map<std::string, int32_t> ended_by_problem_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  size_t next_ = 0;  // sample to start
  size_t under_way_ = 0;
  size_t ended_ = 0;
};

}  // namespace

Result<TraceReport> ReplayTrace(Engine& engine, int32_t vocab_size, const Trace& trace,
                                const SamplingParams& params, bool made_up) {
  for (size_t i = 0; i < trace.samples.size(); ++i) {
    if (Status status = CheckSample(trace.samples[i], vocab_size, engine.max_seq_len());
        !status.ok()) {
      return status.WithPrefix("sample " + std::to_string(i + 1) + " of trace " + trace.name);
    }
  }
  return TraceRun(engine, vocab_size, trace, params, made_up).Run();
}

}  // namespace qed
