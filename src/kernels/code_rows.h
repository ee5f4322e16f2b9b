// Rows of weights as 8-bit codes, fast: what quantizing a file does with every value.
#ifndef QED_KERNELS_CODE_ROWS_H_
#define QED_KERNELS_CODE_ROWS_H_

#include <cstddef>
#include <span>

#include "kernels/op_context.h"
#include "tensor/weight_recipe.h"

namespace qed {

// The largest magnitude of a row; NaN where a value is one. 0 of an empty row.
float LargestOfRow(Isa isa, std::span<const float> values);

// codes[i] = the code nearest to values[i] / scale, ties to even, within the range: FloatToFp8 or
// FloatToInt8 (tensor/eight_bit.h) of that quotient. REQUIRES: kFp8 or kInt8; equal lengths.
void CodeRow(Isa isa, WeightFormat format, std::span<const float> values, float scale,
             std::span<std::byte> codes);

struct CodeError {
  double error = 0;  // sum of (code * scale - value)^2
  double size = 0;   // sum of value^2
};

// The same bits on every processor.
CodeError MeasureCodeRow(Isa isa, WeightFormat format, std::span<const float> values,
                         std::span<const std::byte> codes, float scale);

}  // namespace qed

#endif  // QED_KERNELS_CODE_ROWS_H_
