// Int8 products with AVX2, which multiplies unsigned by signed bytes and adds
// pairs into 16 bits (vpmaddubsw). A tile is 8 rows, half a panel, by 4 tokens.
#include <immintrin.h>

#include "kernels/cpu/avx2_ops.h"

namespace qed {
namespace {

constexpr int kTileTokens = ActivationBlock::kTokens;

QED_INLINE __m256i Load(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

QED_INLINE __m256 LoadHalves(const std::byte* from) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

// Columns 4j..4j+3 of a token, in every lane.
QED_INLINE __m256i FourColumns(const ActivationBlock& x, int t, int j) {
  int32_t four;
  __builtin_memcpy(&four, &x.q[t][j * 4], sizeof(four));
  return _mm256_set1_epi32(four);
}

// Sums of neighbouring 16-bit numbers.
QED_INLINE __m256i AddPairs(__m256i v) { return _mm256_madd_epi16(v, _mm256_set1_epi16(1)); }

// One block of 8 rows, ready for dot products: of the 4-bit formats the nibbles,
// columns 4j..4j+3 in vector j; of Q8_0 where it lies.
template <typename Format>
struct BlockWeights {
  explicit QED_INLINE BlockWeights(const std::byte* from) {
    const __m256i mask = _mm256_set1_epi8(0x0F);
    Unroll<4>([&](auto j) QED_INLINE_LAMBDA {
      const __m256i bytes = Load(from + j * 64);
      values[j] = _mm256_and_si256(bytes, mask);
      values[j + 4] = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), mask);
    });
  }

  QED_INLINE __m256i Dot(const ActivationBlock& x, int t) const {
    // 16 products of at most 15 * 127 in each 16-bit sum: 30480 at most.
    __m256i sums = _mm256_setzero_si256();
    Unroll<8>([&](auto j) QED_INLINE_LAMBDA {
      sums = _mm256_add_epi16(sums, _mm256_maddubs_epi16(values[j], FourColumns(x, t, j)));
    });
    if constexpr (Format::kHasMinimum) {
      return AddPairs(sums);
    } else {  // Q4_0: takes back the 8 of each nibble.
      return _mm256_add_epi32(AddPairs(sums),
                              _mm256_set1_epi32((x.start[t] - ActivationBlock::kBiasBits) / 16));
    }
  }

  __m256i values[8];
};

template <>
struct BlockWeights<Q8_0> {
  explicit QED_INLINE BlockWeights(const std::byte* block) : from(block) {}

  QED_INLINE __m256i Dot(const ActivationBlock& x, int t) const {
    __m256i sum = _mm256_setzero_si256();
    Unroll<8>([&](auto j) QED_INLINE_LAMBDA {
      const __m256i w = _mm256_xor_si256(Load(from + j * 64), _mm256_set1_epi8(-128));
      // The sign moves to the activation, since one factor must be unsigned; 128 *
      // 127 * 2 is below 2^15.
      const __m256i signed_x = _mm256_sign_epi8(FourColumns(x, t, j), w);
      sum = _mm256_add_epi32(sum, AddPairs(_mm256_maddubs_epi16(_mm256_abs_epi8(w), signed_x)));
    });
    return sum;
  }

