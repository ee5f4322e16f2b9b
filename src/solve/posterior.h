// How sure finished samples make us of the model's most likely answer.
//
// Samples are draws from an unknown distribution over answers. Before any draw
// all distributions over the answers seen so far and one more, "any other
// answer", are equally likely: a Dirichlet distribution with all parameters 1.
// After them its parameters are 1 + the votes of each answer, and 1 for the
// other one. The idea of stopping by it, and the bound of 0.95, are those of
// Aggarwal, Madaan, Yang, Mausam: "Let's Sample Step by Step:
// Adaptive-Consistency for Efficient Reasoning and Coding with LLMs", EMNLP 2023
// (arXiv 2305.11860), who count only the answers that were seen (or, in their
// Beta form, the first two of them).
#ifndef QED_SOLVE_POSTERIOR_H_
#define QED_SOLVE_POSTERIOR_H_

#include <cstdint>
#include <span>

namespace qed {

// The posterior probability that the answer with `leader` votes has the largest
// share of all, "any other answer" included, where the other answers seen have
// `others` votes. Absolute error below 1e-9. REQUIRES: no negative count.
double ProbabilityOfMostLikely(int32_t leader, std::span<const int32_t> others);

}  // namespace qed

#endif  // QED_SOLVE_POSTERIOR_H_
