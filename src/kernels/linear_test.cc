#include "kernels/linear.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/test_support.h"
#include "tensor/aligned_buffer.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

constexpr WeightFormat kFormats[] = {WeightFormat::kF32, WeightFormat::kBF16, WeightFormat::kQ8_0,
                                     WeightFormat::kQ4_0, WeightFormat::kQ4_1};

AlignedBuffer Buffer(size_t bytes) {
  Result<AlignedBuffer> buffer = AlignedBuffer::Allocate(bytes);
  EXPECT_TRUE(buffer.ok());
  return std::move(buffer).value();
}

std::vector<float> Normal(size_t count, uint32_t seed, float mean = 0.0F) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(mean, 1.0F);
  std::vector<float> values(count);
  for (float& value : values) {
    value = normal(engine);
  }
  return values;
}

// A weight of `format` in three forms: as a file holds it, packed, and the
// floats that it stands for.
struct TestWeight {
  PackedWeight packed;
  std::vector<std::byte> file;
  std::vector<float> values;  // [N, K]
  AlignedBuffer memory;
};

size_t RowBytes(DType dtype, int32_t k) {
  return static_cast<size_t>(k / BlockValues(dtype) * BlockBytes(dtype));
}

TestWeight MakeWeight(WeightFormat format, int32_t n, int32_t k, uint32_t seed) {
  const DType dtype = RowDType(format);
  const size_t row_bytes = RowBytes(dtype, k);
  const size_t columns = static_cast<size_t>(k);
  TestWeight weight;
  // An offset mean makes the minimum of Q4_1 matter.
  weight.values = Normal(static_cast<size_t>(n) * columns, seed, 0.3F);
  weight.file.resize(static_cast<size_t>(n) * row_bytes);
  for (size_t row = 0; row < static_cast<size_t>(n); ++row) {
    const std::span<float> values(weight.values.data() + row * columns, columns);
    const std::span<std::byte> bytes(weight.file.data() + row * row_bytes, row_bytes);
    QuantizeRow(dtype, values, bytes);
    DequantizeRow(dtype, bytes, values);
  }
  weight.memory = Buffer(PackedWeightBytes(format, n, k));
  PackWeightRows(format, n, k, 0, n, dtype, weight.file, weight.memory.data());
  weight.packed = {format, n, k, weight.memory.data()};
  return weight;
}

// Activations in the form that Linear takes, and as the floats they stand for.
struct TestActivations {
  std::vector<float> x;  // [T, K]
  AlignedBuffer memory;
  QuantizedActivations xq;

  // What a format computes with.
  float Value(WeightFormat format, int32_t token, int32_t column) const {
    if (!UsesInt8Activations(format)) {
      return x[static_cast<size_t>(token) * static_cast<size_t>(xq.k) +
               static_cast<size_t>(column)];
    }
    const int32_t groups = xq.k / kGroupColumns;
    const ActivationBlock& block = xq.blocks[token / 4 * groups + column / kGroupColumns];
    return block.scale[token % 4] * static_cast<float>(block.q[token % 4][column % kGroupColumns]);
  }
};

TestActivations MakeActivations(Isa isa, int32_t t, int32_t k, uint32_t seed) {
  TestActivations made;
  made.x = Normal(static_cast<size_t>(t) * static_cast<size_t>(k), seed);
  made.xq.k = k;
  if (k % kGroupColumns == 0) {
    made.memory = Buffer(QuantizedActivationsBytes(t, k));
    made.xq = LayQuantizedActivations(t, k, made.memory.data());
    for (int32_t row = 0; row < t; ++row) {
      QuantizeActivationRow(isa, made.x.data() + static_cast<size_t>(row) * static_cast<size_t>(k),
                            row, made.xq);
    }
  }
  return made;
}

std::vector<float> RunLinear(ThreadPool& pool, Isa isa, const TestWeight& weight,
                             const TestActivations& activations, int32_t t) {
  const int32_t n = weight.packed.n;
  std::vector<float> y(static_cast<size_t>(t) * static_cast<size_t>(n),
                       std::numeric_limits<float>::quiet_NaN());
  LinearTask task;
  task.weight = weight.packed;
  task.y = y.data();
  task.y_stride = n;
  OpContext ctx{&pool, isa};
  Linear(ctx, activations.x.data(), weight.packed.k, &activations.xq, t, {&task, 1});
  return y;
}

// A product in double, and the sum of the magnitudes that it adds.
struct Expected {
  double value;
  double magnitude;
};

Expected ExpectedAt(const TestWeight& weight, const TestActivations& activations, int32_t token,
                    int32_t row) {
  const int32_t k = weight.packed.k;
  Expected expected{0, 0};
  for (int32_t c = 0; c < k; ++c) {
    const double w =
        weight.values[static_cast<size_t>(row) * static_cast<size_t>(k) + static_cast<size_t>(c)];
    const double x = activations.Value(weight.packed.format, token, c);
    expected.value += w * x;
    expected.magnitude += std::abs(w * x);
  }
  return expected;
}

