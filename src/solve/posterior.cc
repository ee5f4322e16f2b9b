#include "solve/posterior.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/check.h"

namespace qed {
namespace {

// Gauss-Legendre on [-1, 1] with 8 points: the positive half of the abscissas,
// the rule being symmetric.
struct Node {
  double x, weight;
};
constexpr std::array<Node, 4> kNodes = {{{0.1834346424956498, 0.3626837833783620},
                                         {0.5255324099163290, 0.3137066458778873},
                                         {0.7966664774136267, 0.2223810344533745},
                                         {0.9602898564975363, 0.1012285362903763}}};
constexpr int kPanels = 96;

// x^k e^-x / k!, the density at x of a Gamma variable with shape k + 1.
double PoissonTerm(int32_t k, double x) {
  return std::exp(k * std::log(x) - x - std::lgamma(k + 1.0));
}

// P(G < x) of a Gamma variable with whole `shape`: 1 - sum of the terms below it.
double GammaCdf(int32_t shape, double x) {
  double term = PoissonTerm(shape - 1, x);
  if (term == 0) return x < shape ? 0 : 1;  // too far out for a double
  double sum = 0;
  for (int32_t k = shape - 1; k >= 0 && term > 0; --k) {
    sum += term;
    term *= k / x;
  }
  return std::clamp(1 - sum, 0.0, 1.0);
}

}  // namespace

// Dirichlet shares are independent Gamma variables over their sum, so the
// leader has the largest share where its variable is the largest:
//   integral over x of  density_leader(x) * product of P(G_i < x).
double ProbabilityOfMostLikely(int32_t leader, std::span<const int32_t> others) {
  QED_CHECK(leader >= 0);
  std::map<int32_t, int> shapes = {{1, 1}};  // shape: how many; the unseen answer's is 1
  for (const int32_t count : others) {
    QED_CHECK(count >= 0);
    ++shapes[count + 1];
  }
  const auto integrand = [&](double x) {
    double value = PoissonTerm(leader, x);
    for (const auto& [shape, number] : shapes) {
      if (value == 0) break;
      value *= std::pow(GammaCdf(shape, x), number);
    }
    return value;
  };
  // All but e-20 of the leader's density lies in there.
  const double center = leader + 1.0;
  const double spread = std::sqrt(center);
  const double low = std::max(0.0, center - 10 * spread);
  const double high = center + 10 * spread + 40;
  const double half = (high - low) / (2 * kPanels);
  double sum = 0;
  for (int panel = 0; panel < kPanels; ++panel) {
    const double middle = low + (2 * panel + 1) * half;
    for (const Node& node : kNodes) {
      sum += node.weight * (integrand(middle - half * node.x) + integrand(middle + half * node.x));
    }
  }
  return std::clamp(sum * half, 0.0, 1.0);
}

}  // namespace qed
