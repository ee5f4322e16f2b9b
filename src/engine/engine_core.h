// The engine without its thread: sequences, pages and steps. Everything that
// happens in it is a function of the calls made, so tests drive it directly.
#ifndef QED_ENGINE_ENGINE_CORE_H_
#define QED_ENGINE_ENGINE_CORE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "engine/engine.h"
#include "engine/sequence.h"
#include "kv/page_cache.h"
#include "model/language_model.h"
#include "sampling/sampler.h"
#include "schedule/scheduler.h"

namespace qed {

// The smaller of what the configuration asks for and what the model can.
struct EngineLimits {
  int32_t max_batch_size = 0;  // sequences of a step
  int32_t max_num_tokens = 0;  // tokens of a step
  int32_t max_seq_len = 0;     // tokens of a sequence; its pages always fit the cache
  int32_t vocab_size = 0;
};

// kInvalidArgument, naming the flag, where the two contradict each other.
Result<EngineLimits> MakeEngineLimits(const LanguageModel& model, const EngineConfig& config);

// Not thread-safe. A step in which nothing is submitted, continued or finished
// allocates nothing.
class EngineCore {
 public:
  // `model` and `pool` must outlive it.
  EngineCore(LanguageModel& model, const EngineLimits& limits, bool prefix_cache, ThreadPool& pool);
  ~EngineCore();

  // REQUIRES of all that follow: what Engine promises to check was checked, and
  // Deliver was called since the last Step.
  void Submit(std::unique_ptr<Sequence> sequence);
  void Continue(RequestId id, Stretch stretch);
  void Release(RequestId id);
  void Cancel(RequestId id);
  void CancelAll();

  bool HasWork() const { return !running_.empty() || !waiting_.empty(); }
  // Plans, computes and samples once.
  void Step();

  // Sequences that have something for their sinks: a chunk, an end, or both.
  std::span<Sequence* const> deliveries() const { return deliveries_; }
  // Calls the sinks and deletes the sequences that ended.
  void Deliver();

  EngineStats Stats() const;
  // kCorrupt where pages are lost, held twice or a list contradicts a state.
  Status CheckIntegrity() const;

 private:
  // What a row of logits is wanted for.
  struct LogitRow {
    Sequence* sequence;
    int32_t given;  // the token to score; -1: to draw one
  };

  void BeginStretch(Sequence& sequence);
  void Wait(Sequence& sequence);
  void EndStretch(Sequence& sequence, FinishReason reason);
  void CancelStretch(Sequence& sequence);
  void FreePages(Sequence& sequence);

  void MakeViews();
  void ApplyPlan();
  void Admit(Sequence& sequence);
  void PackBatch();
  void PackLogitRows(Sequence& sequence, int32_t rows);
  void SampleTokens(std::span<const float> logits);
  void CommitRow(Sequence& sequence, int32_t given, const SampledToken& sampled);
  void CommitToken(Sequence& sequence, const SampledToken& sampled);
  void EndRunning(Sequence& sequence, FinishReason reason);
  bool IsStopId(const Sequence& sequence, int32_t id) const;

  LanguageModel& model_;
  const EngineLimits limits_;
  PageCache cache_;
  Sampler sampler_;

  std::unordered_map<RequestId, std::unique_ptr<Sequence>> sequences_;
  std::vector<Sequence*> running_;  // oldest first
  std::vector<Sequence*> waiting_;  // oldest first
  std::vector<Sequence*> parked_;   // least recently used first
  std::vector<Sequence*> deliveries_;
  EngineStats stats_;

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
  std::vector<int32_t> logit_rows_;                      // [R]
  std::vector<LogitRow> wanted_;                         // [R]
  std::vector<SampleRow> sample_rows_;                   // [R]
  std::vector<SampledToken> sampled_;                    // [R]
};

}  // namespace qed

#endif  // QED_ENGINE_ENGINE_CORE_H_
