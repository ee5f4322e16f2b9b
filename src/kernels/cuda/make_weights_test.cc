// The device's weights beside the CPU's functions: equal to the last bit.
#include "kernels/cuda/make_weights.h"

#include <cstring>
#include <optional>
#include <vector>

#include "cuda/buffer.h"
#include "cuda/test_device.h"
#include "gtest/gtest.h"
#include "tensor/eight_bit.h"
#include "tensor/quant_format.h"

namespace qed::cuda {
namespace {

// Copies to pageable vectors go through pinned memory.
template <typename T>
std::vector<T> Download(const DeviceBuffer& from, size_t count, const Stream& stream) {
  const PinnedBuffer pinned = std::move(PinnedBuffer::Allocate(count * sizeof(T))).value();
  CopyToHost(pinned.data(), from.data(), count * sizeof(T), stream.handle());
  EXPECT_TRUE(stream.Synchronize().ok());
  const T* values = pinned.As<T>();
  return {values, values + count};
}

DeviceBuffer Allocate(size_t bytes) { return std::move(DeviceBuffer::Allocate(bytes)).value(); }

TEST(CudaMakeWeightsTest, RandomValuesAreTheCpus) {
  QED_REQUIRE_DEVICE();
  const Stream stream = std::move(Stream::Create()).value();
  constexpr int64_t kFirst = 4096, kCount = 5000 * 8;
  for (const RandomFill& fill : {RandomFill{3, 0, 0x1p-9F}, RandomFill{77, 1, 0x1p-7F}}) {
    const DeviceBuffer halves = Allocate(kCount * 2), floats = Allocate(kCount * 4);
    FillRandom(fill, kFirst, kCount, halves.As<BFloat16>(), stream.handle());
    FillRandom(fill, kCount, floats.As<float>(), stream.handle());
    const auto got_halves = Download<uint16_t>(halves, kCount, stream);
    const auto got_floats = Download<float>(floats, kCount, stream);
    for (int64_t i = 0; i < kCount; ++i) {
      ASSERT_EQ(BFloat16ToFloat(got_halves[i]), RandomFillAt(fill, kFirst + i)) << i;
      ASSERT_EQ(got_floats[i], RandomFillAt(fill, i)) << i;
    }
  }
}

struct Quantized {
  std::vector<uint8_t> codes;
  std::vector<float> scales;
};

Quantized OnCpu(WeightFormat format, const std::vector<float>& x, int32_t k,
                std::optional<float> largest) {
  const bool fp8 = format == WeightFormat::kFp8;
  Quantized made;
  for (size_t row = 0; row < x.size(); row += k) {
    float most = largest.value_or(0);
    for (int32_t c = 0; c < k && !largest; ++c) most = LargerMagnitude(most, x[row + c]);
    const EightBitScale scale = ScaleFor(most, fp8 ? kFp8Largest : kInt8Largest);
    made.scales.push_back(scale.scale);
    for (int32_t c = 0; c < k; ++c) {
      const float value = x[row + c] * scale.inverse;
      made.codes.push_back(fp8 ? FloatToFp8(value) : static_cast<uint8_t>(FloatToInt8(value)));
    }
  }
  return made;
}

TEST(CudaMakeWeightsTest, QuantizedRowsAreTheCpus) {
  QED_REQUIRE_DEVICE();
  const Stream stream = std::move(Stream::Create()).value();
  constexpr int32_t kRows = 37, kK = 1100;
  constexpr size_t kCount = size_t{kRows} * kK;
  const PinnedBuffer pinned = std::move(PinnedBuffer::Allocate(kCount * 2)).value();
  std::vector<float> x(kCount);
  for (size_t i = 0; i < kCount; ++i) {
    // Rows of different sizes, one of zeros; products that are no codes.
    const auto row = static_cast<float>(i / kK);
    const float value = row == 5 ? 0 : RandomFillAt({9, 0, 0.013F}, i) * (1 + row * row);
    pinned.As<uint16_t>()[i] = FloatToBFloat16(value);
    x[i] = BFloat16ToFloat(pinned.As<uint16_t>()[i]);
  }
  const DeviceBuffer there = Allocate(kCount * 2), codes = Allocate(kCount),
                     scales = Allocate(kRows * 4), largest = Allocate(4);
  CopyToDevice(there.data(), pinned.data(), kCount * 2, stream.handle());
  Fill(largest.data(), 0, 4, stream.handle());
  AddLargestMagnitude(there.As<BFloat16>(), kCount, largest.As<float>(), stream.handle());
  float most = 0;
  for (float value : x) most = LargerMagnitude(most, value);
  ASSERT_EQ(Download<float>(largest, 1, stream)[0], most);
  for (WeightFormat format : {WeightFormat::kFp8, WeightFormat::kInt8}) {
    for (bool per_tensor : {false, true}) {
      QuantizeWeightRows(format, kRows, kK, there.As<BFloat16>(),
                         per_tensor ? largest.As<float>() : nullptr, codes.data(),
                         scales.As<float>(), stream.handle());
      const Quantized expected =
          OnCpu(format, x, kK, per_tensor ? std::optional<float>(most) : std::nullopt);
      EXPECT_EQ(Download<uint8_t>(codes, kCount, stream), expected.codes) << per_tensor;
      EXPECT_EQ(Download<float>(scales, kRows, stream), expected.scales) << per_tensor;
    }
  }
}

}  // namespace
}  // namespace qed::cuda
