// What the tests of products on the GPU share: weights and inputs in every format, and the
// product in double.
#ifndef QED_KERNELS_CUDA_LINEAR_TEST_SUPPORT_H_
#define QED_KERNELS_CUDA_LINEAR_TEST_SUPPORT_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/cuda/linear.h"
#include "kernels/cuda/test_support.h"

namespace qed::cuda {

// A weight on the device and the values that it stands for.
struct TestWeight {
  DeviceWeight view;
  std::vector<float> codes;   // [N, K] what is stored
  std::vector<float> scales;  // [N]
  DeviceArray<std::byte> data;
  DeviceArray<float> device_scales;
};

inline std::vector<std::byte> Bytes(WeightFormat format, const std::vector<float>& values,
                                    std::vector<float>& rounded) {
  std::vector<std::byte> bytes;
  for (float v : values) {
    if (format == WeightFormat::kBF16) {
      const uint16_t bits = FloatToBFloat16(v);
      rounded.push_back(BFloat16ToFloat(bits));
      bytes.push_back(static_cast<std::byte>(bits & 255));
      bytes.push_back(static_cast<std::byte>(bits >> 8));
    } else if (format == WeightFormat::kFp8) {
      const uint8_t code = FloatToFp8(v * 100);
      rounded.push_back(Fp8ToFloat(code));
      bytes.push_back(static_cast<std::byte>(code));
    } else {
      const int8_t code = FloatToInt8(v * 40);
      rounded.push_back(code);
      bytes.push_back(static_cast<std::byte>(code));
    }
  }
  return bytes;
}

inline TestWeight MakeWeight(WeightFormat format, int n, int k, uint32_t seed) {
  TestWeight made;
  const std::vector<float> values = RandomFloats(size_t{static_cast<size_t>(n)} * k, seed);
  made.data = DeviceArray<std::byte>(Bytes(format, values, made.codes));
  made.scales =
      format == WeightFormat::kBF16 ? std::vector<float>(n, 1.0F) : RandomFloats(n, seed + 1);
  made.device_scales = DeviceArray<float>(made.scales);
  made.view = {format, n, k, made.data.data(),
               format == WeightFormat::kBF16 ? nullptr : made.device_scales.data()};
  return made;
}

// Inputs of a linear with room for what is computed beside the rows; the room holds
// NaNs, which must not reach the rows.
struct TestInput {
  Activations view;
  std::vector<float> values;  // [T, K] what the linear multiplies
  DeviceArray<BFloat16> bf16;
  DeviceArray<Fp8> fp8;
  DeviceArray<float> scales;
  std::vector<float> row_scales;
};

inline TestInput MakeInput(WeightFormat format, int rows, int room, int k, uint32_t seed) {
  TestInput made;
  const size_t count = static_cast<size_t>(rows) * k, all = static_cast<size_t>(room) * k;
  const std::vector<float> x = RandomFloats(count, seed);
  std::vector<BFloat16> bf16(all, kUnwrittenBf16);
  std::vector<Fp8> fp8(all, kUnwrittenFp8);
  for (size_t i = 0; i < count; ++i) {
    bf16[i] = {FloatToBFloat16(x[i])};
    fp8[i] = {FloatToFp8(x[i] * 100)};
    made.values.push_back(format == WeightFormat::kFp8 ? Fp8ToFloat(fp8[i].code)
                                                       : ToFloat(bf16[i]));
  }
  made.row_scales = RandomFloats(room, seed + 1);
  if (format != WeightFormat::kFp8) made.row_scales.assign(room, 1.0F);
  made.bf16 = DeviceArray<BFloat16>(bf16);
  made.fp8 = DeviceArray<Fp8>(fp8);
  made.scales = DeviceArray<float>(made.row_scales);
  made.view = {.format = ActivationsFor(format),
               .bf16 = made.bf16.data(),
               .fp8 = made.fp8.data(),
               .scales = made.scales.data(),
               .static_scale = nullptr};
  return made;
}

struct Expected {
  double value;      // scales applied
  double magnitude;  // the sum of the magnitudes it adds
};

inline Expected ExpectedAt(const TestWeight& weight, const TestInput& input, int t, int n) {
  const int k = weight.view.k;
  Expected e{0, 0};
  for (int c = 0; c < k; ++c) {
    const double term = double{weight.codes[static_cast<size_t>(n) * k + c]} *
                        input.values[static_cast<size_t>(t) * k + c];
    e.value += term;
    e.magnitude += std::abs(term);
  }
  const double scale = double{weight.scales[n]} * input.row_scales[t];
  return {e.value * scale, e.magnitude * std::abs(scale)};
}

// Relative to the sum of magnitudes. f32 sums over K terms err by K 2^-24 at worst.
// FP8's fast accumulators keep about 13 bits and cut off the rest at each of K / 32
// additions; a partial sum of random terms is some 2^-5 of the sum of magnitudes.
inline double SumTolerance(WeightFormat format, int k) {
  return format == WeightFormat::kFp8 ? std::ldexp(1.0, -10) : std::ldexp(k + 16.0, -24);
}

// What the product stands for, as its readers make it.
inline std::vector<double> Read(const Product& product, const std::vector<BFloat16>& data,
                                const TestWeight& weight, const TestInput& input, int rows) {
  std::vector<double> values;
  const int n = weight.view.n;
  EXPECT_TRUE(product.column_scales == nullptr || product.column_scales == weight.view.scales);
  EXPECT_TRUE(product.row_scales == nullptr || product.row_scales == input.scales.data());
  for (int t = 0; t < rows; ++t) {
    for (int i = 0; i < n; ++i) {
      double value = ToFloat(data[static_cast<size_t>(t) * n + i]);
      if (product.column_scales != nullptr) value *= weight.scales[i];
      if (product.row_scales != nullptr) value *= input.row_scales[t];
      values.push_back(value);
    }
  }
  return values;
}

// Some columns of every row against the product in double, rounded to bfloat16 once.
inline void CheckValues(const std::vector<double>& got, const TestWeight& weight,
                        const TestInput& input, int rows) {
  const int n = weight.view.n, k = weight.view.k;
  for (int t = 0; t < rows; ++t) {
    for (int i = t % 3; i<n; i += rows> 64 ? 37 : 3) {
      const Expected want = ExpectedAt(weight, input, t, i);
      ASSERT_NEAR(got[static_cast<size_t>(t) * n + i], want.value,
                  SumTolerance(weight.view.format, k) * want.magnitude + std::abs(want.value) / 256)
          << "[" << n << ", " << k << "] rows " << rows << " at " << t << ", " << i;
    }
  }
}

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_LINEAR_TEST_SUPPORT_H_
