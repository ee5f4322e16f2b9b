// The network's launches on a GPU: one step from the token ids of its packed inputs
// to logits, over kernels/cuda. It decides nothing and waits for nothing; memory,
// warm-up and graphs are CudaDecoder's.
//
// Between the products activations are bfloat16 or FP8, the residual stream and
// the logits are f32.
//
// Of several ranks each computes its part (model/network_shard.h), with the sums over ranks of
// kernels/cuda/rank_sum.h behind attention's and the feed-forward blocks' last products. All
// launch the same steps. The first rank gets the logits of all, and all get the tokens that it
// has sampled.
#ifndef QED_MODEL_CUDA_NETWORK_H_
#define QED_MODEL_CUDA_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/status.h"
#include "config/model_config.h"
#include "cuda/stream.h"
#include "kernels/cuda/attention_plan.h"
#include "kernels/cuda/between_attention.h"
#include "kernels/cuda/linear.h"
#include "kernels/cuda/rank_links.h"
#include "kernels/cuda/rms_norm.h"
#include "kernels/cuda/types.h"
#include "model/activation_observer.h"
#include "model/cuda_step_inputs.h"
#include "model/cuda_weights.h"
#include "model/language_model.h"
#include "model/network_shard.h"

namespace qed {

// What the network can be asked for at once.
struct CudaNetworkLimits {
  int32_t max_num_tokens = 0;  // most rows of a product, padding not included
  int32_t max_logit_rows = 0;  // of the head's
  int32_t max_seq_len = 0;     // tokens of a sequence
  int32_t num_slots = 0;       // of sampled()
};

// kUnsupported where no kernel was made for the shape of attention or the width of rows, with
// the sizes of the rank's part; CudaWeightLoader::CheckShapes looks at the linears.
Status CheckCudaNetworkShape(const ModelConfig& config, const cuda::AttentionShape& attention);

// Not thread-safe. Everything runs on the one stream.
class CudaNetwork {
 public:
  // `config` is that of the whole network. `packer` packs the steps and must outlive the network.
  CudaNetwork(const ModelConfig& config, const NetworkShard& shard,
              const cuda::AttentionShape& attention, const CudaNetworkLimits& limits,
              const CudaStepPacker& packer);

  // Device memory of the workspace.
  int64_t workspace_bytes() const { return Lay(nullptr, nullptr); }
  // The memory that the launches work in, all of it the caller's: `workspace` of
  // workspace_bytes(), the copy of the inputs, and the pages
  // [L, num_pages, {keys, values}, page_size, KVH, D]. Fills the workspace's tables
  // on the stream, which must outlive the network.
  Status Place(CudaWeights weights, std::byte* workspace, const std::byte* input, std::byte* pages,
               int32_t num_pages, const cuda::Stream& stream);
  // Of several ranks: where the workspaces of all ranks are, in their order, and how long others
  // wait for one of them before its number + 1 is written to `lost`, in pinned memory. REQUIRES:
  // Place on all ranks.
  void Link(std::span<std::byte* const> workspaces, double wait_seconds, uint32_t* lost);
  // Chooses the algorithms of the products. REQUIRES: Place.
  Status PrepareLinears(const cuda::Stream& stream);

  // Launches the step whose packed inputs were copied to `input`. Row r of the logits is
  // that of the batch's logit row r. A token of -1 - s stands for sampled()[s] as it is
  // when the step runs. Can be recorded in a graph. REQUIRES: PrepareLinears.
  void Compute(const CudaStepInputs& inputs);

  // From the next step on counts what ActivationObserver's kinds name, in
  // counts [L, kObservedKinds, cuda::kMagnitudes] on the GPU; null ends it. Steps that count
  // cannot be replayed from a graph of steps that did not. REQUIRES: format() is kBF16.
  void set_magnitude_counts(uint64_t* counts) { magnitude_counts_ = counts; }
  bool counts_magnitudes() const { return magnitude_counts_ != nullptr; }

