#include "engine/cuda_step_runner.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "cuda/buffer.h"
#include "cuda/stream.h"
#include "draft/cuda_redrafter.h"
#include "engine/cuda_decoder_options.h"
#include "engine/sampling_rows.h"
#include "kernels/cuda/sampling.h"
#include "model/cuda_decoder.h"
#include "sampling/token_biases.h"
#include "sampling/token_counts.h"
#include "tensor/weight_recipe.h"

namespace qed {
namespace {

// A head is rarely right about more of them, and each takes its time in every step.
constexpr int32_t kMostHeadDrafts = 4;

constexpr int64_t kBiasBytesOfSlot = cuda::kMaxTokenBiases * sizeof(cuda::TokenBias);

// Device memory beside the decoder's.
struct Sizes {
  int64_t counts = 0;  // uint16 [slots, V]
  int64_t result = 0;  // of one step
  // One sequence's tokens, int32, and uint8: whether the model wrote them; or its biases.
  int64_t history = 0;
  int64_t biases = 0;  // cuda::TokenBias [slots, kMaxTokenBiases]
  int64_t scratch = 0;
  int64_t sum() const { return counts + result + history + biases + scratch; }
};

Sizes SizesFor(const CudaDecoderOptions& options, int32_t vocab_size) {
  const int32_t rows = options.max_logit_rows;
  return {.counts =
              int64_t{options.max_batch_size} * vocab_size * static_cast<int64_t>(sizeof(uint16_t)),
          .result = cuda::SamplingResultBytes(rows, rows * cuda::kMaxTopTokens),
          .history = std::max(int64_t{options.max_seq_len} *
                                  static_cast<int64_t>(sizeof(int32_t) + sizeof(uint8_t)),
                              kBiasBytesOfSlot),
          .biases = options.max_batch_size * kBiasBytesOfSlot,
          .scratch = cuda::SamplingScratchBytes(vocab_size, rows)};
}

class CudaStepRunner : public StepRunner {
 public:
  static Result<std::unique_ptr<CudaStepRunner>> Create(std::unique_ptr<CudaDecoder> decoder,
                                                        int ordinal);
  ~CudaStepRunner() override {
    cuda::UseDevice(ordinal_);
    // Memory goes only when nothing uses it any more. After an error nothing does.
    static_cast<void>(cuda::Synchronize());
  }

  const CudaDecoder& decoder() const { return *decoder_; }
  const ModelConfig& config() const override { return decoder_->config(); }
  int32_t page_size() const override { return decoder_->options().page_size; }
  int32_t num_pages() const override { return decoder_->num_pages(); }
  int32_t max_num_tokens() const override { return decoder_->options().max_num_tokens; }
  int32_t max_batch_size() const override { return decoder_->options().max_batch_size; }
  int32_t max_logit_rows() const override { return decoder_->options().max_logit_rows; }
  int32_t depth() const override { return kCudaStepsInFlight; }

  void Start(int32_t slot, const SamplingParams& params, std::span<const int32_t> tokens,
             const std::vector<bool>& generated) override;
  void Launch(const StepBatch& batch) override;
  Result<std::span<const SampledToken>> Finish() override;
  StepTimes last_times() const override { return times_; }
  int32_t max_head_drafts() const override {
    return drafter_ == nullptr ? 0 : drafter_->max_drafts();
  }
  std::span<const HeadDraft> head_drafts(int32_t sequence) override;

  // Drafts from now on. REQUIRES: no step was launched.
  Status AddDrafter(const DrafterCheckpoint& drafter, const CudaRedrafterOptions& options);

 private:
  // Pinned memory of a step in flight.
  struct Entry {
    cuda::PinnedBuffer input;   // the decoder's, with the sampling rows
    cuda::PinnedBuffer result;  // as in Sizes
    cuda::PinnedBuffer history;
    int64_t history_used = 0;  // by the sequences started since the launch before
    std::span<const cuda::SamplingRow> rows;
    cuda::PinnedBuffer chains;               // the head's, int32 [max chains]: their first rows
    cuda::PinnedBuffer drafts;               // cuda::DraftToken [drafts, chains]
    std::vector<int32_t> chain_of_sequence;  // of the step; -1: none
    int32_t num_chains = 0, num_drafts = 0;
  };
  // When the device reached a step, when its samples were there, and when all was through.
  struct Marks {
    cuda::Event begin, sampled, end;
  };

