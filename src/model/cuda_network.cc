#include "model/cuda_network.h"

#include <algorithm>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "kernels/cuda/between_attention.h"
#include "kernels/cuda/embedding.h"
#include "kernels/cuda/few_rows_linear.h"
#include "kernels/cuda/magnitudes.h"
#include "kernels/cuda/paged_attention.h"
#include "kernels/cuda/quantize.h"
#include "kernels/cuda/rank_sum.h"
#include "kernels/cuda/rms_norm.h"
#include "kernels/cuda/rope.h"
#include "kernels/cuda/silu_mul.h"
#include "model/rope_frequencies.h"

namespace qed {

using cuda::Activations;
using cuda::BFloat16;
using cuda::DeviceWeight;
using cuda::Product;

namespace {

constexpr int64_t kAlignment = 256;

int64_t AlignUp(int64_t count) { return (count + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

Status CheckCudaNetworkShape(const ModelConfig& c, const cuda::AttentionShape& attention) {
  QED_RETURN_IF_ERROR(cuda::CheckAttentionShape(attention));
  const int64_t q_width = int64_t{c.num_heads} * c.head_dim;
  for (int64_t width : {int64_t{c.hidden_size}, int64_t{c.intermediate_size}, q_width}) {
    if (width > cuda::kMaxRowWidth) {
      return Unsupported("rows of " + std::to_string(width) + " values cannot be run on a GPU; " +
                         std::to_string(cuda::kMaxRowWidth) + " at most");
    }
  }
  return OkStatus();
}

CudaNetwork::CudaNetwork(const ModelConfig& config, const NetworkShard& shard,
                         const cuda::AttentionShape& attention, const CudaNetworkLimits& limits,
                         const CudaStepPacker& packer)
    : shard_(shard),
      config_(ConfigOfShard(config, shard)),
      attention_shape_(attention),
      limits_(limits),
      packer_(packer) {}

int64_t CudaNetwork::BetweenBytes() const {
  const int32_t q_width = config_.num_heads * config_.head_dim;
  const int32_t qkv_width = q_width + 2 * config_.num_kv_heads * config_.head_dim;
  return static_cast<int64_t>(cuda::BetweenAttentionWorkspace(
      {config_.hidden_size, q_width, qkv_width, config_.intermediate_size}));
}

int64_t CudaNetwork::FewRowsBytes() const {
  return cuda::HasFewRowsLinear() ? static_cast<int64_t>(cuda::FewRowsWorkspace()) : 0;
}

int64_t CudaNetwork::Lay(std::byte* base, Workspace* placed) const {
  Workspace work = {};
  int64_t size = 0;
  const auto take = [&](auto*& pointer, int64_t count) {
    using Pointer = std::remove_reference_t<decltype(pointer)>;
    if (base != nullptr) pointer = reinterpret_cast<Pointer>(base + size);
    size += AlignUp(count * static_cast<int64_t>(sizeof(*pointer)));
  };
  const int64_t rows = packer_.max_rows(), hidden = config_.hidden_size,
                inner = config_.intermediate_size;
  const int64_t q_width = int64_t{config_.num_heads} * config_.head_dim;
  const int64_t qkv_width = q_width + int64_t{2} * config_.num_kv_heads * config_.head_dim;
  take(work.residual, rows * hidden);
  const int64_t qkv_elements = AlignUp(rows * qkv_width);
  take(work.inner, std::max(rows * 2 * inner, qkv_elements + rows * q_width));
  if (base != nullptr) work.attention = work.inner + qkv_elements;
  take(work.x, rows * std::max({hidden, inner, q_width}) * int64_t{sizeof(BFloat16)});
  take(work.delta, rows * hidden);
  take(work.norm_scales, rows);
  take(work.inner_scales, rows);
  take(work.head_in, int64_t{packer_.max_logit_rows()} * hidden);
  take(work.rope_table, int64_t{limits_.max_seq_len} * config_.head_dim);
  take(work.frequencies, config_.head_dim / 2);
  take(work.sampled, limits_.num_slots);
  take(work.attention_workspace,
       cuda::AttentionWorkspaceBytes(packer_.planner(), attention_shape_));
  take(work.between_workspace, BetweenBytes());
  take(work.few_rows_workspace, FewRowsBytes());
  const int64_t logit_rows = packer_.max_logit_rows();
  if (!shard_.whole()) {
    take(work.exchange, cuda::RankExchangeBytes(shard_.place.ranks, config_.hidden_size));
    take(work.own_logits, logit_rows * shard_.most_tokens);
  }
  take(work.logits, IsFirst() ? logit_rows * config_.vocab_size : 0);
  if (shard_.whole() && base != nullptr) work.own_logits = work.logits;
  if (placed != nullptr) *placed = work;
  return size;
}

Status CudaNetwork::Place(CudaWeights weights, std::byte* workspace, const std::byte* input,
                          std::byte* pages, int32_t num_pages, const cuda::Stream& stream) {
  weights_ = std::move(weights);
  QED_ASSIGN_OR_RETURN(linears_, cuda::Linears::Create());
  input_ = input;
  pages_ = pages;
  num_pages_ = num_pages;
  stream_ = stream.handle();
  const int64_t bytes = Lay(workspace, &work_);
  // Whatever is read before it is written should be numbers: 0.01 in the workspace,
  // for zeros would make products faster than they are.
  constexpr uint8_t kSmallNumbers = 0x3c;
  cuda::Fill(workspace, kSmallNumbers, static_cast<size_t>(bytes), stream_);
  cuda::Fill(work_.between_workspace, 0, static_cast<size_t>(BetweenBytes()), stream_);
  cuda::Fill(work_.few_rows_workspace, 0, static_cast<size_t>(FewRowsBytes()), stream_);
  if (!shard_.whole()) {
    const int64_t exchange = cuda::RankExchangeBytes(shard_.place.ranks, config_.hidden_size);
    cuda::Fill(work_.exchange, 0, static_cast<size_t>(exchange), stream_);
  }
  cuda::Fill(work_.sampled, 0, limits_.num_slots * sizeof(int32_t), stream_);
  cuda::ClearAttentionWorkspace(packer_.planner(), attention_shape_, work_.attention_workspace,
                                stream_);
  const std::vector<double> frequencies = RopeFrequencies(config_);
  cuda::CopyToDevice(work_.frequencies, frequencies.data(), frequencies.size() * sizeof(double),
                     stream_);
  cuda::FillRopeTable(work_.frequencies, config_.head_dim / 2, limits_.max_seq_len,
                      config_.rope_scaling.attention_factor, work_.rope_table, stream_);
  return stream.Synchronize();
}

void CudaNetwork::Link(std::span<std::byte* const> workspaces, double wait_seconds,
                       uint32_t* lost) {
  QED_CHECK(workspaces.size() == static_cast<size_t>(shard_.place.ranks) &&
            shard_.place.ranks <= cuda::kMostLinkedRanks);
  links_.rank = shard_.place.rank;
  links_.ranks = shard_.place.ranks;
  std::ranges::copy(workspaces, links_.memory);
  links_.exchange = work_.exchange - links_.memory[links_.rank];
  links_.width = config_.hidden_size;
  links_.wait_nanoseconds = static_cast<uint64_t>(wait_seconds * 1e9);
  links_.lost = lost;
}

Status CudaNetwork::PrepareLinears(const cuda::Stream& stream) {
  const auto of_layers = [&](DeviceWeight CudaLayerWeights::*member) {
    std::vector<DeviceWeight> weights;
    for (const CudaLayerWeights& layer : weights_.layers) weights.push_back(layer.*member);
    return weights;
  };
  const int32_t rows = limits_.max_num_tokens;
  const auto prepare = [&](const std::vector<DeviceWeight>& weights, cuda::OutputFormat output,
                           int32_t max_rows, void* y) -> Status {
    // Layers may differ in format; each format is a product of its own.
    std::map<WeightFormat, std::vector<DeviceWeight>> by_format;
    for (const DeviceWeight& weight : weights) by_format[weight.format].push_back(weight);
    for (const auto& [format, same] : by_format) {
      QED_RETURN_IF_ERROR(
          linears_->Prepare(same, output, max_rows, Input(same[0], work_.norm_scales), y, stream));
    }
    return OkStatus();
  };
  using enum cuda::OutputFormat;
  QED_RETURN_IF_ERROR(prepare(of_layers(&CudaLayerWeights::qkv), kBF16, rows, work_.inner));
  QED_RETURN_IF_ERROR(prepare(of_layers(&CudaLayerWeights::o), kBF16, rows, work_.delta));
  QED_RETURN_IF_ERROR(prepare(of_layers(&CudaLayerWeights::gate_up), kBF16, rows, work_.inner));
  QED_RETURN_IF_ERROR(prepare(of_layers(&CudaLayerWeights::down), kBF16, rows, work_.delta));
  return prepare({weights_.head}, kF32, limits_.max_logit_rows, work_.own_logits);
}

ModelFootprint CudaNetwork::footprint() const {
  ModelFootprint found;
  const auto weight_bytes = [](const DeviceWeight& weight) {
    const int64_t values = int64_t{weight.n} * weight.k;
    return weight.format == WeightFormat::kBF16
               ? 2 * values
               : values + int64_t{weight.n} * static_cast<int64_t>(sizeof(float));
  };
  for (const CudaLayerWeights& layer : weights_.layers) {
    for (const DeviceWeight* weight : {&layer.qkv, &layer.o, &layer.gate_up, &layer.down}) {
      found.weight_bytes += weight_bytes(*weight);
      found.macs_per_token += int64_t{weight->n} * weight->k;
    }
  }
  found.weight_bytes += weight_bytes(weights_.head);
  found.macs_per_logit_row = int64_t{weights_.head.n} * weights_.head.k;
  return found;
}

void CudaNetwork::Compute(const CudaStepInputs& inputs) {
  const auto* tokens = reinterpret_cast<const int32_t*>(input_ + inputs.tokens);
  if (!shard_.whole()) cuda::ShareTokens(links_, work_.sampled, limits_.num_slots, stream_);
  cuda::Embedding(inputs.num_tokens, config_.hidden_size, config_.vocab_size,
                  reinterpret_cast<const BFloat16*>(weights_.embedding.data), tokens, work_.sampled,
                  work_.residual, stream_);
  const int32_t rows = inputs.num_tokens;
  Product delta;  // What the block before left to be added to the residual stream.
  Product qkv;    // Where the layer before went on to it.
  bool has_qkv = false;
  for (int32_t i = 0; i < config_.num_layers; ++i) {
    const CudaLayerWeights& layer = weights_.layers[i];
    // Layers whose weights are not all of one format take the way of many rows.
    const bool as_one = !counts_magnitudes() && cuda::HasBetweenAttention(Between(i, rows));
    if (!has_qkv) {
      const bool few_rows =
          as_one && layer.qkv.format == layer.o.format && layer.qkv.input_scale == nullptr;
      qkv = Qkv(layer, rows, delta, few_rows);
      CountAttentionInput(i, rows, qkv);
    }
    Attend(layer, i, inputs, qkv);
    Count(i, ObservedRows::kAttended, rows, config_.num_heads * config_.head_dim, work_.attention);
    has_qkv = as_one && i + 1 < config_.num_layers;
    if (!as_one) {
      delta = FeedForwardBlock(i, rows, Output(layer, rows));
    } else if (has_qkv) {
      qkv = GoOn(i, rows);
    } else {
      delta = GoOn(i, rows);
    }
  }
  if (inputs.logit_rows > 0) Head(inputs, delta);
}

Activations CudaNetwork::Input(const DeviceWeight& weight, float* scales) const {
  Activations x;
  x.format = cuda::ActivationsFor(weight.format);
  x.bf16 = reinterpret_cast<BFloat16*>(work_.x);
  x.fp8 = reinterpret_cast<cuda::Fp8*>(work_.x);
  x.scales = scales;
  x.static_scale = weight.input_scale;
  return x;
}

void CudaNetwork::SumOverRanks(int32_t rows, int32_t all_rows, const cuda::RmsNormArgs& args,
                               int slot) {
  if (all_rows <= cuda::kOneShotRows) {
    cuda::AddRmsNormOfAll(rows, config_.hidden_size, args, links_, slot, stream_);
  } else {
    cuda::AddRmsNormOfShare(rows, config_.hidden_size, all_rows, args, links_, stream_);
  }
}

void CudaNetwork::AddAndNorm(const float* weight, const Product& delta, int slot, int32_t rows,
                             const Activations& normed) {
  const cuda::RmsNormArgs args = {.residual = work_.residual,
                                  .delta = delta,
                                  .weight = weight,
                                  .eps = config_.rms_norm_eps,
                                  .row_ids = nullptr,
                                  .out = normed};
  // The first block has nothing to add.
  if (!shard_.whole() && delta.data != nullptr) return SumOverRanks(rows, rows, args, slot);
  cuda::AddRmsNorm(rows, config_.hidden_size, args, stream_);
}

// residual += delta; returns q, k and v of norm(residual).
Product CudaNetwork::Qkv(const CudaLayerWeights& layer, int32_t rows, const Product& delta,
                         bool few_rows) {
  const Activations normed = Input(layer.qkv, work_.norm_scales);
  AddAndNorm(layer.attention_norm, delta, /*slot=*/1, rows, normed);
  Product qkv;
  if (few_rows) {
    qkv = cuda::MultiplyFewRows(layer.qkv, normed, rows, work_.inner,
                                {work_.few_rows_workspace, static_cast<size_t>(FewRowsBytes())},
                                stream_);
  } else {
    qkv = linears_->Multiply(layer.qkv, normed, rows, work_.inner, stream_);
  }
  qkv.bias = layer.qkv_bias;
  return qkv;
}

// The product o of what Attend left.
Product CudaNetwork::Output(const CudaLayerWeights& layer, int32_t rows) {
  Activations attended = Input(layer.o, work_.inner_scales);
  if (attended.format == cuda::ActivationFormat::kFp8) {
    cuda::QuantizeRows(rows, config_.num_heads * config_.head_dim, work_.attention, attended,
                       stream_);
  } else {
    attended.bf16 = work_.attention;
  }
  Product out = linears_->Multiply(layer.o, attended, rows, work_.delta, stream_);
  out.bias = layer.o_bias;
  return out;
}

cuda::BetweenAttention CudaNetwork::Between(int32_t index, int32_t rows) const {
  const CudaLayerWeights& layer = weights_.layers[index];
  const bool is_last = index + 1 == config_.num_layers;
  const CudaLayerWeights& next = weights_.layers[is_last ? index : index + 1];
  return {.rows = rows,
          .residual = work_.residual,
          .norm_eps = config_.rms_norm_eps,
          .attention = work_.attention,
          .attended = Input(layer.o, work_.inner_scales),
          .o = layer.o,
          .o_bias = layer.o_bias,
          .ffn_norm = layer.ffn_norm,
          .normed = Input(layer.gate_up, work_.norm_scales),
          .gate_up = layer.gate_up,
          .gated = Input(layer.down, work_.inner_scales),
          .down = layer.down,
          .next_norm = is_last ? nullptr : next.attention_norm,
          .qkv = next.qkv,
          .out = is_last ? work_.delta : work_.inner,
          .links = shard_.whole() ? nullptr : &links_};
}

// From a layer's attention to q, k and v of the next one, in one launch; in the last layer
// to what is to be added to the residual stream.
Product CudaNetwork::GoOn(int32_t index, int32_t rows) {
  const cuda::BetweenAttention between = Between(index, rows);
  cuda::RunBetweenAttention(between, {work_.between_workspace, static_cast<size_t>(BetweenBytes())},
                            stream_);
  Product product;
  product.data = between.out;
  if (between.next_norm != nullptr) product.bias = weights_.layers[index + 1].qkv_bias;
  return product;
}

// Rotates queries and keys, stores keys and values, and attends: into `attention`.
void CudaNetwork::Attend(const CudaLayerWeights& layer, int32_t index, const CudaStepInputs& inputs,
                         const Product& qkv) {
  const std::byte* plan = input_ + inputs.attention;
  const cuda::PagedKvCache kv = {
      .data = reinterpret_cast<BFloat16*>(pages_) + int64_t{index} * num_pages_ * 2 *
                                                        attention_shape_.page_size *
                                                        config_.num_kv_heads * config_.head_dim,
      .num_kv_heads = config_.num_kv_heads,
      .head_dim = config_.head_dim,
      .page_size = attention_shape_.page_size};
  cuda::RotateAndStore({config_.num_heads, config_.num_kv_heads, config_.head_dim},
                       inputs.num_tokens,
                       {.qkv = qkv,
                        .q_norm = layer.q_norm,
                        .k_norm = layer.k_norm,
                        .norm_eps = config_.rms_norm_eps,
                        .rope_table = work_.rope_table,
                        .positions = reinterpret_cast<const int32_t*>(plan + inputs.plan.positions),
                        .slots = reinterpret_cast<const int32_t*>(plan + inputs.plan.slots),
                        .pages = kv.data,
                        .page_size = attention_shape_.page_size},
                       stream_);
  cuda::PagedAttention({.plan = &inputs.plan,
                        .plan_memory = plan,
                        .kv = kv,
                        .workspace = work_.attention_workspace,
                        .max_partial_rows = packer_.planner().max_partial_rows(),
                        .num_heads = config_.num_heads,
                        .q = work_.inner,
                        .q_stride = layer.qkv.n,
                        .out = work_.attention},
                       stream_);
}

// residual += delta; returns down(silu(gate(norm(residual))) * up(norm(residual))).
Product CudaNetwork::FeedForwardBlock(int32_t index, int32_t rows, const Product& delta) {
  const CudaLayerWeights& layer = weights_.layers[index];
  const Activations normed = Input(layer.gate_up, work_.norm_scales);
  AddAndNorm(layer.ffn_norm, delta, /*slot=*/0, rows, normed);
  Count(index, ObservedRows::kFeedForwardInput, rows, config_.hidden_size, normed.bf16);
  const Product gate_up = linears_->Multiply(layer.gate_up, normed, rows, work_.inner, stream_);
  const Activations gated = Input(layer.down, work_.inner_scales);
  cuda::SiluMul(rows, config_.intermediate_size, gate_up, gated, stream_);
  Count(index, ObservedRows::kGated, rows, config_.intermediate_size, gated.bf16);
  return linears_->Multiply(layer.down, gated, rows, work_.delta, stream_);
}

void CudaNetwork::Count(int32_t index, ObservedRows kind, int32_t rows, int32_t width,
                        const BFloat16* x) const {
  if (!counts_magnitudes()) return;
  cuda::CountMagnitudes(rows, width, width, x, nullptr, CountsOf(index, kind), stream_);
}

void CudaNetwork::CountAttentionInput(int32_t index, int32_t rows, const Product& qkv) const {
  if (!counts_magnitudes()) return;
  Count(index, ObservedRows::kAttentionInput, rows, config_.hidden_size,
        reinterpret_cast<const BFloat16*>(work_.x));
  const int32_t kv_width = config_.num_kv_heads * config_.head_dim;
  int32_t first = config_.num_heads * config_.head_dim;
  const int32_t stride = first + 2 * kv_width;
  for (const ObservedRows kind : {ObservedRows::kKeys, ObservedRows::kValues}) {
    cuda::CountMagnitudes(rows, kv_width, stride, qkv.data + first,
                          qkv.bias == nullptr ? nullptr : qkv.bias + first, CountsOf(index, kind),
                          stream_);
    first += kv_width;
  }
}

uint64_t* CudaNetwork::CountsOf(int32_t index, ObservedRows kind) const {
  const int64_t histogram = int64_t{index} * kObservedKinds + static_cast<int64_t>(kind);
  return magnitude_counts_ + histogram * cuda::kMagnitudes;
}

void CudaNetwork::Head(const CudaStepInputs& inputs, const Product& delta) {
  Activations normed;
  normed.bf16 = work_.head_in;
  const cuda::RmsNormArgs args = {.residual = work_.residual,
                                  .delta = delta,
                                  .weight = weights_.final_norm,
                                  .eps = config_.rms_norm_eps,
                                  .row_ids = reinterpret_cast<const int32_t*>(input_ + inputs.rows),
                                  .out = normed};
  if (shard_.whole()) {
    cuda::AddRmsNorm(inputs.logit_rows, config_.hidden_size, args, stream_);
  } else {
    SumOverRanks(inputs.logit_rows, inputs.num_tokens, args, /*slot=*/1);
  }
  linears_->MultiplyF32(weights_.head, normed, inputs.logit_rows, work_.own_logits, stream_);
  if (shard_.whole()) return;
  cuda::GatherColumns(links_, inputs.logit_rows, shard_.num_tokens, work_.own_logits, work_.logits,
                      config_.vocab_size, shard_.first_token, stream_);
}

}  // namespace qed
