// Int8 products with AVX-512 VNNI.
//
// Two ways through a panel, chosen by the number of tokens; the sum of an output
// is made by the same operations in the same order in both.
//   Direct: few tokens, reading the weights takes the time. Each block of a
//     panel is unpacked into registers and meets all tokens there.
//   Unpacked: many tokens, arithmetic takes the time. Three panels are unpacked
//     into a buffer in the first-level cache, a segment of their columns at a
//     time, and meet the tokens in tiles of 3 vectors by 4 tokens: as many
//     operands are then loaded as the load ports of one core can bring.
#include <immintrin.h>

#include "kernels/cpu/avx512_ops.h"

namespace qed {
namespace {

constexpr int kGroupTokens = ActivationBlock::kTokens;
constexpr int kSegmentBlocks = 18;

QED_INLINE __m512 LoadHalves(const std::byte* from) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

// Columns 4j..4j+3 of 16 rows of a block in vector j, as unsigned bytes: the
// weight + 128 of Q8_0, 16 times the nibble of Q4_0, the nibble of Q4_1.
template <typename Format>
QED_INLINE void UnpackValues(const std::byte* from, __m512i (&values)[8]) {
  Unroll<Format::kValues / 64>([&](auto j) QED_INLINE_LAMBDA {
    const __m512i bytes = _mm512_loadu_si512(from + j * 64);
    if constexpr (__is_same(Format, Q8_0)) {
      values[j] = bytes;
    } else if constexpr (__is_same(Format, Q4_0)) {
      const __m512i mask = _mm512_set1_epi8(static_cast<char>(0xF0));
      values[j] = _mm512_and_si512(_mm512_slli_epi16(bytes, 4), mask);
      values[j + 4] = _mm512_and_si512(bytes, mask);
    } else {
      const __m512i mask = _mm512_set1_epi8(0x0F);
      values[j] = _mm512_and_si512(bytes, mask);
      values[j + 4] = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), mask);
    }
  });
}

// The scale of what UnpackValues gives.
template <typename Format>
QED_INLINE __m512 UnpackScale(const std::byte* from) {
  const __m512 scale = LoadHalves(from);
  return __is_same(Format, Q4_0) ? _mm512_mul_ps(scale, _mm512_set1_ps(1.0F / 16)) : scale;
}

// Where the dot products of a token begin, biased: the start takes back the +128
// of Q8_0 and 16 times the 8 of Q4_0.
template <typename Format>
QED_INLINE __m512i FirstDot(const ActivationBlock& x, int t) {
  return _mm512_set1_epi32(Format::kHasMinimum ? ActivationBlock::kBiasBits : x.start[t]);
}

// Columns 4j..4j+3 of a token, in every lane.
QED_INLINE __m512i FourColumns(const ActivationBlock& x, int t, int j) {
  int32_t four;
  __builtin_memcpy(&four, &x.q[t][j * 4], sizeof(four));
  return _mm512_set1_epi32(four);
}

// sum + dot * scale of token t * scale of the weights, for a biased dot.
QED_INLINE __m512 AddDot(__m512 sum, __m512i dot, const ActivationBlock& x, int t, __m512 scale) {
  const __m512 product = _mm512_fmadd_ps(_mm512_castsi512_ps(dot), _mm512_set1_ps(x.scale[t]),
                                         _mm512_set1_ps(x.unbias[t]));
  return _mm512_fmadd_ps(product, scale, sum);
}

QED_INLINE __m512 AddMinimum(__m512 sum, float x_sum, __m512 minimum) {
  return _mm512_fmadd_ps(minimum, _mm512_set1_ps(x_sum), sum);
}

