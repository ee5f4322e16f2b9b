#include "kernels/cuda/few_rows_linear.h"

#include <tuple>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/cuda/linear_test_support.h"

namespace qed::cuda {
namespace {

using Format = WeightFormat;

class CudaFewRowsTest : public ::testing::TestWithParam<Format> {
 protected:
  void SetUp() override {
    QED_REQUIRE_DEVICE();
    if (!HasFewRowsLinear()) GTEST_SKIP() << "made for compute capability 9.0";
    stream_ = TestStream();
    workspace_ = DeviceArray<std::byte>(FewRowsWorkspace(), std::byte{0});
  }

  Product Multiply(const TestWeight& weight, const TestInput& input, int rows, BFloat16* y) {
    return MultiplyFewRows(weight.view, input.view, rows, y,
                           {workspace_.data(), FewRowsWorkspace()}, stream_.handle());
  }

  std::vector<BFloat16> Multiplied(const TestWeight& weight, const TestInput& input, int rows) {
    const DeviceArray<BFloat16> y(static_cast<size_t>(rows) * weight.view.n, kUnwrittenBf16);
    Multiply(weight, input, rows, y.data());
    return y.Download();
  }

  Stream stream_;
  DeviceArray<std::byte> workspace_;
};

std::vector<BFloat16> FirstRows(const std::vector<BFloat16>& all, int rows, int n) {
  return {all.begin(), all.begin() + int64_t{rows} * n};
}

// One block for the whole product and many; tiles that several blocks share, and blocks that
// have several tiles; sides that are no multiples of a tile's; every width of the tensor cores'.
TEST_P(CudaFewRowsTest, MatchesDoubleAndWritesNoOtherRows) {
  const std::vector<std::tuple<int, int, std::vector<int>>> cases = {
      {16, 64, {1, 33}},     {144, 192, {9, 64}},  {576, 576, {1, 7, 8}}, {960, 576, {17, 31}},
      {576, 1536, {16, 32}}, {1008, 592, {3, 64}}, {64, 128, {40}},       {256, 5120, {1, 64}},
      {128, 13824, {2, 48}}, {6912, 256, {5, 24}}, {3072, 576, {12, 63}}};
  for (const auto& [n, k, rows_to_try] : cases) {
    const TestWeight weight = MakeWeight(GetParam(), n, k, static_cast<uint32_t>(n + k));
    for (int rows : rows_to_try) {
      const int room = rows + 3;
      // Inputs beyond the rows are NaNs.
      const TestInput input = MakeInput(GetParam(), rows, room, k, static_cast<uint32_t>(rows));
      const DeviceArray<BFloat16> y(static_cast<size_t>(room) * n, kUnwrittenBf16);
      const Product product = Multiply(weight, input, rows, y.data());
      const std::vector<BFloat16> got = y.Download();
      for (size_t i = static_cast<size_t>(rows) * n; i < got.size(); ++i) {
        ASSERT_EQ(got[i].bits, kUnwrittenBf16.bits) << rows << " rows at " << i;
      }
      ASSERT_NO_FATAL_FAILURE(CheckValues(
          Read(product, FirstRows(got, rows, n), weight, input, rows), weight, input, rows));
    }
  }
}

TEST_P(CudaFewRowsTest, ARowIsTheSameBesideAnyOthers) {
  constexpr int kN = 720, kK = 2064;
  const TestWeight weight = MakeWeight(GetParam(), kN, kK, 1);
  const TestInput input = MakeInput(GetParam(), kFewRows, kFewRows, kK, 2);
  const std::vector<BFloat16> together = Multiplied(weight, input, kFewRows);
  for (int rows : {1, 2, 8, 9, 16, 17, 32, 33, 63}) {
    const std::vector<BFloat16> alone = Multiplied(weight, input, rows);
    for (size_t i = 0; i < alone.size(); ++i) {
      ASSERT_EQ(alone[i].bits, together[i].bits) << rows << " rows at " << i;
    }
  }
}

// Products behind one another start before the one before them has ended, and share the
// workspace.
TEST_P(CudaFewRowsTest, ProductsBehindOneAnotherDoNotDisturbEachOther) {
  constexpr int kTurns = 12;
  const std::pair<int, int> shapes[] = {{576, 3072}, {3072, 576}};
  std::vector<TestWeight> weights;
  std::vector<TestInput> inputs;
  std::vector<std::vector<BFloat16>> alone;
  for (const auto& [n, k] : shapes) {
    weights.push_back(MakeWeight(GetParam(), n, k, static_cast<uint32_t>(n)));
    inputs.push_back(MakeInput(GetParam(), 20, 20, k, static_cast<uint32_t>(k)));
    alone.push_back(Multiplied(weights.back(), inputs.back(), 20));
  }
  std::vector<DeviceArray<BFloat16>> results;
  for (int turn = 0; turn < kTurns; ++turn) {
    results.emplace_back(alone[turn % 2].size(), kUnwrittenBf16);
  }
  for (int turn = 0; turn < kTurns; ++turn) {
    Multiply(weights[turn % 2], inputs[turn % 2], 20, results[turn].data());
  }
  for (int turn = 0; turn < kTurns; ++turn) {
    const std::vector<BFloat16> got = results[turn].Download();
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].bits, alone[turn % 2][i].bits) << "turn " << turn << " at " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, CudaFewRowsTest, ::testing::Values(Format::kBF16, Format::kFp8),
                         [](const auto& test) {
                           return test.param == Format::kBF16 ? "BF16" : "Fp8";
                         });

}  // namespace
}  // namespace qed::cuda
