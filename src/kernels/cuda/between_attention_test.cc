#include "kernels/cuda/between_attention.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/cuda/few_rows_linear.h"
#include "kernels/cuda/linear_test_support.h"

namespace qed::cuda {
namespace {

using Format = WeightFormat;
using Matrix = std::vector<double>;  // [rows, width]

constexpr double kEps = 1e-6;
constexpr int kRoom = kBetweenRows + 1;  // rows of all arrays

// A layer's end and the next one's beginning, with random weights.
struct TestLayer {
  Format format;
  LayerWidths widths;
  TestWeight o, gate_up, down, qkv;
  std::vector<float> o_bias, ffn_norm, next_norm;
  DeviceArray<float> device_bias, device_ffn_norm, device_next_norm;
};

std::vector<float> NormWeights(int width, float mean, uint32_t seed) {
  std::vector<float> weights = RandomFloats(static_cast<size_t>(width), seed);
  for (float& w : weights) w = mean * (1.0F + 0.1F * w);
  return weights;
}

// So that gates are about 1: codes of FP8 weights are about 100, values of bfloat16 ones 1.
float GateNorm(Format format, int hidden) {
  return 1.0F / std::sqrt(static_cast<float>(hidden)) / (format == Format::kFp8 ? 100.0F : 1.0F);
}

TestLayer MakeLayer(Format format, const LayerWidths& w) {
  TestLayer made = {format,
                    w,
                    MakeWeight(format, w.hidden, w.queries, 1),
                    MakeWeight(format, 2 * w.inner, w.hidden, 2),
                    MakeWeight(format, w.hidden, w.inner, 3),
                    MakeWeight(format, w.qkv, w.hidden, 4),
                    RandomFloats(static_cast<size_t>(w.hidden), 5),
                    NormWeights(w.hidden, GateNorm(format, w.hidden), 6),
                    NormWeights(w.hidden, 1.0F, 7),
                    {},
                    {},
                    {}};
  made.device_bias = DeviceArray<float>(made.o_bias);
  made.device_ffn_norm = DeviceArray<float>(made.ffn_norm);
  made.device_next_norm = DeviceArray<float>(made.next_norm);
  return made;
}

// x W^T with the weight's scales.
Matrix Multiply(const Matrix& x, int rows, const TestWeight& weight) {
  const auto n = static_cast<size_t>(weight.view.n), k = static_cast<size_t>(weight.view.k);
  Matrix y(static_cast<size_t>(rows) * n);
  for (size_t t = 0; t < static_cast<size_t>(rows); ++t) {
    for (size_t i = 0; i < n; ++i) {
      double sum = 0;
      for (size_t c = 0; c < k; ++c) sum += x[t * k + c] * double{weight.codes[i * k + c]};
      y[t * n + i] = sum * double{weight.scales[i]};
    }
  }
  return y;
}

// As a product's input holds them.
Matrix Rounded(const Matrix& x, int rows, Format format) {
  const size_t width = x.size() / static_cast<size_t>(rows);
  Matrix rounded(x.size());
  for (size_t first = 0; first < x.size(); first += width) {
    double largest = 0;
    for (size_t i = first; i < first + width; ++i) largest = std::max(largest, std::abs(x[i]));
    const double scale = largest / kFp8Largest;
    for (size_t i = first; i < first + width; ++i) {
      rounded[i] = format == Format::kFp8
                       ? Fp8ToFloat(FloatToFp8(static_cast<float>(x[i] / scale))) * scale
                       : double{BFloat16ToFloat(FloatToBFloat16(static_cast<float>(x[i])))};
    }
  }
  return rounded;
}

Matrix Norm(const Matrix& x, int rows, const std::vector<float>& weight) {
  const size_t width = weight.size();
  Matrix y(x.size());
  for (size_t first = 0; first < static_cast<size_t>(rows) * width; first += width) {
    double squares = 0;
    for (size_t i = 0; i < width; ++i) squares += x[first + i] * x[first + i];
    const double factor = 1 / std::sqrt(squares / static_cast<double>(width) + kEps);
    for (size_t i = 0; i < width; ++i) y[first + i] = x[first + i] * factor * double{weight[i]};
  }
  return y;
}

Matrix Gate(const Matrix& gate_up, int rows) {
  const size_t inner = gate_up.size() / static_cast<size_t>(rows) / 2;
  Matrix y;
  for (size_t t = 0; t < static_cast<size_t>(rows); ++t) {
    for (size_t i = 0; i < inner; ++i) {
      const double gate = gate_up[t * 2 * inner + i];
      y.push_back(gate / (1 + std::exp(-gate)) * gate_up[t * 2 * inner + inner + i]);
    }
  }
  return y;
}

void Add(Matrix& x, const Matrix& y) {
  for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

struct Results {
  std::vector<float> residual;  // [kRoom, hidden]
  std::vector<BFloat16> out;    // [kRoom, qkv or hidden]
};

// All of what is computed, in double but for the roundings of inputs.
void Expect(const TestLayer& layer, const Matrix& attended, Matrix& residual, bool is_last,
            int rows, Matrix& out) {
  Matrix o = Multiply(attended, rows, layer.o);
  for (size_t i = 0; i < o.size(); ++i) o[i] += double{layer.o_bias[i % layer.o_bias.size()]};
  Add(residual, o);
  const Matrix normed = Rounded(Norm(residual, rows, layer.ffn_norm), rows, layer.format);
  const Matrix gated =
      Rounded(Gate(Multiply(normed, rows, layer.gate_up), rows), rows, layer.format);
  out = Multiply(gated, rows, layer.down);
  if (is_last) return;
  Add(residual, out);
  out =
      Multiply(Rounded(Norm(residual, rows, layer.next_norm), rows, layer.format), rows, layer.qkv);
}

// Rounding an input may go the other way where sums in f32 and in double lie on different sides
// of a half: a few of a row's inputs are then off by a unit of their last place, of FP8's values
// up to 2^-3, of bfloat16's 2^-8. One such input of 200 shifts all gates by half a percent, with
// which more roundings go the other way; four inputs are rounded one after another. What is left
// out or taken twice shifts results by tens of percents.
void ExpectRows(const Matrix& want, const std::vector<double>& got, int rows, Format format) {
  const size_t width = want.size() / static_cast<size_t>(rows);
  const double relative = format == Format::kFp8 ? 0.08 : 0.006;
  for (size_t first = 0; first < want.size(); first += width) {
    double squares = 0, errors = 0;
    for (size_t i = first; i < first + width; ++i) {
      squares += want[i] * want[i];
      errors += (want[i] - got[i]) * (want[i] - got[i]);
    }
    const double typical = std::sqrt(squares / static_cast<double>(width));
    ASSERT_LE(std::sqrt(errors / static_cast<double>(width)), relative * typical)
        << "row " << first / width;
    for (size_t i = first; i < first + width; ++i) {
      ASSERT_NEAR(got[i], want[i], 6 * relative * typical + std::abs(want[i]) / 128)
          << "row " << first / width << " column " << i - first;
    }
  }
}

class CudaBetweenAttentionTest : public ::testing::TestWithParam<Format> {
 protected:
  void SetUp() override {
    QED_REQUIRE_DEVICE();
    if (!HasFewRowsLinear()) GTEST_SKIP() << "made for compute capability 9.0";
    stream_ = TestStream();
  }

  // The first `rows` of kBetweenRows random rows; what lies beyond them is NaN.
  Results Run(const TestLayer& layer, int rows, bool is_last, int turns = 1) {
    const LayerWidths& w = layer.widths;
    const DeviceArray<BFloat16> attention(Attention(layer, rows));
    const TestInput attended = MakeInput(layer.format, 1, kRoom, w.queries, 11);
    std::vector<float> start = RandomFloats(size_t{kRoom} * static_cast<size_t>(w.hidden), 12);
    std::fill(start.begin() + int64_t{rows} * w.hidden, start.end(), NAN);
    const DeviceArray<float> residual(start);
    const int out_width = is_last ? w.hidden : w.qkv;
    const DeviceArray<BFloat16> out(size_t{kRoom} * static_cast<size_t>(out_width), kUnwrittenBf16);
    const TestInput normed = MakeInput(layer.format, 1, kRoom, w.hidden, 13);
    const TestInput gated = MakeInput(layer.format, 1, kRoom, w.inner, 14);
    const size_t bytes = BetweenAttentionWorkspace(w);
    if (!workspace_) workspace_.emplace(bytes, std::byte{0});
    const BetweenAttention args = {.rows = rows,
                                   .residual = residual.data(),
                                   .norm_eps = static_cast<float>(kEps),
                                   .attention = attention.data(),
                                   .attended = attended.view,
                                   .o = layer.o.view,
                                   .o_bias = layer.device_bias.data(),
                                   .ffn_norm = layer.device_ffn_norm.data(),
                                   .normed = normed.view,
                                   .gate_up = layer.gate_up.view,
                                   .gated = gated.view,
                                   .down = layer.down.view,
                                   .next_norm = is_last ? nullptr : layer.device_next_norm.data(),
                                   .qkv = layer.qkv.view,
                                   .out = out.data()};
    EXPECT_TRUE(HasBetweenAttention(args));
    for (int turn = 0; turn < turns; ++turn) {
      CopyToDevice(residual.data(), start.data(), start.size() * sizeof(float), stream_.handle());
      RunBetweenAttention(args, {workspace_->data(), bytes}, stream_.handle());
    }
    EXPECT_TRUE(stream_.Synchronize().ok());
    return {residual.Download(), out.Download()};
  }

  // What attention gave.
  static std::vector<BFloat16> Attention(const TestLayer& layer, int rows) {
    const auto width = static_cast<size_t>(layer.widths.queries);
    std::vector<BFloat16> values(kRoom * width, kUnwrittenBf16);
    const std::vector<float> random = RandomFloats(kBetweenRows * width, 11);
    for (size_t i = 0; i < static_cast<size_t>(rows) * width; ++i) {
      values[i] = {FloatToBFloat16(random[i])};
    }
    return values;
  }

  // Of the first rows of what Run starts from.
  void CheckRun(const TestLayer& layer, int rows, bool is_last, const Results& got) {
    const auto count = static_cast<size_t>(rows) * static_cast<size_t>(layer.widths.hidden);
    Matrix x;
    const std::vector<BFloat16> attention = Attention(layer, rows);
    for (size_t i = 0; i < static_cast<size_t>(rows * layer.widths.queries); ++i) {
      x.push_back(double{ToFloat(attention[i])});
    }
    const std::vector<float> start =
        RandomFloats(size_t{kRoom} * static_cast<size_t>(layer.widths.hidden), 12);
    Matrix residual(start.begin(), start.begin() + static_cast<int64_t>(count)), out;
    Expect(layer, Rounded(x, rows, layer.format), residual, is_last, rows, out);
    std::vector<double> got_residual(got.residual.begin(),
                                     got.residual.begin() + static_cast<int64_t>(count));
    ASSERT_NO_FATAL_FAILURE(ExpectRows(residual, got_residual, rows, layer.format));
    std::vector<double> got_out;
    for (size_t i = 0; i < out.size(); ++i) got_out.push_back(ToFloat(got.out[i]));
    ASSERT_NO_FATAL_FAILURE(ExpectRows(out, got_out, rows, layer.format));
    for (size_t i = out.size(); i < got.out.size(); ++i) {
      ASSERT_EQ(got.out[i].bits, kUnwrittenBf16.bits) << "beyond the rows, at " << i;
    }
    for (size_t i = count; i < got.residual.size(); ++i) ASSERT_TRUE(std::isnan(got.residual[i]));
  }

  Stream stream_;
  std::optional<DeviceArray<std::byte>> workspace_;
};

// Widths that are multiples of a tile's and not, small ones for which few blocks have work, and
// rows that one block and several have a part of.
constexpr LayerWidths kWidths[] = {
    {192, 128, 288, 448}, {576, 576, 960, 1536}, {272, 1040, 400, 816}};

TEST_P(CudaBetweenAttentionTest, MatchesDoubleAndWritesNoOtherRows) {
  for (const LayerWidths& widths : kWidths) {
    workspace_.reset();
    const TestLayer layer = MakeLayer(GetParam(), widths);
    for (int rows : {1, 7, 16, 17, kBetweenRows}) {
      for (bool is_last : {false, true}) {
        SCOPED_TRACE(testing::Message()
                     << widths.hidden << " wide, " << rows << " rows, last " << is_last);
        ASSERT_NO_FATAL_FAILURE(CheckRun(layer, rows, is_last, Run(layer, rows, is_last)));
      }
    }
  }
}

TEST_P(CudaBetweenAttentionTest, ARowIsTheSameBesideAnyOthersAndEachTime) {
  const TestLayer layer = MakeLayer(GetParam(), kWidths[1]);
  const auto qkv = static_cast<size_t>(layer.widths.qkv);
  const Results together = Run(layer, kBetweenRows, false, 20);
  for (int rows : {1, 2, 8, 9, 16, 17, 31}) {
    const Results alone = Run(layer, rows, false, 3);
    for (size_t i = 0; i < static_cast<size_t>(rows) * qkv; ++i) {
      ASSERT_EQ(alone.out[i].bits, together.out[i].bits) << rows << " rows at " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, CudaBetweenAttentionTest,
                         ::testing::Values(Format::kBF16, Format::kFp8), [](const auto& test) {
                           return test.param == Format::kBF16 ? "BF16" : "Fp8";
                         });

}  // namespace
}  // namespace qed::cuda
