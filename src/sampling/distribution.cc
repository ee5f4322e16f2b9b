#include "sampling/distribution.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

namespace qed {
namespace {

// Vectors by the compilers' own extension, of the width that every x86-64 has:
// the same operations, and so the same bits, on every processor.
constexpr int kLanes = 4;
typedef float Floats __attribute__((vector_size(16)));
typedef int32_t Ints __attribute__((vector_size(16)));

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

Floats Load(const float* x) {
  Floats v;
  std::memcpy(&v, x, sizeof(v));
  return v;
}

void Store(float* x, Floats v) { std::memcpy(x, &v, sizeof(v)); }

// NaN in `x` gives `y`.
Floats Max(Floats x, Floats y) { return x > y ? x : y; }

// exp(x) for x <= 0, to 2 ulp: x = n ln 2 + r, e^r by its Taylor series up to
// r^6 (|r| <= ln(2)/2, the next term is 1e-7 of the sum at most), n added to the
// exponent. 0 at -87 and below, where normal floats end, and for NaN.
Floats ExpNonPositive(Floats x) {
  constexpr float kSmallest = -87.0f;
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const Floats smallest = {kSmallest, kSmallest, kSmallest, kSmallest};
  const Floats clamped = Max(x, smallest);
  const Floats shifted = clamped * kLog2E + kRound;
  const Floats n = shifted - kRound;
  const Floats r = (clamped - n * kLn2High) - n * kLn2Low;
  Floats p = r * (1.0f / 720) + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  // The low bits of `shifted` hold n as an integer.
  const Ints exponent = (std::bit_cast<Ints>(shifted) - std::bit_cast<int32_t>(kRound)) << 23;
  const Floats e = std::bit_cast<Floats>(std::bit_cast<Ints>(p) + exponent);
  return x > smallest ? e : Floats{};
}

// A block as four vectors. The last block of a row may be short: it is copied
// into one that `fill` fills up.
struct Block {
  Block(std::span<const float> row, size_t block, float fill) {
    const size_t first = block * kLogitBlock;
    size = static_cast<int>(std::min<size_t>(kLogitBlock, row.size() - first));
    data = row.data() + first;
    if (size == kLogitBlock) return;
    std::fill_n(std::copy_n(data, size, copy), kLogitBlock - size, fill);
    data = copy;
  }
  const float* data;
  int size;
  float copy[kLogitBlock];
};

float MaxOf(const float* x) {
  Floats max[4];
  std::fill_n(max, 4, Floats{} + kMinusInfinity);
  for (int i = 0; i < kLogitBlock; i += 4 * kLanes) {
    for (int j = 0; j < 4; ++j) max[j] = Max(Load(x + i + j * kLanes), max[j]);
  }
  const Floats m = Max(Max(max[0], max[1]), Max(max[2], max[3]));
  return std::max(std::max(m[0], m[1]), std::max(m[2], m[3]));
}

struct ExpResult {
  float sum;
  float max;
};

// weights[i] = exp((x[i] - max) * scale) for one whole block.
ExpResult ExpBlock(const float* x, float max, float scale, float* weights) {
  Floats sum[4] = {};
  Floats largest = {};
  for (int i = 0; i < kLogitBlock; i += 4 * kLanes) {
    for (int j = 0; j < 4; ++j) {
      const Floats w = ExpNonPositive((Load(x + i + j * kLanes) - max) * scale);
      Store(weights + i + j * kLanes, w);
      sum[j] += w;
      largest = Max(w, largest);
    }
  }
  const Floats s = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  return {(s[0] + s[1]) + (s[2] + s[3]),
          std::max(std::max(largest[0], largest[1]), std::max(largest[2], largest[3]))};
}

}  // namespace

float MaxLogit(std::span<const float> logits) {
  float max = kMinusInfinity;
  for (int32_t b = 0; b < NumLogitBlocks(logits.size()); ++b) {
    max = std::max(max, MaxOf(Block(logits, b, kMinusInfinity).data));
  }
  return max;
}

int32_t FindLogit(std::span<const float> logits, float max) {
  return static_cast<int32_t>(std::ranges::find(logits, max) - logits.begin());
}

void BlockMaxima(std::span<const float> logits, std::span<float> block_max) {
  for (size_t b = 0; b < block_max.size(); ++b) {
    block_max[b] = MaxOf(Block(logits, b, kMinusInfinity).data);
  }
}

double ExpWeights(std::span<const float> logits, float max, float scale, std::span<float> weights,
                  std::span<double> block_sum, std::span<float> block_max) {
  double sum = 0;
  for (size_t b = 0; b < block_sum.size(); ++b) {
    const Block block(logits, b, kMinusInfinity);
    float* const out = weights.data() + b * kLogitBlock;
    float whole[kLogitBlock];
    const bool is_whole = block.size == kLogitBlock;
    const ExpResult result = ExpBlock(block.data, max, scale, is_whole ? out : whole);
    if (!is_whole) std::copy_n(whole, block.size, out);
    block_sum[b] = result.sum;
    block_max[b] = result.max;
    sum += result.sum;
  }
  return sum;
}

double LogSumExp(std::span<const float> logits, float max) {
  double sum = 0;
  float weights[kLogitBlock];
  for (int32_t b = 0; b < NumLogitBlocks(logits.size()); ++b) {
    sum += ExpBlock(Block(logits, b, kMinusInfinity).data, max, 1.0f, weights).sum;
  }
  return max + std::log(sum);
}

double CollectTokens(std::span<const float> weights, std::span<const float> block_max,
                     const WeightedToken& last, std::vector<WeightedToken>& out) {
  out.clear();
  double sum = 0;
  for (size_t b = 0; b < block_max.size(); ++b) {
    if (block_max[b] < last.weight) continue;
    const size_t end = std::min(weights.size(), (b + 1) * kLogitBlock);
    for (size_t i = b * kLogitBlock; i < end; ++i) {
      if (!(weights[i] >= last.weight)) continue;
      const WeightedToken token = {weights[i], static_cast<int32_t>(i)};
      if (token.weight == last.weight && token.id > last.id) continue;
      out.push_back(token);
      sum += token.weight;
    }
  }
  return sum;
}

float LowerBoundOfTop(std::span<float> block_max, int32_t k) {
  if (k > static_cast<int32_t>(block_max.size())) return kMinusInfinity;
  std::ranges::nth_element(block_max, block_max.begin() + (k - 1), std::greater<>());
  return block_max[k - 1];
}

}  // namespace qed