  CudaStepRunner(std::unique_ptr<CudaDecoder> decoder, int ordinal)
      : decoder_(std::move(decoder)),
        stream_(decoder_->stream().handle()),
        ordinal_(ordinal),
        params_(decoder_->options().max_batch_size),
        num_biases_(decoder_->options().max_batch_size),
        sampled_(decoder_->options().max_logit_rows) {
    tokens_.reserve(decoder_->options().max_num_tokens);
    for (SampledToken& token : sampled_) token.top.reserve(kMaxLogprobs);
  }

  Status TakeMemory();
  void CopyBiases(int32_t slot, const SamplingParams& params);
  std::byte* HistoryRoom(int64_t bytes);
  std::span<const int32_t> NameTokens(const StepBatch& batch);
  void LaunchSampling(const CudaStepInputs& inputs, const SamplingTotals& totals, Entry& entry);
  void LaunchDrafting(const StepBatch& batch, const CudaStepInputs& inputs, Entry& entry);

  const std::unique_ptr<CudaDecoder> decoder_;
  const cuda::StreamHandle stream_;
  const int ordinal_;
  cuda::DeviceBuffer counts_, result_, history_, biases_, scratch_;
  std::unique_ptr<CudaRedrafter> drafter_;  // null: no drafts
  cuda::DeviceBuffer chains_;               // int32 [max chains]
  std::vector<HeadDraft> head_drafts_;      // of the sequence asked for last
  std::array<Entry, kCudaStepsInFlight> entries_;
  // One more than steps in flight: the end of the step before the oldest is needed.
  std::array<Marks, kCudaStepsInFlight + 1> marks_;
  int64_t launched_ = 0, finished_ = 0;  // steps
  Status failure_;

