#include "model/cuda_step_inputs.h"

#include <algorithm>

#include "base/check.h"
#include "kernels/cuda/linear_sizes.h"

namespace qed {
namespace {

constexpr int64_t kAlignment = 16;
// Steps of more sequences have enough work to hide their launches.
constexpr int32_t kMaxRecordedRows = 256;

// Into `pinned` at `offset`, with zeros up to `count`.
void PackPadded(std::span<const int32_t> values, int64_t count, std::byte* pinned, int64_t offset) {
  auto* out = reinterpret_cast<int32_t*>(pinned + offset);
  std::fill(std::ranges::copy(values, out).out, out + count, 0);
}

}  // namespace

CudaStepPacker::CudaStepPacker(const cuda::AttentionShape& shape, const CudaStepLimits& limits,
                               int32_t num_sms, bool long_prompts)
    : limits_(limits),
      page_size_(shape.page_size),
      max_rows_(cuda::BufferRows(std::max(limits.max_num_tokens, limits.max_batch_size))),
      max_logit_rows_(cuda::BufferRows(limits.max_logit_rows)),
      recorded_sizes_(cuda::PaddedSizes(std::min(limits.max_batch_size, kMaxRecordedRows))),
      planner_(shape, {.max_sequences = cuda::BufferRows(limits.max_batch_size),
                       .max_tokens = max_rows_,
                       .max_seq_len = limits.max_seq_len,
                       .num_sms = num_sms,
                       .long_prompts = long_prompts}) {
  sequences_.reserve(static_cast<size_t>(limits.max_batch_size));
}

CudaStepInputs CudaStepPacker::LayOut(int32_t num_tokens, int32_t logit_rows) const {
  CudaStepInputs inputs;
  inputs.num_tokens = num_tokens;
  inputs.logit_rows = logit_rows;
  int64_t size = 0;
  const auto take = [&](int64_t bytes) {
    const int64_t offset = size;
    size = (size + bytes + kAlignment - 1) / kAlignment * kAlignment;
    return offset;
  };
  inputs.tokens = take(int64_t{num_tokens} * int64_t{sizeof(int32_t)});
  inputs.rows = take(int64_t{logit_rows} * int64_t{sizeof(int32_t)});
  inputs.extra = take(int64_t{logit_rows} * limits_.input_bytes_per_row);
  inputs.attention = size;
  return inputs;
}

int64_t CudaStepPacker::max_bytes() const {
  return LayOut(max_rows_, max_logit_rows_).attention + planner_.max_plan_bytes();
}

// The recorded size that can do the batch; 0 where none can.
int32_t CudaStepPacker::RecordedSize(const ForwardBatch& batch) const {
  if (batch.sequences.size() != batch.tokens.size()) return 0;  // some have several rows
  const int32_t size = cuda::PaddedRows(static_cast<int32_t>(batch.tokens.size()));
  return size <= recorded_sizes_.back() ? size : 0;
}

void CudaStepPacker::TakeSequences(const ForwardBatch& batch) {
  sequences_.clear();
  int32_t row = 0;
  for (const ForwardBatch::Sequence& s : batch.sequences) {
    const int32_t context = s.first_position + s.num_rows;
    QED_CHECK(s.num_rows > 0 && s.first_position >= 0 && s.first_row == row);
    QED_CHECK_LE(context, limits_.max_seq_len);
    QED_CHECK_LE(int64_t{context}, static_cast<int64_t>(s.pages.size()) * page_size_);
    for (int32_t page : s.pages) QED_CHECK(page >= 0 && page < num_pages_) << page;
    sequences_.push_back({s.first_row, s.num_rows, context, s.pages.data()});
    row += s.num_rows;
  }
  QED_CHECK_EQ(static_cast<size_t>(row), batch.tokens.size());
}

CudaStepInputs CudaStepPacker::PackRecorded(const ForwardBatch& batch, int32_t size,
                                            std::byte* pinned) {
  CudaStepInputs inputs = LayOut(size, size);
  inputs.recorded = true;
  TakeSequences(batch);
  PackPadded(batch.tokens, inputs.num_tokens, pinned, inputs.tokens);
  PackPadded(batch.logit_rows, inputs.logit_rows, pinned, inputs.rows);
  inputs.plan = planner_.PlanPadded(sequences_, size, 1, pinned + inputs.attention);
  inputs.bytes = inputs.attention + inputs.plan.bytes;
  return inputs;
}

CudaStepInputs CudaStepPacker::Pack(const ForwardBatch& batch, std::byte* pinned) {
  QED_CHECK(!batch.tokens.empty());
  QED_CHECK_LE(batch.tokens.size(), static_cast<size_t>(limits_.max_num_tokens));
  QED_CHECK_LE(batch.sequences.size(), static_cast<size_t>(limits_.max_batch_size));
  QED_CHECK_LE(batch.logit_rows.size(), static_cast<size_t>(limits_.max_logit_rows));
  for (int32_t row : batch.logit_rows) {
    QED_CHECK(row >= 0 && static_cast<size_t>(row) < batch.tokens.size()) << row;
  }
  const int32_t size = RecordedSize(batch);
  if (size > 0) return PackRecorded(batch, size, pinned);
  CudaStepInputs inputs = LayOut(static_cast<int32_t>(batch.tokens.size()),
                                 static_cast<int32_t>(batch.logit_rows.size()));
  TakeSequences(batch);
  PackPadded(batch.tokens, inputs.num_tokens, pinned, inputs.tokens);
  PackPadded(batch.logit_rows, inputs.logit_rows, pinned, inputs.rows);
  inputs.plan = planner_.Plan(sequences_, pinned + inputs.attention);
  inputs.bytes = inputs.attention + inputs.plan.bytes;
  return inputs;
}

}  // namespace qed
