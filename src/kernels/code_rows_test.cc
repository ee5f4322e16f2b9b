#include "kernels/code_rows.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "gtest/gtest.h"
#include "kernels/test_support.h"
#include "tensor/eight_bit.h"

namespace qed {
namespace {

// Every code, every middle between two and its neighbours, signs, and what is no number.
std::vector<float> Edges() {
  std::vector<float> values = {
      0.0F,         1e-45F, 447.9F, 463.9F, 464.0F,
      1e9F,         126.5F, 127.5F, 3e38F,  std::numeric_limits<float>::infinity(),
      std::nanf("")};
  for (int code = 0; code < 0x7E; ++code) {
    const float low = Fp8ToFloat(static_cast<uint8_t>(code));
    const float middle = (low + Fp8ToFloat(static_cast<uint8_t>(code + 1))) / 2;
    for (float value : {low, middle, std::nextafter(middle, 0.0F), std::nextafter(middle, 1e9F)}) {
      values.push_back(value);
    }
  }
  for (int i = 0; i < 127; ++i) {
    for (float part : {0.0F, 0.49999F, 0.5F, 0.50001F})
      values.push_back(static_cast<float>(i) + part);
  }
  for (uint64_t i = 0; i < 4000; ++i) {
    values.push_back(std::ldexp(UniformFloat(3, 1, i), static_cast<int>(i % 30) - 18));
  }
  for (size_t i = values.size(); i-- > 0;) values.push_back(-values[i]);
  return values;
}

TEST(CodeRowsTest, EveryFormGivesTheCodesOfTheScalarOne) {
  const std::vector<float> values = Edges();
  for (Isa isa : TestableIsas()) {
    for (float scale : {1.0F, 0.37F, 1e-3F}) {
      for (WeightFormat format : {WeightFormat::kFp8, WeightFormat::kInt8}) {
        for (size_t n : {size_t{1}, size_t{37}, values.size()}) {
          const auto part = std::span(values).last(n);
          std::vector<std::byte> codes(n);
          CodeRow(isa, format, part, scale, codes);
          for (size_t i = 0; i < n; ++i) {
            const float quotient = part[i] / scale;
            const auto wanted = format == WeightFormat::kFp8
                                    ? static_cast<std::byte>(FloatToFp8(quotient))
                                    : static_cast<std::byte>(FloatToInt8(quotient));
            ASSERT_EQ(codes[i], wanted) << IsaName(isa) << " " << WeightFormatName(format) << ": "
                                        << part[i] << " by " << scale;
          }
        }
      }
    }
  }
}

TEST(CodeRowsTest, LargestAndErrorsAreTheDefinitions) {
  std::vector<float> values = RandomFloats(1003, 5);
  values[500] = -7.5F;
  for (WeightFormat format : {WeightFormat::kFp8, WeightFormat::kInt8}) {
    const float scale = 7.5F / 127;
    std::vector<std::byte> codes(values.size());
    CodeRow(Isa::kPortable, format, values, scale, codes);
    double error = 0, size = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const auto code = static_cast<uint8_t>(codes[i]);
      const float value =
          format == WeightFormat::kFp8 ? Fp8ToFloat(code) : static_cast<int8_t>(code);
      error += std::pow(double{value * scale} - values[i], 2);
      size += double{values[i]} * values[i];
    }
    const CodeError first = MeasureCodeRow(Isa::kPortable, format, values, codes, scale);
    for (Isa isa : TestableIsas()) {
      EXPECT_EQ(LargestOfRow(isa, values), 7.5F);
      const CodeError found = MeasureCodeRow(isa, format, values, codes, scale);
      EXPECT_NEAR(found.error, error, 1e-12 * error);
      EXPECT_NEAR(found.size, size, 1e-12 * size);
      EXPECT_EQ(found.error, first.error) << IsaName(isa);
      EXPECT_EQ(found.size, first.size) << IsaName(isa);
    }
  }
  for (Isa isa : TestableIsas()) {
    EXPECT_EQ(LargestOfRow(isa, {}), 0.0F);
    values[77] = -std::numeric_limits<float>::infinity();
    EXPECT_TRUE(std::isinf(LargestOfRow(isa, values)));
    values[78] = std::nanf("");
    EXPECT_TRUE(std::isnan(LargestOfRow(isa, values)));
    values[77] = values[78] = 0;
  }
}

}  // namespace
}  // namespace qed
