#include "kernels/cuda/linear.h"

#include <cmath>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/cuda/int8_linear.h"
#include "kernels/cuda/linear_sizes.h"
#include "kernels/cuda/linear_test_support.h"

namespace qed::cuda {
namespace {

using Format = WeightFormat;

void CheckShape(Linears& linears, Format format, int n, int k, std::vector<int> rows_to_try,
                const Stream& stream) {
  const int max_rows = rows_to_try.back();
  const TestWeight weight = MakeWeight(format, n, k, static_cast<uint32_t>(n + k));
  const size_t room = static_cast<size_t>(BufferRows(max_rows));
  {
    const TestInput scratch = MakeInput(format, max_rows, static_cast<int>(room), k, 1);
    const DeviceArray<BFloat16> y(room * n, kUnwrittenBf16);
    const Status prepared = linears.Prepare({&weight.view, 1}, OutputFormat::kBF16, max_rows,
                                            scratch.view, y.data(), stream);
    ASSERT_TRUE(prepared.ok()) << prepared.message();
  }
  for (int rows : rows_to_try) {
    const TestInput input = MakeInput(format, rows, BufferRows(rows), k, rows);
    const DeviceArray<BFloat16> y(static_cast<size_t>(BufferRows(rows)) * n, kUnwrittenBf16);
    const Product product =
        linears.Multiply(weight.view, input.view, rows, y.data(), stream.handle());
    const std::vector<double> got = Read(product, y.Download(), weight, input, rows);
    ASSERT_NO_FATAL_FAILURE(CheckValues(got, weight, input, rows));
  }
}

std::unique_ptr<Linears> MakeLinears() {
  Result<std::unique_ptr<Linears>> linears = Linears::Create();
  EXPECT_TRUE(linears.ok()) << linears.status().message();
  return linears.ok() ? std::move(linears).value() : nullptr;
}

struct ShapeCase {
  int n, k;
  std::vector<int> rows;
};

// Rows up to where other ways are taken: scales applied in the product, coarser sizes. Many rows
// with small weights only: algorithms are timed for each size up to the largest, and racecheck
// makes a second of a launch of some dozen blocks.
const ShapeCase kShapes[] = {{576, 576, {1, 2, 3, 7, 8, 9, 16}},
                             {960, 576, {1, 17, 31, 32, 33}},
                             {3072, 576, {2, 17}},
                             {576, 1536, {7, 32}},
                             {16, 64, {1, 9, 33, 130}},
                             {144, 192, {48, 65, 130}},
                             {1024, 1024, {3, 16}},
                             {256, 5120, {1, 16}},
                             {64, 128, {40, 257, 300}}};

class CudaLinearTest : public ::testing::TestWithParam<std::tuple<Format, ShapeCase>> {};

TEST_P(CudaLinearTest, MatchesDoubleForAnyNumberOfRows) {
  QED_REQUIRE_DEVICE();
  const Stream stream = TestStream();
  const std::unique_ptr<Linears> linears = MakeLinears();
  ASSERT_NE(linears, nullptr);
  const auto& [format, shape] = GetParam();
  CheckShape(*linears, format, shape.n, shape.k, shape.rows, stream);
}

std::string CaseName(const ::testing::TestParamInfo<std::tuple<Format, ShapeCase>>& info) {
  const auto& [format, shape] = info.param;
  const std::string name = format == Format::kBF16  ? "BF16"
                           : format == Format::kFp8 ? "Fp8"
                                                    : "Int8";
  return name + "N" + std::to_string(shape.n) + "K" + std::to_string(shape.k);
}

INSTANTIATE_TEST_SUITE_P(Formats, CudaLinearTest,
                         ::testing::Combine(::testing::Values(Format::kBF16, Format::kFp8,
                                                              Format::kInt8),
                                            ::testing::ValuesIn(kShapes)),
                         CaseName);

TEST(CudaLinearF32Test, LogitsAreNotRounded) {
  QED_REQUIRE_DEVICE();
  const Stream stream = TestStream();
  const std::unique_ptr<Linears> linears = MakeLinears();
  ASSERT_NE(linears, nullptr);
  constexpr int kN = 1000, kK = 576, kMaxRows = 20;
  const TestWeight weight = MakeWeight(Format::kBF16, kN, kK, 1);
  const int room = BufferRows(kMaxRows);
  const TestInput input = MakeInput(Format::kBF16, kMaxRows, room, kK, 2);
  const DeviceArray<float> y(static_cast<size_t>(room) * kN, NAN);
  const Status prepared = linears->Prepare({&weight.view, 1}, OutputFormat::kF32, kMaxRows,
                                           input.view, y.data(), stream);
  ASSERT_TRUE(prepared.ok()) << prepared.message();
  for (int rows : {1, 5, kMaxRows}) {
    linears->MultiplyF32(weight.view, input.view, rows, y.data(), stream.handle());
    const std::vector<float> got = y.Download();
    for (int t = 0; t < rows; ++t) {
      for (int i = 0; i < kN; i += 7) {
        const Expected want = ExpectedAt(weight, input, t, i);
        ASSERT_NEAR(got[static_cast<size_t>(t) * kN + i], want.value,
                    SumTolerance(Format::kBF16, kK) * want.magnitude)
            << "rows " << rows << " at " << t << ", " << i;
      }
    }
  }
}

// One product by either kernel for int8 weights.
enum class Int8Kernel { kFewRows, kManyRows };

class CudaInt8Test : public ::testing::TestWithParam<Int8Kernel> {
 protected:
  void SetUp() override {
    QED_REQUIRE_DEVICE();
    if (GetParam() == Int8Kernel::kManyRows && !HasInt8ManyRows()) {
      GTEST_SKIP() << "made for compute capability 9.0";
    }
  }

