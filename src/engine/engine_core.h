// The engine without its thread: sequences, pages and steps. Everything that
// happens in it is a function of the calls made, so tests drive it directly.
//
// With a runner of depth two, a step is planned and launched while the one before
// it is computed. The plan takes every sequence to go on, with the token that is
// being sampled as its newest; its row is thrown away where that token, or a
// cancel, ends it. Its pages and its slot are free at once all the same: whatever
// takes them comes later on the device too (engine/step_runner.h). A sequence
// that must end with the token in flight (max_tokens, the context) gets no row.
// A step with drafts is planned when the one before it is finished, for a draft follows
// from all that is known: as long as drafts are wanted, one step is in flight. Its rows
// of a sequence are drawn each with the random number of its own place, and are its next
// tokens as long as they are what was drafted; so drafts change no token.
//
// Only where the plan takes pages from somebody, the steps in flight are finished
// first: they may end a sequence, which makes it needless.
#ifndef QED_ENGINE_ENGINE_CORE_H_
#define QED_ENGINE_ENGINE_CORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "config/engine_config.h"
#include "engine/drafting.h"
#include "engine/engine_stats.h"
#include "engine/request.h"
#include "engine/sequence.h"
#include "engine/step_runner.h"
#include "engine/step_trace.h"
#include "kv/page_cache.h"
#include "schedule/scheduler.h"

namespace qed {

// The smaller of what the configuration asks for and what the runner can.
struct EngineLimits {
  int32_t max_batch_size = 0;  // sequences of a step
  int32_t max_logit_rows = 0;  // rows of logits of a step
  int32_t max_num_tokens = 0;  // tokens of a step
  int32_t max_seq_len = 0;     // tokens of a sequence; its pages always fit the cache
  int32_t max_input_len = 0;   // tokens of a prompt; below max_seq_len
  int32_t vocab_size = 0;
};

// kInvalidArgument, naming the flag, where the two contradict each other.
Result<EngineLimits> MakeEngineLimits(const StepRunner& runner, const EngineConfig& config);

// Not thread-safe. A step in which nothing is submitted, continued or finished
// allocates nothing.
class EngineCore {
 public:
  // `runner` must outlive it. Without `drafting` there are no drafts.
  EngineCore(StepRunner& runner, const EngineLimits& limits, bool prefix_cache,
             std::unique_ptr<Drafting> drafting = nullptr);
  ~EngineCore();

  // REQUIRES of all that follow: what Engine promises to check was checked, and
  // Deliver was called since the last Step.
  void Submit(std::unique_ptr<Sequence> sequence);
  void Continue(RequestId id, Stretch stretch);
  void Release(RequestId id);
  void Cancel(RequestId id);
  void CancelAll();

  bool HasWork() const { return !running_.empty() || !waiting_.empty() || in_flight_ > 0; }
  // Plans and launches steps until as many are in flight as may be, then finishes
  // the oldest and commits its tokens.
  void Step();
  // Where the time of the step went that the last Step finished, if it finished one.
  const std::optional<StepRecord>& last_record() const { return last_record_; }

  // Sequences that have something for their sinks: a chunk, an end, or both.
  std::span<Sequence* const> deliveries() const { return deliveries_; }
  // Calls the sinks and deletes the sequences that ended.
  void Deliver();

  EngineStats Stats() const;
  // kCorrupt where pages are lost, held twice or a list contradicts a state.
  Status CheckIntegrity() const;

 private:
  // What a step in flight has for one sequence: rows of logits, those that score
  // tokens of its prompt before those that draw its next ones.
  struct InFlightRows {
    Sequence* sequence;  // null: nobody wants them any more, or they were committed
    int32_t index;       // of the sequence in its step
    int32_t num_rows;
    int32_t scored;  // of them, not committed yet
    int32_t drawn;   // not committed yet
  };
  struct InFlight {
    std::vector<InFlightRows> sequences;  // those of the step that have rows
    StepRecord record;
    bool after_pause = false;  // the engine had no work before it
  };

  void BeginStretch(Sequence& sequence);
  void Wait(Sequence& sequence);
  void EndStretch(Sequence& sequence, FinishReason reason);
  void EndEarly(Sequence& sequence, FinishReason reason, const Status& error);
  void EndAll(FinishReason reason, const Status& error);
  void FreePages(Sequence& sequence);
  void Erase(Sequence& sequence);
  void LeaveBatch(Sequence& sequence);

  InFlight& StepInFlight(int32_t age) { return steps_[(oldest_ + age) % steps_.size()]; }
  bool LaunchStep(bool drafts);
  void FinishStep();
  void MakeViews();
  void ApplyPlan();
  void Admit(Sequence& sequence);
  void PackBatch(InFlight& step);
  void PackTokens(Sequence& sequence, int32_t rows);
  void PackDraws(Sequence& sequence, int32_t index);
  void PackLogitRows(int32_t index, int32_t rows, InFlight& step);
  void Publish(Sequence& sequence);
  void CommitRows(InFlightRows& rows, size_t first, std::span<const SampledToken> sampled);
  void CommitToken(Sequence& sequence, const SampledToken& sampled);
  void EndBroken(Sequence& sequence);
  bool WasDrafted(InFlightRows& rows, int32_t token);
  void EndRunning(Sequence& sequence, FinishReason reason);
  bool EndsInFlight(const Sequence& sequence) const;
  void BarEnds(Sequence& sequence) const;
  bool IsStopId(const Sequence& sequence, int32_t id) const;
  Status CheckSequence(const Sequence& sequence) const;

  StepRunner& runner_;
  const EngineLimits limits_;
  PageCache cache_;
  const std::unique_ptr<Drafting> drafting_;  // null: no drafts

  std::unordered_map<RequestId, std::unique_ptr<Sequence>> sequences_;
  std::vector<Sequence*> running_;  // oldest first
  std::vector<Sequence*> waiting_;  // oldest first
  std::vector<Sequence*> parked_;   // least recently used first
  std::vector<Sequence*> deliveries_;
  EngineStats stats_;
  std::vector<int32_t> free_slots_;
  Status failure_;  // of the runner: nothing runs any more

  std::vector<InFlight> steps_;  // [depth] a ring
  int32_t oldest_ = 0;           // of those in flight
  int32_t in_flight_ = 0;
  bool paused_ = true;  // no work after the last step
  std::optional<StepRecord> last_record_;

  // One step's working memory, kept from step to step.
  std::vector<SequenceView> running_views_;
  std::vector<SequenceView> waiting_views_;
  std::vector<Sequence*> candidates_;      // what waiting_views_ are of
  std::vector<Sequence*> parked_holders_;  // what parked_pages_ are of
  std::vector<int32_t> parked_pages_;
  StepPlan plan_;
  std::vector<Sequence*> preempted_;
  std::vector<Sequence*> batch_;                         // [B] in the order of plan_.work
  std::vector<int32_t> batch_tokens_;                    // [T]
  std::vector<ForwardBatch::Sequence> batch_sequences_;  // [B]
  std::vector<int32_t> batch_slots_;                     // [B]
  std::vector<int32_t> logit_rows_;                      // [R]
  std::vector<StepSample> samples_;                      // [R]
};

}  // namespace qed

#endif  // QED_ENGINE_ENGINE_CORE_H_
