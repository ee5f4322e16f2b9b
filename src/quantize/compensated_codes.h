// Codes of a matrix whose rounding errors make up for each other (quantize/rounding_feedback.h).
#ifndef QED_QUANTIZE_COMPENSATED_CODES_H_
#define QED_QUANTIZE_COMPENSATED_CODES_H_

#include <cstddef>
#include <span>

#include "base/thread_pool.h"
#include "quantize/rounding_feedback.h"
#include "tensor/weight_recipe.h"

namespace qed {

// codes [N, K] of values [N, K], `scales` [N] being those of the rows. Each code is the one
// nearest to what the feedback wants of its column, by the rounding of MakeCodes
// (quantize/code_rows.h). The same bytes whatever the threads.
void MakeCompensatedCodes(WeightFormat format, const RoundingFeedback& feedback,
                          std::span<const float> values, std::span<const float> scales,
                          std::span<std::byte> codes, ThreadPool& pool);

}  // namespace qed

#endif  // QED_QUANTIZE_COMPENSATED_CODES_H_
