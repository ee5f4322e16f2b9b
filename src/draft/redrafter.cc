#include "draft/redrafter.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/check.h"
#include "checkpoint/engine_folder.h"
#include "draft/step_drafter.h"
#include "kernels/embedding.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

float Silu(float x) { return x / (1.0f + std::exp(-x)); }

// The likeliest row of some logits, and its probability.
std::pair<int32_t, double> Likeliest(std::span<const float> logits) {
  const auto best = std::ranges::max_element(logits);
  constexpr float kNothing = -16;  // less than 1e-6 of the likeliest
  float sum = 0;
  for (float logit : logits) {
    if (logit - *best > kNothing) sum += std::exp(logit - *best);
  }
  return {static_cast<int32_t>(best - logits.begin()), 1 / double{sum}};
}

// 8 bits will do: rounding makes drafts a little worse and costs half the time of 16.
WeightFormat FormatFor(const RawTensor& tensor, bool exact) {
  if (exact) return WeightFormat::kF32;
  const bool whole_blocks = tensor.shape[1] % BlockValues(DType::kQ8_0) == 0;
  return whole_blocks ? WeightFormat::kQ8_0 : FastFormatFor(tensor.dtype);
}

std::vector<float> Floats(const RawTensor& tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.shape[0]));
  DequantizeRow(tensor.dtype, tensor.data, values);
  return values;
}

}  // namespace

Result<RedrafterNetwork::Layer> RedrafterNetwork::Pack(const DrafterCheckpoint& drafter,
                                                       const std::string& name, bool exact) const {
  const RawTensor& tensor = drafter.tensors.at(name + ".weight");
  const auto n = static_cast<int32_t>(tensor.shape[0]), k = static_cast<int32_t>(tensor.shape[1]);
  const WeightFormat format = FormatFor(tensor, exact);
  Layer layer;
  QED_ASSIGN_OR_RETURN(layer.memory, AlignedBuffer::Allocate(PackedWeightBytes(format, n, k)));
  PackWeightRows(format, n, k, 0, n, tensor.dtype, tensor.data, layer.memory.data());
  layer.weight = {format, n, k, layer.memory.data()};
  const auto bias = drafter.tensors.find(name + ".bias");
  if (bias != drafter.tensors.end()) layer.bias = Floats(bias->second);
  return layer;
}

Result<RedrafterNetwork> RedrafterNetwork::Load(const DrafterCheckpoint& drafter,
                                                const Checkpoint& model, int32_t max_rows,
                                                bool exact, ThreadPool& pool) {
  RedrafterNetwork network(pool);
  if (drafter.random) return Unsupported(drafter.path + ": a CPU runs trained drafters alone");
  network.hidden_ = drafter.hidden_size;
  network.exit_ = drafter.exit_dim;
  network.max_rows_ = max_rows;
  network.rnn_ = drafter.rnn;
  network.vocabulary_ = drafter.vocabulary;
  QED_RETURN_IF_ERROR(network.TakeEmbedding(model));
  const auto pack = [&](const std::string& name) { return network.Pack(drafter, name, exact); };
  if (drafter.rnn) {
    QED_ASSIGN_OR_RETURN(network.w_, pack("rnn_w"));
    QED_ASSIGN_OR_RETURN(network.u_, pack("rnn_u"));
  }
  if (drafter.has_input_proj()) {
    QED_ASSIGN_OR_RETURN(network.input_proj_, pack("input_proj"));
  }
  for (int32_t i = 0; i < drafter.num_layers; ++i) {
    QED_ASSIGN_OR_RETURN(Layer layer, pack("lm_head." + std::to_string(i) + ".linear"));
    network.layers_.push_back(std::move(layer));
  }
  QED_ASSIGN_OR_RETURN(network.head_, pack("lm_head." + std::to_string(drafter.num_layers)));
  const auto room = [&](std::vector<float>& rows, int64_t width) {
    rows.resize(static_cast<size_t>(max_rows * width));
  };
  const int64_t hidden = network.hidden_;
  for (std::vector<float>* rows :
       {&network.given_, &network.state_, &network.next_state_, &network.embedded_}) {
    room(*rows, hidden);
  }
  room(network.joined_, 2 * hidden);
  room(network.exit_in_, network.exit_);
  room(network.exit_out_, network.exit_);
  room(network.logits_, network.head_.weight.n);
  const int32_t widest = std::max(2 * network.hidden_, network.exit_);
  QED_ASSIGN_OR_RETURN(network.quantized_, AlignedBuffer::Allocate(QuantizedActivationsBytes(
                                               max_rows, (widest + 31) / 32 * 32)));
  return network;
}

// Keeps it mapped.
Status RedrafterNetwork::TakeEmbedding(const Checkpoint& model) {
  if (model.engine && model.engine->device == PackedFor::kCpu) {
    const EngineRank& rank = model.engine->ranks.front();
    QED_ASSIGN_OR_RETURN(auto file, MappedFile::Open(model.path + "/" + rank.file));
    for (const PackedTensor& packed : rank.weights.tensors) {
      if (packed.roles.front() != TensorRole::kEmbedding) continue;
      packed_embedding_ = {.format = packed.format,
                           .n = packed.n,
                           .k = packed.k,
                           .data = file->bytes().data() + packed.offset};
    }
    files_.push_back(std::move(file));
    return OkStatus();
  }
  const CheckpointTensor* embedding = model.Find("model.embed_tokens.weight");
  if (embedding == nullptr || embedding->random) {
    return Unsupported("a drafter reads the model's embedding, and " + model.path + " has none");
  }
  embedding_ = *embedding;
  files_ = model.files;
  return OkStatus();
}

