// Products with FP8 and int8 weights: the exact twin of what a GPU computes,
// not a fast one. Products of codes are exact in double and sums of them nearly
// so: a result is rounded once, to f32, whatever the processor.
#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/cpu/double_products.h"
#include "kernels/cpu/linear_kernels.h"
#include "tensor/eight_bit.h"

namespace qed {

void portable::AddProducts(const DoubleBlock& block, double* sums) {
  AddBlockProducts(block, sums);
}

namespace {

constexpr int32_t kBlockColumns = 64;   // decoded at a time, for all tokens
constexpr int32_t kPanelsTogether = 4;  // that share decoded activations

// A block of weights and activations as numbers; of some panels the sums over the
// columns that share a scale, and the scaled sums of those.
struct Work {
  alignas(64) double weights[kBlockColumns][kPanelRows];
  alignas(64) double x[kMaxJobTokens][kBlockColumns];
  alignas(64) double sums[kPanelsTogether][kMaxJobTokens][kPanelRows];
  alignas(64) double totals[kPanelsTogether][kMaxJobTokens][kPanelRows];
};

template <typename Decode>
std::array<double, 256> MakeTable(Decode decode) {
  std::array<double, 256> values;
  for (int code = 0; code < 256; ++code) values[code] = decode(static_cast<uint8_t>(code));
  return values;
}

const std::array<double, 256>& Fp8Values() {
  static const std::array<double, 256> values = MakeTable(Fp8ToFloat);
  return values;
}

const std::array<double, 256>& Int8Values() {
  static const std::array<double, 256> values =
      MakeTable([](uint8_t code) { return static_cast<int8_t>(code); });
  return values;
}

// Activations as FP8 codes: by the weight's own scale, or by that of the largest
// magnitude of each token, over all columns or over each group that shares a scale.
class Fp8Inputs {
 public:
  explicit Fp8Inputs(const PanelJob& job) : job_(job), values_(Fp8Values()) {
    if (job.input_scale > 0) {
      scales_.fill({job.input_scale, 1.0F / job.input_scale});
    } else if (job.scale_columns == 0) {
      FindScales(0, job.k);
    }
  }
  void BeginGroup(int32_t first, int32_t columns) {
    if (job_.input_scale == 0 && job_.scale_columns > 0) FindScales(first, columns);
  }
  double Value(int32_t token, int32_t c) const {
    return values_[FloatToFp8(job_.x[token * job_.x_stride + c] * scales_[token].inverse)];
  }
  double Scale(int32_t token) const { return scales_[token].scale; }

 private:
  void FindScales(int32_t first, int32_t columns) {
    for (int32_t token = 0; token < job_.tokens; ++token) {
      const float* x = job_.x + token * job_.x_stride + first;
      float largest = 0;
      for (int32_t c = 0; c < columns; ++c) largest = LargerMagnitude(largest, x[c]);
      scales_[token] = ScaleFor(largest, kFp8Largest);
    }
  }

  const PanelJob& job_;
  const std::array<double, 256>& values_;
  std::array<EightBitScale, kMaxJobTokens> scales_;
};

// Activations as they are.
class PlainInputs {
 public:
  explicit PlainInputs(const PanelJob& job) : job_(job) {}
  void BeginGroup(int32_t, int32_t) {}
  double Value(int32_t token, int32_t c) const { return job_.x[token * job_.x_stride + c]; }
  double Scale(int32_t) const { return 1.0; }

 private:
  const PanelJob& job_;
};

// The product of all tokens with some panels of a job.
template <typename Inputs>
class PanelProduct {
 public:
  PanelProduct(const PanelJob& job, const std::array<double, 256>& values, AddProductsFn* add,
               Inputs& inputs, Work& work)
      : job_(job), values_(values), add_(add), inputs_(inputs), work_(work) {}

  void Run(int32_t first_row, int32_t panels) {
    first_row_ = first_row;
    panels_ = panels;
    for (int32_t p = 0; p < panels; ++p) Clear(work_.totals[p]);
    const int32_t group = job_.scale_columns == 0 ? job_.k : job_.scale_columns;
    for (int32_t first = 0; first < job_.k; first += group) {
      AddGroup(first / group, first, std::min(group, job_.k - first));
    }
    for (int32_t p = 0; p < panels; ++p) Store(p);
  }