  // rows x N results, and beside them `room` - rows that must stay as they were.
  std::vector<BFloat16> Multiply(const TestWeight& weight, const TestInput& input, int rows,
                                 int room) {
    const Stream stream = TestStream();
    const DeviceArray<BFloat16> y(size_t{static_cast<size_t>(room)} * weight.view.n,
                                  kUnwrittenBf16);
    if (GetParam() == Int8Kernel::kFewRows) {
      MultiplyInt8FewRows(weight.view, input.view.bf16, rows, y.data(), stream.handle());
    } else {
      const size_t bytes = Int8ManyRowsWorkspace(weight.view.n, weight.view.k, rows);
      const DeviceArray<std::byte> workspace(bytes, std::byte{0x7f});
      MultiplyInt8ManyRows(weight.view, input.view.bf16, rows, y.data(), {workspace.data(), bytes},
                           stream.handle());
      EXPECT_TRUE(stream.Synchronize().ok());
    }
    return y.Download();
  }
};

TEST_P(CudaInt8Test, MatchesDoubleAndWritesNoOtherRows) {
  for (auto [n, k, rows] : {std::tuple(16, 64, 1),
                            {48, 640, 31},
                            {576, 576, 33},
                            {960, 1536, 64},
                            {144, 64, 65},
                            {2560, 5120, 128},
                            {272, 1024, 129},
                            {576, 576, 300}}) {
    const TestWeight weight = MakeWeight(Format::kInt8, n, k, static_cast<uint32_t>(n + k));
    const TestInput input = MakeInput(Format::kInt8, rows, rows, k, rows);
    const int room = rows + 3;
    const std::vector<BFloat16> got = Multiply(weight, input, rows, room);
    for (size_t i = size_t{static_cast<size_t>(rows)} * n; i < got.size(); ++i) {
      ASSERT_EQ(got[i].bits, kUnwrittenBf16.bits) << rows << " rows at " << i;
    }
    ASSERT_NO_FATAL_FAILURE(CheckValues(Read({}, got, weight, input, rows), weight, input, rows));
  }
}

// Each row of x picks one column of the weights: what comes is the code itself.
TEST_P(CudaInt8Test, MultipliesEveryCodeExactly) {
  constexpr int kN = 256, kK = 64, kRows = 64;
  std::vector<float> codes;
  for (int i = 0; i < kN * kK; ++i) codes.push_back(static_cast<float>((i / kK + i) % 256 - 128));
  TestWeight weight = MakeWeight(Format::kInt8, kN, kK, 1);
  std::vector<std::byte> bytes;
  for (float code : codes) bytes.push_back(static_cast<std::byte>(static_cast<int8_t>(code)));
  weight.data = DeviceArray<std::byte>(bytes);
  weight.device_scales = DeviceArray<float>(std::vector<float>(kN, 1.0F));
  weight.view.data = weight.data.data();
  weight.view.scales = weight.device_scales.data();
  std::vector<BFloat16> picks(size_t{kRows} * kK, BFloat16{FloatToBFloat16(0)});
  for (int t = 0; t < kRows; ++t) picks[static_cast<size_t>(t) * kK + t] = {FloatToBFloat16(1)};
  TestInput input;
  input.bf16 = DeviceArray<BFloat16>(picks);
  input.view.bf16 = input.bf16.data();
  const std::vector<BFloat16> got = Multiply(weight, input, kRows, kRows);
  for (int t = 0; t < kRows; ++t) {
    for (int i = 0; i < kN; ++i) {
      ASSERT_EQ(ToFloat(got[static_cast<size_t>(t) * kN + i]),
                codes[static_cast<size_t>(i) * kK + t])
          << t << ", " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, CudaInt8Test,
                         ::testing::Values(Int8Kernel::kFewRows, Int8Kernel::kManyRows),
                         [](const auto& test) {
                           return test.param == Int8Kernel::kFewRows ? "FewRows" : "ManyRows";
                         });

TEST(CudaInt8FewRowsTest, ARowIsTheSameBesideAnyOthers) {
  QED_REQUIRE_DEVICE();
  const Stream stream = TestStream();
  constexpr int kN = 48, kK = 640, kRows = 70;
  const TestWeight weight = MakeWeight(Format::kInt8, kN, kK, 1);
  const TestInput input = MakeInput(Format::kInt8, kRows, kRows, kK, 2);
  const DeviceArray<BFloat16> all(size_t{kRows} * kN, kUnwrittenBf16);
  MultiplyInt8FewRows(weight.view, input.view.bf16, kRows, all.data(), stream.handle());
  const std::vector<BFloat16> together = all.Download();
  for (int rows : {1, 8, 9, 16, 17, 32, 33}) {
    const DeviceArray<BFloat16> some(size_t{kRows} * kN, kUnwrittenBf16);
    MultiplyInt8FewRows(weight.view, input.view.bf16, rows, some.data(), stream.handle());
    const std::vector<BFloat16> alone = some.Download();
    for (int i = 0; i < kRows * kN; ++i) {
      const uint16_t want = i < rows * kN ? together[i].bits : kUnwrittenBf16.bits;
      ASSERT_EQ(alone[i].bits, want) << "rows " << rows << " at " << i;
    }
  }
}

}  // namespace
}  // namespace qed::cuda