// y = x W^T + b for the chains' rows.
void RedrafterNetwork::Multiply(const Layer& layer, const std::vector<float>& x,
                                std::vector<float>& y, bool accumulate) {
  const LinearTask task = {.weight = layer.weight,
                           .bias = layer.bias.empty() ? nullptr : layer.bias.data(),
                           .y = y.data(),
                           .y_stride = layer.weight.n,
                           .accumulate = accumulate};
  QuantizedActivations quantized;
  if (UsesInt8Activations(layer.weight.format)) {
    quantized = LayQuantizedActivations(rows_, layer.weight.k, quantized_.data());
    for (int32_t r = 0; r < rows_; ++r) {
      QuantizeActivationRow(ctx_.isa, x.data() + int64_t{r} * layer.weight.k, r, quantized);
    }
  }
  Linear(ctx_, x.data(), layer.weight.k, &quantized, rows_, {&task, 1});
}

void RedrafterNetwork::Embed(int32_t token, float* out) const {
  if (packed_embedding_.data != nullptr) return EmbeddingRow(packed_embedding_, token, out);
  const size_t row_bytes = embedding_.data.size() / static_cast<size_t>(embedding_.shape[0]);
  DequantizeRow(embedding_.dtype,
                embedding_.data.subspan(static_cast<size_t>(token) * row_bytes, row_bytes),
                {out, static_cast<size_t>(hidden_)});
}

void RedrafterNetwork::Begin(std::span<const std::span<const float>> hidden) {
  QED_CHECK(!hidden.empty() && hidden.size() <= static_cast<size_t>(max_rows_));
  rows_ = static_cast<int32_t>(hidden.size());
  for (size_t r = 0; r < hidden.size(); ++r) {
    QED_CHECK_EQ(hidden[r].size(), static_cast<size_t>(hidden_));
    std::ranges::copy(hidden[r], given_.begin() + static_cast<int64_t>(r) * hidden_);
  }
  std::ranges::fill(state_, 0.0f);
}

std::span<const float> RedrafterNetwork::Advance(std::span<const int32_t> tokens) {
  QED_CHECK_EQ(tokens.size(), static_cast<size_t>(rows_));
  const size_t width = static_cast<size_t>(hidden_), rows = tokens.size();
  for (size_t r = 0; r < rows; ++r) Embed(tokens[r], embedded_.data() + r * width);
  if (rnn_) {
    Multiply(w_, embedded_, next_state_);
    Multiply(u_, state_, next_state_, /*accumulate=*/true);
    for (size_t i = 0; i < rows * width; ++i) state_[i] = Silu(next_state_[i]);
  } else {
    for (size_t i = 0; i < rows * width; ++i) state_[i] += embedded_[i];
  }
  for (size_t r = 0; r < rows; ++r) {
    float* joined = joined_.data() + 2 * r * width;
    std::copy_n(given_.data() + r * width, width, joined);
    std::copy_n(state_.data() + r * width, width, joined + width);
  }
  if (input_proj_.weight.n > 0) {
    Multiply(input_proj_, joined_, exit_in_);
  } else {
    std::copy_n(joined_.data(), 2 * rows * width, exit_in_.data());
  }
  for (const Layer& layer : layers_) {
    Multiply(layer, exit_in_, exit_out_);
    for (size_t i = 0; i < rows * static_cast<size_t>(exit_); ++i)
      exit_in_[i] += Silu(exit_out_[i]);
  }
  Multiply(head_, exit_in_, logits_);
  return std::span<const float>(logits_).first(rows * static_cast<size_t>(head_.weight.n));
}

void Redrafter::Propose(std::span<DraftRequest> requests) {
  asked_.clear();
  for (DraftRequest& request : requests) {
    request.count = 0;
    if (!request.hidden.empty() && request.wanted > 0) asked_.push_back(&request);
  }
  const auto most = static_cast<size_t>(network_.max_rows());
  for (std::span<DraftRequest*> rest = asked_; !rest.empty();) {
    const size_t some = std::min(rest.size(), most);
    ProposeSome(rest.first(some));
    rest = rest.subspan(some);
  }
}

void Redrafter::ProposeSome(std::span<DraftRequest*> requests) {
  hidden_.clear();
  tokens_.clear();
  for (const DraftRequest* request : requests) {
    hidden_.push_back(request->hidden);
    tokens_.push_back(request->newest);
  }
  reached_.assign(requests.size(), 1.0);
  network_.Begin(hidden_);
  const auto head_rows = static_cast<size_t>(network_.head_rows());
  for (bool any = true; any;) {
    any = false;
    const std::span<const float> logits = network_.Advance(tokens_);
    for (size_t r = 0; r < requests.size(); ++r) {
      if (reached_[r] == 0) continue;
      const auto [row, probability] = Likeliest(logits.subspan(r * head_rows, head_rows));
      tokens_[r] = network_.TokenOf(row);
      if (!AddHeadDraft(tokens_[r], probability, reached_[r], *requests[r])) reached_[r] = 0;
      any = any || reached_[r] > 0;
    }
  }
}

}  // namespace qed
