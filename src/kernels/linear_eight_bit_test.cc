// FP8 and int8 weights against the same sums done in double from the definition.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "gtest/gtest.h"
#include "kernels/embedding.h"
#include "kernels/linear.h"
#include "tensor/aligned_buffer.h"
#include "tensor/eight_bit.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Uniform in [-1, 1), a row's magnitude different from its neighbours'.
std::vector<float> Matrix(int32_t rows, int32_t columns, uint64_t stream) {
  std::vector<float> values(static_cast<size_t>(rows) * columns);
  for (size_t i = 0; i < values.size(); ++i) {
    const auto row = static_cast<int32_t>(i / columns);
    values[i] = std::ldexp(2 * UniformFloat(3, stream, i) - 1, row % 7 - 3);
  }
  return values;
}

double Largest(const float* values, size_t count) {
  double largest = 0;
  for (size_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(double{values[i]}));
  return largest;
}

// A matrix of codes as numbers, and each row's scale.
struct Quantized {
  std::vector<double> codes;
  std::vector<double> scales;
};

Quantized Quantize(WeightFormat format, const std::vector<float>& values, int32_t columns,
                   std::optional<float> largest_magnitude = {}) {
  Quantized made;
  for (size_t row = 0; row < values.size() / columns; ++row) {
    const float* from = values.data() + row * columns;
    const auto largest =
        largest_magnitude ? *largest_magnitude : static_cast<float>(Largest(from, columns));
    const float most = format == WeightFormat::kFp8 ? 448.0F : 127.0F;
    made.scales.push_back(largest / most);
    for (int32_t c = 0; c < columns; ++c) {
      const float scaled = from[c] * (most / largest);
      made.codes.push_back(format == WeightFormat::kFp8
                               ? Fp8ToFloat(FloatToFp8(scaled))
                               : std::clamp(std::nearbyint(scaled), -127.0F, 127.0F));
    }
  }
  return made;
}

struct TestWeight {
  std::vector<float> values;
  AlignedBuffer memory;
  PackedWeight packed;
};

TestWeight MakeWeight(WeightFormat format, int32_t n, int32_t k, uint64_t stream,
                      std::optional<float> largest_magnitude = {}) {
  TestWeight weight;
  weight.values = Matrix(n, k, stream);
  weight.memory = std::move(AlignedBuffer::Allocate(PackedWeightBytes(format, n, k))).value();
  PackWeightRows(format, n, k, 0, n, DType::kF32, std::as_bytes(std::span(weight.values)),
                 weight.memory.data(), largest_magnitude);
  weight.packed.format = format;
  weight.packed.n = n;
  weight.packed.k = k;
  weight.packed.data = weight.memory.data();
  return weight;
}

std::vector<float> RunLinear(int threads, const PackedWeight& weight, const std::vector<float>& x) {
  ThreadPool pool(threads);
  OpContext ctx{&pool, DetectIsa()};
  const auto t = static_cast<int32_t>(x.size() / weight.k);
  std::vector<float> y(static_cast<size_t>(t) * weight.n, -1.0F);
  const LinearTask task = {.weight = weight, .y = y.data(), .y_stride = weight.n};
  Linear(ctx, x.data(), weight.k, nullptr, t, {&task, 1});
  return y;
}

class EightBitLinearTest : public ::testing::TestWithParam<WeightFormat> {
 protected:
  // What Linear computes with: FP8 activations have a scale a token.
  Quantized Activations(const std::vector<float>& x, int32_t k) const {
    if (GetParam() == WeightFormat::kFp8) return Quantize(GetParam(), x, k);
    return {{x.begin(), x.end()}, std::vector<double>(x.size() / k, 1.0)};
  }

  // Right to the last bit of f32 but for one.
  void ExpectProduct(const TestWeight& weight, const std::vector<float>& x,
                     std::optional<float> largest_magnitude = {}) {
    const WeightFormat format = weight.packed.format;
    const int32_t n = weight.packed.n, k = weight.packed.k;
    const Quantized w = Quantize(format, weight.values, k, largest_magnitude);
    const Quantized a = Activations(x, k);
    const std::vector<float> y = RunLinear(2, weight.packed, x);
    for (size_t token = 0; token < a.scales.size(); ++token) {
      for (size_t row = 0; row < w.scales.size(); ++row) {
        double sum = 0;
        for (int32_t c = 0; c < k; ++c) sum += w.codes[row * k + c] * a.codes[token * k + c];
        const double expected = sum * w.scales[row] * a.scales[token];
        ASSERT_NEAR(y[token * n + row], expected, std::abs(expected) * 0x1p-22)
            << "N " << n << " K " << k << " at " << token << ", " << row;
      }
    }
  }
};