  const std::byte* from;
};

// Rows [row, row + 8) by kTokens tokens from `token` on, which begins a group of
// four.
template <typename Format, int kTokens>
void Int8Tile(const PanelJob& job, int32_t row, int32_t token) {
  const int64_t blocks = job.k / kGroupColumns;
  const std::byte* panel = job.panels + row / kPanelRows * job.panel_bytes;
  const int lane = row % kPanelRows;
  const std::byte* values = panel + lane * 4;
  const std::byte* scales = panel + blocks * Format::kValues + lane * 2;
  const ActivationBlock* x = job.blocks + token / kTileTokens * blocks;
  __m256 sums[kTokens];
  Unroll<kTokens>([&](auto t) QED_INLINE_LAMBDA { sums[t] = _mm256_setzero_ps(); });
  for (int64_t b = 0; b < blocks; ++b, ++x) {
    const BlockWeights<Format> weights(values);
    const __m256 scale = LoadHalves(scales);
    Unroll<kTokens>([&](auto t) QED_INLINE_LAMBDA {
      const __m256 dot = _mm256_cvtepi32_ps(weights.Dot(*x, t));
      const __m256 product = _mm256_mul_ps(dot, _mm256_set1_ps(x->scale[t]));
      sums[t] = _mm256_fmadd_ps(product, scale, sums[t]);
      if constexpr (Format::kHasMinimum) {
        const __m256 minimum = LoadHalves(scales + kScales);
        sums[t] = _mm256_fmadd_ps(minimum, _mm256_set1_ps(x->sum[t]), sums[t]);
      }
    });
    values += Format::kValues;
    scales += Format::kScaleBytes;
  }
  Unroll<kTokens>([&](auto t)
                      QED_INLINE_LAMBDA { StoreSums<Avx2Ops>(job, row, token + t, sums[t]); });
}

// Int8Tile for 1..kMax tokens.
template <typename Format, int kMax>
void Int8TileOf(int32_t tokens, const PanelJob& job, int32_t row, int32_t token) {
  if (tokens >= kMax) {
    Int8Tile<Format, kMax>(job, row, token);
  } else if constexpr (kMax > 1) {
    Int8TileOf<Format, kMax - 1>(tokens, job, row, token);
  }
}

template <typename Format>
void Int8Linear(const PanelJob& job) {
  for (int32_t row = 0; row < job.rows; row += Avx2Ops::kLanes) {
    for (int32_t token = 0; token < job.tokens; token += kTileTokens) {
      Int8TileOf<Format, kTileTokens>(job.tokens - token, job, row, token);
    }
  }
}

}  // namespace

void avx2::LinearQ8_0(const PanelJob& job) { Int8Linear<Q8_0>(job); }
void avx2::LinearQ4_0(const PanelJob& job) { Int8Linear<Q4_0>(job); }
void avx2::LinearQ4_1(const PanelJob& job) { Int8Linear<Q4_1>(job); }

void avx2::QuantizeRow(const float* x, int32_t k, int slot, ActivationBlock* blocks) {
  constexpr int kVectors = kGroupColumns / Avx2Ops::kLanes;
  const __m256i magnitude_bits = _mm256_set1_epi32(0x7FFFFFFF);
  for (int32_t b = 0; b < k / kGroupColumns; ++b, x += kGroupColumns) {
    __m256 values[kVectors];
    // Compared as integers, so that a NaN is larger than any number.
    __m256i maximums = _mm256_setzero_si256();
    Unroll<kVectors>([&](auto v) QED_INLINE_LAMBDA {
      values[v] = _mm256_loadu_ps(x + v * Avx2Ops::kLanes);
      const __m256i bits = _mm256_and_si256(_mm256_castps_si256(values[v]), magnitude_bits);
      maximums = _mm256_max_epi32(maximums, bits);
    });
    alignas(32) int32_t lanes[8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), maximums);
    int32_t maximum_bits = 0;
    for (int32_t lane : lanes) {
      maximum_bits = lane > maximum_bits ? lane : maximum_bits;
    }
    float scale;
    float inverse_scale;
    ScaleOfGroup(maximum_bits, &scale, &inverse_scale);
    const __m256 inverse = _mm256_set1_ps(inverse_scale);
    __m256i q[kVectors];
    __m256i sums = _mm256_setzero_si256();
    Unroll<kVectors>([&](auto v) QED_INLINE_LAMBDA {
      q[v] = _mm256_cvtps_epi32(_mm256_mul_ps(values[v], inverse));
      sums = _mm256_add_epi32(sums, q[v]);
    });
    // Packing works within halves of the vectors; the permutation restores order.
    const __m256i packed =
        _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    ActivationBlock& block = blocks[b];
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(block.q[slot]),
                        _mm256_permutevar8x32_epi32(packed, order));
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), sums);
    uint32_t sum = 0;
    for (int32_t lane : lanes) {
      sum += static_cast<uint32_t>(lane);
    }
    StoreGroupScale(scale, sum, slot, block);
  }
}

}  // namespace qed