// The panel that begins at `row` by the first kTokens tokens.
template <typename Format, int kTokens>
void DirectTile(const PanelJob& job, int32_t row) {
  constexpr int kGroups = (kTokens + kGroupTokens - 1) / kGroupTokens;
  constexpr int64_t kBlockBytes = Format::kValues + Format::kScaleBytes;
  const int64_t blocks = job.k / kGroupColumns;
  const std::byte* values = job.panels + row / kPanelRows * job.panel_bytes;
  const std::byte* scales = values + blocks * Format::kValues;
  const std::byte* ahead = values + job.panel_bytes;  // The next panel, to prefetch.
  const ActivationBlock* x = job.blocks;
  __m512 sums[kTokens];
  Unroll<kTokens>([&](auto t) QED_INLINE_LAMBDA { sums[t] = _mm512_setzero_ps(); });

  for (int64_t b = 0; b < blocks; ++b, ++x) {
    Unroll<(kBlockBytes + 63) / 64>(
        [&](auto line) QED_INLINE_LAMBDA { __builtin_prefetch(ahead + line * 64, 0, 2); });
    __m512i weights[8];
    UnpackValues<Format>(values, weights);
    const __m512 scale = UnpackScale<Format>(scales);
    Unroll<kGroups>([&](auto g) QED_INLINE_LAMBDA {
      constexpr int kFirst = g * kGroupTokens;
      constexpr int kCount = Min(kTokens - kFirst, kGroupTokens);
      const ActivationBlock& block = x[g * blocks];
      __m512i dots[kCount];
      Unroll<kCount>([&](auto t) QED_INLINE_LAMBDA { dots[t] = FirstDot<Format>(block, t); });
      Unroll<8>([&](auto j) QED_INLINE_LAMBDA {
        Unroll<kCount>([&](auto t) QED_INLINE_LAMBDA {
          dots[t] = _mm512_dpbusd_epi32(dots[t], weights[j], FourColumns(block, t, j));
        });
      });
      Unroll<kCount>([&](auto t) QED_INLINE_LAMBDA {
        __m512& sum = sums[kFirst + t];
        sum = AddDot(sum, dots[t], block, t, scale);
        if constexpr (Format::kHasMinimum) {
          sum = AddMinimum(sum, block.sum[t], LoadHalves(scales + kScales));
        }
      });
    });
    values += Format::kValues;
    scales += Format::kScaleBytes;
    ahead += kBlockBytes;
  }
  Unroll<kTokens>([&](auto t) QED_INLINE_LAMBDA { StoreSums<Avx512Ops>(job, row, t, sums[t]); });
}

// All panels by 1..kMax tokens.
template <typename Format, int kMax>
void DirectLinear(const PanelJob& job) {
  if (job.tokens < kMax) {
    if constexpr (kMax > 1) {
      DirectLinear<Format, kMax - 1>(job);
    }
    return;
  }
  for (int32_t row = 0; row < job.rows; row += kPanelRows) {
    DirectTile<Format, kMax>(job, row);
  }
}

// One block of kPanels panels, unpacked.
template <int kPanels>
struct UnpackedBlock {
  __m512i values[8][kPanels];
  __m512 scale[kPanels];
  __m512 minimum[kPanels];
};

// Some columns of kPanels panels.
template <int kPanels>
struct Segment {
  int32_t row;          // the first panel's first
  int64_t first_block;  // of the columns
  int64_t block_count;  // at most kSegmentBlocks
  bool is_first;        // Sums begin here,
  bool is_last;         // and end here.
  UnpackedBlock<kPanels> blocks[kSegmentBlocks];
};

template <typename Format, int kPanels>
void UnpackSegment(const PanelJob& job, Segment<kPanels>& segment) {
  const int64_t blocks = job.k / kGroupColumns;
  for (int p = 0; p < kPanels; ++p) {
    const std::byte* panel = job.panels + (segment.row / kPanelRows + p) * job.panel_bytes;
    const std::byte* values = panel + segment.first_block * Format::kValues;
    const std::byte* scales =
        panel + blocks * Format::kValues + segment.first_block * Format::kScaleBytes;
    for (int64_t b = 0; b < segment.block_count; ++b) {
      UnpackedBlock<kPanels>& to = segment.blocks[b];
      __m512i unpacked[8];
      UnpackValues<Format>(values + b * Format::kValues, unpacked);
      Unroll<8>([&](auto j) QED_INLINE_LAMBDA { to.values[j][p] = unpacked[j]; });
      to.scale[p] = UnpackScale<Format>(scales + b * Format::kScaleBytes);
      if constexpr (Format::kHasMinimum) {
        to.minimum[p] = LoadHalves(scales + b * Format::kScaleBytes + kScales);
      }
    }
  }
}

