#include "kernels/cuda/linear_sizes.h"

#include <algorithm>

#include "base/check.h"

namespace qed::cuda {
namespace {

constexpr int32_t kSmall = 8;
constexpr int32_t kMedium = 256;
constexpr int32_t kMediumStep = 16;
constexpr int32_t kLargeStep = 128;

int32_t RoundUp(int32_t value, int32_t step) { return (value + step - 1) / step * step; }

}  // namespace

int32_t PaddedRows(int32_t rows) {
  QED_CHECK(rows >= 1 && rows < (1 << 30)) << rows;
  if (rows <= kSmall) {
    int32_t padded = 1;
    while (padded < rows) padded *= 2;
    return padded;
  }
  return rows <= kMedium ? RoundUp(rows, kMediumStep) : RoundUp(rows, kLargeStep);
}

int32_t BufferRows(int32_t max_rows) { return std::max(PaddedRows(max_rows), kMediumStep); }

std::vector<int32_t> PaddedSizes(int32_t max_rows) {
  std::vector<int32_t> sizes;
  for (int32_t size = 1; size <= PaddedRows(max_rows); size = PaddedRows(size + 1)) {
    sizes.push_back(size);
  }
  return sizes;
}

std::vector<int32_t> TimedSizes(int32_t max_rows) {
  const int32_t last = PaddedRows(max_rows);
  std::vector<int32_t> sizes;
  for (int32_t size : PaddedSizes(std::min(max_rows, kMedium))) sizes.push_back(size);
  for (int64_t size = 2 * kMedium; size < last; size *= 2) {
    sizes.push_back(static_cast<int32_t>(size / 4 * 3));
    sizes.push_back(static_cast<int32_t>(size));
  }
  while (!sizes.empty() && sizes.back() >= last) sizes.pop_back();
  sizes.push_back(last);
  return sizes;
}

}  // namespace qed::cuda