TEST_P(EightBitLinearTest, MatchesTheProductInDouble) {
  struct Sizes {
    int32_t n, k, t;
  };
  for (const Sizes& s : {Sizes{16, 32, 1},
                         {1, 1, 2},
                         {15, 64, 3},
                         {31, 577, 5},
                         {33, 63, 16},
                         {48, 160, 7},
                         {5, 1536, 2},
                         {20, 65, 300}}) {
    ExpectProduct(MakeWeight(GetParam(), s.n, s.k, 1), Matrix(s.t, s.k, 2));
  }
}

TEST_P(EightBitLinearTest, OneScaleForAllRows) {
  const TestWeight weight = MakeWeight(GetParam(), 37, 96, 3, 8.0F);
  ExpectProduct(weight, Matrix(4, 96, 4), 8.0F);
  float scales[2];
  std::memcpy(scales, weight.packed.data, sizeof(scales));
  EXPECT_EQ(scales[0], scales[1]);
}

TEST_P(EightBitLinearTest, ARowIsTheSameBitsInAnyBatch) {
  constexpr int32_t kTokens = 21, kN = 72, kK = 200;
  const TestWeight weight = MakeWeight(GetParam(), kN, kK, 5);
  const std::vector<float> all = Matrix(kTokens, kK, 6);
  const std::vector<float> together = RunLinear(3, weight.packed, all);
  for (int32_t t = 1; t <= kTokens; ++t) {
    const std::vector<float> y =
        RunLinear(1 + t % 2, weight.packed, {all.end() - t * kK, all.end()});
    ASSERT_EQ(0, std::memcmp(y.data(), together.data() + (kTokens - t) * kN, y.size() * 4)) << t;
  }
}

TEST_P(EightBitLinearTest, AddsBiasAndResidualAndKeepsToItsRows) {
  constexpr int32_t kN = 37, kK = 64, kTokens = 5, kStride = kN + 3;
  const TestWeight weight = MakeWeight(GetParam(), kN, kK, 7);
  const std::vector<float> x = Matrix(kTokens, kK, 8);
  const std::vector<float> plain = RunLinear(1, weight.packed, x);
  const std::vector<float> bias = Matrix(1, kN, 9);
  const std::vector<float> residual = Matrix(kTokens, kStride, 10);
  std::vector<float> y = residual;
  ThreadPool pool(2);
  OpContext ctx{&pool, DetectIsa()};
  const LinearTask task = {.weight = weight.packed,
                           .bias = bias.data(),
                           .y = y.data(),
                           .y_stride = kStride,
                           .accumulate = true};
  Linear(ctx, x.data(), kK, nullptr, kTokens, {&task, 1});
  for (int32_t token = 0; token < kTokens; ++token) {
    for (int32_t row = 0; row < kStride; ++row) {
      const float before = residual[token * kStride + row];
      const float expected = row < kN ? before + (plain[token * kN + row] + bias[row]) : before;
      ASSERT_EQ(y[token * kStride + row], expected) << token << ", " << row;
    }
  }
}

// A token's scale and sum have nothing to do with the other tokens'.
TEST_P(EightBitLinearTest, ZerosGiveZeroAndBadValuesShowInTheirRowOnly) {
  constexpr int32_t kN = 18, kK = 40;
  const TestWeight weight = MakeWeight(GetParam(), kN, kK, 11);
  std::vector<float> x = Matrix(4, kK, 12);
  const std::vector<float> clean = RunLinear(1, weight.packed, x);
  std::fill_n(x.begin() + kK, kK, 0.0F);
  x[2 * kK + 3] = std::nanf("");
  x[3 * kK + 3] = kInfinity;
  const std::vector<float> y = RunLinear(1, weight.packed, x);
  for (int32_t row = 0; row < kN; ++row) {
    EXPECT_EQ(y[row], clean[row]);
    EXPECT_EQ(y[kN + row], 0.0F);
    EXPECT_FALSE(std::isfinite(y[2 * kN + row]));
    EXPECT_FALSE(std::isfinite(y[3 * kN + row]));
  }
}

TEST_P(EightBitLinearTest, RowsOfTheTableComeBack) {
  constexpr int32_t kN = 35, kK = 70;
  const TestWeight weight = MakeWeight(GetParam(), kN, kK, 13);
  const Quantized expected = Quantize(GetParam(), weight.values, kK);
  std::vector<float> row(kK);
  for (int32_t id : {0, 17, 34}) {
    EmbeddingRow(weight.packed, id, row.data());
    for (int32_t c = 0; c < kK; ++c) {
      EXPECT_EQ(row[c], static_cast<float>(expected.scales[id] * expected.codes[id * kK + c]));
    }
  }
}

