// The loop of the F32 and BF16 products, written once over the vector operations
// of an instruction set (`Ops`). A tile is kVectors vectors of rows by some
// tokens, whose sums stay in registers over all of K; every sum is made in the
// order of the columns, whatever the tile's shape.
#ifndef QED_KERNELS_CPU_FLOAT_TILES_H_
#define QED_KERNELS_CPU_FLOAT_TILES_H_

#include "kernels/cpu/tile_util.h"

namespace qed {
namespace {

template <typename Ops, typename Format, int kVectors, int kTokens>
void FloatTile(const PanelJob& job, int32_t row, int32_t token) {
  const std::byte* weights[kVectors];
  Unroll<kVectors>([&](auto v) QED_INLINE_LAMBDA {
    const int32_t first = row + v * Ops::kLanes;
    weights[v] = job.panels + first / kPanelRows * job.panel_bytes + first % kPanelRows * 4;
  });
  const float* x[kTokens];
  Unroll<kTokens>([&](auto t) QED_INLINE_LAMBDA { x[t] = job.x + (token + t) * job.x_stride; });
  typename Ops::Float sums[kTokens][kVectors];
  Unroll<kTokens>([&](auto t) QED_INLINE_LAMBDA {
    Unroll<kVectors>([&](auto v) QED_INLINE_LAMBDA { sums[t][v] = Ops::Zero(); });
  });
  // Adds the products of column c, which is the `column`th of its step.
  const auto add_column = [&](int64_t c, auto column) QED_INLINE_LAMBDA {
    typename Ops::Float w[kVectors];
    Unroll<kVectors>([&](auto v) QED_INLINE_LAMBDA {
      w[v] = Ops::template LoadColumn<Format, column>(weights[v]);
    });
    Unroll<kTokens>([&](auto t) QED_INLINE_LAMBDA {
      const typename Ops::Float value = Ops::Broadcast(x[t][c]);
      Unroll<kVectors>(
          [&](auto v) QED_INLINE_LAMBDA { sums[t][v] = Ops::MulAdd(w[v], value, sums[t][v]); });
    });
  };
  int64_t c = 0;
  for (; c + Format::kColumns <= job.k; c += Format::kColumns) {
    Unroll<Format::kColumns>([&](auto column)
                                 QED_INLINE_LAMBDA { add_column(c + column, column); });
    Unroll<kVectors>([&](auto v) QED_INLINE_LAMBDA { weights[v] += 64; });
  }
  if (c < job.k) {
    add_column(c, Index<0>{});
  }
  Unroll<kTokens>([&](auto t) QED_INLINE_LAMBDA {
    Unroll<kVectors>([&](auto v) QED_INLINE_LAMBDA {
      if (row + v * Ops::kLanes < job.rows) {
        StoreSums<Ops>(job, row + v * Ops::kLanes, token + t, sums[t][v]);
      }
    });
  });
}

// FloatTile for 1..kMax tokens.
template <typename Ops, typename Format, int kVectors, int kMax>
void FloatTileOf(int32_t tokens, const PanelJob& job, int32_t row, int32_t token) {
  if (tokens >= kMax) {
    FloatTile<Ops, Format, kVectors, kMax>(job, row, token);
  } else if constexpr (kMax > 1) {
    FloatTileOf<Ops, Format, kVectors, kMax - 1>(tokens, job, row, token);
  }
}

template <typename Ops, typename Format, int kVectors>
void FloatRows(const PanelJob& job, int32_t row) {
  for (int32_t token = 0; token < job.tokens; token += Ops::kFloatTokens) {
    FloatTileOf<Ops, Format, kVectors, Ops::kFloatTokens>(job.tokens - token, job, row, token);
  }
}

template <typename Ops, typename Format>
void FloatLinear(const PanelJob& job) {
  // A partial last panel is padded with zeros to its 16 rows.
  const int32_t rows = (job.rows + kPanelRows - 1) / kPanelRows * kPanelRows;
  constexpr int32_t kTileRows = Ops::kFloatVectors * Ops::kLanes;
  int32_t row = 0;
  for (; row + kTileRows <= rows; row += kTileRows) {
    FloatRows<Ops, Format, Ops::kFloatVectors>(job, row);
  }
  for (; row < job.rows; row += Ops::kLanes) {
    FloatRows<Ops, Format, 1>(job, row);
  }
}

}  // namespace
}  // namespace qed

#endif  // QED_KERNELS_CPU_FLOAT_TILES_H_
