// Steps on the CPU: the model and the sampler, one step at a time.
#ifndef QED_ENGINE_CPU_STEP_RUNNER_H_
#define QED_ENGINE_CPU_STEP_RUNNER_H_

#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/thread_pool.h"
#include "engine/step_runner.h"
#include "model/language_model.h"
#include "sampling/sampler.h"
#include "sampling/token_counts.h"

namespace qed {

// Launch computes and samples the whole step; Finish hands it out.
class CpuStepRunner : public StepRunner {
 public:
  // `model` and `pool` must outlive it. The pool is used for sampling, between the
  // model's own uses.
  CpuStepRunner(LanguageModel& model, ThreadPool& pool);

  const ModelConfig& config() const override { return model_.config(); }
  int32_t page_size() const override { return model_.page_size(); }
  int32_t num_pages() const override { return model_.num_pages(); }
  int32_t max_num_tokens() const override { return model_.max_num_tokens(); }
  int32_t max_batch_size() const override { return model_.max_batch_size(); }
  int32_t max_logit_rows() const override { return model_.max_logit_rows(); }
  int32_t depth() const override { return 1; }

  void Start(int32_t slot, const SamplingParams& params, std::span<const int32_t> tokens,
             const std::vector<bool>& generated) override;
  void Launch(const StepBatch& batch) override;
  Result<std::span<const SampledToken>> Finish() override;
  StepTimes last_times() const override { return times_; }
  std::span<const float> hidden(size_t row) const override;

 private:
  struct Slot {
    SamplingParams params;
    std::optional<TokenCounts> counts;  // where the parameters have penalties
    std::vector<TokenBias> biases;
    int32_t last_token = kSampledToken;
  };

  std::span<const int32_t> ResolveTokens(const StepBatch& batch);
  void Sample(const StepBatch& batch, std::span<const float> logits);

  LanguageModel& model_;
  Sampler sampler_;
  std::vector<Slot> slots_;              // [max_batch_size]
  std::vector<int32_t> tokens_;          // [T]
  std::vector<SampleRow> rows_;          // [R]
  std::vector<SampledToken> sampled_;    // [max_logit_rows], the first num_sampled_ of the step
  std::optional<size_t> num_sampled_;    // while a step is in flight
  std::optional<Clock::Time> last_end_;  // of the step before
  StepTimes times_;
};

}  // namespace qed

#endif  // QED_ENGINE_CPU_STEP_RUNNER_H_