TEST_P(EightBitLinearTest, PacksFromAnyDTypeAndByRanges) {
  constexpr int32_t kN = 37, kK = 64;
  std::vector<float> values = Matrix(kN, kK, 14);
  std::vector<std::byte> halves(values.size() * 2);
  QuantizeRow(DType::kBF16, values, halves);
  DequantizeRow(DType::kBF16, halves, values);
  const size_t bytes = PackedWeightBytes(GetParam(), kN, kK);
  std::vector<std::byte> whole(bytes, std::byte{0xA5});
  std::vector<std::byte> pieces(bytes, std::byte{0x5A});
  PackWeightRows(GetParam(), kN, kK, 0, kN, DType::kF32, std::as_bytes(std::span(values)),
                 whole.data());
  for (int32_t row = 0; row < kN; row += 16) {
    const int32_t rows = std::min(16, kN - row);
    PackWeightRows(GetParam(), kN, kK, row, rows, DType::kBF16,
                   std::span(halves).subspan(size_t{2} * row * kK, size_t{2} * rows * kK),
                   pieces.data());
  }
  EXPECT_EQ(whole, pieces);
}

// Codes of a file, with a scale a row or a group of columns, by the definition:
// y = sum over groups of (sum of code * code) * scale * scale.
void ExpectCodes(int32_t scale_columns, float input_scale) {
  constexpr int32_t kN = 37, kK = 200, kTokens = 9;
  PackedWeight packed = {.format = WeightFormat::kFp8, .n = kN, .k = kK};
  packed.scale_columns = scale_columns;
  packed.input_scale = input_scale;
  const int32_t width = scale_columns == 0 ? kK : scale_columns;
  const int32_t groups = (kK + width - 1) / width;
  std::vector<std::byte> codes(kN * kK);
  for (size_t i = 0; i < codes.size(); ++i) {
    codes[i] = static_cast<std::byte>(static_cast<uint8_t>(UniformFloat(7, 1, i) * 0x7E) |
                                      (i % 3 == 0 ? 0x80 : 0));
  }
  std::vector<float> scales(kN * groups);
  for (size_t i = 0; i < scales.size(); ++i) scales[i] = 0.5F + UniformFloat(7, 2, i);
  AlignedBuffer memory = std::move(AlignedBuffer::Allocate(PackedWeightBytes(packed))).value();
  for (int32_t row = 0; row < kN; row += 16) {
    const int32_t rows = std::min(16, kN - row);
    PackCodeRows(packed, row, rows, std::span(codes).subspan(size_t(row) * kK, size_t(rows) * kK),
                 std::span(scales).subspan(size_t(row) * groups, size_t(rows) * groups),
                 memory.data());
  }
  packed.data = memory.data();
  const std::vector<float> x = Matrix(kTokens, kK, 15);
  const std::vector<float> y = RunLinear(2, packed, x);
  for (int32_t t = 0; t < kTokens; ++t) {
    for (int32_t n = 0; n < kN; ++n) {
      double expected = 0;
      for (int32_t g = 0; g < groups; ++g) {
        const int32_t first = g * width, count = std::min(width, kK - first);
        const float* from = x.data() + t * kK + first;
        const float scale =
            input_scale > 0 ? input_scale : static_cast<float>(Largest(from, count)) / kFp8Largest;
        const float inverse = input_scale > 0
                                  ? 1.0F / input_scale
                                  : kFp8Largest / static_cast<float>(Largest(from, count));
        double sum = 0;
        for (int32_t c = 0; c < count; ++c) {
          sum += double{Fp8ToFloat(static_cast<uint8_t>(codes[n * kK + first + c]))} *
                 Fp8ToFloat(FloatToFp8(from[c] * inverse));
        }
        expected += sum * scales[n * groups + g] * scale;
      }
      ASSERT_NEAR(y[t * kN + n], expected, 1e-6 * (1 + std::abs(expected))) << t << ", " << n;
    }
  }
}

TEST(CodeLinearTest, ScalesOfRowsGroupsAndInputsAreTheFiles) {
  ExpectCodes(0, 0);
  ExpectCodes(0, 0.01F);   // nothing saturates
  ExpectCodes(0, 0.001F);  // much does
  ExpectCodes(64, 0);
  ExpectCodes(128, 0);
}

// The kernels of every instruction set add in the same order.
TEST(CodeLinearTest, EveryProcessorMakesTheSameBits) {
  const TestWeight weight = MakeWeight(WeightFormat::kFp8, 50, 300, 16);
  const std::vector<float> x = Matrix(11, 300, 17);
  const std::vector<float> best = RunLinear(2, weight.packed, x);
  ThreadPool pool(1);
  OpContext ctx{&pool, Isa::kPortable};
  std::vector<float> portable(best.size());
  const LinearTask task = {.weight = weight.packed, .y = portable.data(), .y_stride = 50};
  Linear(ctx, x.data(), 300, nullptr, 11, {&task, 1});
  EXPECT_EQ(portable, best);
}

INSTANTIATE_TEST_SUITE_P(Formats, EightBitLinearTest,
                         ::testing::Values(WeightFormat::kFp8, WeightFormat::kInt8),
                         [](const auto& format) { return WeightFormatName(format.param); });

}  // namespace
}  // namespace qed