  std::vector<SamplingParams> params_;  // [slots]
  std::vector<int32_t> num_biases_;     // [slots]
  std::vector<int32_t> tokens_;         // [T]
  std::vector<SampledToken> sampled_;   // [max_logit_rows]
  StepTimes times_;
};

Result<std::unique_ptr<CudaStepRunner>> CudaStepRunner::Create(std::unique_ptr<CudaDecoder> decoder,
                                                               int ordinal) {
  std::unique_ptr<CudaStepRunner> runner(new CudaStepRunner(std::move(decoder), ordinal));
  QED_RETURN_IF_ERROR(runner->TakeMemory());
  return runner;
}

Status CudaStepRunner::TakeMemory() {
  const Sizes sizes = SizesFor(decoder_->options(), config().vocab_size);
  QED_ASSIGN_OR_RETURN(counts_, cuda::DeviceBuffer::Allocate(sizes.counts));
  QED_ASSIGN_OR_RETURN(result_, cuda::DeviceBuffer::Allocate(sizes.result));
  QED_ASSIGN_OR_RETURN(history_, cuda::DeviceBuffer::Allocate(sizes.history));
  QED_ASSIGN_OR_RETURN(biases_, cuda::DeviceBuffer::Allocate(sizes.biases));
  if (sizes.scratch > 0) {
    QED_ASSIGN_OR_RETURN(scratch_, cuda::DeviceBuffer::Allocate(sizes.scratch));
  }
  for (Entry& entry : entries_) {
    QED_ASSIGN_OR_RETURN(entry.input, cuda::PinnedBuffer::Allocate(decoder_->max_input_bytes()));
    QED_ASSIGN_OR_RETURN(entry.result, cuda::PinnedBuffer::Allocate(sizes.result));
    QED_ASSIGN_OR_RETURN(entry.history, cuda::PinnedBuffer::Allocate(sizes.history));
  }
  for (Marks& marks : marks_) {
    QED_ASSIGN_OR_RETURN(marks.begin, cuda::Event::Create(cuda::Event::Timing::kOn));
    QED_ASSIGN_OR_RETURN(marks.sampled, cuda::Event::Create(cuda::Event::Timing::kOn));
    QED_ASSIGN_OR_RETURN(marks.end, cuda::Event::Create(cuda::Event::Timing::kOn));
  }
  return OkStatus();
}

Status CudaStepRunner::AddDrafter(const DrafterCheckpoint& drafter,
                                  const CudaRedrafterOptions& options) {
  QED_ASSIGN_OR_RETURN(
      drafter_, CudaRedrafter::Load(drafter, decoder_->embedding(), options, decoder_->stream()));
  const auto chains = static_cast<size_t>(options.max_chains);
  const auto drafts = static_cast<size_t>(options.max_drafts);
  QED_ASSIGN_OR_RETURN(chains_, cuda::DeviceBuffer::Allocate(chains * sizeof(int32_t)));
  for (Entry& entry : entries_) {
    QED_ASSIGN_OR_RETURN(entry.chains, cuda::PinnedBuffer::Allocate(chains * sizeof(int32_t)));
    QED_ASSIGN_OR_RETURN(entry.drafts,
                         cuda::PinnedBuffer::Allocate(chains * drafts * sizeof(cuda::DraftToken)));
    entry.chain_of_sequence.reserve(static_cast<size_t>(max_batch_size()));
  }
  head_drafts_.reserve(drafts);
  return OkStatus();
}

void CudaStepRunner::Start(int32_t slot, const SamplingParams& params,
                           std::span<const int32_t> tokens, const std::vector<bool>& generated) {
  params_[slot] = params;
  CopyBiases(slot, params);
  if (!HasPenalties(params)) return;
  cuda::UseDevice(ordinal_);
  const size_t token_bytes = tokens.size() * sizeof(int32_t);
  const size_t bytes = token_bytes + tokens.size();
  std::byte* const pinned = HistoryRoom(static_cast<int64_t>(bytes));
  std::memcpy(pinned, tokens.data(), token_bytes);
  for (size_t i = 0; i < tokens.size(); ++i) pinned[token_bytes + i] = std::byte{generated[i]};
  cuda::CopyToDevice(history_.data(), pinned, bytes, stream_);
  cuda::AddTokenCounts(counts_.As<uint16_t>() + int64_t{slot} * config().vocab_size,
                       config().vocab_size, /*clear=*/true, history_.As<int32_t>(),
                       reinterpret_cast<const uint8_t*>(history_.data() + token_bytes),
                       static_cast<int32_t>(tokens.size()), stream_);
}

void CudaStepRunner::CopyBiases(int32_t slot, const SamplingParams& params) {
  const std::vector<TokenBias> biases = MakeTokenBiases(params);
  QED_CHECK_LE(biases.size(), static_cast<size_t>(cuda::kMaxTokenBiases));
  num_biases_[slot] = static_cast<int32_t>(biases.size());
  if (biases.empty()) return;
  cuda::UseDevice(ordinal_);
  const size_t bytes = biases.size() * sizeof(TokenBias);
  std::byte* const pinned = HistoryRoom(static_cast<int64_t>(bytes));
  std::memcpy(pinned, biases.data(), bytes);
  cuda::CopyToDevice(biases_.data() + slot * kBiasBytesOfSlot, pinned, bytes, stream_);
}

// Pinned memory of the next step for so many bytes. Waits for the device where
// earlier ones have used it up: several long histories at once, with penalties.
std::byte* CudaStepRunner::HistoryRoom(int64_t bytes) {
  constexpr int64_t kAlignment = 16;
  Entry& entry = entries_[launched_ % kCudaStepsInFlight];
  QED_CHECK_LE(bytes, static_cast<int64_t>(entry.history.size()));
  if (entry.history_used + bytes > static_cast<int64_t>(entry.history.size())) {
    if (Status status = cuda::Synchronize(); !status.ok()) failure_ = std::move(status);
    entry.history_used = 0;
  }
  std::byte* const room = entry.history.data() + entry.history_used;
  entry.history_used += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  return room;
}

void CudaStepRunner::Launch(const StepBatch& batch) {
  QED_CHECK_LT(launched_ - finished_, kCudaStepsInFlight);
  cuda::UseDevice(ordinal_);
  Entry& entry = entries_[launched_ % kCudaStepsInFlight];
  ForwardBatch forward = batch.forward;
  forward.tokens = NameTokens(batch);
  const CudaStepInputs inputs = decoder_->Pack(forward, entry.input.data());
  const std::span<cuda::SamplingRow> rows(
      reinterpret_cast<cuda::SamplingRow*>(entry.input.data() + inputs.extra),
      batch.samples.size());
  const SamplingTotals totals =
      FillSamplingRows(batch, params_, num_biases_, config().vocab_size, rows);
  entry.rows = rows;
  Marks& marks = marks_[launched_ % marks_.size()];
  marks.begin.Record(stream_);
  decoder_->Forward(inputs, entry.input.data());
  LaunchSampling(inputs, totals, entry);
  marks.sampled.Record(stream_);
  LaunchDrafting(batch, inputs, entry);
  marks.end.Record(stream_);
  ++launched_;
  // What is started next uses the next entry, whose step is over by then.
  entries_[launched_ % kCudaStepsInFlight].history_used = 0;
}

void CudaStepRunner::LaunchSampling(const CudaStepInputs& inputs, const SamplingTotals& totals,
                                    Entry& entry) {
  if (entry.rows.empty()) return;
  const auto num_rows = static_cast<int32_t>(entry.rows.size());
  cuda::Sample(
      {.logits = decoder_->logits(),
       .vocab_size = config().vocab_size,
       .rows = reinterpret_cast<const cuda::SamplingRow*>(decoder_->input() + inputs.extra),
       .num_rows = num_rows,
       .any_logprobs = totals.any_logprobs,
       .any_drafts = totals.any_drafts,
       .counts = counts_.As<uint16_t>(),
       .biases = biases_.As<TokenBias>(),
       .sampled = decoder_->sampled(),
       .result = result_.As<cuda::TokenLogprob>(),
       .num_tops = totals.num_tops,
       .scratch = scratch_.As<uint32_t>()},
      stream_);
  cuda::CopyToHost(entry.result.data(), result_.data(),
                   static_cast<size_t>(cuda::SamplingResultBytes(num_rows, totals.num_tops)),
                   stream_);
}

// Drafts behind the samples, for the next step.
void CudaStepRunner::LaunchDrafting(const StepBatch& batch, const CudaStepInputs& inputs,
                                    Entry& entry) {
  entry.num_drafts = entry.num_chains = 0;
  if (drafter_ == nullptr || batch.head_drafts == 0) return;
  QED_CHECK_LE(batch.head_drafts, drafter_->max_drafts());
  entry.num_chains =
      PackChains(batch, {entry.chains.As<int32_t>(), static_cast<size_t>(drafter_->max_chains())},
                 entry.chain_of_sequence);
  if (entry.num_chains == 0) return;
  entry.num_drafts = batch.head_drafts;
  cuda::CopyToDevice(chains_.data(), entry.chains.data(),
                     static_cast<size_t>(entry.num_chains) * sizeof(int32_t), stream_);
  drafter_->Draft(
      {.rows = reinterpret_cast<const cuda::SamplingRow*>(decoder_->input() + inputs.extra),
       .result = result_.As<cuda::TokenLogprob>(),
       .hidden = decoder_->hidden(),
       .first_rows = chains_.As<int32_t>()},
      entry.num_chains, entry.num_drafts);
  const auto count = static_cast<size_t>(entry.num_chains) * static_cast<size_t>(entry.num_drafts);
  cuda::CopyToHost(entry.drafts.data(), drafter_->drafts(), count * sizeof(cuda::DraftToken),
                   stream_);
}

std::span<const HeadDraft> CudaStepRunner::head_drafts(int32_t sequence) {
  QED_CHECK_GE(finished_, 1);
  head_drafts_.clear();
  const Entry& entry = entries_[(finished_ - 1) % kCudaStepsInFlight];
  if (entry.num_drafts == 0) return head_drafts_;
  const int32_t chain = entry.chain_of_sequence[static_cast<size_t>(sequence)];
  if (chain < 0) return head_drafts_;
  // An error of the device is told by the next Finish.
  if (!marks_[(finished_ - 1) % marks_.size()].end.Synchronize().ok()) return head_drafts_;
  for (int32_t draft = 0; draft < entry.num_drafts; ++draft) {
    const cuda::DraftToken& made =
        entry.drafts.As<cuda::DraftToken>()[draft * entry.num_chains + chain];
    head_drafts_.push_back({made.id, made.probability});
  }
  return head_drafts_;
}

// The step's tokens as the decoder knows them: -1 - s is what slot s sampled last.
std::span<const int32_t> CudaStepRunner::NameTokens(const StepBatch& batch) {
  tokens_.assign(batch.forward.tokens.begin(), batch.forward.tokens.end());
  for (size_t i = 0; i < batch.slots.size(); ++i) {
    int32_t& token = tokens_[batch.forward.sequences[i].first_row];
    if (token == kSampledToken) token = -1 - batch.slots[i];
  }
  return tokens_;
}

Result<std::span<const SampledToken>> CudaStepRunner::Finish() {
  QED_CHECK_LT(finished_, launched_);
  const Marks& marks = marks_[finished_ % marks_.size()];
  if (failure_.ok()) failure_ = marks.sampled.Synchronize();
  if (!failure_.ok()) return failure_;
  decoder_->EndIfARankIsLost();
  const Entry& entry = entries_[finished_ % kCudaStepsInFlight];
  const std::span<SampledToken> sampled = std::span(sampled_).first(entry.rows.size());
  ReadSamples(entry.rows, entry.result.As<cuda::TokenLogprob>(), sampled);
  times_ = {.run_seconds = 1e-3 * cuda::Event::Milliseconds(marks.begin, marks.sampled)};
  if (finished_ > 0) {
    const Marks& before = marks_[(finished_ - 1) % marks_.size()];
    times_.wait_seconds = 1e-3 * cuda::Event::Milliseconds(before.end, marks.begin);
  }
  ++finished_;
  return std::span<const SampledToken>(sampled);
}

}  // namespace

Result<CudaRunner> MakeCudaStepRunner(const Checkpoint& checkpoint, const Adapter* adapter,
                                      const DrafterCheckpoint* drafter, const EngineConfig& config,
                                      const cuda::DeviceInfo& device, ThreadPool& pool,
                                      const RankGroup& group) {
  QED_ASSIGN_OR_RETURN(CudaDecoderOptions options,
                       MakeCudaDecoderOptions(checkpoint, adapter, config, group.place().ranks));
  cuda::UseDevice(device.ordinal);
  options.reserved_bytes = SizesFor(options, checkpoint.config.vocab_size).sum();
  CudaRedrafterOptions drafting = {.max_chains = std::min(options.max_batch_size, kMaxCudaChains),
                                   .max_drafts = std::min(config.max_drafts, kMostHeadDrafts)};
  // The room for 16 bits, though the weights may come in FP8.
  if (drafter != nullptr) options.drafter_bytes = CudaRedrafter::DeviceBytes(*drafter, drafting);
  QED_ASSIGN_OR_RETURN(std::unique_ptr<CudaDecoder> decoder,
                       CudaDecoder::Load(checkpoint, adapter, options, device, pool, group));
  QED_ASSIGN_OR_RETURN(std::unique_ptr<CudaStepRunner> runner,
                       CudaStepRunner::Create(std::move(decoder), device.ordinal));
  if (drafter != nullptr) {
    if (runner->decoder().format() == WeightFormat::kFp8) drafting.format = WeightFormat::kFp8;
    QED_RETURN_IF_ERROR(runner->AddDrafter(*drafter, drafting));
  }
  CudaRunner made = {.runner = nullptr,
                     .footprint = runner->decoder().footprint(),
                     .memory = runner->decoder().memory_plan()};
  made.runner = std::move(runner);
  return made;
}

}  // namespace qed
