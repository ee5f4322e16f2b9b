// What the tests of GPU operations share: arrays on the device, random inputs as
// the device rounds them, and what a row in either form of activations stands for.
#ifndef QED_KERNELS_CUDA_TEST_SUPPORT_H_
#define QED_KERNELS_CUDA_TEST_SUPPORT_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "cuda/buffer.h"
#include "cuda/stream.h"
#include "cuda/test_device.h"
#include "gtest/gtest.h"
#include "kernels/cuda/types.h"
#include "kernels/test_support.h"
#include "tensor/eight_bit.h"
#include "tensor/quant_format.h"

namespace qed::cuda {

inline Stream TestStream() {
  Result<Stream> stream = Stream::Create();
  EXPECT_TRUE(stream.ok());
  return std::move(stream).value();
}

// A vector's copy on the device.
template <typename T>
class DeviceArray {
 public:
  DeviceArray() = default;
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size(), T{}) {
    Upload(values);
  }
  DeviceArray(size_t count, const T& value) : count_(count) {
    Result<DeviceBuffer> buffer = DeviceBuffer::Allocate(count * sizeof(T));
    EXPECT_TRUE(buffer.ok()) << buffer.status().message();
    buffer_ = std::move(buffer).value();
    Upload(std::vector<T>(count, value));
  }

  T* data() const { return buffer_.As<T>(); }
  std::vector<T> Download() const {
    std::vector<T> values(count_);
    EXPECT_TRUE(Synchronize().ok());
    const Stream stream = TestStream();
    CopyToHost(values.data(), data(), count_ * sizeof(T), stream.handle());
    EXPECT_TRUE(stream.Synchronize().ok());
    return values;
  }

 private:
  void Upload(const std::vector<T>& values) {
    const Stream stream = TestStream();
    CopyToDevice(data(), values.data(), count_ * sizeof(T), stream.handle());
    EXPECT_TRUE(stream.Synchronize().ok());
  }

  size_t count_ = 0;
  DeviceBuffer buffer_;
};

inline float ToFloat(BFloat16 value) { return BFloat16ToFloat(value.bits); }

inline std::vector<BFloat16> ToBFloat16(const std::vector<float>& values) {
  std::vector<BFloat16> rounded;
  for (float v : values) rounded.push_back({FloatToBFloat16(v)});
  return rounded;
}

inline std::vector<BFloat16> RandomBFloat16(size_t count, uint32_t seed, float deviation = 1.0F) {
  return ToBFloat16(RandomFloats(count, seed, deviation));
}

// Bits that are a NaN in each type: what an operation left unwritten shows.
inline constexpr BFloat16 kUnwrittenBf16 = {0x7fc1};
inline constexpr Fp8 kUnwrittenFp8 = {0x7f};

// A product on the device, with or without each of its parts, and its values.
struct TestProduct {
  DeviceArray<BFloat16> data;
  DeviceArray<float> row_scales, column_scales, bias;
  std::vector<double> values;  // [T, N]

  Product view(bool scaled) const {
    Product product;
    product.data = data.data();
    if (scaled) {
      product.row_scales = row_scales.data();
      product.column_scales = column_scales.data();
      product.bias = bias.data();
    }
    return product;
  }
};

inline TestProduct MakeProduct(int rows, int width, bool scaled, uint32_t seed,
                               float deviation = 1.0F) {
  TestProduct made;
  const size_t count = static_cast<size_t>(rows) * static_cast<size_t>(width);
  const std::vector<BFloat16> data = RandomBFloat16(count, seed, deviation);
  const std::vector<float> row_scales = RandomFloats(static_cast<size_t>(rows), seed + 1);
  const std::vector<float> column_scales = RandomFloats(static_cast<size_t>(width), seed + 2);
  const std::vector<float> bias = RandomFloats(static_cast<size_t>(width), seed + 3);
  made.data = DeviceArray<BFloat16>(data);
  made.row_scales = DeviceArray<float>(row_scales);
  made.column_scales = DeviceArray<float>(column_scales);
  made.bias = DeviceArray<float>(bias);
  for (size_t i = 0; i < count; ++i) {
    const size_t t = i / static_cast<size_t>(width), n = i % static_cast<size_t>(width);
    double value = ToFloat(data[i]);
    if (scaled) value = value * row_scales[t] * column_scales[n] + bias[n];
    made.values.push_back(value);
  }
  return made;
}

// Room for activations in one of the three forms, and the check of what was written.
struct TestActivations {
  enum class Form { kBF16, kFp8, kFp8Static };
  static constexpr Form kForms[] = {Form::kBF16, Form::kFp8, Form::kFp8Static};
  static constexpr float kStaticScale = 1.0F / 64;  // what is beyond 7 saturates

  TestActivations(Form form_, int rows_, int width_)
      : form(form_),
        rows(rows_),
        width(width_),
        bf16(Count(), kUnwrittenBf16),
        fp8(Count(), kUnwrittenFp8),
        scales(static_cast<size_t>(rows_), NAN),
        static_scale(1, kStaticScale) {}

  Activations view() const {
    Activations out;
    out.format = form == Form::kBF16 ? ActivationFormat::kBF16 : ActivationFormat::kFp8;
    out.bf16 = bf16.data();
    out.fp8 = fp8.data();
    out.scales = scales.data();
    out.static_scale = form == Form::kFp8Static ? static_scale.data() : nullptr;
    return out;
  }

  // `want` [rows, width]. What is computed in f32 before it is rounded may be off by
  // `relative` of the row's largest value.
  void Expect(const std::vector<double>& want, double relative) const {
    const std::vector<BFloat16> got_bf16 = bf16.Download();
    const std::vector<Fp8> got_fp8 = fp8.Download();
    const std::vector<float> got_scales = scales.Download();
    for (int t = 0; t < rows; ++t) {
      const size_t first = static_cast<size_t>(t) * static_cast<size_t>(width);
      double largest = 0;
      for (int i = 0; i < width; ++i) largest = std::max(largest, std::abs(want[first + i]));
      double scale = 1;
      if (form != Form::kBF16) {
        scale = form == Form::kFp8 ? largest / kFp8Largest : double{kStaticScale};
        ASSERT_NEAR(got_scales[t], scale, 1e-5 * scale) << "row " << t;
      }
      for (int i = 0; i < width; ++i) {
        const double value = want[first + i];
        const double slack = relative * largest;
        if (form == Form::kBF16) {
          // Half a unit of the last of 8 bits.
          ASSERT_NEAR(ToFloat(got_bf16[first + i]), value, std::abs(value) / 256 + slack + 1e-30)
              << "row " << t << " column " << i;
        } else {
          // Half a unit of the last of 4 bits, or of the smallest number.
          const double inside = std::clamp(value, -kFp8Largest * scale, kFp8Largest * scale);
          const double got = Fp8ToFloat(got_fp8[first + i].code) * scale;
          ASSERT_NEAR(got, inside,
                      std::max(std::abs(inside) / 16, scale / 1024) + 2 * slack + 1e-30)
              << "row " << t << " column " << i;
        }
      }
    }
  }

  size_t Count() const { return static_cast<size_t>(rows) * static_cast<size_t>(width); }

  Form form;
  int rows, width;
  DeviceArray<BFloat16> bf16;
  DeviceArray<Fp8> fp8;
  DeviceArray<float> scales;
  DeviceArray<float> static_scale;
};

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_TEST_SUPPORT_H_
