// How the rounding error of one column of a weight is made good by the columns that are rounded
// after it: the factor behind error-compensated rounding (Frantar et al., "GPTQ",
// arXiv:2210.17323; in the form of Chee et al., "QuIP", arXiv:2307.13304, section 3.1).
//
// With H the second moments of the product's inputs, the squared error of a row w rounded to q is
// (q - w) H (q - w)^T. H = (A + I) D (A + I)^T with A strictly upper triangular in the order in
// which columns are rounded, so that column j had best be rounded from
//   w_j + sum over columns i before it of (w_i - q_i) A_ij.
#ifndef QED_QUANTIZE_ROUNDING_FEEDBACK_H_
#define QED_QUANTIZE_ROUNDING_FEEDBACK_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "kernels/op_context.h"
#include "tensor/aligned_buffer.h"

namespace qed {

// Rows of a weight that are rounded together.
inline constexpr int32_t kRoundedRows = 16;

// Const methods may be called by several threads.
class RoundingFeedback {
 public:
  // `moments` [K, K], symmetric. A hundredth of their mean diagonal is added to the diagonal, so
  // that directions in which no input was seen count a little. Columns with the larger inputs
  // are rounded first. 8 K^2 bytes, K^3 / 6 multiply-adds. The same bits whatever the threads and
  // the processor. kCorrupt where the moments are not finite; kResourceExhausted where memory
  // cannot be had.
  static Result<RoundingFeedback> Make(std::span<const float> moments, int32_t width,
                                       ThreadPool& pool);

  int32_t width() const { return width_; }

  // Rounds up to 16 rows [rows, K], column by column in their order. round(column, wanted,
  // rounded) gives the values nearest to wanted[r] that can be stored in that column of row r,
  // for all 16; what it gives rows beyond `rows` does not matter.
  template <typename Round>
  void RoundRows(std::span<const float> values, const Round& round) const {
    std::vector<double> errors(static_cast<size_t>(padded_) * kRoundedRows);
    std::vector<double> wanted(static_cast<size_t>(kBlock) * kRoundedRows);
    for (int32_t end = padded_; end > 0; end -= kBlock) {
      const int32_t begin = std::max(0, end - kBlock);
      LayWanted(values, begin, end, errors.data(), wanted.data());
      for (int32_t j = end - 1; j >= begin; --j) {
        double* sums = wanted.data() + int64_t{j - begin} * kRoundedRows;
        double* error = errors.data() + int64_t{j} * kRoundedRows;
        AddErrorsWithin(j, end, errors.data(), sums);
        if (columns_[static_cast<size_t>(j)] < 0) continue;
        const int32_t column = columns_[static_cast<size_t>(j)];
        double rounded[kRoundedRows];
        round(column, sums, rounded);
        const auto rows = static_cast<int32_t>(values.size()) / width_;
        for (int32_t r = 0; r < rows; ++r) {
          error[r] = double{values[static_cast<size_t>(int64_t{r} * width_ + column)]} - rounded[r];
        }
      }
    }
  }

 private:
  static constexpr int32_t kBlock = 64;  // columns between whose errors go by a product

  RoundingFeedback() = default;
  // Row r of the 16 columns from 16 * panel on.
  double* At(int32_t panel, int32_t r) {
    return memory_.As<double>() + (int64_t{panel} * padded_ + r) * kRoundedRows;
  }
  const double* At(int32_t panel, int32_t r) const {
    return memory_.As<double>() + (int64_t{panel} * padded_ + r) * kRoundedRows;
  }
  double& Entry(int32_t r, int32_t c) { return At(c / kRoundedRows, r)[c % kRoundedRows]; }
  double Entry(int32_t r, int32_t c) const { return At(c / kRoundedRows, r)[c % kRoundedRows]; }

  void Order(std::span<const float> moments);
  void Lay(std::span<const float> moments, double damping, ThreadPool& pool);
  bool Factor(ThreadPool& pool);
  bool FactorDiagonal(int32_t first);
  void FactorRight(int32_t first, int32_t panel);
  void ScaleRows(ThreadPool& pool);
  void LayWanted(std::span<const float> values, int32_t begin, int32_t end, const double* errors,
                 double* wanted) const;
  void AddErrorsWithin(int32_t j, int32_t end, const double* errors, double* sums) const;

  int32_t width_ = 0;
  int32_t padded_ = 0;  // whole panels of 16
  Isa isa_ = Isa::kPortable;
  // From the column that is rounded last to that which is rounded first: columns of the weight,
  // and -1 for padding. All indices below count so.
  std::vector<int32_t> columns_;
  // Upper triangular, in panels of 16 columns [padded / 16, padded, 16]: row j, column i > j is
  // the A of the header.
  AlignedBuffer memory_;
};

}  // namespace qed

#endif  // QED_QUANTIZE_ROUNDING_FEEDBACK_H_
