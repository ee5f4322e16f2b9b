// BF16 products with the bfloat16 dot product of AVX-512. Activations are rounded
// to bfloat16, a few columns at a time, as they are used.
#include <immintrin.h>

#include "kernels/cpu/avx512_ops.h"

namespace qed {
namespace {

constexpr int kVectors = Avx512Ops::kFloatVectors;
constexpr int kTileTokens = Avx512Ops::kFloatTokens;
constexpr int32_t kSegmentColumns = 512;

// Pairs of columns of one token, rounded; an odd column has a zero beside it.
using RoundedColumns = uint32_t[kSegmentColumns / 2];

void RoundColumns(const float* x, int32_t columns, RoundedColumns& rounded) {
  for (int32_t c = 0; c < columns; c += 32) {
    const int32_t left = Min(columns - c, 32);
    const __m512 low = Avx512Ops::LoadPart(x + c, Min(left, 16));
    const __m512 high =
        left > 16 ? Avx512Ops::LoadPart(x + c + 16, left - 16) : _mm512_setzero_ps();
    const __m512bh pairs = _mm512_cvtne2ps_pbh(high, low);
    __builtin_memcpy(rounded + c / 2, &pairs, sizeof(pairs));
  }
}

QED_INLINE __m512bh AsBFloat16(__m512i v) {
  __m512bh result;
  __builtin_memcpy(&result, &v, sizeof(result));
  return result;
}

template <int kPanels, int kTokens>
void Tile(const PanelJob& job, int32_t row, int32_t token) {
  alignas(64) RoundedColumns x[kTokens];
  const std::byte* weights = job.panels + row / kPanelRows * job.panel_bytes;
  __m512 sums[kTokens][kPanels];
  Unroll<kTokens>([&](auto t) QED_INLINE_LAMBDA {
    Unroll<kPanels>([&](auto p) QED_INLINE_LAMBDA { sums[t][p] = _mm512_setzero_ps(); });
  });
  for (int32_t first = 0; first < job.k; first += kSegmentColumns) {
    const int32_t columns = Min(job.k - first, kSegmentColumns);
    for (int t = 0; t < kTokens; ++t) {
      RoundColumns(job.x + (token + t) * job.x_stride + first, columns, x[t]);
    }
    for (int32_t pair = 0; pair < (columns + 1) / 2; ++pair, weights += 64) {
      __m512bh w[kPanels];
      Unroll<kPanels>([&](auto p) QED_INLINE_LAMBDA {
        w[p] = AsBFloat16(_mm512_loadu_si512(weights + p * job.panel_bytes));
      });
      Unroll<kTokens>([&](auto t) QED_INLINE_LAMBDA {
        const __m512bh value = AsBFloat16(_mm512_set1_epi32(static_cast<int>(x[t][pair])));
        Unroll<kPanels>([&](auto p) QED_INLINE_LAMBDA {
          sums[t][p] = _mm512_dpbf16_ps(sums[t][p], w[p], value);
        });
      });
    }
  }
  Unroll<kTokens>([&](auto t) QED_INLINE_LAMBDA {
    Unroll<kPanels>([&](auto p) QED_INLINE_LAMBDA {
      StoreSums<Avx512Ops>(job, row + p * kPanelRows, token + t, sums[t][p]);
    });
  });
}

// Tile for 1..kMax tokens.
template <int kPanels, int kMax>
void TileOf(int32_t tokens, const PanelJob& job, int32_t row, int32_t token) {
  if (tokens >= kMax) {
    Tile<kPanels, kMax>(job, row, token);
  } else if constexpr (kMax > 1) {
    TileOf<kPanels, kMax - 1>(tokens, job, row, token);
  }
}

template <int kPanels>
void Panels(const PanelJob& job, int32_t row) {
  for (int32_t token = 0; token < job.tokens; token += kTileTokens) {
    TileOf<kPanels, kTileTokens>(job.tokens - token, job, row, token);
  }
}

}  // namespace

void avx512bf16::LinearBF16(const PanelJob& job) {
  int32_t row = 0;
  for (; row + (kVectors - 1) * kPanelRows < job.rows; row += kVectors * kPanelRows) {
    Panels<kVectors>(job, row);
  }
  for (; row < job.rows; row += kPanelRows) {
    Panels<1>(job, row);
  }
}

}  // namespace qed
