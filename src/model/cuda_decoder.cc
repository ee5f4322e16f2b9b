#include "model/cuda_decoder.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "kernels/cuda/embedding.h"
#include "kernels/cuda/linear_sizes.h"
#include "kernels/cuda/paged_attention.h"
#include "kernels/cuda/quantize.h"
#include "kernels/cuda/rms_norm.h"
#include "kernels/cuda/rope.h"
#include "kernels/cuda/silu_mul.h"
#include "model/rope_frequencies.h"

namespace qed {

using cuda::Activations;
using cuda::BFloat16;
using cuda::DeviceBuffer;
using cuda::DeviceWeight;
using cuda::DeviceWeightFormat;
using cuda::PinnedBuffer;
using cuda::Product;

namespace {

constexpr int64_t kAlignment = 256;
constexpr int64_t kInputAlignment = 16;
// Steps of more sequences have enough work to hide their launches.
constexpr int32_t kMaxRecordedRows = 256;
// What a loaded kernel library and a graph take of the GPU's memory, about.
constexpr int64_t kCodeBytes = int64_t{256} << 20;
constexpr int64_t kGraphBytes = int64_t{12} << 20;

int64_t AlignUp(int64_t bytes, int64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

// What the matrix units and the 16-byte loads of the kernels want.
Status CheckLinear(const std::string& name, DeviceWeightFormat format, int64_t n, int64_t k) {
  const int64_t n_step = format == DeviceWeightFormat::kBF16 ? 8 : 16;
  const int64_t k_step = format == DeviceWeightFormat::kBF16  ? 8
                         : format == DeviceWeightFormat::kFp8 ? 16
                                                              : 64;
  if (n % n_step == 0 && k % k_step == 0) return OkStatus();
  return Unsupported("the " + name + " weight [" + std::to_string(n) + ", " + std::to_string(k) +
                     "] cannot be run on a GPU in this format; its sides must be multiples of " +
                     std::to_string(n_step) + " and " + std::to_string(k_step));
}

}  // namespace

CudaDecoder::CudaDecoder(const ModelConfig& config, const CudaDecoderOptions& options,
                         const cuda::DeviceInfo& device)
    : config_(config),
      options_(options),
      device_(device),
      attention_shape_{config.num_heads, config.num_kv_heads, config.head_dim, options.page_size},
      max_rows_(cuda::BufferRows(std::max(options.max_num_tokens, options.max_batch_size))),
      max_logits_(cuda::BufferRows(options.max_batch_size)),
      planner_(attention_shape_,
               {.max_sequences = max_logits_,
                .max_tokens = max_rows_,
                .max_seq_len = options.max_seq_len,
                .num_sms = device.num_sms,
                .long_prompts = cuda::HasLongPromptKernel(attention_shape_, device.major)}) {
  sequences_.reserve(static_cast<size_t>(options.max_batch_size));
  graph_sizes_ = cuda::PaddedSizes(std::min(options.max_batch_size, kMaxRecordedRows));
}

CudaDecoder::~CudaDecoder() {
  // Nothing may be freed while the GPU works with it; what went wrong was told by
  // whoever waited for the step.
  if (stream_.handle() != nullptr) static_cast<void>(stream_.Synchronize());
}

Result<std::unique_ptr<CudaDecoder>> CudaDecoder::Load(const Checkpoint& checkpoint,
                                                       const Adapter* adapter,
                                                       const CudaDecoderOptions& options,
                                                       const cuda::DeviceInfo& device,
                                                       ThreadPool& pool) {
  const WeightReader reader(checkpoint, adapter);
  CudaWeightLoader loader(reader, options.quantization);
  std::unique_ptr<CudaDecoder> decoder(new CudaDecoder(checkpoint.config, options, device));
  if (Status shape = decoder->CheckShape(loader.linear_format()); !shape.ok()) {
    return shape.WithPrefix(checkpoint.path);
  }
  QED_RETURN_IF_ERROR(decoder->PlanMemory(loader));
  QED_ASSIGN_OR_RETURN(decoder->weights_, loader.Load(device.ordinal, pool));
  QED_RETURN_IF_ERROR(decoder->TakeMemory());
  QED_RETURN_IF_ERROR(decoder->PrepareLinears());
  QED_RETURN_IF_ERROR(decoder->TryPrompt());
  QED_RETURN_IF_ERROR(decoder->RecordGraphs());
  return decoder;
}

Status CudaDecoder::CheckShape(DeviceWeightFormat format) const {
  QED_RETURN_IF_ERROR(cuda::CheckAttentionShape(attention_shape_));
  const ModelConfig& c = config_;
  const int64_t q_width = int64_t{c.num_heads} * c.head_dim;
  const int64_t kv_width = int64_t{c.num_kv_heads} * c.head_dim;
  for (int64_t width : {int64_t{c.hidden_size}, int64_t{c.intermediate_size}, q_width}) {
    if (width > cuda::kMaxRowWidth) {
      return Unsupported("rows of " + std::to_string(width) + " values cannot be run on a GPU; " +
                         std::to_string(cuda::kMaxRowWidth) + " at most");
    }
  }
  QED_RETURN_IF_ERROR(CheckLinear("query", format, q_width, c.hidden_size));
  QED_RETURN_IF_ERROR(CheckLinear("key", format, kv_width, c.hidden_size));
  QED_RETURN_IF_ERROR(CheckLinear("output", format, c.hidden_size, q_width));
  QED_RETURN_IF_ERROR(CheckLinear("gate", format, c.intermediate_size, c.hidden_size));
  return CheckLinear("down", format, c.hidden_size, c.intermediate_size);
}

Status CudaDecoder::PlanMemory(const CudaWeightLoader& loader) {
  QED_ASSIGN_OR_RETURN(const cuda::DeviceMemory memory, cuda::QueryMemory());
  const auto graphs = static_cast<int64_t>(graph_sizes_.size());
  DeviceMemoryPlan& plan = memory_plan_;
  plan.device = "cuda:" + std::to_string(device_.ordinal) + " (" + device_.name + ")";
  plan.free_bytes = memory.free_bytes;
  plan.total_bytes = memory.total_bytes;
  plan.page_size = options_.page_size;
  plan.page_bytes = int64_t{config_.num_layers} * 2 * options_.page_size * config_.num_kv_heads *
                    config_.head_dim * static_cast<int64_t>(sizeof(BFloat16));
  plan.items = {{"weights", loader.bytes()},
                {"workspace", LayWorkspace(nullptr)},
                {"products", cuda::Linears::DeviceBytes()},
                {"step inputs", MaxInputBytes()},
                {"sampling", options_.reserved_bytes},
                {"code and graphs", kCodeBytes + graphs * kGraphBytes}};
  return GivePages(options_.kv_fraction, 1, cuda::OtherMemoryHolders(device_.ordinal), plan);
}

int64_t CudaDecoder::LayWorkspace(std::byte* base) {
  int64_t size = 0;
  const auto take = [&](auto*& pointer, int64_t count) {
    using Pointer = std::remove_reference_t<decltype(pointer)>;
    if (base != nullptr) pointer = reinterpret_cast<Pointer>(base + size);
    size += AlignUp(count * static_cast<int64_t>(sizeof(*pointer)), kAlignment);
  };
  const int64_t rows = max_rows_, hidden = config_.hidden_size, inner = config_.intermediate_size;
  const int64_t q_width = int64_t{config_.num_heads} * config_.head_dim;
  const int64_t qkv_width = q_width + int64_t{2} * config_.num_kv_heads * config_.head_dim;
  take(work_.residual, rows * hidden);
  const int64_t qkv_elements = AlignUp(rows * qkv_width, kAlignment);
  take(work_.inner, std::max(rows * 2 * inner, qkv_elements + rows * q_width));
  if (base != nullptr) work_.attention = work_.inner + qkv_elements;
  take(work_.x, rows * std::max({hidden, inner, q_width}) * int64_t{sizeof(BFloat16)});
  take(work_.delta, rows * hidden);
  take(work_.norm_scales, rows);
  take(work_.inner_scales, rows);
  take(work_.head_in, int64_t{max_logits_} * hidden);
  take(work_.logits, int64_t{max_logits_} * config_.vocab_size);
  take(work_.rope_table, int64_t{options_.max_seq_len} * config_.head_dim);
  take(work_.frequencies, config_.head_dim / 2);
  take(work_.sampled, options_.max_batch_size);
  take(work_.attention_workspace, cuda::AttentionWorkspaceBytes(planner_, attention_shape_));
  return size;
}

Status CudaDecoder::TakeMemory() {
  QED_ASSIGN_OR_RETURN(stream_, cuda::Stream::Create());
  QED_ASSIGN_OR_RETURN(linears_, cuda::Linears::Create());
  QED_ASSIGN_OR_RETURN(memory_, DeviceBuffer::Allocate(LayWorkspace(nullptr)));
  LayWorkspace(memory_.data());
  QED_ASSIGN_OR_RETURN(input_, DeviceBuffer::Allocate(MaxInputBytes()));
  QED_ASSIGN_OR_RETURN(pages_,
                       DeviceBuffer::Allocate(int64_t{num_pages()} * memory_plan_.page_bytes));
  // Whatever is read before it is written should be numbers: 0.01 in the workspace,
  // for zeros would make products faster than they are.
  constexpr uint8_t kSmallNumbers = 0x3c;
  cuda::Fill(memory_.data(), kSmallNumbers, memory_.size(), stream());
  cuda::Fill(pages_.data(), 0, pages_.size(), stream());
  cuda::Fill(work_.sampled, 0, options_.max_batch_size * sizeof(int32_t), stream());
  cuda::ClearAttentionWorkspace(planner_, attention_shape_, work_.attention_workspace, stream());
  const std::vector<double> frequencies = RopeFrequencies(config_);
  cuda::CopyToDevice(work_.frequencies, frequencies.data(), frequencies.size() * sizeof(double),
                     stream());
  cuda::FillRopeTable(work_.frequencies, config_.head_dim / 2, options_.max_seq_len,
                      work_.rope_table, stream());
  return stream_.Synchronize();
}

Status CudaDecoder::PrepareLinears() {
  const auto of_layers = [&](DeviceWeight CudaLayerWeights::*member) {
    std::vector<DeviceWeight> weights;
    for (const CudaLayerWeights& layer : weights_.layers) weights.push_back(layer.*member);
    return weights;
  };
  const int32_t rows = std::max(options_.max_num_tokens, options_.max_batch_size);
  const auto prepare = [&](std::vector<DeviceWeight> weights, cuda::OutputFormat output,
                           int32_t max_rows, void* y) {
    return linears_->Prepare(weights, output, max_rows, Input(weights[0], work_.norm_scales), y,
                             stream_);
  };
  using enum cuda::OutputFormat;
  QED_RETURN_IF_ERROR(prepare(of_layers(&CudaLayerWeights::qkv), kBF16, rows, work_.inner));
  QED_RETURN_IF_ERROR(prepare(of_layers(&CudaLayerWeights::o), kBF16, rows, work_.delta));
  QED_RETURN_IF_ERROR(prepare(of_layers(&CudaLayerWeights::gate_up), kBF16, rows, work_.inner));
  QED_RETURN_IF_ERROR(prepare(of_layers(&CudaLayerWeights::down), kBF16, rows, work_.delta));
  return prepare({weights_.head}, kF32, options_.max_batch_size, work_.logits);
}

// The longest prompt that a step can hold, so that every kernel of prompts is on
// the GPU before the first one comes.
Status CudaDecoder::TryPrompt() {
  QED_ASSIGN_OR_RETURN(const PinnedBuffer pinned, PinnedBuffer::Allocate(input_.size()));
  const int64_t room = int64_t{num_pages()} * options_.page_size;
  const auto length = static_cast<int32_t>(
      std::min(room, int64_t{std::min(options_.max_num_tokens, options_.max_seq_len)}));
  const std::vector<int32_t> tokens(static_cast<size_t>(length), 0), last = {length - 1};
  std::vector<int32_t> pages;
  for (int32_t page = 0; page * options_.page_size < length; ++page) pages.push_back(page);
  const ForwardBatch::Sequence sequence = {
      .first_row = 0, .num_rows = length, .first_position = 0, .pages = pages};
  const CudaStepInputs inputs =
      Lay({.tokens = tokens, .sequences = {&sequence, 1}, .logit_rows = last}, pinned.data());
  Forward(inputs, pinned.data());
  Status done = stream_.Synchronize();
  return done.ok() ? done : done.WithPrefix(memory_plan_.device + ": the first step");
}

Status CudaDecoder::RecordGraphs() {
  QED_ASSIGN_OR_RETURN(const PinnedBuffer pinned, PinnedBuffer::Allocate(input_.size()));
  for (int32_t size : graph_sizes_) {
    // A step of padding alone.
    const CudaStepInputs inputs = LayRecorded({}, size, pinned.data());
    cuda::CopyToDevice(input_.data(), pinned.data(), inputs.bytes, stream());
    // Once as it is: recording must not be what brings a kernel to the GPU.
    Compute(inputs);
    QED_RETURN_IF_ERROR(stream_.Synchronize());
    QED_ASSIGN_OR_RETURN(cuda::Graph graph,
                         cuda::Graph::Capture(stream(), [&] { Compute(inputs); }));
    graphs_.push_back(std::move(graph));
  }
  return stream_.Synchronize();
}

ModelFootprint CudaDecoder::footprint() const {
  ModelFootprint found;
  found.kv_bytes_per_token = memory_plan_.page_bytes / options_.page_size;
  const auto weight_bytes = [](const DeviceWeight& weight) {
    const int64_t values = int64_t{weight.n} * weight.k;
    return weight.format == DeviceWeightFormat::kBF16
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

CudaStepInputs CudaDecoder::LayOut(int32_t num_tokens, int32_t logit_rows) const {
  CudaStepInputs inputs;
  inputs.num_tokens = num_tokens;
  inputs.logit_rows = logit_rows;
  int64_t size = 0;
  const auto take = [&](int64_t bytes) {
    const int64_t offset = size;
    size = AlignUp(size + bytes, kInputAlignment);
    return offset;
  };
  inputs.tokens = take(int64_t{num_tokens} * int64_t{sizeof(int32_t)});
  inputs.rows = take(int64_t{logit_rows} * int64_t{sizeof(int32_t)});
  inputs.extra = take(int64_t{logit_rows} * options_.input_bytes_per_row);
  inputs.attention = size;
  return inputs;
}

int64_t CudaDecoder::MaxInputBytes() const {
  return LayOut(max_rows_, max_logits_).attention + planner_.max_plan_bytes();
}

// The rows of the graph that can do the batch; 0 where none can.
int32_t CudaDecoder::RecordedSize(const ForwardBatch& batch) const {
  if (batch.sequences.size() != batch.tokens.size()) return 0;  // some have several rows
  const int32_t size = cuda::PaddedRows(static_cast<int32_t>(batch.tokens.size()));
  return size <= graph_sizes_.back() ? size : 0;
}

void CudaDecoder::LaySequences(const ForwardBatch& batch) {
  sequences_.clear();
  int32_t row = 0;
  for (const ForwardBatch::Sequence& s : batch.sequences) {
    const int32_t context = s.first_position + s.num_rows;
    QED_CHECK(s.num_rows > 0 && s.first_position >= 0 && s.first_row == row);
    QED_CHECK_LE(context, options_.max_seq_len);
    QED_CHECK_LE(int64_t{context}, static_cast<int64_t>(s.pages.size()) * options_.page_size);
    for (int32_t page : s.pages) QED_CHECK(page >= 0 && page < num_pages()) << page;
    sequences_.push_back({s.first_row, s.num_rows, context, s.pages.data()});
    row += s.num_rows;
  }
  QED_CHECK_EQ(static_cast<size_t>(row), batch.tokens.size());
}

void CudaDecoder::LayRows(const ForwardBatch& batch, const CudaStepInputs& inputs,
                          std::byte* pinned) {
  auto* tokens = reinterpret_cast<int32_t*>(pinned + inputs.tokens);
  auto* rows = reinterpret_cast<int32_t*>(pinned + inputs.rows);
  std::fill(std::ranges::copy(batch.tokens, tokens).out, tokens + inputs.num_tokens, 0);
  std::fill(std::ranges::copy(batch.logit_rows, rows).out, rows + inputs.logit_rows, 0);
}

CudaStepInputs CudaDecoder::LayRecorded(const ForwardBatch& batch, int32_t size,
                                        std::byte* pinned) {
  CudaStepInputs inputs = LayOut(size, size);
  inputs.recorded = true;
  LaySequences(batch);
  LayRows(batch, inputs, pinned);
  inputs.plan = planner_.PlanPadded(sequences_, size, 1, pinned + inputs.attention);
  inputs.bytes = inputs.attention + inputs.plan.bytes;
  return inputs;
}

CudaStepInputs CudaDecoder::Lay(const ForwardBatch& batch, std::byte* pinned) {
  QED_CHECK(!batch.tokens.empty());
  QED_CHECK_LE(batch.tokens.size(), static_cast<size_t>(options_.max_num_tokens));
  QED_CHECK_LE(batch.sequences.size(), static_cast<size_t>(options_.max_batch_size));
  QED_CHECK_LE(batch.logit_rows.size(), static_cast<size_t>(options_.max_batch_size));
  for (int32_t row : batch.logit_rows) {
    QED_CHECK(row >= 0 && static_cast<size_t>(row) < batch.tokens.size()) << row;
  }
  const int32_t size = RecordedSize(batch);
  if (size > 0) return LayRecorded(batch, size, pinned);
  CudaStepInputs inputs = LayOut(static_cast<int32_t>(batch.tokens.size()),
                                 static_cast<int32_t>(batch.logit_rows.size()));
  LaySequences(batch);
  LayRows(batch, inputs, pinned);
  inputs.plan = planner_.Plan(sequences_, pinned + inputs.attention);
  inputs.bytes = inputs.attention + inputs.plan.bytes;
  return inputs;
}

void CudaDecoder::Forward(const CudaStepInputs& inputs, const std::byte* pinned) {
  cuda::CopyToDevice(input_.data(), pinned, static_cast<size_t>(inputs.bytes), stream());
  if (!inputs.recorded) return Compute(inputs);
  const auto found = std::ranges::lower_bound(graph_sizes_, inputs.num_tokens);
  graphs_[static_cast<size_t>(found - graph_sizes_.begin())].Launch(stream());
}

void CudaDecoder::Compute(const CudaStepInputs& inputs) {
  const auto* tokens = reinterpret_cast<const int32_t*>(input_.data() + inputs.tokens);
  cuda::Embedding(inputs.num_tokens, config_.hidden_size, config_.vocab_size,
                  reinterpret_cast<const BFloat16*>(weights_.embedding.data), tokens, work_.sampled,
                  work_.residual, stream());
  Product delta;  // What the block before left to be added to the residual stream.
  for (int32_t i = 0; i < config_.num_layers; ++i) {
    delta = AttentionBlock(weights_.layers[i], i, inputs, delta);
    delta = FeedForwardBlock(weights_.layers[i], inputs.num_tokens, delta);
  }
  if (inputs.logit_rows > 0) Head(inputs, delta);
}

Activations CudaDecoder::Input(const DeviceWeight& weight, float* scales) const {
  Activations x;
  x.format = cuda::ActivationsFor(weight.format);
  x.bf16 = reinterpret_cast<BFloat16*>(work_.x);
  x.fp8 = reinterpret_cast<cuda::Fp8*>(work_.x);
  x.scales = scales;
  return x;
}

// residual += delta; returns o(attention(q, k, v of norm(residual))).
Product CudaDecoder::AttentionBlock(const CudaLayerWeights& layer, int32_t index,
                                    const CudaStepInputs& inputs, const Product& delta) {
  const int32_t rows = inputs.num_tokens;
  const int32_t q_width = config_.num_heads * config_.head_dim;
  const Activations normed = Input(layer.qkv, work_.norm_scales);
  cuda::AddRmsNorm(rows, config_.hidden_size,
                   {.residual = work_.residual,
                    .delta = delta,
                    .weight = layer.attention_norm,
                    .eps = config_.rms_norm_eps,
                    .row_ids = nullptr,
                    .out = normed},
                   stream());
  Product qkv = linears_->Multiply(layer.qkv, normed, rows, work_.inner, stream());
  qkv.bias = layer.qkv_bias;

  const std::byte* plan = input_.data() + inputs.attention;
  const cuda::PagedKvCache kv = {.data = reinterpret_cast<BFloat16*>(pages_.data()) +
                                         int64_t{index} * num_pages() * 2 * options_.page_size *
                                             config_.num_kv_heads * config_.head_dim,
                                 .num_kv_heads = config_.num_kv_heads,
                                 .head_dim = config_.head_dim,
                                 .page_size = options_.page_size};
  cuda::RotateAndStore({config_.num_heads, config_.num_kv_heads, config_.head_dim}, rows,
                       {.qkv = qkv,
                        .q_norm = layer.q_norm,
                        .k_norm = layer.k_norm,
                        .norm_eps = config_.rms_norm_eps,
                        .rope_table = work_.rope_table,
                        .positions = reinterpret_cast<const int32_t*>(plan + inputs.plan.positions),
                        .slots = reinterpret_cast<const int32_t*>(plan + inputs.plan.slots),
                        .pages = kv.data,
                        .page_size = options_.page_size},
                       stream());
  cuda::PagedAttention({.plan = &inputs.plan,
                        .plan_memory = plan,
                        .kv = kv,
                        .workspace = work_.attention_workspace,
                        .max_partial_rows = planner_.max_partial_rows(),
                        .num_heads = config_.num_heads,
                        .q = work_.inner,
                        .q_stride = layer.qkv.n,
                        .out = work_.attention},
                       stream());

  Activations attended = Input(layer.o, work_.inner_scales);
  if (attended.format == cuda::ActivationFormat::kFp8) {
    cuda::QuantizeRows(rows, q_width, work_.attention, attended, stream());
  } else {
    attended.bf16 = work_.attention;
  }
  Product out = linears_->Multiply(layer.o, attended, rows, work_.delta, stream());
  out.bias = layer.o_bias;
  return out;
}

// residual += delta; returns down(silu(gate(norm(residual))) * up(norm(residual))).
Product CudaDecoder::FeedForwardBlock(const CudaLayerWeights& layer, int32_t rows,
                                      const Product& delta) {
  const Activations normed = Input(layer.gate_up, work_.norm_scales);
  cuda::AddRmsNorm(rows, config_.hidden_size,
                   {.residual = work_.residual,
                    .delta = delta,
                    .weight = layer.ffn_norm,
                    .eps = config_.rms_norm_eps,
                    .row_ids = nullptr,
                    .out = normed},
                   stream());
  const Product gate_up = linears_->Multiply(layer.gate_up, normed, rows, work_.inner, stream());
  const Activations gated = Input(layer.down, work_.inner_scales);
  cuda::SiluMul(rows, config_.intermediate_size, gate_up, gated, stream());
  return linears_->Multiply(layer.down, gated, rows, work_.delta, stream());
}

void CudaDecoder::Head(const CudaStepInputs& inputs, const Product& delta) {
  Activations normed;
  normed.bf16 = work_.head_in;
  cuda::AddRmsNorm(inputs.logit_rows, config_.hidden_size,
                   {.residual = work_.residual,
                    .delta = delta,
                    .weight = weights_.final_norm,
                    .eps = config_.rms_norm_eps,
                    .row_ids = reinterpret_cast<const int32_t*>(input_.data() + inputs.rows),
                    .out = normed},
                   stream());
  linears_->MultiplyF32(weights_.head, normed, inputs.logit_rows, work_.logits, stream());
}

}  // namespace qed