// Sums of one tile between two segments.
template <int kPanels>
using PartialSums = __m512[kGroupTokens][kPanels];

// A segment by kTokens tokens from `token` on, which begins a group of four.
// `ahead` is prefetched while it is computed, `ahead_bytes` a block.
template <typename Format, int kPanels, int kTokens>
void SegmentTile(const PanelJob& job, const Segment<kPanels>& segment, int32_t token,
                 PartialSums<kPanels>& partial, const std::byte* ahead, int64_t ahead_bytes) {
  const int64_t blocks = job.k / kGroupColumns;
  const ActivationBlock* x = job.blocks + token / kGroupTokens * blocks + segment.first_block;
  __m512 sums[kTokens][kPanels];
  Unroll<kTokens>([&](auto t) QED_INLINE_LAMBDA {
    Unroll<kPanels>([&](auto p) QED_INLINE_LAMBDA {
      sums[t][p] = segment.is_first ? _mm512_setzero_ps() : partial[t][p];
    });
  });
  for (int64_t b = 0; b < segment.block_count; ++b) {
    for (int64_t line = 0; line < ahead_bytes; line += 64) {
      __builtin_prefetch(ahead + line, 0, 2);
    }
    ahead += ahead_bytes;
    const UnpackedBlock<kPanels>& weights = segment.blocks[b];
    const ActivationBlock& block = x[b];
    __m512i dots[kTokens][kPanels];
    Unroll<kTokens>([&](auto t) QED_INLINE_LAMBDA {
      Unroll<kPanels>([&](auto p) QED_INLINE_LAMBDA { dots[t][p] = FirstDot<Format>(block, t); });
    });
    Unroll<8>([&](auto j) QED_INLINE_LAMBDA {
      Unroll<kTokens>([&](auto t) QED_INLINE_LAMBDA {
        const __m512i columns = FourColumns(block, t, j);
        Unroll<kPanels>([&](auto p) QED_INLINE_LAMBDA {
          dots[t][p] = _mm512_dpbusd_epi32(dots[t][p], weights.values[j][p], columns);
        });
      });
    });
    Unroll<kTokens>([&](auto t) QED_INLINE_LAMBDA {
      Unroll<kPanels>([&](auto p) QED_INLINE_LAMBDA {
        sums[t][p] = AddDot(sums[t][p], dots[t][p], block, t, weights.scale[p]);
      });
    });
    if constexpr (Format::kHasMinimum) {
      Unroll<kTokens>([&](auto t) QED_INLINE_LAMBDA {
        Unroll<kPanels>([&](auto p) QED_INLINE_LAMBDA {
          sums[t][p] = AddMinimum(sums[t][p], block.sum[t], weights.minimum[p]);
        });
      });
    }
  }
  Unroll<kTokens>([&](auto t) QED_INLINE_LAMBDA {
    Unroll<kPanels>([&](auto p) QED_INLINE_LAMBDA {
      if (segment.is_last) {
        StoreSums<Avx512Ops>(job, segment.row + p * kPanelRows, token + t, sums[t][p]);
      } else {
        partial[t][p] = sums[t][p];
      }
    });
  });
}

// SegmentTile for 1..kMax tokens.
template <typename Format, int kPanels, int kMax>
void SegmentTileOf(int32_t tokens, const PanelJob& job, const Segment<kPanels>& segment,
                   int32_t token, PartialSums<kPanels>& partial, const std::byte* ahead,
                   int64_t ahead_bytes) {
  if (tokens >= kMax) {
    SegmentTile<Format, kPanels, kMax>(job, segment, token, partial, ahead, ahead_bytes);
  } else if constexpr (kMax > 1) {
    SegmentTileOf<Format, kPanels, kMax - 1>(tokens, job, segment, token, partial, ahead,
                                             ahead_bytes);
  }
}

