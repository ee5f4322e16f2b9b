// The network on the CPU: embeds, runs the decoder layers, gives logits.
//
// One code path for Llama, Qwen2 and Qwen3: what differs is which weights are
// there. Between the products of a layer (kernels/linear.h) everything goes row
// by row, so a row's bits never depend on its neighbours.
//
// Or a part of the network on one of several ranks, which all take the same steps: the sums
// over heads and inner columns, and embeddings, of which each rank has some rows, are added up
// over the ranks; rank 0 gets the logits.
#ifndef QED_MODEL_DECODER_H_
#define QED_MODEL_DECODER_H_

#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "config/model_config.h"
#include "kernels/attention.h"
#include "kernels/op_context.h"
#include "model/activation_observer.h"
#include "model/kv_store.h"
#include "model/language_model.h"
#include "model/network_shard.h"
#include "model/weights.h"
#include "model/workspace.h"
#include "parallel/communicator.h"

namespace qed {

class Decoder : public ObservableModel {
 public:
  // Weights, KV bytes and workspace are the shard's. `pool` must outlive the decoder, as must
  // `ranks`, which is null where the shard is the whole.
  Decoder(ModelConfig config, NetworkShard shard, WorkspaceLimits limits, ModelWeights weights,
          KvStore kv, Workspace workspace, ThreadPool& pool, Communicator* ranks);

  const ModelConfig& config() const override { return config_; }
  int32_t page_size() const override { return kv_.page_size(); }
  int32_t num_pages() const override { return kv_.num_pages(); }
  int32_t max_num_tokens() const override { return limits_.max_tokens; }
  int32_t max_batch_size() const override { return limits_.max_sequences; }
  int32_t max_logit_rows() const override { return limits_.max_logit_rows; }
  // Of the rank's part.
  ModelFootprint footprint() const override;

  void set_observer(ActivationObserver* observer) override { observer_ = observer; }
  // On ranks but the first the logits are empty.
  std::span<const float> Forward(const ForwardBatch& batch) override;

  // Forward in parts, for those who look at layers apart. `hidden` is the residual stream of the
  // step's tokens, [T, E], between two layers. Pages are written by the layers that run.
  void Embed(const ForwardBatch& batch, std::span<float> hidden);
  // Layers [first, end), in place.
  void RunLayers(const ForwardBatch& batch, int32_t first, int32_t end, std::span<float> hidden);
  // The logits of batch.logit_rows, as Forward gives them.
  std::span<const float> RunHead(const ForwardBatch& batch, std::span<const float> hidden);

  // A linear of a layer. What is put in its place must have the same sides, a format with f32
  // activations as it has, and outlive the decoder or its replacement.
  const PackedWeight& Weight(int32_t layer, TensorRole role) const;
  void ReplaceWeight(int32_t layer, TensorRole role, const PackedWeight& weight);
  std::span<const float> hidden() const override {
    return {work_.normed, static_cast<size_t>(head_rows_) * config_.hidden_size};
  }

 private:
  // What a group of products reads: f32 rows, and int8 ones where a format wants
  // them. Blocks are null where no product reads them.
  struct Activations {
    float* x;
    int32_t width;
    QuantizedActivations quantized;
    QuantizedActivations rest;  // a second term, for MultiplyRest
  };

  // Shows rows to the observer, if there is one.
  void Observe(int32_t layer, ObservedRows kind, const float* rows, int32_t width,
               int64_t stride) const {
    if (observer_ != nullptr) observer_->Observe(layer, kind, rows, rows_, width, stride);
  }
  void Begin(const ForwardBatch& batch);
  void LaySequence(const ForwardBatch::Sequence& sequence, AttentionSequence& out);
  void AttentionBlock(const LayerWeights& layer, int32_t layer_index);
  void FeedForwardBlock(const LayerWeights& layer, int32_t layer_index);
  std::span<const float> Head(std::span<const int32_t> rows);
  void EmbedTokens(std::span<const int32_t> tokens);
  void ComputeLayers(int32_t first, int32_t end);
  void EmbedToken(int32_t token, float* out) const;
  // Adds a product, one per rank's part of the columns, to the residual stream.
  void AddToHidden(const Activations& in, const PackedWeight& weight, const float* bias);
  // Brings the ranks' parts of `count` rows of logits together on rank 0.
  std::span<const float> GatherLogits(int32_t count);

  // A view of `rows` rows; with `two_terms`, products that all read int8 get both.
  Activations LayActivations(float* x, int32_t rows, int32_t width,
                             std::initializer_list<const PackedWeight*> weights,
                             bool two_terms = false);
  // Row `row` of `out` is the norm of x, quantized where out says so.
  void Normalize(const float* x, const float* norm, int32_t row, const Activations& out);
  // Gives row `row`, whose f32 values stand, its int8 form.
  void Quantize(int32_t row, const Activations& out);
  void RotateAndStore(const LayerWeights& layer, const PagedKv& kv, int32_t row);
  void Multiply(const Activations& in, int32_t rows, std::span<const LinearTask> tasks);
  // Adds the second term's product, if there is one, to what Multiply wrote.
  void MultiplyRest(const Activations& in, int32_t rows, LinearTask task);
  // Calls fn(row) for all rows; `row_work` is about a row's multiply-adds.
  template <typename Fn>
  void ForRows(int32_t rows, int64_t row_work, Fn&& fn);

  const ModelConfig config_;
  const NetworkShard shard_;
  const WorkspaceLimits limits_;
  const std::vector<double> rope_frequencies_;  // [D/2]
  ModelWeights weights_;
  KvStore kv_;
  Workspace work_;
  OpContext ctx_;
  Communicator* const ranks_;
  ActivationObserver* observer_ = nullptr;
  // Of the step at hand.
  int32_t rows_ = 0;
  int32_t head_rows_ = 0;
  AttentionPlan plan_;
};

}  // namespace qed

#endif  // QED_MODEL_DECODER_H_
