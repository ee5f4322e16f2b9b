// The network on a GPU: Decoder's twin. Weights, KV pages and workspace are taken
// once, everything is tried out before the first request; a step is one copy in and
// the network's launches (model/cuda_network.h), recorded as a graph where every
// sequence has one row. Of several ranks each has one, on a GPU of its own, and all compute each
// step together.
#ifndef QED_MODEL_CUDA_DECODER_H_
#define QED_MODEL_CUDA_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "config/model_config.h"
#include "cuda/buffer.h"
#include "cuda/device.h"
#include "cuda/stream.h"
#include "model/cuda_network.h"
#include "model/cuda_ranks.h"
#include "model/cuda_step_inputs.h"
#include "model/cuda_weights.h"
#include "model/device_memory_plan.h"
#include "model/language_model.h"
#include "model/network_shard.h"
#include "model/rank_group.h"
#include "model/step_broadcast.h"
#include "tensor/weight_recipe.h"

namespace qed {

struct CudaDecoderOptions {
  int32_t max_num_tokens = 0;  // most T of a step
  int32_t max_batch_size = 0;  // most B
  int32_t max_logit_rows = 0;  // most R, at least max_batch_size
  int32_t max_seq_len = 0;     // most tokens of a sequence
  int32_t page_size = 0;
  double kv_fraction = 0;           // of the memory that is free after everything else
  int64_t input_bytes_per_row = 0;  // of the caller's own, copied with each row of logits
  // Of GPU memory that the caller will take itself: for sampling, and for a drafter.
  int64_t reserved_bytes = 0, drafter_bytes = 0;
  std::optional<WeightRecipe> quantize;  // what linears become while they are read
};

// Not thread-safe. Everything runs on the one stream.
class CudaDecoder {
 public:
  // Reads the weights onto the GPU, takes all memory, chooses algorithms, records
  // graphs and tries everything out once. Errors start with the GPU's or the
  // checkpoint's name: kResourceExhausted with the shortfall in bytes, kUnsupported
  // for shapes no kernel was made for. With a `group`: called by all ranks, whose errors are
  // told as in CudaRanks::Agree; `group.ranks` must outlive the decoder.
  static Result<std::unique_ptr<CudaDecoder>> Load(const Checkpoint& checkpoint,
                                                   const Adapter* adapter,
                                                   const CudaDecoderOptions& options,
                                                   const cuda::DeviceInfo& device, ThreadPool& pool,
                                                   const RankGroup& group = {});
  ~CudaDecoder();

  const ModelConfig& config() const { return config_; }
  const CudaDecoderOptions& options() const { return options_; }
  int32_t num_pages() const { return memory_plan_.num_pages; }
  ModelFootprint footprint() const;
  const DeviceMemoryPlan& memory_plan() const { return memory_plan_; }
  const cuda::Stream& stream() const { return stream_; }

  // Most bytes of a step's inputs.
  int64_t max_input_bytes() const { return static_cast<int64_t>(input_.size()); }
  // Packs a step into `pinned` (max_input_bytes long) but for the caller's own part.
  // A token of -1 - s stands for sampled()[s] as it is when the step runs.
  // The first of several ranks tells the others of the step, who do the same.
  // Allocates nothing. REQUIRES: what LanguageModel::Forward does.
  CudaStepInputs Pack(const ForwardBatch& batch, std::byte* pinned) {
    if (steps_) steps_->Tell(batch);
    return packer_.Pack(batch, pinned);
  }
  // Copies the inputs and computes the step; returns at once. Row r of the logits is
  // that of the batch's logit row r.
  void Forward(const CudaStepInputs& inputs, const std::byte* pinned);

  // CudaNetwork::set_magnitude_counts.
  void set_magnitude_counts(uint64_t* counts) { network_.set_magnitude_counts(counts); }

  // Called when one has waited for a step: does not return where a rank has missed in it.
  void EndIfARankIsLost() const { ranks_.EndIfOneIsLost(); }

  // On the GPU: the latest step's inputs, its logits [R, V] (on the first rank), and a token a slot
  // [max_batch_size], zero at first and written by the caller.
  const std::byte* input() const { return input_.data(); }
  const float* logits() const { return network_.logits(); }
  int32_t* sampled() const { return network_.sampled(); }
  // What the head saw of the latest step's rows of logits [R, E].
  const cuda::BFloat16* hidden() const { return network_.hidden(); }
  const cuda::DeviceWeight& embedding() const { return network_.embedding(); }
  // Of the layers' products.
  WeightFormat format() const { return network_.format(); }

 private:
  CudaDecoder(const ModelConfig& config, const CudaDecoderOptions& options,
              const cuda::DeviceInfo& device, const RankGroup& group);
  Status PlanMemory(const CudaWeightLoader& loader);
  Status LoadWeights(CudaWeightLoader& loader, ThreadPool& pool);
  Status TakeMemory(CudaWeights weights);
  Status LinkRanks();
  Status TryOut();
  Status TryPrompt();
  Status RecordGraphs();

  const ModelConfig config_;  // of the whole network
  const CudaDecoderOptions options_;
  const cuda::DeviceInfo device_;
  const NetworkShard shard_;
  const ModelConfig own_;  // of this rank's part
  CudaRanks ranks_;        // its mappings go after all that uses them
  std::optional<StepTeller> steps_;
  CudaStepPacker packer_;
  DeviceMemoryPlan memory_plan_;
  cuda::Stream stream_;
  cuda::DeviceBuffer workspace_;
  cuda::DeviceBuffer input_;
  cuda::DeviceBuffer pages_;  // [L, pages, {keys, values}, page_size, KVH, D]
  CudaNetwork network_;
  std::vector<cuda::Graph> graphs_;  // one for each of packer_.recorded_sizes()
};

}  // namespace qed

#endif  // QED_MODEL_CUDA_DECODER_H_
