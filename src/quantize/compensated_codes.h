// Codes of a matrix whose rounding errors make up for each other (quantize/rounding_feedback.h).
#ifndef QED_QUANTIZE_COMPENSATED_CODES_H_
#define QED_QUANTIZE_COMPENSATED_CODES_H_

#include <cstddef>
#include <span>

#include "quantize/rounding_feedback.h"
#include "tensor/weight_recipe.h"

namespace qed {

// codes [rows, K] of up to 16 rows of values [rows, K], `scales` [rows] being theirs. Each code is
// the one nearest to what the feedback wants of its column, by the rounding of MakeCodes
// (quantize/code_rows.h).
void MakeCompensatedCodes(WeightFormat format, const RoundingFeedback& feedback,
                          std::span<const float> values, std::span<const float> scales,
                          std::span<std::byte> codes);

}  // namespace qed

#endif  // QED_QUANTIZE_COMPENSATED_CODES_H_
