#include "quantize/compensated_codes.h"

#include <algorithm>

#include "base/check.h"
#include "quantize/code_rows.h"

namespace qed {

void MakeCompensatedCodes(WeightFormat format, const RoundingFeedback& feedback,
                          std::span<const float> values, std::span<const float> scales,
                          std::span<std::byte> codes, ThreadPool& pool) {
  const auto width = static_cast<size_t>(feedback.width());
  QED_CHECK_EQ(values.size(), scales.size() * width);
  QED_CHECK_EQ(values.size(), codes.size());
  const auto rows = static_cast<int64_t>(scales.size());
  pool.ParallelFor((rows + kRoundedRows - 1) / kRoundedRows, [&](int64_t tile) {
    const auto first = static_cast<size_t>(tile * kRoundedRows);
    const size_t count = std::min<size_t>(kRoundedRows, scales.size() - first);
    const auto round = [&](int32_t column, const double* wanted, double* rounded) {
      for (size_t r = 0; r < count; ++r) {
        const float scale = scales[first + r];
        const auto value = static_cast<float>(wanted[r]);
        const auto code = codes.subspan((first + r) * width + static_cast<size_t>(column), 1);
        MakeCodes(format, {&value, 1}, scale, code);
        float back;
        CodesToValues(format, code, scale, {&back, 1});
        rounded[r] = back;
      }
    };
    feedback.RoundRows(values.subspan(first * width, count * width), round);
  });
}

}  // namespace qed
