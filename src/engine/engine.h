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
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "config/engine_config.h"
#include "config/sampling_params.h"
#include "draft/drafter.h"
#include "engine/engine_stats.h"
#include "engine/request.h"
#include "engine/step_runner.h"
#include "engine/step_trace.h"
#include "model/language_model.h"
#include "text/tokenizer.h"

namespace qed {

class Engine {
 public:
  // `tokenizer` must outlive the engine. kInvalidArgument where the config
  // contradicts itself or the runner, or the tokenizer does not fit the vocabulary.
  // Drafts come from where config.draft says and from `drafter`, if there is one; where there
  // are any, what rows cost is measured first, in some steps of the runner.
  static Result<std::unique_ptr<Engine>> Create(std::unique_ptr<StepRunner> runner,
                                                const Tokenizer& tokenizer,
                                                const EngineConfig& config,
                                                std::unique_ptr<Drafter> drafter = nullptr);
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