// Relative to the sum of magnitudes. Sums of K terms in f32, one after another,
// err by at most K * 2^-24 of it. The quantized formats add K/32 terms, but a
// scale or minimum larger than the weights it makes adds some. Activations
// rounded to bfloat16 err by 2^-9 each.
double Tolerance(Isa isa, const PackedWeight& weight) {
  if (weight.format == WeightFormat::kBF16 && isa == Isa::kAvx512Bf16) {
    return std::ldexp(1.0, -8);
  }
  return std::ldexp(static_cast<double>(weight.k + 16), -24) * 2;
}

class LinearTest : public ::testing::TestWithParam<std::tuple<WeightFormat, Isa>> {
 protected:
  void SetUp() override {
    if (isa() > DetectIsa()) {
      GTEST_SKIP() << "skipped: this processor has no " << IsaName(isa());
    }
  }
  WeightFormat format() const { return std::get<0>(GetParam()); }
  Isa isa() const { return std::get<1>(GetParam()); }
};

class FloatLinearTest : public LinearTest {};

struct Shape {
  int32_t n, k, t;
};

TEST_P(LinearTest, MatchesTheProductInDouble) {
  ThreadPool pool(2);
  const Shape shapes[] = {{16, 32, 1},  {1, 32, 2},    {15, 64, 3},   {17, 96, 4},    {31, 576, 5},
                          {33, 32, 16}, {48, 160, 7},  {64, 96, 17},  {80, 64, 40},   {5, 1536, 2},
                          {97, 320, 1}, {200, 96, 33}, {70, 672, 21}, {100, 1536, 11}};
  for (const Shape& shape : shapes) {
    const TestWeight weight = MakeWeight(format(), shape.n, shape.k, 1);
    const TestActivations activations = MakeActivations(isa(), shape.t, shape.k, 2);
    const std::vector<float> y = RunLinear(pool, isa(), weight, activations, shape.t);
    for (int32_t token = 0; token < shape.t; ++token) {
      for (int32_t row = 0; row < shape.n; ++row) {
        const Expected expected = ExpectedAt(weight, activations, token, row);
        ASSERT_NEAR(y[static_cast<size_t>(token * shape.n + row)], expected.value,
                    Tolerance(isa(), weight.packed) * expected.magnitude)
            << "N " << shape.n << " K " << shape.k << " T " << shape.t << " at " << token << ", "
            << row;
      }
    }
  }
}

TEST_P(FloatLinearTest, TakesAnyColumnCount) {
  ThreadPool pool(1);
  for (int32_t k : {1, 2, 3, 31, 33, 67}) {
    const TestWeight weight = MakeWeight(format(), 21, k, 3);
    const TestActivations activations = MakeActivations(isa(), 9, k, 4);
    const std::vector<float> y = RunLinear(pool, isa(), weight, activations, 9);
    for (int32_t token = 0; token < 9; ++token) {
      for (int32_t row = 0; row < 21; ++row) {
        const Expected expected = ExpectedAt(weight, activations, token, row);
        ASSERT_NEAR(y[static_cast<size_t>(token * 21 + row)], expected.value,
                    Tolerance(isa(), weight.packed) * expected.magnitude)
            << "K " << k << " at " << token << ", " << row;
      }
    }
  }
}

// The promise of the header: whatever T, the place in the batch, the threads.
TEST_P(LinearTest, ARowIsTheSameBitsInAnyBatch) {
  constexpr int32_t kTokens = 40;
  constexpr int32_t kN = 72;
  constexpr int32_t kK = 672;
  ThreadPool one(1);
  ThreadPool three(3);
  const TestWeight weight = MakeWeight(format(), kN, kK, 5);
  const TestActivations all = MakeActivations(isa(), kTokens, kK, 6);
  const std::vector<float> together = RunLinear(three, isa(), weight, all, kTokens);
  for (int32_t t = 1; t <= kTokens; ++t) {
    // The last t tokens as a batch of their own: other tiles, other neighbours.
    TestActivations some;
    some.x.assign(all.x.end() - int64_t{t} * kK, all.x.end());
    some.memory = Buffer(QuantizedActivationsBytes(t, kK));
    some.xq = LayQuantizedActivations(t, kK, some.memory.data());
    for (int32_t row = 0; row < t; ++row) {
      QuantizeActivationRow(isa(), some.x.data() + int64_t{row} * kK, row, some.xq);
    }
    const std::vector<float> y = RunLinear(t % 2 == 0 ? one : three, isa(), weight, some, t);
    ASSERT_EQ(0, std::memcmp(y.data(), together.data() + (kTokens - t) * kN, y.size() * 4)) << t;
  }
}

