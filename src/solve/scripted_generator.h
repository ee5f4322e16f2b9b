// A generator that plays back samples known beforehand, with their timing, under
// a simulated clock: for `qed replay`, and for testing every rule of the solver
// in milliseconds.
#ifndef QED_SOLVE_SCRIPTED_GENERATOR_H_
#define QED_SOLVE_SCRIPTED_GENERATOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "solve/generator.h"
#include "solve/simulated_clock.h"

namespace qed {

// What a sample is if nothing stops it: one stretch, its tokens evenly spaced
// over its duration, its text evenly spread over its tokens.
struct ScriptedSample {
  std::string text;
  int32_t num_tokens = 0;
  Clock::Duration duration{0};
  Segment::Finish finish = Segment::Finish::kStop;
  std::vector<float> logprobs;  // of the tokens; may be empty
};

// Like SimulatedClock for one thread only.
class ScriptedGenerator : public Generator {
 public:
  // By the prompt and the stream's seed.
  using Script = std::function<ScriptedSample(const std::string& prompt, uint64_t seed)>;

  // `clock` must outlive the generator and its streams. A cancelled stretch ends
  // `step` after it was asked to.
  ScriptedGenerator(SimulatedClock& clock, Script script, int32_t max_concurrent,
                    Clock::Duration step = Clock::Duration{0});

  Result<std::unique_ptr<GenerationStream>> Open(const SamplingParams& params) override;
  int32_t max_concurrent() const override { return max_concurrent_; }
  int64_t tokens_generated() const override { return tokens_generated_; }
  int32_t max_seq_len() const override { return 1 << 30; }
  int32_t CountTokens(std::string_view) const override { return 1; }

 private:
  class Stream;

  SimulatedClock& clock_;
  Script script_;
  int32_t max_concurrent_;
  Clock::Duration step_;
  int64_t tokens_generated_ = 0;
};

}  // namespace qed

#endif  // QED_SOLVE_SCRIPTED_GENERATOR_H_
