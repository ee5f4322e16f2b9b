// qed bench: decode and prefill speed of the engine, each beside what this
// machine's memory and arithmetic allow at best.
//
// Everything goes through the engine (scheduler, model, greedy sampling,
// detokenizer), as a user's requests do. Prompts are random tokens.
#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/rng.h"
#include "cli/commands.h"
#include "cli/model_session.h"
#include "kernels/roof.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

struct BenchOptions {
  ModelFlags model;
  std::vector<int32_t> sequences = {1, 4, 8, 16, 32};
  int32_t prompt_tokens = 128;
  int32_t new_tokens = 64;
  int32_t prefill_tokens = 512;
  int32_t repeat = 3;
  bool json = false;
};

// One measured case and what it is measured against.
struct BenchRow {
  std::string name;     // "decode" or "prefill"
  int32_t batch = 1;    // sequences
  int32_t context = 0;  // tokens in the cache, on average
  double tokens_per_s = 0;
  double step_ms = 0;
  double memory_roof = 0;      // tokens/s if only memory were slow
  double arithmetic_roof = 0;  // tokens/s if only arithmetic were

  double Share() const { return tokens_per_s / std::min(memory_roof, arithmetic_roof); }
};

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

// `count` random ids; every call with another `stream` gives others, so that no
// prompt is found in the prefix cache.
std::vector<int32_t> RandomPrompt(int32_t count, int32_t vocab_size, uint64_t stream) {
  std::vector<int32_t> ids(static_cast<size_t>(count));
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i] = static_cast<int32_t>(Philox4x32(1, stream, i)[0] % static_cast<uint32_t>(vocab_size));
  }
  return ids;
}

class Bench {
 public:
  Bench(ModelSession& session, const BenchOptions& options)
      : session_(session), options_(options) {}

  // Decode: tokens a second while all sequences are generating, from the moment
  // the last of them got its first token to the moment the first of them ends.
  Result<BenchRow> Decode(int32_t sequences) {
    std::vector<double> rates;
    for (int32_t i = 0; i < options_.repeat; ++i) {
      QED_ASSIGN_OR_RETURN(auto sink, Run(sequences, options_.prompt_tokens, options_.new_tokens));
      rates.push_back(SteadyRate(*sink));
    }
    return MakeRow("decode", sequences, options_.prompt_tokens + options_.new_tokens / 2, sequences,
                   Median(rates));
  }

  // Prefill: prompt tokens a second from Submit to the first token.
  Result<BenchRow> Prefill() {
    std::vector<double> rates;
    for (int32_t i = 0; i < options_.repeat; ++i) {
      const Clock::Time start = Clock::Real().Now();
      QED_ASSIGN_OR_RETURN(auto sink, Run(1, options_.prefill_tokens, 1));
      const double seconds = Seconds(sink->arrivals().begin()->second.front() - start);
      rates.push_back(options_.prefill_tokens / seconds);
    }
    return MakeRow("prefill", 1, options_.prefill_tokens / 2, options_.prefill_tokens,
                   Median(rates));
  }

  Status MeasureRoofs() {
    OpContext ctx{&session_.pool(), DetectIsa()};
    QED_ASSIGN_OR_RETURN(roof_, MeasureRoof(ctx));
    return OkStatus();
  }
  const Roof& roof() const { return roof_; }

 private:
  Result<std::shared_ptr<TimingSink>> Run(int32_t sequences, int32_t prompt, int32_t tokens) {
    auto sink = std::make_shared<TimingSink>(sequences);
    for (int32_t i = 0; i < sequences; ++i) {
      Request request;
      request.prompt = RandomPrompt(prompt, session_.model().config().vocab_size, ++stream_);
      request.params.temperature = 0;
      request.params.ignore_eos = true;
      request.params.max_tokens = tokens;
      request.sink = sink;
      QED_RETURN_IF_ERROR(session_.engine().Submit(std::move(request)).status());
    }
    QED_RETURN_IF_ERROR(sink->Wait());
    return sink;
  }

  static double SteadyRate(const TimingSink& sink) {
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

  static double Median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  }

  // `step_tokens`: tokens of one step, which reads the weights once.
  BenchRow MakeRow(const char* name, int32_t batch, int32_t context, int32_t step_tokens,
                   double rate) const {
    const ModelFootprint footprint = session_.model().footprint();
    const bool exact = options_.model.engine.compute == "f32";
    const double step_bytes = static_cast<double>(footprint.weight_bytes) +
                              static_cast<double>(footprint.kv_bytes_per_token) * context * batch;
    const double macs = static_cast<double>(footprint.macs_per_token) * step_tokens +
                        static_cast<double>(footprint.macs_per_logit_row) * batch;
    BenchRow row{name, batch, context, rate, 1e3 * step_tokens / rate};
    row.memory_roof = step_tokens * roof_.read_bytes_per_second / step_bytes;
    row.arithmetic_roof =
        step_tokens * (exact ? roof_.f32_ops_per_second : roof_.int8_ops_per_second) / (2 * macs);
    return row;
  }