// kPanels panels from `row` on by all tokens.
template <typename Format, int kPanels>
void UnpackedPanels(const PanelJob& job, int32_t row) {
  Segment<kPanels> segment;
  PartialSums<kPanels> partial[kMaxJobTokens / kGroupTokens];
  segment.row = row;
  const int64_t blocks = job.k / kGroupColumns;
  const int64_t segments = (blocks + kSegmentBlocks - 1) / kSegmentBlocks;
  const std::byte* ahead = job.panels + (row / kPanelRows + kPanels) * job.panel_bytes;
  constexpr int64_t kAheadBytes = kPanels * (Format::kValues + Format::kScaleBytes);
  for (int64_t s = 0; s < segments; ++s) {
    segment.first_block = blocks * s / segments;
    segment.block_count = blocks * (s + 1) / segments - segment.first_block;
    segment.is_first = s == 0;
    segment.is_last = s == segments - 1;
    UnpackSegment<Format>(job, segment);
    for (int32_t token = 0; token < job.tokens; token += kGroupTokens) {
      const int64_t ahead_bytes = token == 0 ? kAheadBytes : 0;
      SegmentTileOf<Format, kPanels, kGroupTokens>(
          job.tokens - token, job, segment, token, partial[token / kGroupTokens],
          ahead + segment.first_block * kAheadBytes, ahead_bytes);
    }
  }
}

template <typename Format>
void Int8Linear(const PanelJob& job) {
  if (job.tokens <= kDirectTokens) {
    DirectLinear<Format, kDirectTokens>(job);
    return;
  }
  int32_t row = 0;
  for (; row + (kInt8TilePanels - 1) * kPanelRows < job.rows; row += kInt8TilePanels * kPanelRows) {
    UnpackedPanels<Format, kInt8TilePanels>(job, row);
  }
  for (; row < job.rows; row += kPanelRows) {
    UnpackedPanels<Format, 1>(job, row);
  }
}

}  // namespace

void avx512::LinearQ8_0(const PanelJob& job) { Int8Linear<Q8_0>(job); }
void avx512::LinearQ4_0(const PanelJob& job) { Int8Linear<Q4_0>(job); }
void avx512::LinearQ4_1(const PanelJob& job) { Int8Linear<Q4_1>(job); }

void avx512::QuantizeRow(const float* x, int32_t k, int slot, ActivationBlock* blocks) {
  const __m512i magnitude_bits = _mm512_set1_epi32(0x7FFFFFFF);
  for (int32_t b = 0; b < k / kGroupColumns; ++b, x += kGroupColumns) {
    const __m512 low = _mm512_loadu_ps(x);
    const __m512 high = _mm512_loadu_ps(x + 16);
    // Compared as integers, so that a NaN is larger than any number.
    const __m512i maximums =
        _mm512_max_epi32(_mm512_and_epi32(_mm512_castps_si512(low), magnitude_bits),
                         _mm512_and_epi32(_mm512_castps_si512(high), magnitude_bits));
    const int32_t maximum_bits = _mm512_reduce_max_epi32(maximums);
    float scale;
    float inverse_scale;
    ScaleOfGroup(maximum_bits, &scale, &inverse_scale);
    const __m512 inverse = _mm512_set1_ps(inverse_scale);
    const __m512i low_q = _mm512_cvtps_epi32(_mm512_mul_ps(low, inverse));
    const __m512i high_q = _mm512_cvtps_epi32(_mm512_mul_ps(high, inverse));
    ActivationBlock& block = blocks[b];
    auto* q = reinterpret_cast<__m128i*>(block.q[slot]);
    _mm_storeu_si128(q, _mm512_cvtepi32_epi8(low_q));
    _mm_storeu_si128(q + 1, _mm512_cvtepi32_epi8(high_q));
    const auto sum =
        static_cast<uint32_t>(_mm512_reduce_add_epi32(_mm512_add_epi32(low_q, high_q)));
    StoreGroupScale(scale, sum, slot, block);
  }
}

}  // namespace qed