 private:
  void Clear(double (*sums)[kPanelRows]) const {
    std::fill_n(&sums[0][0], job_.tokens * kPanelRows, 0.0);
  }
  const std::byte* Panel(int32_t p) const {
    return job_.panels + (first_row_ / kPanelRows + p) * job_.panel_bytes;
  }

  // totals += the sums over one group of columns, scaled.
  void AddGroup(int32_t index, int32_t first, int32_t columns) {
    inputs_.BeginGroup(first, columns);
    for (int32_t p = 0; p < panels_; ++p) Clear(work_.sums[p]);
    for (int32_t c = 0; c < columns; c += kBlockColumns) {
      AddBlock(first + c, std::min(kBlockColumns, columns - c));
    }
    for (int32_t p = 0; p < panels_; ++p) {
      float scales[kPanelRows];
      std::memcpy(scales, Panel(p) + index * kEightBitScales, sizeof(scales));
      for (int32_t token = 0; token < job_.tokens; ++token) {
        const double x_scale = inputs_.Scale(token);
        for (int r = 0; r < kPanelRows; ++r) {
          work_.totals[p][token][r] += work_.sums[p][token][r] * (scales[r] * x_scale);
        }
      }
    }
  }

  void AddBlock(int32_t first, int32_t columns) {
    for (int32_t token = 0; token < job_.tokens; ++token) {
      for (int32_t c = 0; c < columns; ++c) {
        work_.x[token][c] = inputs_.Value(token, first + c);
      }
    }
    const int64_t codes_at =
        EightBitGroups(job_.k, job_.scale_columns) * kEightBitScales + int64_t{first} * kPanelRows;
    for (int32_t p = 0; p < panels_; ++p) {
      const std::byte* codes = Panel(p) + codes_at;
      for (int32_t i = 0; i < columns * kPanelRows; ++i) {
        (&work_.weights[0][0])[i] = values_[static_cast<uint8_t>(codes[i])];
      }
      add_({&work_.weights[0][0], columns, &work_.x[0][0], kBlockColumns, job_.tokens},
           &work_.sums[p][0][0]);
    }
  }

  void Store(int32_t p) const {
    const int32_t row = first_row_ + p * kPanelRows;
    const int lanes = std::min(kPanelRows, job_.rows - row);
    for (int32_t token = 0; token < job_.tokens; ++token) {
      float* y = job_.y + token * job_.y_stride + row;
      for (int r = 0; r < lanes; ++r) {
        const auto product = static_cast<float>(work_.totals[p][token][r]);
        const float sum = job_.bias == nullptr ? product : product + job_.bias[row + r];
        y[r] = job_.accumulate ? y[r] + sum : sum;
      }
    }
  }

  const PanelJob& job_;
  const std::array<double, 256>& values_;
  AddProductsFn* const add_;
  Inputs& inputs_;
  Work& work_;
  int32_t first_row_ = 0;
  int32_t panels_ = 0;
};

template <typename Inputs>
void Multiply(const PanelJob& job, const std::array<double, 256>& values, AddProductsFn* add) {
  Work work;
  Inputs inputs(job);
  PanelProduct<Inputs> product(job, values, add, inputs, work);
  constexpr int32_t kRowsTogether = kPanelsTogether * kPanelRows;
  for (int32_t row = 0; row < job.rows; row += kRowsTogether) {
    const int32_t rows = std::min(kRowsTogether, job.rows - row);
    product.Run(row, (rows + kPanelRows - 1) / kPanelRows);
  }
}

}  // namespace

void LinearFp8(const PanelJob& job, AddProductsFn* add) {
  Multiply<Fp8Inputs>(job, Fp8Values(), add);
}

void LinearInt8(const PanelJob& job, AddProductsFn* add) {
  Multiply<PlainInputs>(job, Int8Values(), add);
}

}  // namespace qed