  ModelSession& session_;
  const BenchOptions& options_;
  Roof roof_;
  uint64_t stream_ = 0;
};

void PrintTable(const ModelSession& session, const Roof& roof, const std::vector<BenchRow>& rows) {
  const ModelFootprint footprint = session.model().footprint();
  std::printf("threads %d, instruction set %s\n", session.pool().size(), IsaName(DetectIsa()));
  std::printf("roofs: memory %.1f GB/s, int8 %.2f TOP/s, f32 %.2f TFLOP/s\n",
              roof.read_bytes_per_second / 1e9, roof.int8_ops_per_second / 1e12,
              roof.f32_ops_per_second / 1e12);
  std::printf(
      "a step reads %.1f MB of weights and %.1f kB a token of context; "
      "a token takes %.2f GFLOP\n\n",
      static_cast<double>(footprint.weight_bytes) / 1e6,
      static_cast<double>(footprint.kv_bytes_per_token) / 1e3,
      2e-9 * static_cast<double>(footprint.macs_per_token + footprint.macs_per_logit_row));
  std::printf("%-8s %9s %8s %9s %9s %12s %16s %14s\n", "case", "sequences", "context", "tokens/s",
              "step ms", "memory roof", "arithmetic roof", "of the lower");
  for (const BenchRow& row : rows) {
    std::printf("%-8s %9d %8d %9.0f %9.2f %12.0f %16.0f %13.0f%%\n", row.name.c_str(), row.batch,
                row.context, row.tokens_per_s, row.step_ms, row.memory_roof, row.arithmetic_roof,
                100 * row.Share());
  }
}

void PrintJson(const ModelSession& session, const Roof& roof, const std::vector<BenchRow>& rows) {
  nlohmann::json out = {{"threads", session.pool().size()},
                        {"isa", IsaName(DetectIsa())},
                        {"roof",
                         {{"read_bytes_per_s", roof.read_bytes_per_second},
                          {"int8_ops_per_s", roof.int8_ops_per_second},
                          {"f32_ops_per_s", roof.f32_ops_per_second}}},
                        {"rows", nlohmann::json::array()}};
  for (const BenchRow& row : rows) {
    out["rows"].push_back({{"case", row.name},
                           {"batch", row.batch},
                           {"context", row.context},
                           {"tokens_per_s", row.tokens_per_s},
                           {"step_ms", row.step_ms},
                           {"memory_roof_tokens_per_s", row.memory_roof},
                           {"arithmetic_roof_tokens_per_s", row.arithmetic_roof}});
  }
  std::printf("%s\n", DumpJson(out).c_str());
}

Status RunBench(BenchOptions options) {
  const int32_t most = *std::max_element(options.sequences.begin(), options.sequences.end());
  options.model.engine.max_batch_size = std::max(options.model.engine.max_batch_size, most);
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<ModelSession> session,
                       ModelSession::Open(options.model));
  Bench bench(*session, options);
  QED_RETURN_IF_ERROR(bench.MeasureRoofs());
  std::vector<BenchRow> rows;
  for (const int32_t sequences : options.sequences) {
    QED_ASSIGN_OR_RETURN(BenchRow row, bench.Decode(sequences));
    rows.push_back(std::move(row));
  }
  QED_ASSIGN_OR_RETURN(BenchRow row, bench.Prefill());
  rows.push_back(std::move(row));
  (options.json ? PrintJson : PrintTable)(*session, bench.roof(), rows);
  return OkStatus();
}

}  // namespace

CLI::App* AddBenchCommand(CLI::App& app, CommandRun& run) {
  CLI::App* command = app.add_subcommand(
      "bench", "Measure decode and prefill beside the machine's memory and arithmetic roofs");
  auto options = std::make_shared<BenchOptions>();
  AddModelFlags(*command, options->model);
  command->add_option("--sequences", options->sequences, "numbers of sequences to decode at once")
      ->delimiter(',')
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_option("--prompt-tokens", options->prompt_tokens, "of each decoded sequence")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--new-tokens", options->new_tokens, "to generate in each sequence")
      ->check(CLI::Range(2, 1 << 20))
      ->capture_default_str();
  command->add_option("--prefill-tokens", options->prefill_tokens, "of the prefilled prompt")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command
      ->add_option("--repeat", options->repeat, "measurements a case, of which the median counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_flag("--json", options->json, "print JSON");
  run = [options] { return RunBench(*options); };
  return command;
}

}  // namespace qed
