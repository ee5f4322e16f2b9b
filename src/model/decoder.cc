#include "model/decoder.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "kernels/embedding.h"
#include "kernels/parallel.h"
#include "kernels/quantize_residual.h"
#include "kernels/rms_norm.h"
#include "kernels/rope.h"
#include "kernels/silu_mul.h"
#include "model/rope_frequencies.h"

namespace qed {
namespace {

// Rows that one thread takes at a time: int8 activations of four rows share
// their memory (kernels/weight_layout.h).
constexpr int32_t kRowsPerChunk = 8;

// What the row kernels cost beside a multiply-add, per element.
constexpr int64_t kNormWork = 4;  // two passes and the quantization
constexpr int64_t kQuantizeWork = 2;
constexpr int64_t kRopeWork = 4;   // and the scattered stores of the keys
constexpr int64_t kSiluWork = 16;  // an exponential
constexpr int64_t kAngleWork = 100;
constexpr int64_t kUnpackWork = 16;

}  // namespace

Decoder::Decoder(ModelConfig config, NetworkShard shard, WorkspaceLimits limits,
                 ModelWeights weights, KvStore kv, Workspace workspace, ThreadPool& pool,
                 Communicator* ranks)
    : config_(std::move(config)),
      shard_(shard),
      limits_(limits),
      rope_frequencies_(RopeFrequencies(config_)),
      weights_(std::move(weights)),
      kv_(std::move(kv)),
      work_(std::move(workspace)),
      ctx_{&pool, DetectIsa()},
      ranks_(ranks) {
  QED_CHECK_EQ(ranks_ == nullptr, shard_.whole());
}

ModelFootprint Decoder::footprint() const {
  ModelFootprint found;
  found.kv_bytes_per_token = kv_.bytes_per_token();
  for (const LayerWeights& layer : weights_.layers) {
    for (const PackedWeight* w :
         {&layer.q, &layer.k, &layer.v, &layer.o, &layer.gate, &layer.up, &layer.down}) {
      found.weight_bytes += static_cast<int64_t>(PackedWeightBytes(*w));
      found.macs_per_token += int64_t{w->n} * w->k;
    }
  }
  const PackedWeight& head = weights_.head;
  found.weight_bytes += static_cast<int64_t>(PackedWeightBytes(head));
  found.macs_per_logit_row = int64_t{head.n} * head.k;
  return found;
}

template <typename Fn>
void Decoder::ForRows(int32_t rows, int64_t row_work, Fn&& fn) {
  const int64_t chunks = (rows + kRowsPerChunk - 1) / kRowsPerChunk;
  ParallelForWork(ctx_, chunks, rows * row_work, [&](int64_t chunk) {
    const int32_t first = static_cast<int32_t>(chunk) * kRowsPerChunk;
    const int32_t last = std::min(rows, first + kRowsPerChunk);
    for (int32_t row = first; row < last; ++row) fn(row);
  });
}

std::span<const float> Decoder::Forward(const ForwardBatch& batch) {
  Begin(batch);
  EmbedTokens(batch.tokens);
  ComputeLayers(0, config_.num_layers);
  return Head(batch.logit_rows);
}

void Decoder::ComputeLayers(int32_t first, int32_t end) {
  for (int32_t i = first; i < end; ++i) {
    AttentionBlock(weights_.layers[i], i);
    FeedForwardBlock(weights_.layers[i], i);
  }
}

void Decoder::Embed(const ForwardBatch& batch, std::span<float> hidden) {
  Begin(batch);
  EmbedTokens(batch.tokens);
  std::copy_n(work_.hidden, hidden.size(), hidden.data());
}

void Decoder::RunLayers(const ForwardBatch& batch, int32_t first, int32_t end,
                        std::span<float> hidden) {
  Begin(batch);
  QED_CHECK_EQ(hidden.size(), batch.tokens.size() * static_cast<size_t>(config_.hidden_size));
  std::ranges::copy(hidden, work_.hidden);
  ComputeLayers(first, end);
  std::copy_n(work_.hidden, hidden.size(), hidden.data());
}

std::span<const float> Decoder::RunHead(const ForwardBatch& batch, std::span<const float> hidden) {
  QED_CHECK_EQ(hidden.size(), batch.tokens.size() * static_cast<size_t>(config_.hidden_size));
  std::ranges::copy(hidden, work_.hidden);
  rows_ = static_cast<int32_t>(batch.tokens.size());
  return Head(batch.logit_rows);
}

const PackedWeight& Decoder::Weight(int32_t layer, TensorRole role) const {
  const PackedWeight* found = MatrixOf(role, weights_.layers[static_cast<size_t>(layer)]);
  QED_CHECK(found != nullptr) << RoleName(role);
  return *found;
}

void Decoder::ReplaceWeight(int32_t layer, TensorRole role, const PackedWeight& weight) {
  PackedWeight* found = MatrixOf(role, weights_.layers[static_cast<size_t>(layer)]);
  QED_CHECK(found != nullptr) << RoleName(role);
  QED_CHECK(found->n == weight.n && found->k == weight.k);
  QED_CHECK(!UsesInt8Activations(found->format) && !UsesInt8Activations(weight.format));
  *found = weight;
}

// Works out what all layers share: pages, angles, and how attention is cut up.
void Decoder::Begin(const ForwardBatch& batch) {
  QED_CHECK(!batch.tokens.empty());
  QED_CHECK_LE(batch.tokens.size(), static_cast<size_t>(limits_.max_tokens));
  QED_CHECK_LE(batch.sequences.size(), static_cast<size_t>(limits_.max_sequences));
  QED_CHECK_LE(batch.logit_rows.size(), static_cast<size_t>(limits_.max_logit_rows));
  rows_ = static_cast<int32_t>(batch.tokens.size());
  int32_t laid = 0;
  for (size_t i = 0; i < batch.sequences.size(); ++i) {
    QED_CHECK_EQ(batch.sequences[i].first_row, laid);
    LaySequence(batch.sequences[i], work_.sequences[i]);
    laid += batch.sequences[i].num_rows;
  }
  QED_CHECK_EQ(laid, rows_);
  plan_ = PlanAttention({work_.sequences, batch.sequences.size()}, shard_.num_heads,
                        shard_.num_kv_heads, config_.head_dim, ctx_.pool->size(),
                        limits_.max_tokens, work_.attention_scratch);
  const int64_t half = config_.head_dim / 2;
  ForRows(rows_, half * kAngleWork, [&](int32_t row) {
    RopeAngles(work_.slots[row].position, rope_frequencies_, config_.rope_scaling.attention_factor,
               work_.cosine + row * half, work_.sine + row * half);
  });
}

void Decoder::EmbedTokens(std::span<const int32_t> tokens) {
  const int64_t width = config_.hidden_size;
  ForRows(rows_, width * kUnpackWork,
          [&](int32_t row) { EmbedToken(tokens[row], work_.hidden + row * width); });
  if (ranks_ != nullptr) {
    ranks_->SumOverRanks({work_.hidden, static_cast<size_t>(rows_ * width)});
  }
}

// The token's embedding on the rank that has it, zeros elsewhere.
void Decoder::EmbedToken(int32_t token, float* out) const {
  const int32_t row = token - shard_.first_token;
  if (row >= 0 && row < shard_.num_tokens) {
    EmbeddingRow(weights_.embedding, row, out);
  } else {
    QED_CHECK(!shard_.whole()) << token;
    std::fill_n(out, config_.hidden_size, 0.0f);
  }
}

void Decoder::LaySequence(const ForwardBatch::Sequence& sequence, AttentionSequence& out) {
  const int32_t page_size = kv_.page_size();
  const int32_t context = sequence.first_position + sequence.num_rows;
  QED_CHECK(sequence.num_rows > 0 && sequence.first_position >= 0);
  QED_CHECK_LE(sequence.first_row + sequence.num_rows, rows_);
  QED_CHECK_LE((int64_t{context} + page_size - 1) / page_size,
               static_cast<int64_t>(sequence.pages.size()));
  for (int32_t page : sequence.pages) {
    QED_CHECK(page >= 0 && page < kv_.num_pages()) << page;
  }
  out = {sequence.first_row, sequence.num_rows, context, sequence.pages.data()};
  for (int32_t i = 0; i < sequence.num_rows; ++i) {
    const int32_t position = sequence.first_position + i;
    work_.slots[sequence.first_row + i] = {position, sequence.pages[position / page_size],
                                           position % page_size};
  }
}

Decoder::Activations Decoder::LayActivations(float* x, int32_t rows, int32_t width,
                                             std::initializer_list<const PackedWeight*> weights,
                                             bool two_terms) {
  Activations activations = {x, width, {}, {}};
  for (const PackedWeight* weight : weights) {
    if (UsesInt8Activations(weight->format)) {
      activations.quantized = LayQuantizedActivations(rows, width, work_.quantized);
    } else {
      two_terms = false;  // The second term is made in the place of the f32 rows.
    }
  }
  if (two_terms) activations.rest = LayQuantizedActivations(rows, width, work_.quantized_rest);
  return activations;
}

void Decoder::Normalize(const float* x, const float* norm, int32_t row, const Activations& out) {
  RmsNormRow(ctx_.isa, x, norm, out.width, config_.rms_norm_eps, out.x + int64_t{row} * out.width);
  Quantize(row, out);
}

void Decoder::Quantize(int32_t row, const Activations& out) {
  float* x = out.x + int64_t{row} * out.width;
  if (out.rest.blocks != nullptr) {
    QuantizeRowInTwoTerms(ctx_.isa, x, row, out.quantized, out.rest);
  } else if (out.quantized.blocks != nullptr) {
    QuantizeActivationRow(ctx_.isa, x, row, out.quantized);
  }
}

void Decoder::Multiply(const Activations& in, int32_t rows, std::span<const LinearTask> tasks) {
  Linear(ctx_, in.x, in.width, in.quantized.blocks != nullptr ? &in.quantized : nullptr, rows,
         tasks);
}

void Decoder::MultiplyRest(const Activations& in, int32_t rows, LinearTask task) {
  if (in.rest.blocks == nullptr) return;
  task.bias = nullptr;
  task.accumulate = true;
  Linear(ctx_, in.x, in.width, &in.rest, rows, {&task, 1});
}

void Decoder::AddToHidden(const Activations& in, const PackedWeight& weight, const float* bias) {
  const int32_t width = config_.hidden_size;
  const bool whole = shard_.whole();
  const LinearTask task = {.weight = weight,
                           .bias = shard_.place.rank == 0 ? bias : nullptr,
                           .y = whole ? work_.hidden : work_.normed,
                           .y_stride = width,
                           .accumulate = whole};
  Multiply(in, rows_, {&task, 1});
  if (whole) return;
  ranks_->SumOverRanks({work_.normed, static_cast<size_t>(rows_) * width});
  ForRows(rows_, width, [&](int32_t row) {
    const float* from = work_.normed + int64_t{row} * width;
    float* to = work_.hidden + int64_t{row} * width;
    for (int32_t i = 0; i < width; ++i) to[i] += from[i];
  });
}

// hidden += o(attention(q, k, v of norm(hidden)))
void Decoder::AttentionBlock(const LayerWeights& layer, int32_t layer_index) {
  const int32_t width = config_.hidden_size;
  const int32_t q_width = shard_.num_heads * config_.head_dim;
  const int32_t kv_width = shard_.num_kv_heads * config_.head_dim;
  const int64_t stride = q_width + 2 * kv_width;
  const Activations normed =
      LayActivations(work_.normed, rows_, width, {&layer.q, &layer.k, &layer.v}, true);
  ForRows(rows_, width * kNormWork, [&](int32_t row) {
    Normalize(work_.hidden + int64_t{row} * width, layer.attention_norm, row, normed);
  });
  Observe(layer_index, ObservedRows::kAttentionInput, work_.normed, width, width);
  const LinearTask qkv[] = {
      {.weight = layer.q, .bias = layer.q_bias, .y = work_.qkv, .y_stride = stride},
      {.weight = layer.k, .bias = layer.k_bias, .y = work_.qkv + q_width, .y_stride = stride},
      {.weight = layer.v,
       .bias = layer.v_bias,
       .y = work_.qkv + q_width + kv_width,
       .y_stride = stride}};
  Multiply(normed, rows_, qkv);
  // What int8 activations cost in accuracy enters here more than anywhere else,
  // and v is the smallest product of the layer.
  MultiplyRest(normed, rows_, qkv[2]);

  Observe(layer_index, ObservedRows::kKeys, work_.qkv + q_width, kv_width, stride);
  Observe(layer_index, ObservedRows::kValues, work_.qkv + q_width + kv_width, kv_width, stride);

  const PagedKv kv = kv_.Layer(layer_index);
  ForRows(rows_, stride * kRopeWork, [&](int32_t row) { RotateAndStore(layer, kv, row); });
  PagedAttention(ctx_, kv, plan_, work_.qkv, stride, shard_.num_heads, work_.attention, q_width);

  Observe(layer_index, ObservedRows::kAttended, work_.attention, q_width, q_width);
  const Activations attended = LayActivations(work_.attention, rows_, q_width, {&layer.o});
  ForRows(rows_, q_width * kQuantizeWork, [&](int32_t row) { Quantize(row, attended); });
  AddToHidden(attended, layer.o, layer.o_bias);
}

// Turns one token's queries and keys to its position and puts keys and values
// into the cache.
void Decoder::RotateAndStore(const LayerWeights& layer, const PagedKv& kv, int32_t row) {
  const int32_t dim = config_.head_dim;
  const int32_t rotated = shard_.num_heads + shard_.num_kv_heads;
  const int64_t half = dim / 2;
  float* q = work_.qkv + int64_t{row} * (rotated + shard_.num_kv_heads) * dim;
  float* k = q + int64_t{shard_.num_heads} * dim;
  if (layer.q_norm != nullptr) {
    for (int32_t h = 0; h < rotated; ++h) {
      const float* norm = h < shard_.num_heads ? layer.q_norm : layer.k_norm;
      float* head = q + int64_t{h} * dim;
      RmsNormRow(ctx_.isa, head, norm, dim, config_.rms_norm_eps, head);
    }
  }
  RopeHeads(ctx_.isa, work_.cosine + row * half, work_.sine + row * half, rotated, dim, q);
  const TokenSlot& slot = work_.slots[row];
  WriteKvRow(ctx_.isa, kv, slot.page, slot.slot, k, k + int64_t{shard_.num_kv_heads} * dim);
}

// hidden += down(silu(gate(norm(hidden))) * up(norm(hidden)))
void Decoder::FeedForwardBlock(const LayerWeights& layer, int32_t layer_index) {
  const int32_t width = config_.hidden_size;
  const int32_t inner = shard_.intermediate_size;
  const Activations normed = LayActivations(work_.normed, rows_, width, {&layer.gate, &layer.up});
  ForRows(rows_, width * kNormWork, [&](int32_t row) {
    Normalize(work_.hidden + int64_t{row} * width, layer.ffn_norm, row, normed);
  });
  Observe(layer_index, ObservedRows::kFeedForwardInput, work_.normed, width, width);
  const LinearTask gate_up[] = {{.weight = layer.gate, .y = work_.gate, .y_stride = inner},
                                {.weight = layer.up, .y = work_.up, .y_stride = inner}};
  Multiply(normed, rows_, gate_up);

  const Activations gated = LayActivations(work_.gate, rows_, inner, {&layer.down});
  ForRows(rows_, inner * kSiluWork, [&](int32_t row) {
    float* gate = work_.gate + int64_t{row} * inner;
    SiluMulRow(ctx_.isa, gate, work_.up + int64_t{row} * inner, inner, gate);
    Quantize(row, gated);
  });
  Observe(layer_index, ObservedRows::kGated, work_.gate, inner, inner);
  AddToHidden(gated, layer.down, nullptr);
}

std::span<const float> Decoder::Head(std::span<const int32_t> rows) {
  head_rows_ = static_cast<int32_t>(rows.size());
  if (rows.empty()) return {};
  const int32_t width = config_.hidden_size;
  const auto count = static_cast<int32_t>(rows.size());
  const Activations normed = LayActivations(work_.normed, count, width, {&weights_.head});
  ForRows(count, width * kNormWork, [&](int32_t i) {
    QED_CHECK(rows[i] >= 0 && rows[i] < rows_) << rows[i];
    Normalize(work_.hidden + int64_t{rows[i]} * width, weights_.final_norm, i, normed);
  });
  const bool whole = shard_.whole();
  const LinearTask task = {.weight = weights_.head,
                           .y = whole ? work_.logits : work_.shard_logits,
                           .y_stride = shard_.most_tokens};
  Multiply(normed, count, {&task, 1});
  if (!whole) return GatherLogits(count);
  return {work_.logits, static_cast<size_t>(count) * config_.vocab_size};
}

std::span<const float> Decoder::GatherLogits(int32_t count) {
  const int64_t stride = shard_.most_tokens;
  const auto mine = static_cast<size_t>(count * stride);
  const bool first = shard_.place.rank == 0;
  const std::span<float> all(work_.gathered_logits, first ? mine * shard_.place.ranks : 0);
  ranks_->Gather(std::as_bytes(std::span(work_.shard_logits, mine)), std::as_writable_bytes(all));
  if (!first) return {};
  for (int32_t rank = 0; rank < shard_.place.ranks; ++rank) {
    const NetworkShard part = ShardOf(config_, {rank, shard_.place.ranks});
    for (int32_t row = 0; row < count; ++row) {
      std::copy_n(all.data() + (int64_t{rank} * count + row) * stride, part.num_tokens,
                  work_.logits + int64_t{row} * config_.vocab_size + part.first_token);
    }
  }
  return {work_.logits, static_cast<size_t>(count) * config_.vocab_size};
}

}  // namespace qed
