// Plain C++ product kernels, for processors without AVX2 and as the plainest
// statement of what the others compute.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "kernels/cpu/linear_kernels.h"
#include "tensor/quant_format.h"

namespace qed::portable {
namespace {

using Lanes = float[kPanelRows];

template <typename T>
T ReadAs(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

void LoadHalves(const std::byte* from, Lanes& to) {
  for (int r = 0; r < kPanelRows; ++r) {
    to[r] = HalfToFloat(ReadAs<uint16_t>(from + 2 * r));
  }
}

// Calls product(panel, token, sums) for each panel and token, and stores the sums.
template <typename Product>
void ForEachPanelAndToken(const PanelJob& job, Product product) {
  const std::byte* panel = job.panels;
  for (int32_t row = 0; row < job.rows; row += kPanelRows, panel += job.panel_bytes) {
    const int lanes = std::min(kPanelRows, job.rows - row);
    for (int32_t token = 0; token < job.tokens; ++token) {
      Lanes sums = {};
      product(panel, token, sums);
      float* y = job.y + token * job.y_stride + row;
      for (int r = 0; r < lanes; ++r) {
        const float sum = job.bias == nullptr ? sums[r] : sums[r] + job.bias[row + r];
        y[r] = job.accumulate ? y[r] + sum : sum;
      }
    }
  }
}

}  // namespace

void LinearF32(const PanelJob& job) {
  ForEachPanelAndToken(job, [&](const std::byte* panel, int32_t token, Lanes& sums) {
    const float* x = job.x + token * job.x_stride;
    for (int64_t c = 0; c < job.k; ++c) {
      for (int r = 0; r < kPanelRows; ++r) {
        sums[r] += ReadAs<float>(panel + (c * kPanelRows + r) * 4) * x[c];
      }
    }
  });
}

void LinearBF16(const PanelJob& job) {
  ForEachPanelAndToken(job, [&](const std::byte* panel, int32_t token, Lanes& sums) {
    const float* x = job.x + token * job.x_stride;
    for (int64_t c = 0; c < job.k; ++c) {
      const std::byte* weights = panel + (c / 2 * kPanelRows * 2 + c % 2) * 2;
      for (int r = 0; r < kPanelRows; ++r) {
        sums[r] += BFloat16ToFloat(ReadAs<uint16_t>(weights + 4 * r)) * x[c];
      }
    }
  });
}

namespace {

struct GroupActivations {
  const int8_t* q;
  float scale;
  float sum;
  int32_t offset;  // -128 * (sum of q)
};

GroupActivations ActivationsOf(const PanelJob& job, int32_t token, int64_t block) {
  const int64_t blocks = job.k / kGroupColumns;
  const int slot = token % ActivationBlock::kTokens;
  const ActivationBlock& b = job.blocks[token / ActivationBlock::kTokens * blocks + block];
  return {b.q[slot], b.scale[slot], b.sum[slot], b.start[slot] - ActivationBlock::kBiasBits};
}

}  // namespace

void LinearQ8_0(const PanelJob& job) {
  const int64_t blocks = job.k / kGroupColumns;
  ForEachPanelAndToken(job, [&](const std::byte* panel, int32_t token, Lanes& sums) {
    for (int64_t b = 0; b < blocks; ++b) {
      const GroupActivations x = ActivationsOf(job, token, b);
      const std::byte* weights = panel + b * kQ8Values;
      Lanes scale;
      LoadHalves(panel + blocks * kQ8Values + b * kScales, scale);
      for (int r = 0; r < kPanelRows; ++r) {
        int32_t dot = x.offset;
        for (int c = 0; c < kGroupColumns; ++c) {
          const int weight = static_cast<int>(weights[(c / 4 * kPanelRows + r) * 4 + c % 4]);
          dot += weight * x.q[c];
        }
        sums[r] += static_cast<float>(dot) * x.scale * scale[r];
      }
    }
  });
}

namespace {

// The sum of nibble * q over row r of a group.
int32_t DotQ4(const std::byte* weights, const int8_t* q, int r) {
  int32_t dot = 0;
  for (int c = 0; c < kGroupColumns / 2; ++c) {
    const int pair = static_cast<int>(weights[(c / 4 * kPanelRows + r) * 4 + c % 4]);
    dot += (pair & 15) * q[c] + (pair >> 4) * q[c + kGroupColumns / 2];
  }
  return dot;
}

}  // namespace

void LinearQ4_0(const PanelJob& job) {
  const int64_t blocks = job.k / kGroupColumns;
  ForEachPanelAndToken(job, [&](const std::byte* panel, int32_t token, Lanes& sums) {
    for (int64_t b = 0; b < blocks; ++b) {
      const GroupActivations x = ActivationsOf(job, token, b);
      Lanes scale;
      LoadHalves(panel + blocks * kQ4Values + b * kScales, scale);
      for (int r = 0; r < kPanelRows; ++r) {
        const int32_t dot = DotQ4(panel + b * kQ4Values, x.q, r) + x.offset / 16;
        sums[r] += static_cast<float>(dot) * x.scale * scale[r];
      }
    }
  });
}

void LinearQ4_1(const PanelJob& job) {
  const int64_t blocks = job.k / kGroupColumns;
  ForEachPanelAndToken(job, [&](const std::byte* panel, int32_t token, Lanes& sums) {
    const std::byte* scales = panel + blocks * kQ4Values;
    for (int64_t b = 0; b < blocks; ++b, scales += kScalesAndMinimums) {
      const GroupActivations x = ActivationsOf(job, token, b);
      Lanes scale;
      Lanes minimum;
      LoadHalves(scales, scale);
      LoadHalves(scales + kScales, minimum);
      for (int r = 0; r < kPanelRows; ++r) {
        const int32_t dot = DotQ4(panel + b * kQ4Values, x.q, r);
        sums[r] += static_cast<float>(dot) * x.scale * scale[r];
        sums[r] += minimum[r] * x.sum;
      }
    }
  });
}

namespace {

// Rounds to the nearest integer, ties to even, for |v| < 2^22: adding 1.5 * 2^23
// leaves the integer in the low bits of the sum. What a NaN gives is any byte.
int8_t RoundToInt8(float v) {
  constexpr float kMagic = 12582912.0F;
  const uint32_t bits = std::bit_cast<uint32_t>(v + kMagic) - std::bit_cast<uint32_t>(kMagic);
  return static_cast<int8_t>(bits);
}

float CutScale(float scale) {
  return std::bit_cast<float>(std::bit_cast<uint32_t>(scale) & ~kScaleCutBits);
}

}  // namespace

void QuantizeRow(const float* x, int32_t k, int slot, ActivationBlock* blocks) {
  for (int32_t b = 0; b < k / kGroupColumns; ++b, x += kGroupColumns) {
    // Compared as integers, so that a NaN is larger than any number.
    uint32_t maximum_bits = 0;
    for (int c = 0; c < kGroupColumns; ++c) {
      maximum_bits = std::max(maximum_bits, std::bit_cast<uint32_t>(x[c]) & 0x7FFFFFFFU);
    }
    const float maximum = std::bit_cast<float>(maximum_bits);
    const bool zeros = maximum < kSmallestGroupMaximum;
    const float scale = zeros ? 0.0F : CutScale(maximum / 127.0F);
    const float inverse = zeros ? 0.0F : 127.0F / maximum;
    ActivationBlock& block = blocks[b];
    int32_t sum = 0;
    for (int c = 0; c < kGroupColumns; ++c) {
      block.q[slot][c] = RoundToInt8(x[c] * inverse);
      sum += block.q[slot][c];
    }
    block.scale[slot] = scale;
    block.unbias[slot] = -ActivationBlock::kBias * scale;
    block.sum[slot] = scale * static_cast<float>(sum);
    block.start[slot] = ActivationBlock::kBiasBits - 128 * sum;
  }
}

}  // namespace qed::portable
