#include "quantize/code_rows.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "tensor/eight_bit.h"

namespace qed {

float CodeScale(WeightFormat format, float largest) {
  if (largest == 0) return 1.0F;
  const float scale = largest / (format == WeightFormat::kFp8 ? kFp8Largest : kInt8Largest);
  return std::max(scale, std::numeric_limits<float>::min());
}

void MakeCodes(WeightFormat format, std::span<const float> values, float scale,
               std::span<std::byte> codes) {
  QED_CHECK_EQ(values.size(), codes.size());
  if (format == WeightFormat::kFp8) {
    for (size_t i = 0; i < values.size(); ++i) {
      codes[i] = static_cast<std::byte>(FloatToFp8(values[i] / scale));
    }
    return;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    codes[i] = static_cast<std::byte>(FloatToInt8(values[i] / scale));
  }
}

void CodesToValues(WeightFormat format, std::span<const std::byte> codes, float scale,
                   std::span<float> values) {
  QED_CHECK_EQ(values.size(), codes.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const auto code = static_cast<uint8_t>(codes[i]);
    const float value = format == WeightFormat::kFp8 ? Fp8ToFloat(code) : static_cast<int8_t>(code);
    values[i] = value * scale;
  }
}

}  // namespace qed
