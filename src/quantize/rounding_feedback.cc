#include "quantize/rounding_feedback.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "base/check.h"
#include "kernels/add_products.h"

namespace qed {
namespace {

constexpr double kDamping = 0.01;  // of the mean of the diagonal
constexpr int kTries = 4;          // each with ten times the damping of the one before

}  // namespace

Result<RoundingFeedback> RoundingFeedback::Make(std::span<const float> moments, int32_t width,
                                                ThreadPool& pool) {
  const auto side = static_cast<size_t>(width);
  QED_CHECK_EQ(moments.size(), side * side);
  RoundingFeedback made;
  made.width_ = width;
  made.padded_ = (width + kRoundedRows - 1) / kRoundedRows * kRoundedRows;
  made.isa_ = DetectIsa();
  double mean = 0;
  for (size_t i = 0; i < side; ++i) mean += moments[i * (side + 1)] / static_cast<double>(width);
  if (!std::isfinite(mean)) return Corrupt("the inputs of a product are not finite");
  made.Order(moments);
  const auto padded = static_cast<size_t>(made.padded_);
  QED_ASSIGN_OR_RETURN(made.memory_, AlignedBuffer::Allocate(padded * padded * sizeof(double)));
  double damping = mean > 0 ? kDamping * mean : 1.0;
  for (int i = 0; i < kTries; ++i, damping *= 10) {
    made.Lay(moments, damping, pool);
    if (!made.Factor(pool)) continue;
    made.ScaleRows(pool);
    return made;
  }
  return Corrupt("the inputs of a product have no second moments that can be factored");
}

void RoundingFeedback::Order(std::span<const float> moments) {
  columns_.resize(static_cast<size_t>(width_));
  std::iota(columns_.begin(), columns_.end(), 0);
  const auto size = [&](int32_t c) { return moments[static_cast<size_t>(c) * (width_ + 1)]; };
  std::ranges::stable_sort(columns_, [&](int32_t a, int32_t b) { return size(a) < size(b); });
  columns_.resize(static_cast<size_t>(padded_), -1);
}

void RoundingFeedback::Lay(std::span<const float> moments, double damping, ThreadPool& pool) {
  pool.ParallelFor(padded_ / kRoundedRows, [&](int64_t panel) {
    const auto q = static_cast<int32_t>(panel);
    for (int32_t r = 0; r < (q + 1) * kRoundedRows; ++r) {
      for (int32_t lane = 0; lane < kRoundedRows; ++lane) {
        const int32_t c = q * kRoundedRows + lane;
        const int32_t row = columns_[static_cast<size_t>(r)];
        const int32_t column = columns_[static_cast<size_t>(c)];
        double value = r == c ? 1.0 : 0.0;  // padding touches nothing
        if (row >= 0 && column >= 0) {
          value = double{moments[static_cast<size_t>(row) * width_ + column]};
          if (r == c) value += damping;
        }
        At(q, r)[lane] = value;
      }
    }
  });
}

// U with U^T U = H, row blocks from the top, each then taken out of what is below it.
bool RoundingFeedback::Factor(ThreadPool& pool) {
  const int32_t panels = padded_ / kRoundedRows;
  std::vector<double> turned(static_cast<size_t>(padded_) * kBlock);
  for (int32_t first = 0; first < padded_; first += kBlock) {
    if (!FactorDiagonal(first)) return false;
    const int32_t end = std::min(first + kBlock, padded_);
    if (end == padded_) return true;
    const int32_t next = end / kRoundedRows;
    pool.ParallelFor(panels - next, [&](int64_t i) {
      const int32_t panel = next + static_cast<int32_t>(i);
      FactorRight(first, panel);
      for (int32_t lane = 0; lane < kRoundedRows; ++lane) {
        double* to = turned.data() + int64_t{panel * kRoundedRows + lane} * kBlock;
        for (int32_t p = first; p < end; ++p) to[p - first] = -At(panel, p)[lane];
      }
    });
    pool.ParallelFor(panels - next, [&](int64_t i) {
      const int32_t panel = next + static_cast<int32_t>(i);
      AddProducts(isa_,
                  {.weights = At(panel, first),
                   .columns = end - first,
                   .x = turned.data() + int64_t{end} * kBlock,
                   .x_stride = kBlock,
                   .tokens = (panel + 1) * kRoundedRows - end},
                  At(panel, end));
    });
  }
  return true;
}

bool RoundingFeedback::FactorDiagonal(int32_t first) {
  const int32_t end = std::min(first + kBlock, padded_);
  for (int32_t k = first; k < end; ++k) {
    for (int32_t c = k; c < end; ++c) {
      double value = Entry(k, c);
      for (int32_t p = first; p < k; ++p) value -= Entry(p, k) * Entry(p, c);
      if (c > k) {
        Entry(k, c) = value / Entry(k, k);
        continue;
      }
      if (!(value > 0) || !std::isfinite(value)) return false;
      Entry(k, k) = std::sqrt(value);
    }
  }
  return true;
}

// The rows of the block from `first` on in a panel to the right of it.
void RoundingFeedback::FactorRight(int32_t first, int32_t panel) {
  const int32_t end = std::min(first + kBlock, padded_);
  for (int32_t k = first; k < end; ++k) {
    double* row = At(panel, k);
    for (int32_t p = first; p < k; ++p) {
      const double factor = Entry(p, k);
      const double* other = At(panel, p);
      for (int32_t lane = 0; lane < kRoundedRows; ++lane) row[lane] -= factor * other[lane];
    }
    const double pivot = Entry(k, k);
    for (int32_t lane = 0; lane < kRoundedRows; ++lane) row[lane] /= pivot;
  }
}

// D is what the pivots' squares are; without it the diagonal is 1 and not kept.
void RoundingFeedback::ScaleRows(ThreadPool& pool) {
  std::vector<double> pivots(static_cast<size_t>(padded_));
  for (int32_t j = 0; j < padded_; ++j) pivots[static_cast<size_t>(j)] = Entry(j, j);
  pool.ParallelFor(padded_ / kRoundedRows, [&](int64_t panel) {
    const auto q = static_cast<int32_t>(panel);
    for (int32_t j = 0; j < (q + 1) * kRoundedRows; ++j) {
      for (int32_t lane = 0; lane < kRoundedRows; ++lane) {
        At(q, j)[lane] /= pivots[static_cast<size_t>(j)];
      }
    }
  });
}

// The columns [begin, end) with the feedback of all columns that are rounded before `end`.
void RoundingFeedback::LayWanted(std::span<const float> values, int32_t begin, int32_t end,
                                 const double* errors, double* wanted) const {
  const auto rows = static_cast<int32_t>(values.size()) / width_;
  for (int32_t j = begin; j < end; ++j) {
    const int32_t column = columns_[static_cast<size_t>(j)];
    double* to = wanted + int64_t{j - begin} * kRoundedRows;
    for (int32_t r = 0; r < kRoundedRows; ++r) {
      const bool is_there = column >= 0 && r < rows;
      to[r] = is_there ? double{values[static_cast<size_t>(int64_t{r} * width_ + column)]} : 0.0;
    }
  }
  for (int32_t panel = end / kRoundedRows; panel < padded_ / kRoundedRows; ++panel) {
    AddProducts(isa_,
                {.weights = errors + int64_t{panel} * kRoundedRows * kRoundedRows,
                 .columns = kRoundedRows,
                 .x = At(panel, begin),
                 .x_stride = kRoundedRows,
                 .tokens = end - begin},
                wanted);
  }
}

void RoundingFeedback::AddErrorsWithin(int32_t j, int32_t end, const double* errors,
                                       double* sums) const {
  for (int32_t i = j + 1; i < end; ++i) {
    const double factor = Entry(j, i);
    const double* error = errors + int64_t{i} * kRoundedRows;
    for (int32_t r = 0; r < kRoundedRows; ++r) sums[r] += error[r] * factor;
  }
}

}  // namespace qed
