// The arithmetic of offline quantization: codes that are nearest to value / scale, as
// the files' readers multiply. (A model that is quantized while it is loaded multiplies
// by an inverse instead: kernels/linear.h.)
#ifndef QED_QUANTIZE_CODE_ROWS_H_
#define QED_QUANTIZE_CODE_ROWS_H_

#include <cstddef>
#include <span>

#include "tensor/weight_recipe.h"

namespace qed {

// largest / 448 for FP8, largest / 127 for int8, in f32; 1 where all is zero, and never
// below the smallest normal number, so that it is a scale to every reader.
// REQUIRES: largest is finite.
float CodeScale(WeightFormat format, float largest);

// codes[i] = the code nearest to values[i] / scale, ties to even, within the range.
void MakeCodes(WeightFormat format, std::span<const float> values, float scale,
               std::span<std::byte> codes);

// values[i] = codes[i] * scale.
void CodesToValues(WeightFormat format, std::span<const std::byte> codes, float scale,
                   std::span<float> values);

}  // namespace qed

#endif  // QED_QUANTIZE_CODE_ROWS_H_
