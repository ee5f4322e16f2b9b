// A step as the GPU reads it: packed by the host into the pinned memory whose copy
// the kernels of the step work from. Host code alone; no CUDA headers.
//
// A step whose sequences have a row each is packed in one of a few sizes, with
// padding, so that what was recorded for the size does for all such steps.
#ifndef QED_MODEL_CUDA_STEP_INPUTS_H_
#define QED_MODEL_CUDA_STEP_INPUTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/cuda/attention_plan.h"
#include "kernels/paged_kv.h"
#include "model/language_model.h"

namespace qed {

// What steps may have.
struct CudaStepLimits {
  int32_t max_num_tokens = 0;       // T
  int32_t max_batch_size = 0;       // B
  int32_t max_logit_rows = 0;       // R, at least B
  int32_t max_seq_len = 0;          // tokens of a sequence
  int64_t input_bytes_per_row = 0;  // of the caller's own, copied with each row of logits
};

// Where a step's inputs lie in its pinned memory and, after the copy, on the GPU.
struct CudaStepInputs {
  int32_t num_tokens = 0;  // T, padding included
  int32_t logit_rows = 0;  // R, padding included
  bool recorded = false;   // it has one of the recorded sizes: num_tokens
  int64_t tokens = 0;      // int32 [T]
  int64_t rows = 0;        // int32 [R], ids of rows
  int64_t extra = 0;       // the caller's [R]
  int64_t attention = 0;   // the plan's memory
  int64_t bytes = 0;       // to copy
  cuda::AttentionPlan plan;
};

// Not thread-safe. Allocates nothing after its constructor.
class CudaStepPacker {
 public:
  // `num_sms` and `long_prompts` are of the GPU (kernels/cuda/attention_plan.h).
  CudaStepPacker(const cuda::AttentionShape& shape, const CudaStepLimits& limits, int32_t num_sms,
                 bool long_prompts);

  // Most rows that the network computes, and most rows of logits, padding included.
  int32_t max_rows() const { return max_rows_; }
  int32_t max_logit_rows() const { return max_logit_rows_; }
  // Most bytes of a step's inputs.
  int64_t max_bytes() const;
  const cuda::AttentionPlanner& planner() const { return planner_; }
  // The recorded sizes, ascending.
  const std::vector<int32_t>& recorded_sizes() const { return recorded_sizes_; }

  // Page ids of steps packed from now on are in [0, num_pages).
  void set_num_pages(int32_t num_pages) { num_pages_ = num_pages; }

  // Packs a step into `pinned`, max_bytes() long, but for the caller's own part.
  // REQUIRES: what LanguageModel::Forward does, but that a token may be -1 - s
  // (CudaNetwork).
  CudaStepInputs Pack(const ForwardBatch& batch, std::byte* pinned);
  // A step of the recorded size with padding alone.
  CudaStepInputs PackPadding(int32_t size, std::byte* pinned) {
    return PackRecorded({}, size, pinned);
  }

 private:
  // Offsets without the attention's plan.
  CudaStepInputs LayOut(int32_t num_tokens, int32_t logit_rows) const;
  int32_t RecordedSize(const ForwardBatch& batch) const;
  CudaStepInputs PackRecorded(const ForwardBatch& batch, int32_t size, std::byte* pinned);
  void TakeSequences(const ForwardBatch& batch);

  const CudaStepLimits limits_;
  const int32_t page_size_;
  const int32_t max_rows_;
  const int32_t max_logit_rows_;
  int32_t num_pages_ = 0;
  std::vector<int32_t> recorded_sizes_;
  cuda::AttentionPlanner planner_;
  std::vector<AttentionSequence> sequences_;  // of the step at hand
};

}  // namespace qed

#endif  // QED_MODEL_CUDA_STEP_INPUTS_H_
