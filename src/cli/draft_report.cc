#include "cli/draft_report.h"

#include <cinttypes>
#include <cstdio>
#include <vector>

#include "nlohmann/json.hpp"

namespace qed {
namespace {

// How often a draft at each place was right where those before it were, up to the last
// place that there was a draft at.
std::vector<double> Acceptance(const DraftStats& stats) {
  std::vector<double> rates;
  for (size_t i = 0; i < stats.tried_at.size() && stats.tried_at[i] > 0; ++i) {
    rates.push_back(static_cast<double>(stats.accepted_at[i]) /
                    static_cast<double>(stats.tried_at[i]));
  }
  return rates;
}

}  // namespace

double TokensAStep(const EngineStats& stats) {
  const int64_t steps = stats.generated_tokens - stats.drafts.accepted;
  return steps > 0 ? static_cast<double>(stats.generated_tokens) / static_cast<double>(steps) : 1;
}

std::string DraftLine(const EngineStats& stats) {
  if (stats.drafts.tokens == 0) return "";
  char text[160];
  std::snprintf(text, sizeof(text),
                "drafts: %" PRId64 " of %" PRId64 " right, %.2f tokens a step; by place",
                stats.drafts.accepted, stats.drafts.tokens, TokensAStep(stats));
  std::string line = text;
  for (double rate : Acceptance(stats.drafts)) {
    std::snprintf(text, sizeof(text), " %.2f", rate);
    line += text;
  }
  return line;
}

nlohmann::json DraftJson(const EngineStats& stats) {
  return {{"drafts", stats.drafts.drafts},
          {"draft_tokens", stats.drafts.tokens},
          {"accepted_tokens", stats.drafts.accepted},
          {"acceptance_per_position", Acceptance(stats.drafts)},
          {"tokens_per_step", TokensAStep(stats)}};
}

}  // namespace qed
