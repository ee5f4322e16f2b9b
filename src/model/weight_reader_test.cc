#include "model/weight_reader.h"

#include <cstring>
#include <random>

#include "gtest/gtest.h"
#include "model/test_checkpoint.h"
#include "tensor/eight_bit.h"

namespace qed {
namespace {

constexpr int64_t kRows = 20, kColumns = 40;

// A matrix of codes with scales of each kind, and the values it stands for.
struct Coded {
  Checkpoint checkpoint;
  std::vector<std::byte> codes;
  CheckpointTensor tensor;
  std::vector<float> values;
};

Coded MakeCoded(DType dtype, ScaleGranularity granularity) {
  constexpr int32_t kBlockRows = 8, kBlockColumns = 16;
  Coded made;
  made.codes.resize(kRows * kColumns);
  made.values.resize(kRows * kColumns);
  std::mt19937 generator(3);
  StoredScales scales;
  scales.recipe = {dtype == DType::kI8 ? WeightFormat::kInt8 : WeightFormat::kFp8, granularity};
  size_t count = granularity == ScaleGranularity::kTensor ? 1 : kRows;
  if (granularity == ScaleGranularity::kBlock) {
    scales.recipe.block_rows = kBlockRows;
    scales.recipe.block_columns = kBlockColumns;
    count = 3 * 3;
  }
  for (size_t i = 0; i < count; ++i) scales.scales.push_back(0.25F + static_cast<float>(i));
  for (int64_t i = 0; i < kRows * kColumns; ++i) {
    const auto code = static_cast<uint8_t>(generator() % 0x7F);
    made.codes[i] = static_cast<std::byte>(code);
    const int64_t row = i / kColumns, column = i % kColumns;
    int64_t at = granularity == ScaleGranularity::kRow ? row : 0;
    if (granularity == ScaleGranularity::kBlock) {
      at = row / kBlockRows * 3 + column / kBlockColumns;
    }
    const float value = dtype == DType::kI8 ? static_cast<float>(code) : Fp8ToFloat(code);
    made.values[i] = value * scales.scales[at];
  }
  made.tensor.name = "coded";
  made.tensor.dtype = dtype;
  made.tensor.shape = {kRows, kColumns};
  made.tensor.scales = scales;
  return made;
}

class CodedWeightTest : public ::testing::TestWithParam<std::tuple<DType, ScaleGranularity>> {};

TEST_P(CodedWeightTest, AnyRangeHasItsValuesAndItsScales) {
  Coded made = MakeCoded(std::get<0>(GetParam()), std::get<1>(GetParam()));
  made.tensor.data = made.codes;
  const WeightReader reader(made.checkpoint, nullptr);
  ASSERT_TRUE(reader.HasCodes(made.tensor));
  for (const MatrixRange range : {MatrixRange{0, kRows, 0, kColumns}, MatrixRange{7, 9, 0, 40},
                                  MatrixRange{3, 10, 16, 24}, MatrixRange{19, 1, 32, 8}}) {
    std::vector<float> values(static_cast<size_t>(range.rows * range.columns));
    reader.ReadFloats(made.tensor, range, values);
    WeightCodes codes;
    reader.ReadCodes(made.tensor, range, codes);
    WeightRows rows;
    reader.ReadRows(made.tensor, range, rows);
    ASSERT_EQ(rows.dtype, DType::kF32);
    ASSERT_EQ(rows.bytes.size(), values.size() * 4);
    EXPECT_EQ(std::memcmp(rows.bytes.data(), values.data(), rows.bytes.size()), 0);
    for (int64_t r = 0; r < range.rows; ++r) {
      for (int64_t c = 0; c < range.columns; ++c) {
        const int64_t at = (range.first_row + r) * kColumns + range.first_column + c;
        ASSERT_EQ(values[r * range.columns + c], made.values[at]) << r << " " << c;
        ASSERT_EQ(codes.rows.bytes[r * range.columns + c], made.codes[at]);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, CodedWeightTest,
                         ::testing::Combine(::testing::Values(DType::kF8E4M3, DType::kI8),
                                            ::testing::Values(ScaleGranularity::kTensor,
                                                              ScaleGranularity::kRow,
                                                              ScaleGranularity::kBlock)));

// What ranks read of a plain, a block-quantized and a made matrix.
TEST(WeightReaderTest, ColumnsOfEveryKindAreThoseOfTheWholeRows) {
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kQ8_0, DType::kQ4_1}) {
    TestCheckpoint test = RandomCheckpoint(SmallConfig(), dtype);
    const WeightReader reader(test.checkpoint, nullptr);
    CheckpointTensor tensor = reader.Tensor(1, TensorRole::kDown);
    for (bool made : {false, true}) {
      if (made) tensor.random = RandomFill{5, 0.0F, 0.25F};
      const int64_t columns = tensor.shape[1];
      std::vector<float> whole(static_cast<size_t>(tensor.shape[0] * columns));
      reader.ReadFloats(tensor, WholeRows(tensor, 0, tensor.shape[0]), whole);
      const MatrixRange range = {5, 20, 64, 96};
      std::vector<float> part(static_cast<size_t>(range.rows * range.columns));
      reader.ReadFloats(tensor, range, part);
      for (int64_t r = 0; r < range.rows; ++r) {
        for (int64_t c = 0; c < range.columns; ++c) {
          ASSERT_EQ(part[r * range.columns + c],
                    whole[(range.first_row + r) * columns + range.first_column + c]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace qed
