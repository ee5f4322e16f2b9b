#include "quantize/compensated_codes.h"

#include "base/check.h"
#include "quantize/code_rows.h"

namespace qed {

void MakeCompensatedCodes(WeightFormat format, const RoundingFeedback& feedback,
                          std::span<const float> values, std::span<const float> scales,
                          std::span<std::byte> codes) {
  const auto width = static_cast<size_t>(feedback.width());
  QED_CHECK_LE(scales.size(), static_cast<size_t>(kRoundedRows));
  QED_CHECK_EQ(values.size(), scales.size() * width);
  QED_CHECK_EQ(values.size(), codes.size());
  feedback.RoundRows(values, [&](int32_t column, const double* wanted, double* rounded) {
    for (size_t r = 0; r < scales.size(); ++r) {
      const auto value = static_cast<float>(wanted[r]);
      const auto code = codes.subspan(r * width + static_cast<size_t>(column), 1);
      MakeCodes(format, {&value, 1}, scales[r], code);
      float back;
      CodesToValues(format, code, scales[r], {&back, 1});
      rounded[r] = back;
    }
  });
}

}  // namespace qed
