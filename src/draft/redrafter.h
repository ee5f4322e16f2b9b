// Drafts of a ReDrafter head on the CPU: a chain, each the likeliest token after those
// before it (checkpoint/drafter_checkpoint.h has the network).
#ifndef QED_DRAFT_REDRAFTER_H_
#define QED_DRAFT_REDRAFTER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/drafter_checkpoint.h"
#include "draft/drafter.h"
#include "kernels/linear.h"
#include "kernels/op_context.h"
#include "tensor/aligned_buffer.h"

namespace qed {

// The network for some sequences at a time. Not thread-safe.
class RedrafterNetwork {
 public:
  // Packs the weights in 8 bits (where a row is of whole blocks of 32 values, else as they are
  // stored), `exact` ones in f32; keeps the model's embedding mapped. `pool` must outlive it. At
  // most `max_rows` sequences.
  static Result<RedrafterNetwork> Load(const DrafterCheckpoint& drafter, const Checkpoint& model,
                                       int32_t max_rows, bool exact, ThreadPool& pool);

  int32_t hidden_size() const { return hidden_; }
  int32_t max_rows() const { return max_rows_; }
  // Rows of logits: of the drafter's vocabulary.
  int32_t head_rows() const { return head_.weight.n; }
  // The token of a row of the head.
  int32_t TokenOf(int32_t row) const { return vocabulary_.empty() ? row : vocabulary_[row]; }

  // Begins chains: row r has hidden state hidden[r], [E], and no token yet.
  void Begin(std::span<const std::span<const float>> hidden);
  // The chains go on with these tokens, one a row; returns the logits [rows, head_rows()],
  // valid until the next call.
  std::span<const float> Advance(std::span<const int32_t> tokens);

 private:
  struct Layer {
    PackedWeight weight;
    std::vector<float> bias;  // empty: none
    AlignedBuffer memory;
  };

  RedrafterNetwork(ThreadPool& pool) : ctx_{&pool, DetectIsa()} {}
  Result<Layer> Pack(const DrafterCheckpoint& drafter, const std::string& name, bool exact) const;
  void Multiply(const Layer& layer, const std::vector<float>& x, std::vector<float>& y,
                bool accumulate = false);
  Status TakeEmbedding(const Checkpoint& model);
  void Embed(int32_t token, float* out) const;

  OpContext ctx_;
  int32_t hidden_ = 0, exit_ = 0, max_rows_ = 0;
  bool rnn_ = false;
  CheckpointTensor embedding_;                            // of a published model
  PackedWeight packed_embedding_;                         // of an engine; else without data
  std::vector<std::shared_ptr<const MappedFile>> files_;  // that hold either
  std::vector<int32_t> vocabulary_;
  Layer w_, u_, input_proj_, head_;
  std::vector<Layer> layers_;
  // Of the chains at hand; each [max_rows, its width].
  int32_t rows_ = 0;
  std::vector<float> given_;  // hidden states
  std::vector<float> state_, next_state_, embedded_, joined_, exit_in_, exit_out_, logits_;
  AlignedBuffer quantized_;  // what a product reads
};

class Redrafter : public Drafter {
 public:
  explicit Redrafter(RedrafterNetwork network) : network_(std::move(network)) {}

  void Start(uint64_t, std::span<const int32_t>) override {}
  void Append(uint64_t, std::span<const int32_t>) override {}
  // Of requests without a hidden state, none.
  void Propose(std::span<DraftRequest> requests) override;
  void End(uint64_t) override {}

 private:
  void ProposeSome(std::span<DraftRequest*> requests);

  RedrafterNetwork network_;
  // One call's working memory; by request: its hidden state, its newest token, how likely
  // all its drafts are right (0: its chain has ended).
  std::vector<DraftRequest*> asked_;
  std::vector<std::span<const float>> hidden_;
  std::vector<int32_t> tokens_;
  std::vector<double> reached_;
};

}  // namespace qed

#endif  // QED_DRAFT_REDRAFTER_H_
