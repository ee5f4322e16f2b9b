// What drafts did, for reports.
#ifndef QED_CLI_DRAFT_REPORT_H_
#define QED_CLI_DRAFT_REPORT_H_

#include <string>

#include "engine/engine_stats.h"
#include "nlohmann/json_fwd.hpp"

namespace qed {

// Tokens that a step gave each sequence it drew for; 1 without drafts.
double TokensAStep(const EngineStats& stats);

// One line: how many drafts, how many of them right, by their place too, tokens a step.
// Empty where there were none.
std::string DraftLine(const EngineStats& stats);

// {"drafts", "draft_tokens", "accepted_tokens", "acceptance_per_position", "tokens_per_step"}
nlohmann::json DraftJson(const EngineStats& stats);

}  // namespace qed

#endif  // QED_CLI_DRAFT_REPORT_H_
