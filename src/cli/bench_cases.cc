#include "cli/bench_cases.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "base/clock.h"
#include "cli/draft_report.h"
#include "cli/random_ids.h"
#include "kernels/cuda/read_rate.h"

namespace qed {
namespace {

// Notes when each token of its requests arrived. Called by the step thread;
// Wait returns once all requests are done.
class TimingSink : public OutputSink {
 public:
  explicit TimingSink(int32_t requests) : unfinished_(requests) {}

  void OnTokens(RequestId id, const TokenChunk& chunk) override {
    const Clock::Time now = Clock::Real().Now();
    std::lock_guard lock(mutex_);
    auto& times = arrivals_[id];
    times.insert(times.end(), chunk.token_ids.size(), now);
  }
  void OnDone(RequestId, const FinishInfo& info) override {
    std::lock_guard lock(mutex_);
    if (!info.error.ok()) error_ = info.error;
    if (--unfinished_ == 0) done_.notify_all();
  }

  Status Wait() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return unfinished_ == 0; });
    return error_;
  }
  const std::map<RequestId, std::vector<Clock::Time>>& arrivals() const { return arrivals_; }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  int32_t unfinished_;
  std::map<RequestId, std::vector<Clock::Time>> arrivals_;
  Status error_;
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Tokens a second while all sequences are generating, from the moment the last of
// them got its first token to the moment the first of them ends.
double SteadyRate(const TimingSink& sink) {
  Clock::Time begin = Clock::Time::min(), end = Clock::Time::max();
  for (const auto& [id, times] : sink.arrivals()) {
    begin = std::max(begin, times.front());
    end = std::min(end, times.back());
  }
  int64_t tokens = 0;
  for (const auto& [id, times] : sink.arrivals()) {
    tokens += std::count_if(times.begin(), times.end(),
                            [&](Clock::Time t) { return t > begin && t <= end; });
  }
  return end > begin ? static_cast<double>(tokens) / Seconds(end - begin) : 0;
}

// What TokensAStep looks at, without what was there before.
EngineStats Since(const EngineStats& before, EngineStats now) {
  now.generated_tokens -= before.generated_tokens;
  now.drafts.accepted -= before.drafts.accepted;
  return now;
}

class Bench {
 public:
  Bench(ModelSession& session, const BenchCases& cases, const Roof& roof)
      : session_(session), cases_(cases), roof_(roof) {}

  Result<BenchRow> Decode(int32_t sequences) {
    std::vector<double> rates;
    const EngineStats before = session_.engine().Stats();
    for (int32_t i = 0; i < cases_.repeat; ++i) {
      QED_ASSIGN_OR_RETURN(auto sink, Run(sequences, cases_.prompt_tokens, cases_.new_tokens));
      rates.push_back(SteadyRate(*sink));
    }
    BenchRow row = MakeRow("decode", sequences, cases_.prompt_tokens + cases_.new_tokens / 2,
                           sequences, Median(rates));
    row.tokens_a_step = TokensAStep(Since(before, session_.engine().Stats()));
    row.step_ms *= row.tokens_a_step;
    AddHostTimes(row);
    return row;
  }

  // Prompt tokens a second from Submit to the first token.
  Result<BenchRow> Prefill(int32_t tokens) {
    std::vector<double> rates;
    for (int32_t i = 0; i < cases_.repeat; ++i) {
      const Clock::Time start = Clock::Real().Now();
      QED_ASSIGN_OR_RETURN(auto sink, Run(1, tokens, 1));
      rates.push_back(tokens / Seconds(sink->arrivals().begin()->second.front() - start));
    }
    return MakeRow("prefill", 1, tokens / 2, tokens, Median(rates));
  }

 private:
  Result<std::shared_ptr<TimingSink>> Run(int32_t sequences, int32_t prompt, int32_t tokens) {
    auto sink = std::make_shared<TimingSink>(sequences);
    for (int32_t i = 0; i < sequences; ++i) {
      Request request;
      request.prompt = RandomIds(prompt, session_.model_config().vocab_size, ++stream_);
      request.params.temperature = 0;
      request.params.ignore_eos = true;
      request.params.max_tokens = tokens;
      request.sink = sink;
      QED_RETURN_IF_ERROR(session_.engine().Submit(std::move(request)).status());
    }
    QED_RETURN_IF_ERROR(sink->Wait());
    return sink;
  }

  // Medians over the steps that the engine still knows in which all sequences decode.
  void AddHostTimes(BenchRow& row) {
    std::vector<double> wait, host;
    for (const StepRecord& step : session_.engine().Trace()) {
      if (step.sequences != row.batch || step.tokens != row.batch) continue;
      wait.push_back(step.wait);
      host.push_back(step.plan + step.launch + step.commit);
    }
    if (wait.empty()) return;
    row.wait_us = 1e6 * Median(std::move(wait));
    row.host_us = 1e6 * Median(std::move(host));
  }

  // `step_tokens`: tokens of one step, which reads the weights once.
  BenchRow MakeRow(const char* name, int32_t batch, int32_t context, int32_t step_tokens,
                   double rate) const {
    const ModelFootprint footprint = session_.footprint();
    const double step_bytes = static_cast<double>(footprint.weight_bytes) +
                              static_cast<double>(footprint.kv_bytes_per_token) * context * batch;
    const double macs = static_cast<double>(footprint.macs_per_token) * step_tokens +
                        static_cast<double>(footprint.macs_per_logit_row) * batch;
    const EngineConfig& config = session_.config();
    const bool floats = config.compute == "f32" || config.quantize != "none";
    const double ops = floats ? roof_.f32_ops_per_second : roof_.int8_ops_per_second;
    BenchRow row{name, batch, context, rate, 1e3 * step_tokens / rate};
    row.memory_ms = 1e3 * step_bytes / roof_.read_bytes_per_second;
    row.arithmetic_ms = ops > 0 ? 1e3 * 2 * macs / ops : 0;
    return row;
  }

  ModelSession& session_;
  const BenchCases& cases_;
  const Roof roof_;
  uint64_t stream_ = 0;
};

}  // namespace

Result<Roof> MeasureRoofFor(ModelSession& session) {
  if (session.on_gpu()) {
    QED_ASSIGN_OR_RETURN(const double read_rate, cuda::MeasureReadRate());
    return Roof{.read_bytes_per_second = read_rate};
  }
  OpContext ctx{&session.pool(), DetectIsa()};
  return MeasureRoof(ctx);
}

Result<std::vector<BenchRow>> RunBenchCases(ModelSession& session, const BenchCases& cases,
                                            const Roof& roof) {
  Bench bench(session, cases, roof);
  std::vector<BenchRow> rows;
  for (const int32_t sequences : cases.sequences) {
    QED_ASSIGN_OR_RETURN(BenchRow row, bench.Decode(sequences));
    rows.push_back(std::move(row));
  }
  for (const int32_t tokens : cases.prefill_tokens) {
    QED_ASSIGN_OR_RETURN(BenchRow row, bench.Prefill(tokens));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace qed
