// Where the tool loop gets its text from: an engine in this process, or later a
// server. solve/ declares it, cli/ implements it over the engine.
#ifndef QED_SOLVE_GENERATOR_H_
#define QED_SOLVE_GENERATOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "config/sampling_params.h"

namespace qed {

// One uninterrupted stretch of generated text.
struct Segment {
  enum class Finish { kStop, kLength, kCancelled, kError };
  std::string text;        // includes the matched stop string when stop is set
  int32_t num_tokens = 0;  // generated, exactly
  Finish finish = Finish::kStop;
  std::string stop;  // the stop string that matched; empty: end of sequence
  // Prompt or tool output that this stretch had to compute: its own new tokens
  // less what was found in a cache, and more where pages had been given up.
  int32_t prefilled_tokens = 0;
  std::vector<float> logprobs;  // of each generated token; empty if not asked for
  Status error;                 // set when finish == kError
};

// One growing text: a prompt, what the model wrote, tool output, and so on.
// Keeps its place in the engine (its KV pages) between calls.
class GenerationStream {
 public:
  // Cancels if running; frees the pages.
  virtual ~GenerationStream() = default;

  // Before the first stretch: `on_logprobs` gets the log-probs of new tokens as
  // they come, from a thread of the generator, never after the stretch's `done`.
  // A generator that cannot do that ignores it.
  virtual void Watch(std::function<void(std::span<const float>)> on_logprobs) {
    static_cast<void>(on_logprobs);
  }

  // Appends `text` (prompt or tool output) and generates until a stop string,
  // the end of the sequence, or `max_tokens`. `done` is called exactly once,
  // from a thread of the generator, and must return quickly; a cancelled
  // stretch comes back with the text it had.
  // REQUIRES: no stretch is running.
  virtual void Generate(std::string_view text, int32_t max_tokens,
                        std::function<void(Segment)> done) = 0;
  // Asks the running stretch to end; `done` still comes.
  virtual void Cancel() = 0;
};

// Thread-safe.
class Generator {
 public:
  virtual ~Generator() = default;
  // `params.stop` holds the stop strings of every stretch. Errors: parameters
  // the engine cannot do.
  virtual Result<std::unique_ptr<GenerationStream>> Open(const SamplingParams& params) = 0;
  // Streams that make progress at the same time; more will wait their turn.
  virtual int32_t max_concurrent() const = 0;
  // Generated so far by all streams, unfinished stretches included: for showing
  // how fast it goes.
  virtual int64_t tokens_generated() const = 0;
  // For showing: where the streams run, if not here; else empty.
  virtual std::string Places() const { return ""; }
  // Most tokens (prompt and generated) of one stream, and the tokens of a text.
  virtual int32_t max_seq_len() const = 0;
  virtual int32_t CountTokens(std::string_view text) const = 0;
};

}  // namespace qed

#endif  // QED_SOLVE_GENERATOR_H_
