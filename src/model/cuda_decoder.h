// The network on a GPU: Decoder's twin over kernels/cuda. Weights, KV pages and
// workspace are taken once; a step is one copy in and a row of launches, recorded
// as a graph where every sequence has one row.
//
// Between the products activations are bfloat16 or FP8, the residual stream and
// the logits are f32.
#ifndef QED_MODEL_CUDA_DECODER_H_
#define QED_MODEL_CUDA_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "config/model_config.h"
#include "config/weight_quantization.h"
#include "cuda/buffer.h"
#include "cuda/device.h"
#include "cuda/stream.h"
#include "kernels/cuda/attention_plan.h"
#include "kernels/cuda/linear.h"
#include "kernels/cuda/types.h"
#include "model/cuda_weights.h"
#include "model/device_memory_plan.h"
#include "model/language_model.h"

namespace qed {

struct CudaDecoderOptions {
  int32_t max_num_tokens = 0;  // most T of a step
  int32_t max_batch_size = 0;  // most B, and most R
  int32_t max_seq_len = 0;     // most tokens of a sequence
  int32_t page_size = 0;
  double kv_fraction = 0;           // of the memory that is free after everything else
  int64_t input_bytes_per_row = 0;  // of the caller's own, copied with each row of logits
  int64_t reserved_bytes = 0;       // of GPU memory that the caller will take itself
  WeightQuantization quantization = WeightQuantization::kNone;
};

// Where a step's inputs lie in its pinned memory and, after the copy, on the GPU.
struct CudaStepInputs {
  int32_t num_tokens = 0;  // T, padding included
  int32_t logit_rows = 0;  // R, padding included
  bool recorded = false;   // its graph is launched
  int64_t tokens = 0;      // int32 [T]
  int64_t rows = 0;        // int32 [R], ids of rows
  int64_t extra = 0;       // the caller's [R]
  int64_t attention = 0;   // the plan's memory
  int64_t bytes = 0;       // to copy
  cuda::AttentionPlan plan;
};

// Not thread-safe. Everything runs on the one stream.
class CudaDecoder {
 public:
  // Reads the weights onto the GPU, takes all memory, chooses algorithms, records
  // graphs and tries everything out once. Errors start with the GPU's or the
  // checkpoint's name: kResourceExhausted with the shortfall in bytes, kUnsupported
  // for shapes no kernel was made for.
  static Result<std::unique_ptr<CudaDecoder>> Load(const Checkpoint& checkpoint,
                                                   const Adapter* adapter,
                                                   const CudaDecoderOptions& options,
                                                   const cuda::DeviceInfo& device,
                                                   ThreadPool& pool);
  ~CudaDecoder();

  const ModelConfig& config() const { return config_; }
  const CudaDecoderOptions& options() const { return options_; }
  int32_t num_pages() const { return memory_plan_.num_pages; }
  ModelFootprint footprint() const;
  const DeviceMemoryPlan& memory_plan() const { return memory_plan_; }
  cuda::StreamHandle stream() const { return stream_.handle(); }

  // Most bytes of a step's inputs.
  int64_t max_input_bytes() const { return static_cast<int64_t>(input_.size()); }
  // Lays a step into `pinned` (max_input_bytes long) but for the caller's own part.
  // A token of -1 - s stands for sampled()[s] as it is when the step runs.
  // Allocates nothing. REQUIRES: what LanguageModel::Forward does.
  CudaStepInputs Lay(const ForwardBatch& batch, std::byte* pinned);
  // Copies the inputs and computes the step; returns at once. Row r of the logits is
  // that of the batch's logit row r.
  void Forward(const CudaStepInputs& inputs, const std::byte* pinned);

  // On the GPU: the latest step's inputs, its logits [R, V], and a token a slot
  // [max_batch_size], zero at first and written by the caller.
  const std::byte* input() const { return input_.data(); }
  const float* logits() const { return work_.logits; }
  int32_t* sampled() const { return work_.sampled; }

 private:
  // Parts of the workspace.
  struct Workspace {
    float* residual;            // [T, E]
    cuda::BFloat16* inner;      // [T, (H + 2 KVH) D] and after them [T, H D]; or [T, 2 F]
    cuda::BFloat16* attention;  // the second of these
    std::byte* x;               // inputs of products: bfloat16 or FP8 [T, max(E, H D, F)]
    cuda::BFloat16* delta;      // [T, E], what is added to the residual stream
    float* norm_scales;         // [T] of inputs that a norm wrote
    float* inner_scales;        // [T] of the others
    cuda::BFloat16* head_in;    // [R, E]
    float* logits;              // [R, V]
    float* rope_table;
    double* frequencies;  // [D/2]
    int32_t* sampled;     // [max_batch_size]
    std::byte* attention_workspace;
  };

  CudaDecoder(const ModelConfig& config, const CudaDecoderOptions& options,
              const cuda::DeviceInfo& device);
  Status CheckShape(cuda::DeviceWeightFormat format) const;
  Status PlanMemory(const CudaWeightLoader& loader);
  // Lays the workspace at `base`; returns its size.
  int64_t LayWorkspace(std::byte* base);
  Status TakeMemory();
  Status PrepareLinears();
  Status TryPrompt();
  Status RecordGraphs();

  // Offsets without the attention's plan.
  CudaStepInputs LayOut(int32_t num_tokens, int32_t logit_rows) const;
  int64_t MaxInputBytes() const;
  int32_t RecordedSize(const ForwardBatch& batch) const;
  CudaStepInputs LayRecorded(const ForwardBatch& batch, int32_t size, std::byte* pinned);
  void LaySequences(const ForwardBatch& batch);
  void LayRows(const ForwardBatch& batch, const CudaStepInputs& inputs, std::byte* pinned);

  void Compute(const CudaStepInputs& inputs);
  cuda::Product AttentionBlock(const CudaLayerWeights& layer, int32_t index,
                               const CudaStepInputs& inputs, const cuda::Product& delta);
  cuda::Product FeedForwardBlock(const CudaLayerWeights& layer, int32_t rows,
                                 const cuda::Product& delta);
  void Head(const CudaStepInputs& inputs, const cuda::Product& delta);
  cuda::Activations Input(const cuda::DeviceWeight& weight, float* scales) const;

  const ModelConfig config_;
  const CudaDecoderOptions options_;
  const cuda::DeviceInfo device_;
  const cuda::AttentionShape attention_shape_;
  const int32_t max_rows_;    // room in the workspace for T
  const int32_t max_logits_;  // and for R
  cuda::AttentionPlanner planner_;
  DeviceMemoryPlan memory_plan_;
  CudaWeights weights_;
  cuda::Stream stream_;
  std::unique_ptr<cuda::Linears> linears_;
  cuda::DeviceBuffer memory_;  // the workspace
  cuda::DeviceBuffer input_;
  cuda::DeviceBuffer pages_;  // [L, pages, {keys, values}, page_size, KVH, D]
  Workspace work_ = {};
  std::vector<AttentionSequence> sequences_;  // of the step at hand
  std::vector<int32_t> graph_sizes_;
  std::vector<cuda::Graph> graphs_;
};

}  // namespace qed

#endif  // QED_MODEL_CUDA_DECODER_H_