  // On the GPU: the latest step's logits [R, V] (on the first rank), and a token a slot
  // [num_slots], zero at first and written by the caller.
  const float* logits() const { return work_.logits; }
  int32_t* sampled() const { return work_.sampled; }
  // What the head saw of them [R, E].
  const cuda::BFloat16* hidden() const { return work_.head_in; }

  const cuda::DeviceWeight& embedding() const { return weights_.embedding; }
  // Of the layers' products.
  WeightFormat format() const { return weights_.layers.front().qkv.format; }

  // But for kv_bytes_per_token.
  ModelFootprint footprint() const;

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
    float* own_logits;          // [R, the rank's tokens], of several ranks
    float* rope_table;
    double* frequencies;  // [D/2]
    int32_t* sampled;     // [num_slots]
    std::byte* attention_workspace;
    std::byte* between_workspace;   // of cuda::RunBetweenAttention
    std::byte* few_rows_workspace;  // of cuda::MultiplyFewRows
    std::byte* exchange;            // of several ranks
    // Last, for they are on the first rank alone: what lies before them lies so on all.
    float* logits;  // [R, V]
  };

  // Lays `work` at `base`, where there is one; returns its size.
  int64_t Lay(std::byte* base, Workspace* work) const;
  int64_t BetweenBytes() const;
  int64_t FewRowsBytes() const;
  bool IsFirst() const { return shard_.place.rank == 0; }
  // residual += delta over all ranks; returns `weight`'s input, norm(residual). `slot`: 0 behind
  // attention, 1 behind a feed-forward block.
  void AddAndNorm(const float* weight, const cuda::Product& delta, int slot, int32_t rows,
                  const cuda::Activations& normed);
  void SumOverRanks(int32_t rows, int32_t all_rows, const cuda::RmsNormArgs& args, int slot);
  // By kernels/cuda/few_rows_linear.h where `few_rows`, as the later layers' are then.
  cuda::Product Qkv(const CudaLayerWeights& layer, int32_t rows, const cuda::Product& delta,
                    bool few_rows);
  void Attend(const CudaLayerWeights& layer, int32_t index, const CudaStepInputs& inputs,
              const cuda::Product& qkv);
  cuda::Product Output(const CudaLayerWeights& layer, int32_t rows);
  cuda::BetweenAttention Between(int32_t index, int32_t rows) const;
  cuda::Product GoOn(int32_t index, int32_t rows);
  cuda::Product FeedForwardBlock(int32_t index, int32_t rows, const cuda::Product& delta);
  // Counts `rows` rows of `width` values of a layer, where that was asked for.
  void Count(int32_t index, ObservedRows kind, int32_t rows, int32_t width,
             const cuda::BFloat16* x) const;
  uint64_t* CountsOf(int32_t index, ObservedRows kind) const;
  // Those of what Qkv read, of keys and of values.
  void CountAttentionInput(int32_t index, int32_t rows, const cuda::Product& qkv) const;
  void Head(const CudaStepInputs& inputs, const cuda::Product& delta);
  cuda::Activations Input(const cuda::DeviceWeight& weight, float* scales) const;

  const NetworkShard shard_;
  const ModelConfig config_;  // of the rank's part; the vocabulary is whole
  const cuda::AttentionShape attention_shape_;
  const CudaNetworkLimits limits_;
  const CudaStepPacker& packer_;
  CudaWeights weights_;
  std::unique_ptr<cuda::Linears> linears_;
  Workspace work_ = {};
  cuda::RankLinks links_;
  const std::byte* input_ = nullptr;
  std::byte* pages_ = nullptr;
  int32_t num_pages_ = 0;
  uint64_t* magnitude_counts_ = nullptr;
  cuda::StreamHandle stream_ = nullptr;
};

}  // namespace qed

#endif  // QED_MODEL_CUDA_NETWORK_H_
