#include "kernels/embedding.h"

#include <vector>

#include "gtest/gtest.h"
#include "kernels/test_support.h"
#include "tensor/aligned_buffer.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

struct Case {
  WeightFormat format;
  DType dtype;
};

// Packing a dtype into the format that keeps it loses nothing, so the row must
// come back as the file's own values.
TEST(EmbeddingTest, GivesBackTheRowThatWasPacked) {
  const int n = 50, k = 96;
  for (const Case& c :
       {Case{WeightFormat::kF32, DType::kF32}, Case{WeightFormat::kBF16, DType::kBF16},
        Case{WeightFormat::kQ8_0, DType::kQ8_0}, Case{WeightFormat::kQ4_0, DType::kQ4_0},
        Case{WeightFormat::kQ4_1, DType::kQ4_1}}) {
    const std::vector<float> weights = RandomFloats(n * k, 9);
    const size_t row_bytes = k / BlockValues(c.dtype) * BlockBytes(c.dtype);
    std::vector<std::byte> file(n * row_bytes);
    for (int r = 0; r < n; ++r) {
      QuantizeRow(c.dtype, std::span(weights).subspan(r * k, k),
                  std::span(file).subspan(r * row_bytes, row_bytes));
    }
    auto packed = AlignedBuffer::Allocate(PackedWeightBytes(c.format, n, k));
    ASSERT_TRUE(packed.ok());
    PackWeightRows(c.format, n, k, 0, n, c.dtype, file, packed->data());
    const PackedWeight table = {c.format, n, k, packed->data()};
    for (int r : {0, 1, 15, 16, 31, 49}) {
      std::vector<float> want(k), got(k);
      DequantizeRow(c.dtype, std::span(file).subspan(r * row_bytes, row_bytes), want);
      EmbeddingRow(table, r, got.data());
      for (int i = 0; i < k; ++i) {
        EXPECT_NEAR(got[i], want[i], 1e-6) << WeightFormatName(c.format) << " row " << r;
      }
    }
  }
}

}  // namespace
}  // namespace qed
