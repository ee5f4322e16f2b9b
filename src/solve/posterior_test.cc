#include "solve/posterior.h"

#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace qed {
namespace {

// P(X > 1/2) for X ~ Beta(a, b) with whole a and b: of a + b - 1 fair coins,
// fewer than a show heads.
double BetaAboveHalf(int a, int b) {
  const int coins = a + b - 1;
  double sum = 0;
  for (int k = 0; k < a; ++k) {
    sum += std::exp(std::lgamma(coins + 1.0) - std::lgamma(k + 1.0) - std::lgamma(coins - k + 1.0) -
                    coins * std::log(2.0));
  }
  return sum;
}

TEST(Posterior, MatchesTheBetaDistributionWithoutRivals) {
  for (const int votes : {0, 1, 2, 5, 16, 64, 300, 4096}) {
    EXPECT_NEAR(ProbabilityOfMostLikely(votes, {}), 1 - std::exp2(-(votes + 1)), 1e-9) << votes;
  }
}

TEST(Posterior, IsFairAmongEquals) {
  // k + 1 answers with the same parameter: each is as likely to be the largest.
  for (const size_t rivals : {1u, 2u, 5u, 30u}) {
    const std::vector<int32_t> others(rivals, 0);
    EXPECT_NEAR(ProbabilityOfMostLikely(0, others), 1.0 / (static_cast<double>(rivals) + 2), 1e-9);
  }
}

// With "any other answer" far behind, two answers are a Beta distribution.
TEST(Posterior, MatchesTheBetaDistributionForTwoAnswers) {
  for (const auto& [leader, other] : {std::pair{40, 30}, {60, 60}, {500, 450}, {2000, 2010}}) {
    const std::vector<int32_t> others = {other};
    EXPECT_NEAR(ProbabilityOfMostLikely(leader, others), BetaAboveHalf(leader + 1, other + 1), 1e-6)
        << leader << " " << other;
  }
}

// P(x1 > x2, x3) of three Gamma variables with shapes 2, 2, 1, worked out by hand:
// the integral of x e^-x (1 - e^-x (1 + x)) (1 - e^-x).
TEST(Posterior, MatchesAnIntegralDoneByHand) {
  const double expected = 1 - 1.0 / 4 - (1.0 / 4 + 2.0 / 8) + (1.0 / 9 + 2.0 / 27);
  const std::vector<int32_t> others = {1};
  EXPECT_NEAR(ProbabilityOfMostLikely(1, others), expected, 1e-10);
}

TEST(Posterior, MatchesRandomDraws) {
  constexpr int kDraws = 200000;
  std::mt19937_64 random(5);
  const std::vector<std::vector<int32_t>> cases = {
      {3, 1}, {4, 2, 1, 1}, {1, 1, 1, 1}, {8, 6}, {2, 2}};
  for (const std::vector<int32_t>& votes : cases) {
    std::vector<std::gamma_distribution<double>> shares;
    for (const int32_t count : votes) shares.emplace_back(count + 1.0);
    shares.emplace_back(1.0);
    int wins = 0;
    for (int i = 0; i < kDraws; ++i) {
      const double leader = shares[0](random);
      bool largest = true;
      for (size_t k = 1; k < shares.size(); ++k) largest = shares[k](random) < leader && largest;
      wins += largest ? 1 : 0;
    }
    const std::vector<int32_t> others(votes.begin() + 1, votes.end());
    const double p = ProbabilityOfMostLikely(votes[0], others);
    EXPECT_NEAR(wins / static_cast<double>(kDraws), p, 5 * std::sqrt(p * (1 - p) / kDraws));
  }
}

TEST(Posterior, StaysAProbabilityWithManyAnswers) {
  const std::vector<int32_t> others(4000, 1);
  const double p = ProbabilityOfMostLikely(90, others);
  EXPECT_GT(p, 0.999);
  EXPECT_LE(p, 1);
  EXPECT_LT(ProbabilityOfMostLikely(0, std::vector<int32_t>{4096}), 1e-9);
}

}  // namespace
}  // namespace qed
