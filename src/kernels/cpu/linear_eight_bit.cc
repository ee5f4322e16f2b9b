// Products with FP8 and int8 weights: the exact twin of what a GPU computes,
// not a fast one. Products of codes are exact in double and sums of them nearly
// so: a result is rounded once, to f32, whatever the processor.
#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/cpu/linear_kernels.h"
#include "tensor/eight_bit.h"

namespace qed {
namespace {

constexpr int32_t kBlockColumns = 64;  // decoded at a time, for all tokens

// A block of a panel's weights as numbers, and the sums of all tokens.
struct Work {
  alignas(64) double weights[kBlockColumns][kPanelRows];
  alignas(64) double sums[kMaxJobTokens][kPanelRows];
};

std::array<float, 256> MakeFp8Values() {
  std::array<float, 256> values;
  for (int code = 0; code < 256; ++code) values[code] = Fp8ToFloat(static_cast<uint8_t>(code));
  return values;
}

const std::array<float, 256>& Fp8Values() {
  static const std::array<float, 256> values = MakeFp8Values();
  return values;
}

// sums[token][row] += weights[column][row] * x(token, column), in the order of the
// columns. `weight` turns a code into a number.
template <typename Weight, typename X>
void AddProducts(const std::byte* codes, int32_t columns, int32_t tokens, Weight weight, X x,
                 Work& work) {
  for (int32_t c = 0; c < columns; ++c) {
    for (int r = 0; r < kPanelRows; ++r) work.weights[c][r] = weight(codes[c * kPanelRows + r]);
  }
  for (int32_t token = 0; token < tokens; ++token) {
    double* sums = work.sums[token];
    for (int32_t c = 0; c < columns; ++c) {
      const double value = x(token, c);
      for (int r = 0; r < kPanelRows; ++r) sums[r] += work.weights[c][r] * value;
    }
  }
}

// y = sums, scaled, for the `lanes` rows of a panel.
template <typename XScale>
void Store(const PanelJob& job, const std::byte* panel, int32_t row, XScale x_scale,
           const Work& work) {
  float scales[kPanelRows];
  std::memcpy(scales, panel, sizeof(scales));
  const int lanes = std::min(kPanelRows, job.rows - row);
  for (int32_t token = 0; token < job.tokens; ++token) {
    float* y = job.y + token * job.y_stride + row;
    for (int r = 0; r < lanes; ++r) {
      const double scale = static_cast<double>(scales[r]) * x_scale(token);
      const auto product = static_cast<float>(work.sums[token][r] * scale);
      const float sum = job.bias == nullptr ? product : product + job.bias[row + r];
      y[r] = job.accumulate ? y[r] + sum : sum;
    }
  }
}

// `x(token, column)` and `x_scale(token)` give an activation.
template <typename Weight, typename X, typename XScale>
void Multiply(const PanelJob& job, Weight weight, X x, XScale x_scale) {
  Work work;
  const std::byte* panel = job.panels;
  for (int32_t row = 0; row < job.rows; row += kPanelRows, panel += job.panel_bytes) {
    for (int32_t token = 0; token < job.tokens; ++token) {
      std::fill_n(work.sums[token], kPanelRows, 0.0);
    }
    for (int32_t first = 0; first < job.k; first += kBlockColumns) {
      const std::byte* codes = panel + kEightBitScales + int64_t{first} * kPanelRows;
      AddProducts(
          codes, std::min(kBlockColumns, job.k - first), job.tokens, weight,
          [&](int32_t token, int32_t c) { return x(token, first + c); }, work);
    }
    Store(job, panel, row, x_scale, work);
  }
}

}  // namespace

void LinearFp8(const PanelJob& job) {
  const std::array<float, 256>& values = Fp8Values();
  std::array<EightBitScale, kMaxJobTokens> scales;
  for (int32_t token = 0; token < job.tokens; ++token) {
    const float* x = job.x + token * job.x_stride;
    float largest = 0;
    for (int32_t c = 0; c < job.k; ++c) largest = LargerMagnitude(largest, x[c]);
    scales[token] = ScaleFor(largest, kFp8Largest);
  }
  Multiply(
      job, [&](std::byte code) { return values[static_cast<uint8_t>(code)]; },
      [&](int32_t token, int32_t c) {
        return values[FloatToFp8(job.x[token * job.x_stride + c] * scales[token].inverse)];
      },
      [&](int32_t token) { return scales[token].scale; });
}

void LinearInt8(const PanelJob& job) {
  Multiply(
      job, [](std::byte code) { return static_cast<int8_t>(code); },
      [&](int32_t token, int32_t c) { return job.x[token * job.x_stride + c]; },
      [](int32_t) { return 1.0F; });
}

}  // namespace qed
