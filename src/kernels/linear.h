// y = x * W^T over packed weights: the product that takes nearly all the time.
//
// Weights are packed once at load into rows of tiles that the kernels stream
// (layouts: kernels/weight_layout.h). Activations come as f32 and, where the
// weight format wants it, are quantized to int8 by QuantizeActivations, once
// for all the linears that read them.
//
// y[t, n] is the same bits whatever T is, whichever rows stand beside t, and
// however many threads run: a sample must not depend on its neighbours.
#ifndef QED_KERNELS_LINEAR_H_
#define QED_KERNELS_LINEAR_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/status.h"
#include "kernels/op_context.h"
#include "kernels/weight_layout.h"
#include "tensor/dtype.h"
#include "tensor/weight_recipe.h"

namespace qed {

// Of the formats, kF32 has f32 activations, the exact path. kFp8 and kInt8
// (weight-only int8) are codes with f32 scales and the CPU's exact twins of what a GPU
// computes: slow. kFp8 quantizes the activations to FP8 too, inside Linear
// (tensor/eight_bit.h); kInt8 takes f32.

// Whether Linear reads int8 activations for this format.
bool UsesInt8Activations(WeightFormat format);
// The format that keeps `dtype` as it is in the fast path: Q8_0, Q4_0, Q4_1 as
// they are; Q6_K and Q4_K as Q8_0 (requantized); F32, F16 and BF16 as kBF16
// where that is exact and as kF32 elsewhere.
WeightFormat FastFormatFor(DType dtype);
// Whether a weight of this format is codes with a scale a row.
bool HasRowScales(WeightFormat format);
// The dtype whose values a packed weight of this format holds unchanged.
// REQUIRES: !HasRowScales(format).
DType RowDType(WeightFormat format);

// A packed weight of N rows (outputs) by K columns (inputs). Does not own data.
struct PackedWeight {
  WeightFormat format = WeightFormat::kF32;
  int32_t n = 0;
  int32_t k = 0;                    // a multiple of 32 for the formats with int8 activations
  const std::byte* data = nullptr;  // 64-byte aligned, PackedWeightBytes long
  // Of kFp8 and kInt8: columns that share a scale; 0: all of a row.
  int32_t scale_columns = 0;
  // Of kFp8: the scale of all activations; 0: each token, or each token's columns that
  // share a scale in the weight, has its own.
  float input_scale = 0;
};

// Panels of 16 rows, and the bytes of one (kernels/weight_layout.h).
inline int64_t PanelCount(int32_t n) { return (int64_t{n} + kPanelRows - 1) / kPanelRows; }
int64_t PanelBytes(WeightFormat format, int32_t k, int32_t scale_columns = 0);
inline int64_t PanelBytes(const PackedWeight& weight) {
  return PanelBytes(weight.format, weight.k, weight.scale_columns);
}
size_t PackedWeightBytes(WeightFormat format, int32_t n, int32_t k, int32_t scale_columns = 0);
inline size_t PackedWeightBytes(const PackedWeight& weight) {
  return PackedWeightBytes(weight.format, weight.n, weight.k, weight.scale_columns);
}

// Packs rows [first_row, first_row + rows) of an [n, k] weight into `dst`
// (PackedWeightBytes(format, n, k) long). `src` holds those rows in `dtype`,
// contiguous. Converts where dtype and format differ (through f32). May be
// called for disjoint row ranges from several threads when first_row is a
// multiple of 16. With row scales, `largest_magnitude` is what they are made for,
// the same for all rows; without it, each row's own.
void PackWeightRows(WeightFormat format, int32_t n, int32_t k, int32_t first_row, int32_t rows,
                    DType dtype, std::span<const std::byte> src, std::byte* dst,
                    std::optional<float> largest_magnitude = std::nullopt);

// Packs codes with their scales, as a file holds them, into `dst`
// (PackedWeightBytes(target) long): `codes` [rows, K] and `scales` [rows, G] of rows
// [first_row, first_row + rows), G being the groups of columns that share a scale.
// Threads as in PackWeightRows. REQUIRES: HasRowScales(target.format).
void PackCodeRows(const PackedWeight& target, int32_t first_row, int32_t rows,
                  std::span<const std::byte> codes, std::span<const float> scales, std::byte* dst);

// Int8 activations of T rows by K columns, in groups of 32 columns with one f32
// scale each, rounded to nearest: x[t, c] ~ q[t, c] * scale[t, c/32]. A view;
// workspace belongs to the caller.
struct QuantizedActivations {
  int32_t t = 0;
  int32_t k = 0;                      // a multiple of 32
  ActivationBlock* blocks = nullptr;  // [ceil(T/4), K/32]
};

size_t QuantizedActivationsBytes(int32_t t, int32_t k);
// Lays a view into `memory` (64-byte aligned, QuantizedActivationsBytes long).
QuantizedActivations LayQuantizedActivations(int32_t t, int32_t k, std::byte* memory);

// Quantizes x [K] as row `row` of `out`; the parallel loop belongs to the
// caller, who fuses it with what made the row. Rows may be written by several
// threads at once. The same bits on every instruction set. A group with a NaN
// or an infinity gets a scale that is one, so that it shows in the result.
void QuantizeActivationRow(Isa isa, const float* x, int32_t row, const QuantizedActivations& out);

// One product of a group that shares its activations.
struct LinearTask {
  PackedWeight weight;
  const float* bias = nullptr;  // [N] or none
  float* y = nullptr;           // [T, N] with row stride y_stride
  int64_t y_stride = 0;         // floats
  bool accumulate = false;      // y += instead of y =: the residual
};

// Runs all tasks as one parallel loop (one barrier). x is [T, K] f32 with row
// stride x_stride for formats without int8 activations, xq for those with (the
// other may be null); a group may mix them. All weights have the same K.
// REQUIRES: t >= 1; xq->t == t where it is read.
void Linear(OpContext& ctx, const float* x, int64_t x_stride, const QuantizedActivations* xq,
            int32_t t, std::span<const LinearTask> tasks);

}  // namespace qed

#endif  // QED_KERNELS_LINEAR_H_
