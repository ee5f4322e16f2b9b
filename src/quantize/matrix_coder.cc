#include "quantize/matrix_coder.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "quantize/code_rows.h"
#include "quantize/compensated_codes.h"
#include "tensor/eight_bit.h"

namespace qed {
namespace {

using enum TensorRole;

constexpr int64_t kRowsPerJob = kRoundedRows;

constexpr TensorRole kGroups[] = {kQuery, kKey, kValue, kOutput, kGate, kUp, kDown};

// The first row whose largest magnitude is not finite, as an error.
Status CheckFinite(const CheckpointTensor& tensor, std::span<const float> largest) {
  for (size_t row = 0; row < largest.size(); ++row) {
    if (std::isfinite(largest[row])) continue;
    return Corrupt(tensor.name + " holds " + (std::isnan(largest[row]) ? "NaN" : "infinity") +
                   " in row " + std::to_string(row) + ", which FP8 and int8 cannot hold");
  }
  return OkStatus();
}

}  // namespace

std::span<const TensorRole> JoinedLinears(TensorRole role) {
  const std::span all(kGroups);
  switch (role) {
    case kQuery:
    case kKey:
    case kValue:
      return all.first(3);
    case kOutput:
      return all.subspan(3, 1);
    case kGate:
    case kUp:
      return all.subspan(4, 2);
    default:
      QED_CHECK(role == kDown) << RoleName(role);
      return all.last(1);
  }
}

// Calls fn(first, values) for up to 16 rows at a time on the pool.
template <typename Fn>
void MatrixCoder::ForRows(const CheckpointTensor& tensor, int64_t first, int64_t rows,
                          Fn fn) const {
  ctx_.pool->ParallelFor((rows + kRowsPerJob - 1) / kRowsPerJob, [&](int64_t job) {
    const int64_t begin = first + job * kRowsPerJob;
    const int64_t count = std::min(kRowsPerJob, first + rows - begin);
    // Kept by the thread: allocating it anew would cost as much as filling it.
    thread_local std::vector<float> values;
    values.resize(static_cast<size_t>(count * tensor.shape[1]));
    reader_.ReadFloats(tensor, WholeRows(tensor, begin, count), values);
    fn(begin, std::span<const float>(values));
  });
}

// The largest magnitude of all that share the tensor's scale; each matrix is read once for it.
Result<float> MatrixCoder::JointMagnitude(const CheckpointTensor& tensor) {
  const TensorRole own[] = {tensor.role};
  float joint = 0;
  for (TensorRole role : joint_scales_ ? JoinedLinears(tensor.role) : std::span(own)) {
    const CheckpointTensor& other = reader_.Tensor(tensor.layer, role);
    auto known = magnitudes_.find(other.name);
    if (known == magnitudes_.end()) {
      const auto columns = static_cast<size_t>(other.shape[1]);
      std::vector<float> largest(static_cast<size_t>(other.shape[0]));
      ForRows(other, 0, other.shape[0], [&](int64_t first, std::span<const float> values) {
        for (size_t r = 0; r * columns < values.size(); ++r) {
          largest[static_cast<size_t>(first) + r] =
              LargestOfRow(ctx_.isa, values.subspan(r * columns, columns));
        }
      });
      QED_RETURN_IF_ERROR(CheckFinite(other, largest));
      known = magnitudes_.emplace(other.name, *std::ranges::max_element(largest)).first;
    }
    joint = std::max(joint, known->second);
  }
  return joint;
}

// That of the tensor's input; null where codes are the nearest ones.
Result<const RoundingFeedback*> MatrixCoder::FeedbackFor(const CheckpointTensor& tensor) {
  if (sweep_ == nullptr) return nullptr;
  QED_CHECK_LE(sweep_->layer(), tensor.layer);
  while (sweep_->layer() < tensor.layer) QED_RETURN_IF_ERROR(sweep_->Advance());
  const std::pair wanted = {tensor.layer, InputKind(tensor.role)};
  if (feedback_ && feedback_of_ == wanted) return &*feedback_;
  feedback_.reset();
  InputMoments& moments = sweep_->MomentsOf(tensor.role);
  QED_ASSIGN_OR_RETURN(feedback_,
                       RoundingFeedback::Make(moments.Sums(), moments.width(), *ctx_.pool));
  feedback_of_ = wanted;
  return &*feedback_;
}

// Leaves scales, codes and errors alone where a row is not finite, which `largest` shows.
void MatrixCoder::CodeTile(const RoundingFeedback* feedback, size_t columns,
                           const Tile& tile) const {
  const auto row = [&](auto all, size_t r) { return all.subspan(r * columns, columns); };
  for (size_t r = 0; r < tile.scales.size() && ScalesRows(); ++r) {
    tile.largest[r] = LargestOfRow(ctx_.isa, row(tile.values, r));
    if (!std::isfinite(tile.largest[r])) return;
    tile.scales[r] = CodeScale(recipe_.format, tile.largest[r]);
  }
  if (feedback != nullptr) {
    MakeCompensatedCodes(recipe_.format, *feedback, tile.values, tile.scales, tile.codes);
  }
  for (size_t r = 0; r < tile.scales.size(); ++r) {
    const float scale = tile.scales[r];
    const std::span<std::byte> codes = row(tile.codes, r);
    if (feedback == nullptr) CodeRow(ctx_.isa, recipe_.format, row(tile.values, r), scale, codes);
    tile.errors[r] = MeasureCodeRow(ctx_.isa, recipe_.format, row(tile.values, r), codes, scale);
  }
}

Result<MatrixCoder::Coded> MatrixCoder::Code(
    const CheckpointTensor& tensor, const std::function<Status(std::span<std::byte>)>& write) {
  const int64_t rows = tensor.shape[0];
  const auto columns = static_cast<size_t>(tensor.shape[1]);
  std::vector<float> scales(static_cast<size_t>(rows)), largest(static_cast<size_t>(rows));
  if (!ScalesRows()) {
    QED_ASSIGN_OR_RETURN(const float joint, JointMagnitude(tensor));
    std::ranges::fill(scales, CodeScale(recipe_.format, joint));
  }
  QED_ASSIGN_OR_RETURN(const RoundingFeedback* feedback, FeedbackFor(tensor));
  const int64_t step =
      std::max<int64_t>(1, kPieceValues / tensor.shape[1] / kRowsPerJob) * kRowsPerJob;
  std::vector<CodeError> errors(static_cast<size_t>(rows));
  std::vector<std::byte> codes;
  for (int64_t first = 0; first < rows; first += step) {
    const int64_t count = std::min(step, rows - first);
    codes.resize(static_cast<size_t>(count) * columns);
    ForRows(tensor, first, count, [&](int64_t begin, std::span<const float> values) {
      const auto at = static_cast<size_t>(begin);
      const size_t taken = values.size() / columns;
      const auto to = std::span(codes).subspan((at - static_cast<size_t>(first)) * columns);
      CodeTile(feedback, columns,
               {.values = values,
                .largest = std::span(largest).subspan(at, taken),
                .scales = std::span(scales).subspan(at, taken),
                .codes = to.first(values.size()),
                .errors = std::span(errors).subspan(at, taken)});
    });
    QED_RETURN_IF_ERROR(CheckFinite(tensor, largest));
    QED_RETURN_IF_ERROR(write(codes));
  }
  CodeError total;  // in the order of the rows, whatever the threads
  for (const CodeError& row : errors) {
    total.error += row.error;
    total.size += row.size;
  }
  if (!ScalesRows()) scales.resize(1);
  return Coded{.scales = std::move(scales),
               .error = total.size > 0 ? std::sqrt(total.error / total.size) : 0};
}

}  // namespace qed
