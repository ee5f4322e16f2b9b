#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/linear.h"
#include "kernels/test_support.h"
#include "tensor/aligned_buffer.h"

namespace qed {
namespace {

// Rows of K columns, quantized.
class Quantized {
 public:
  Quantized(Isa isa, const std::vector<float>& x, int32_t k)
      : t_(static_cast<int32_t>(x.size()) / k),
        memory_(std::move(AlignedBuffer::Allocate(QuantizedActivationsBytes(t_, k))).value()),
        view_(LayQuantizedActivations(t_, k, memory_.data())) {
    for (int32_t row = 0; row < t_; ++row) {
      QuantizeActivationRow(isa, x.data() + int64_t{row} * k, row, view_);
    }
  }
  const ActivationBlock& Block(int32_t row, int32_t group) const {
    return view_.blocks[row / 4 * (view_.k / kGroupColumns) + group];
  }
  bool SameBytes(const Quantized& other) const {
    return std::memcmp(memory_.data(), other.memory_.data(), memory_.size()) == 0;
  }

 private:
  int32_t t_;
  AlignedBuffer memory_;
  QuantizedActivations view_;
};

std::vector<float> Varied(size_t count) {
  std::mt19937 engine(31);
  std::normal_distribution<float> normal;
  std::vector<float> x(count);
  for (size_t i = 0; i < count; ++i) {
    x[i] = normal(engine) * std::exp(normal(engine) * 3);
  }
  return x;
}

TEST(QuantizeActivationTest, RoundsToNearestWithinEachGroup) {
  constexpr int32_t kK = 96;
  constexpr int32_t kTokens = 6;
  const std::vector<float> x = Varied(kK * kTokens);
  const Quantized quantized(Isa::kPortable, x, kK);
  for (int32_t row = 0; row < kTokens; ++row) {
    for (int32_t group = 0; group < kK / kGroupColumns; ++group) {
      const ActivationBlock& block = quantized.Block(row, group);
      const int slot = row % 4;
      float maximum = 0;
      int32_t sum = 0;
      for (int32_t c = 0; c < kGroupColumns; ++c) {
        const float value = x[static_cast<size_t>(row * kK + group * kGroupColumns + c)];
        maximum = std::max(maximum, std::abs(value));
        sum += block.q[slot][c];
        EXPECT_NEAR(block.scale[slot] * static_cast<float>(block.q[slot][c]), value,
                    block.scale[slot] * 0.5001F);
      }
      EXPECT_NEAR(block.scale[slot], maximum / 127, maximum * 1e-8F);
      EXPECT_EQ(double{block.unbias[slot]},
                double{block.scale[slot]} * -double{ActivationBlock::kBias});
      EXPECT_EQ(block.sum[slot], block.scale[slot] * static_cast<float>(sum));
      EXPECT_EQ(block.start[slot], ActivationBlock::kBiasBits - 128 * sum);
    }
  }
}

TEST(QuantizeActivationTest, AllInstructionSetsAgreeToTheBit) {
  std::vector<float> x = Varied(288 * 7);
  std::fill(x.begin() + 32, x.begin() + 64, 0.0F);
  std::fill(x.begin() + 64, x.begin() + 96, 1e-38F);
  x[100] = -0.0F;
  for (int i = 0; i < 32; ++i) {  // Halves: the ties.
    x[static_cast<size_t>(128 + i)] = static_cast<float>(i) + 0.5F;
  }
  x[128] = 127.0F;
  const Quantized portable(Isa::kPortable, x, 288);
  for (Isa isa : kIsas) {
    if (isa <= DetectIsa()) {
      EXPECT_TRUE(portable.SameBytes(Quantized(isa, x, 288))) << IsaName(isa);
    }
  }
}

TEST(QuantizeActivationTest, ZeroAndTinyGroupsAreZeros) {
  for (Isa isa : kIsas) {
    if (isa > DetectIsa()) {
      continue;
    }
    for (float value : {0.0F, 1e-31F, std::numeric_limits<float>::denorm_min()}) {
      const Quantized quantized(isa, std::vector<float>(32, value), 32);
      EXPECT_EQ(quantized.Block(0, 0).scale[0], 0.0F);
      EXPECT_EQ(quantized.Block(0, 0).sum[0], 0.0F);
      EXPECT_EQ(quantized.Block(0, 0).start[0], ActivationBlock::kBiasBits);
      EXPECT_EQ(quantized.Block(0, 0).q[0][5], 0);
    }
  }
}

TEST(QuantizeActivationTest, WhatIsNotFiniteShows) {
  for (Isa isa : kIsas) {
    if (isa > DetectIsa()) {
      continue;
    }
    std::vector<float> x = Varied(64);
    x[40] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(std::isnan(Quantized(isa, x, 64).Block(0, 1).scale[0])) << IsaName(isa);
    EXPECT_TRUE(std::isfinite(Quantized(isa, x, 64).Block(0, 0).scale[0])) << IsaName(isa);
    x[40] = -std::numeric_limits<float>::infinity();
    EXPECT_FALSE(std::isfinite(Quantized(isa, x, 64).Block(0, 1).scale[0])) << IsaName(isa);
  }
}

}  // namespace
}  // namespace qed