TEST_P(LinearTest, SplitsLongBatchesWithoutATrace) {
  constexpr int32_t kTokens = 700;  // More than one chunk of tokens.
  constexpr int32_t kN = 24;
  constexpr int32_t kK = 64;
  ThreadPool pool(2);
  const TestWeight weight = MakeWeight(format(), kN, kK, 7);
  const TestActivations all = MakeActivations(isa(), kTokens, kK, 8);
  const std::vector<float> y = RunLinear(pool, isa(), weight, all, kTokens);
  for (int32_t token : {0, 511, 512, 513, 699}) {
    TestActivations single;
    single.x.assign(all.x.begin() + int64_t{token} * kK, all.x.begin() + int64_t{token + 1} * kK);
    single.memory = Buffer(QuantizedActivationsBytes(1, kK));
    single.xq = LayQuantizedActivations(1, kK, single.memory.data());
    QuantizeActivationRow(isa(), single.x.data(), 0, single.xq);
    const std::vector<float> alone = RunLinear(pool, isa(), weight, single, 1);
    ASSERT_EQ(0, std::memcmp(alone.data(), y.data() + token * kN, kN * 4)) << token;
  }
}

TEST_P(LinearTest, AddsBiasAndResidualAndKeepsToItsRows) {
  constexpr int32_t kN = 37;
  constexpr int32_t kK = 64;
  constexpr int32_t kTokens = 19;
  constexpr int64_t kStride = kN + 3;
  ThreadPool pool(2);
  const TestWeight weight = MakeWeight(format(), kN, kK, 9);
  const TestActivations activations = MakeActivations(isa(), kTokens, kK, 10);
  const std::vector<float> plain = RunLinear(pool, isa(), weight, activations, kTokens);
  const std::vector<float> bias = Normal(kN, 11);
  const std::vector<float> residual = Normal(kTokens * kStride, 12);
  for (bool with_bias : {false, true}) {
    for (bool accumulate : {false, true}) {
      std::vector<float> y = residual;
      LinearTask task;
      task.weight = weight.packed;
      task.bias = with_bias ? bias.data() : nullptr;
      task.y = y.data();
      task.y_stride = kStride;
      task.accumulate = accumulate;
      OpContext ctx{&pool, isa()};
      Linear(ctx, activations.x.data(), kK, &activations.xq, kTokens, {&task, 1});
      for (size_t token = 0; token < kTokens; ++token) {
        for (size_t row = 0; row < kStride; ++row) {
          const float before = residual[token * kStride + row];
          float expected = before;
          if (row < kN) {
            expected = plain[token * kN + row];
            expected = with_bias ? expected + bias[row] : expected;
            expected = accumulate ? before + expected : expected;
          }
          ASSERT_EQ(y[token * kStride + row], expected) << token << ", " << row;
        }
      }
    }
  }
}

std::string ParamName(const ::testing::TestParamInfo<std::tuple<WeightFormat, Isa>>& info) {
  return std::string(WeightFormatName(std::get<0>(info.param))) + "_" +
         IsaName(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(Formats, LinearTest,
                         ::testing::Combine(::testing::ValuesIn(kFormats),
                                            ::testing::ValuesIn(kIsas)),
                         ParamName);
INSTANTIATE_TEST_SUITE_P(Formats, FloatLinearTest,
                         ::testing::Combine(::testing::Values(WeightFormat::kF32,
                                                              WeightFormat::kBF16),
                                            ::testing::ValuesIn(kIsas)),
                         ParamName);

// Tasks of different formats and heights in one loop.
TEST(LinearGroupTest, MixesFormats) {
  constexpr int32_t kK = 96;
  constexpr int32_t kTokens = 6;
  ThreadPool pool(2);
  const Isa isa = DetectIsa();
  const TestActivations activations = MakeActivations(isa, kTokens, kK, 20);
  std::vector<TestWeight> weights;
  std::vector<std::vector<float>> outputs;
  std::vector<LinearTask> tasks;
  for (WeightFormat format : kFormats) {
    const int32_t n = 40 + 16 * static_cast<int32_t>(format);
    weights.push_back(MakeWeight(format, n, kK, 21));
    outputs.emplace_back(static_cast<size_t>(n) * kTokens);
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    LinearTask task;
    task.weight = weights[i].packed;
    task.y = outputs[i].data();
    task.y_stride = weights[i].packed.n;
    tasks.push_back(task);
  }
  OpContext ctx{&pool, isa};
  Linear(ctx, activations.x.data(), kK, &activations.xq, kTokens, tasks);
  for (size_t i = 0; i < weights.size(); ++i) {
    EXPECT_EQ(outputs[i], RunLinear(pool, isa, weights[i], activations, kTokens));
  }
}

}  // namespace
}  // namespace qed
