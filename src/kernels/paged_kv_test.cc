#include "kernels/paged_kv.h"

#include <cstring>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/test_support.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

constexpr int kHeads = 2, kDim = 32, kPageSize = 16, kPages = 3;

struct Cache {
  explicit Cache(DType dtype) {
    const size_t half_page = KvPageBytes(dtype, kHeads, kDim, kPageSize);
    memory.resize(kPages * 2 * half_page);
    kv = {.dtype = dtype,
          .num_kv_heads = kHeads,
          .head_dim = kDim,
          .page_size = kPageSize,
          .page_stride = static_cast<int64_t>(2 * half_page),
          .keys = memory.data(),
          .values = memory.data() + half_page};
  }
  float Read(const std::byte* base, int64_t page, int64_t index) const {
    base += page * kv.page_stride;
    if (kv.dtype == DType::kF32) return reinterpret_cast<const float*>(base)[index];
    return HalfToFloat(reinterpret_cast<const uint16_t*>(base)[index]);
  }
  float Key(int page, int h, int d, int slot) const {
    return Read(kv.keys, page, (h * kDim + d) * kPageSize + slot);
  }
  float Value(int page, int h, int d, int slot) const {
    return Read(kv.values, page, (h * kPageSize + slot) * kDim + d);
  }
  std::vector<std::byte> memory;
  PagedKv kv;
};

TEST(PagedKvTest, WritesOneSlotAndNothingElse) {
  for (DType dtype : {DType::kF16, DType::kF32}) {
    for (Isa isa : TestableIsas()) {
      Cache cache(dtype);
      const std::vector<float> key = RandomFloats(kHeads * kDim, 1);
      const std::vector<float> value = RandomFloats(kHeads * kDim, 2);
      WriteKvRow(isa, cache.kv, 1, 5, key.data(), value.data());
      for (int h = 0; h < kHeads; ++h) {
        for (int d = 0; d < kDim; ++d) {
          const float k = key[h * kDim + d], v = value[h * kDim + d];
          const bool half = dtype == DType::kF16;
          EXPECT_EQ(cache.Key(1, h, d, 5), half ? HalfToFloat(FloatToHalf(k)) : k);
          EXPECT_EQ(cache.Value(1, h, d, 5), half ? HalfToFloat(FloatToHalf(v)) : v);
        }
      }
      size_t written = 0;
      const size_t element = static_cast<size_t>(BlockBytes(dtype));
      for (size_t i = 0; i < cache.memory.size(); i += element) {
        for (size_t b = 0; b < element; ++b) {
          if (cache.memory[i + b] != std::byte{0}) {
            ++written;
            break;
          }
        }
      }
      EXPECT_EQ(written, size_t{2} * kHeads * kDim) << IsaName(isa);
    }
  }
}

TEST(PagedKvTest, HalfPrecisionSaturatesInsteadOfOverflowing) {
  for (Isa isa : TestableIsas()) {
    Cache cache(DType::kF16);
    std::vector<float> key(kHeads * kDim, 1e9f);
    std::vector<float> value(kHeads * kDim, -std::numeric_limits<float>::infinity());
    WriteKvRow(isa, cache.kv, 0, 0, key.data(), value.data());
    EXPECT_EQ(cache.Key(0, 1, 3, 0), 65504.0f);
    EXPECT_EQ(cache.Value(0, 1, 3, 0), -65504.0f);
  }
}

}  // namespace
}  // namespace qed
