// The tool loop inside the engine beside a client that sends everything again
// after each code output, on the same model and machine:
//
//   bench_tool_loop MODEL [samples] [tokens a round]
//
// Every sample generates five stretches with four code outputs between them
// (ends of sequence are ignored, so that all traces have the same length); the
// samples run side by side. Three ways: on from the live pages; the whole text
// sent anew each round, found in the prefix cache where it still is; the same
// without a prefix cache.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include "cli/engine_generator.h"
#include "cli/model_session.h"

namespace qed {
namespace {

constexpr int kRounds = 5;
constexpr const char* kPrompt = "Problem: What is the sum of the first 100 squares?\nSolution:";
constexpr const char* kOutput = "\n```output\n338350\n```\n";

struct Workload {
  int samples = 12;
  int tokens = 400;  // a round
};

struct Outcome {
  double seconds = 0;
  int64_t prefilled = 0;
};

class Trace {
 public:
  // Does all rounds, then counts `done` down.
  Trace(EngineGenerator& generator, const Workload& workload, bool resend, uint64_t seed,
        std::latch& done)
      : generator_(generator), workload_(workload), resend_(resend), done_(done) {
    params_.seed = seed;
    params_.ignore_eos = true;
    params_.max_tokens = workload.tokens;
    Next(kPrompt);
  }

 private:
  void Next(const std::string& added) {
    text_ += added;
    if (resend_ || !stream_) {
      // The one before ended in its own callback and may not be destroyed there.
      ended_.push_back(std::move(stream_));
      stream_ = generator_.Open(params_).value();
    }
    stream_->Generate(resend_ ? text_ : added, workload_.tokens, [this](Segment segment) {
      QED_CHECK(segment.error.ok()) << segment.error.message();
      text_ += segment.text;
      if (++rounds_ < kRounds) return Next(kOutput);
      done_.count_down();
    });
  }

  EngineGenerator& generator_;
  const Workload workload_;
  const bool resend_;
  std::latch& done_;
  SamplingParams params_;
  std::string text_;
  int rounds_ = 0;
  std::unique_ptr<GenerationStream> stream_;
  std::vector<std::unique_ptr<GenerationStream>> ended_;
};

Outcome Measure(const std::string& model, const Workload& workload, bool resend, bool cache) {
  ModelFlags flags;
  flags.model = model;
  flags.engine.prefix_cache = cache;
  flags.engine.max_batch_size = workload.samples;
  Result<std::unique_ptr<ModelSession>> session = ModelSession::Open(flags);
  if (!session.ok()) {
    std::fprintf(stderr, "bench_tool_loop: %s\n", session.status().message().c_str());
    std::exit(1);
  }
  EngineGenerator generator(**session);
  const auto began = std::chrono::steady_clock::now();
  std::latch done(workload.samples);
  std::vector<std::unique_ptr<Trace>> traces;
  for (int i = 0; i < workload.samples; ++i) {
    traces.push_back(
        std::make_unique<Trace>(generator, workload, resend, static_cast<uint64_t>(i), done));
  }
  done.wait();
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
  return {passed.count(), (*session)->engine().Stats().prompt_tokens};
}

void Print(const char* name, const Outcome& outcome, double reference) {
  std::printf("%-36s %10.1f s %8.2fx %12lld tokens prefilled\n", name, outcome.seconds,
              outcome.seconds / reference, static_cast<long long>(outcome.prefilled));
  std::fflush(stdout);
}

}  // namespace
}  // namespace qed

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_tool_loop MODEL [samples] [tokens a round]\n");
    return 2;
  }
  qed::Workload workload;
  if (argc > 2) workload.samples = std::max(1, std::atoi(argv[2]));
  if (argc > 3) workload.tokens = std::max(1, std::atoi(argv[3]));
  std::printf("%d samples side by side, %d rounds of %d tokens, 4 code outputs each\n",
              workload.samples, qed::kRounds, workload.tokens);
  const qed::Outcome live = qed::Measure(argv[1], workload, false, true);
  qed::Print("on from the live pages", live, live.seconds);
  qed::Print("sent again, prefix cache", qed::Measure(argv[1], workload, true, true), live.seconds);
  qed::Print("sent again, no prefix cache", qed::Measure(argv[1], workload, true, false),
             live.seconds);
  return 0;
}
