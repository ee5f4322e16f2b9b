// The engine: requests in, tokens out, one step at a time over one model.
//
// Threads: Submit, Continue, Release, Cancel and Stats may be called by any
// thread. One step thread of the engine's own runs the model and calls the
// sinks; a sink must return quickly and may call Submit, Continue, Release and
// Cancel (they only enqueue).
#ifndef QED_ENGINE_ENGINE_H_
#define QED_ENGINE_ENGINE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "config/engine_config.h"
#include "config/sampling_params.h"
#include "engine/step_runner.h"
#include "engine/step_trace.h"
#include "model/language_model.h"
#include "text/tokenizer.h"

namespace qed {

using RequestId = uint64_t;

enum class FinishReason { kStop, kLength, kCancelled, kError };
const char* FinishReasonName(FinishReason reason);  // "stop", "length", "cancelled", "error"

struct TokenLogprob {
  int32_t token_id = 0;
  float logprob = 0;
  std::vector<std::pair<int32_t, float>> top;  // likeliest first
};

// What one step added to a request. The end-of-sequence or stop id that ended it
// is among the ids, its text is not in the text; a matched stop string is in the
// text only with SamplingParams::include_stop_text.
struct TokenChunk {
  std::string text;  // settled text: never half a character or half a stop string
  std::vector<int32_t> token_ids;
  std::vector<TokenLogprob> logprobs;  // one per token when asked for
  // Request::score_prompt: the next tokens of the prompt, from the second on.
  std::vector<TokenLogprob> prompt_logprobs;
};

struct FinishInfo {
  FinishReason reason = FinishReason::kStop;
  std::string stop_reason;     // the stop string that matched; empty otherwise
  int32_t stop_token_id = -1;  // the end-of-sequence or stop id that ended it; -1 otherwise
  int32_t prompt_tokens = 0;   // of this stretch: what was appended
  int32_t cached_tokens = 0;   // of them, found in the cache
  // Appended tokens that this stretch computed, and earlier ones that it had to
  // compute again because their pages were given up. What was generated last
  // before a Continue is computed with it in any case and does not count.
  int32_t computed_tokens = 0;
  int32_t generated_tokens = 0;  // the stop token included
  Status error;                  // when reason == kError
};

class OutputSink {
 public:
  virtual ~OutputSink() = default;
  virtual void OnTokens(RequestId id, const TokenChunk& chunk) = 0;
  // Once per Submit or Continue; nothing follows until the next Continue.
  virtual void OnDone(RequestId id, const FinishInfo& info) = 0;
};

// [begin, end) of a prompt's tokens.
struct TokenRange {
  int32_t begin = 0;
  int32_t end = 0;
};

struct Request {
  std::vector<int32_t> prompt;  // token ids, at least one
  // Of the prompt, what earlier requests with these parameters generated, ascending:
  // the sequence goes on as if it had been kept since. The random numbers of new
  // tokens follow those, penalties count them, and if the last range ends with the
  // prompt, the new text goes on where the text of that range, with what may begin
  // a character or a stop string held back, ended.
  std::vector<TokenRange> generated;
  SamplingParams params;
  bool skip_special_tokens = false;  // in the text
  bool keep = false;                 // keep the sequence and its pages after it ends, for Continue
  // Log-probabilities of the prompt's tokens too, in prompt_logprobs, with as many
  // likeliest ones as params.logprobs says. Nothing of such a prompt is taken
  // from the cache, and it takes as many rows of logits as it has tokens.
  bool score_prompt = false;
  std::shared_ptr<OutputSink> sink;
};

struct EngineStats {
  int64_t steps = 0;
  int64_t prompt_tokens = 0;  // computed (again after a preemption), not found in the cache
  int64_t cached_tokens = 0;
  int64_t generated_tokens = 0;
  int64_t preemptions = 0;
  int32_t running = 0, waiting = 0, kept = 0;
  int32_t pages_total = 0, pages_free = 0, pages_cached = 0;
};

class Engine {
 public:
  // `tokenizer` must outlive the engine. kInvalidArgument where the config
  // contradicts itself or the runner, or the tokenizer does not fit the vocabulary.
  static Result<std::unique_ptr<Engine>> Create(std::unique_ptr<StepRunner> runner,
                                                const Tokenizer& tokenizer,
                                                const EngineConfig& config);
  // On the CPU (engine/cpu_step_runner.h). `model` and `pool` must outlive the
  // engine, which uses the pool for sampling, between the model's own uses.
  static Result<std::unique_ptr<Engine>> Create(LanguageModel& model, const Tokenizer& tokenizer,
                                                const EngineConfig& config, ThreadPool& pool);
  virtual ~Engine() = default;  // cancels what runs, joins the step thread

  // kInvalidArgument: an empty prompt, no sink, ids out of range, parameters out
  // of range, a prompt that leaves no room for one token in the context, or ranges
  // of it that cannot be (out of order, or with a stop string in the last one).
  // kUnavailable: the engine is shutting down.
  virtual Result<RequestId> Submit(Request request) = 0;
  // Appends `tokens` (none is fine) to a kept, ended sequence and generates on
  // from its pages. A kept sequence whose pages had to be given up is prefilled
  // again, unseen. The sequence's history is what was generated, token by token:
  // where a stop string ended in the middle of a token, the model goes on from
  // the whole token, though the text ended with (or before) the stop string.
  // kNotFound: unknown, not kept or released. kInvalidArgument: still running,
  // or as for Submit.
  virtual Status Continue(RequestId id, std::vector<int32_t> tokens,
                          const SamplingParams& params) = 0;
  // Ends a kept sequence (or cancels a running one) and frees its pages.
  virtual void Release(RequestId id) = 0;
  // The running stretch ends within one step with reason kCancelled, its pages
  // freed in that step (kept ones stay for Continue). Unknown ids are fine.
  virtual void Cancel(RequestId id) = 0;

  virtual EngineStats Stats() const = 0;
  // Of the latest steps, oldest first.
  virtual std::vector<StepRecord> Trace() const = 0;
  virtual int32_t max_seq_len() const = 0;
};

}  // namespace qed

#endif  // QED_ENGINE_ENGINE_H_
