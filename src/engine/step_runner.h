// What the engine's steps run on. A step goes in as tokens, pages and what to
// sample; one token for every wanted row of logits comes back, later.
//
// Order: steps run one after another in the order of their launches, and a step
// sees everything that the steps before it wrote. Pages and slots of a sequence
// may therefore be given to another one as soon as the last step that uses them
// was launched: the other one's steps come after it.
//
// Depth: up to depth() steps are in flight, launched and not finished. With two,
// the device computes one while the engine plans the next; the token that a
// sequence samples in the first is then not known to the engine when it plans the
// second, which asks for it by kSampledToken. What a step gives for a sequence
// that turns out to have ended before it is thrown away by the engine.
#ifndef QED_ENGINE_STEP_RUNNER_H_
#define QED_ENGINE_STEP_RUNNER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "config/model_config.h"
#include "config/sampling_params.h"
#include "draft/drafter.h"
#include "model/language_model.h"
#include "sampling/sampler.h"

namespace qed {

// In place of a token id: what the latest launched row of the same slot with
// `next` set samples (any id, where its logits are not finite numbers). Only as
// the one token of a sequence in its step.
inline constexpr int32_t kSampledToken = -1;

// What a row of logits is wanted for.
struct StepSample {
  int32_t sequence = 0;   // index in StepBatch::forward.sequences; rows of a sequence are together
  uint64_t position = 0;  // of the token among those the sequence generated: the random counter
  // -1: to draw a token. Else the row's token whatever the logits say: one of the
  // prompt that is scored, or a forced one of a replay.
  int32_t given = -1;
  // The token is the sequence's next one: it is kept for kSampledToken and counted
  // for the penalties. False where a token of the prompt is scored.
  bool next = true;
  // The id of the row behind this one, where that is a draft of this row's token; else
  // -1. The sequence's next row is drawn as if the draft were what is drawn here, and
  // neither kept nor counted where it is not: only then does its token mean anything.
  int32_t draft = -1;
};

// One step's work.
struct StepBatch {
  ForwardBatch forward;                 // a token may be kSampledToken
  std::span<const int32_t> slots;       // [B] of forward.sequences, each at most once
  std::span<const StepSample> samples;  // [R] of forward.logit_rows
  // What a head of the runner's is to draft behind each sequence's last new token, at most
  // max_head_drafts(); 0: nothing.
  int32_t head_drafts = 0;
};

// How the step that Finish gave last spent its time.
struct StepTimes {
  double run_seconds = 0;   // on the device
  double wait_seconds = 0;  // the device had nothing to do before it, since the step before
};

// Not thread-safe: owned and called by the engine's step thread.
class StepRunner {
 public:
  // May be destroyed with steps in flight: waits for them.
  virtual ~StepRunner() = default;

  virtual const ModelConfig& config() const = 0;
  virtual int32_t page_size() const = 0;       // tokens
  virtual int32_t num_pages() const = 0;       // page ids are [0, num_pages)
  virtual int32_t max_num_tokens() const = 0;  // most T of a step
  virtual int32_t max_batch_size() const = 0;  // most B; slots are [0, max_batch_size)
  virtual int32_t max_logit_rows() const = 0;  // most R, at least max_batch_size()
  virtual int32_t depth() const = 0;           // most steps in flight, at least 1

  // A sequence takes the slot: in the steps launched from now on its rows are
  // sampled with `params`. `tokens` are all it has so far and generated[i] is
  // whether the model wrote tokens[i]; penalties need them, and count from here on
  // the `next` tokens of the slot themselves. Copies what it keeps; may allocate.
  // REQUIRES: fewer than depth() steps in flight.
  virtual void Start(int32_t slot, const SamplingParams& params, std::span<const int32_t> tokens,
                     const std::vector<bool>& generated) = 0;

  // Launches a step; with a device, returns before it is computed. Copies what it
  // keeps of `batch`. Allocates nothing. An error is told by the Finish of the step.
  // REQUIRES: fewer than depth() steps in flight; limits as for
  // LanguageModel::Forward; every slot was started.
  virtual void Launch(const StepBatch& batch) = 0;

  // Waits for the oldest step in flight and returns its samples [R], valid until
  // the next call of Launch or Finish. An id of -1: the logits are not finite numbers.
  // Allocates nothing. An error (the device is lost) is the end: every later Finish
  // gives it too.
  // REQUIRES: a step in flight.
  virtual Result<std::span<const SampledToken>> Finish() = 0;

  virtual StepTimes last_times() const = 0;

  // The runner has a head that drafts, so many tokens a sequence at most; 0: it has none.
  virtual int32_t max_head_drafts() const { return 0; }
  // What the head drafted behind the last new token of a sequence of the step that Finish gave
  // last, by its index there; empty where the step asked for none or the sequence has no new
  // token. Waits for the device. Valid until the next call, Launch or Finish.
  virtual std::span<const HeadDraft> head_drafts(int32_t sequence) {
    static_cast<void>(sequence);
    return {};
  }

  // What the model's head saw of a row of the step that Finish gave last [E], valid until
  // the next Launch; empty where the runner does not know.
  virtual std::span<const float> hidden(size_t row) const {
    static_cast<void>(row);
    return {};
  }
};

}  // namespace qed

#endif  // QED_ENGINE_STEP_RUNNER_H_
