#include "model/cuda_decoder.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "kernels/cuda/paged_attention.h"

namespace qed {

using cuda::DeviceBuffer;
using cuda::PinnedBuffer;

namespace {

// What a loaded kernel library and a graph take of the GPU's memory, about.
constexpr int64_t kCodeBytes = int64_t{256} << 20;
constexpr int64_t kGraphBytes = int64_t{12} << 20;

cuda::AttentionShape AttentionShapeOf(const ModelConfig& config, int32_t page_size) {
  return {config.num_heads, config.num_kv_heads, config.head_dim, page_size};
}

}  // namespace

CudaDecoder::CudaDecoder(const ModelConfig& config, const CudaDecoderOptions& options,
                         const cuda::DeviceInfo& device, const RankGroup& group)
    : config_(config),
      options_(options),
      device_(device),
      shard_(ShardOf(config, group.place())),
      own_(ConfigOfShard(config, shard_)),
      ranks_(group),
      packer_(AttentionShapeOf(own_, options.page_size),
              {.max_num_tokens = options.max_num_tokens,
               .max_batch_size = options.max_batch_size,
               .max_logit_rows = options.max_logit_rows,
               .max_seq_len = options.max_seq_len,
               .input_bytes_per_row = options.input_bytes_per_row},
              device.num_sms,
              cuda::HasLongPromptKernel(AttentionShapeOf(own_, options.page_size), device.major)),
      network_(config, shard_, AttentionShapeOf(own_, options.page_size),
               {.max_num_tokens = std::max(options.max_num_tokens, options.max_batch_size),
                .max_logit_rows = options.max_logit_rows,
                .max_seq_len = options.max_seq_len,
                .num_slots = options.max_batch_size},
               packer_) {}

CudaDecoder::~CudaDecoder() {
  // Nothing may be freed while the GPU works with it; what went wrong was told by
  // whoever waited for the step.
  if (stream_.handle() != nullptr) static_cast<void>(stream_.Synchronize());
}

Result<std::unique_ptr<CudaDecoder>> CudaDecoder::Load(const Checkpoint& checkpoint,
                                                       const Adapter* adapter,
                                                       const CudaDecoderOptions& options,
                                                       const cuda::DeviceInfo& device,
                                                       ThreadPool& pool, const RankGroup& group) {
  const WeightReader reader(checkpoint, adapter);
  CudaWeightLoader loader(reader, options.quantize, group.place());
  std::unique_ptr<CudaDecoder> decoder(new CudaDecoder(checkpoint.config, options, device, group));
  CudaRanks& ranks = decoder->ranks_;
  Status shape =
      CheckCudaNetworkShape(decoder->own_, AttentionShapeOf(decoder->own_, options.page_size));
  if (shape.ok()) shape = loader.CheckShapes();
  const Status planned =
      shape.ok() ? decoder->PlanMemory(loader) : shape.WithPrefix(checkpoint.path);
  QED_RETURN_IF_ERROR(ranks.Agree(planned));
  QED_RETURN_IF_ERROR(ranks.Agree(decoder->LoadWeights(loader, pool)));
  QED_RETURN_IF_ERROR(decoder->LinkRanks());
  QED_RETURN_IF_ERROR(ranks.Agree(decoder->TryOut()));
  return decoder;
}

Status CudaDecoder::LoadWeights(CudaWeightLoader& loader, ThreadPool& pool) {
  memory_plan_.TakePages(ranks_.Smallest(num_pages()));
  QED_ASSIGN_OR_RETURN(CudaWeights weights, loader.Load(device_.ordinal, pool));
  QED_RETURN_IF_ERROR(TakeMemory(std::move(weights)));
  return network_.PrepareLinears(stream_);
}

// From here on kernels of all ranks wait for each other.
Status CudaDecoder::LinkRanks() {
  if (ranks_.alone()) return OkStatus();
  QED_RETURN_IF_ERROR(ranks_.MapMemory(workspace_));
  ranks_.LimitStalls();
  network_.Link(ranks_.memories(), ranks_.communicator().stall_seconds(), ranks_.lost());
  return OkStatus();
}

Status CudaDecoder::TryOut() {
  QED_RETURN_IF_ERROR(TryPrompt());
  QED_RETURN_IF_ERROR(RecordGraphs());
  if (shard_.whole() || shard_.place.rank > 0) return OkStatus();
  steps_.emplace(ranks_.communicator(),
                 WordsOfSteps(options_.max_num_tokens + options_.max_logit_rows,
                              options_.max_batch_size, num_pages()));
  return OkStatus();
}

Status CudaDecoder::PlanMemory(const CudaWeightLoader& loader) {
  QED_ASSIGN_OR_RETURN(const cuda::DeviceMemory memory, cuda::QueryMemory());
  const auto graphs = static_cast<int64_t>(packer_.recorded_sizes().size());
  DeviceMemoryPlan& plan = memory_plan_;
  plan.device = "cuda:" + std::to_string(device_.ordinal) + " (" + device_.name + ")";
  plan.free_bytes = memory.free_bytes;
  plan.total_bytes = memory.total_bytes;
  plan.page_size = options_.page_size;
  plan.page_bytes = int64_t{config_.num_layers} * 2 * options_.page_size * own_.num_kv_heads *
                    own_.head_dim * static_cast<int64_t>(sizeof(cuda::BFloat16));
  plan.items = {{"weights", loader.bytes()},
                {"workspace", network_.workspace_bytes()},
                {"products", cuda::Linears::DeviceBytes()},
                {"step inputs", packer_.max_bytes()},
                {"sampling", options_.reserved_bytes},
                {"code and graphs", kCodeBytes + graphs * kGraphBytes}};
  if (options_.drafter_bytes > 0) plan.items.push_back({"drafter", options_.drafter_bytes});
  return GivePages(options_.kv_fraction, 1, cuda::OtherMemoryHolders(device_.ordinal), plan);
}

Status CudaDecoder::TakeMemory(CudaWeights weights) {
  QED_ASSIGN_OR_RETURN(stream_, cuda::Stream::Create());
  QED_ASSIGN_OR_RETURN(workspace_, DeviceBuffer::Allocate(network_.workspace_bytes()));
  QED_ASSIGN_OR_RETURN(input_, DeviceBuffer::Allocate(packer_.max_bytes()));
  QED_ASSIGN_OR_RETURN(pages_,
                       DeviceBuffer::Allocate(int64_t{num_pages()} * memory_plan_.page_bytes));
  packer_.set_num_pages(num_pages());
  cuda::Fill(pages_.data(), 0, pages_.size(), stream_.handle());
  return network_.Place(std::move(weights), workspace_.data(), input_.data(), pages_.data(),
                        num_pages(), stream_);
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
  const CudaStepInputs inputs = packer_.Pack(
      {.tokens = tokens, .sequences = {&sequence, 1}, .logit_rows = last}, pinned.data());
  Forward(inputs, pinned.data());
  Status done = stream_.Synchronize();
  ranks_.EndIfOneIsLost();
  return done.ok() ? done : done.WithPrefix(memory_plan_.device + ": the first step");
}

Status CudaDecoder::RecordGraphs() {
  QED_ASSIGN_OR_RETURN(const PinnedBuffer pinned, PinnedBuffer::Allocate(input_.size()));
  for (int32_t size : packer_.recorded_sizes()) {
    const CudaStepInputs inputs = packer_.PackPadding(size, pinned.data());
    cuda::CopyToDevice(input_.data(), pinned.data(), inputs.bytes, stream_.handle());
    // Once as it is: recording must not be what brings a kernel to the GPU.
    network_.Compute(inputs);
    QED_RETURN_IF_ERROR(stream_.Synchronize());
    QED_ASSIGN_OR_RETURN(cuda::Graph graph,
                         cuda::Graph::Capture(stream_.handle(), [&] { network_.Compute(inputs); }));
    graphs_.push_back(std::move(graph));
  }
  ranks_.EndIfOneIsLost();
  return stream_.Synchronize();
}

ModelFootprint CudaDecoder::footprint() const {
  ModelFootprint found = network_.footprint();
  found.kv_bytes_per_token = memory_plan_.page_bytes / options_.page_size;
  return found;
}

void CudaDecoder::Forward(const CudaStepInputs& inputs, const std::byte* pinned) {
  cuda::CopyToDevice(input_.data(), pinned, static_cast<size_t>(inputs.bytes), stream_.handle());
  if (!inputs.recorded || network_.counts_magnitudes()) return network_.Compute(inputs);
  const auto found = std::ranges::lower_bound(packer_.recorded_sizes(), inputs.num_tokens);
  graphs_[static_cast<size_t>(found - packer_.recorded_sizes().begin())].Launch(stream_.handle());
}

}  // namespace qed
