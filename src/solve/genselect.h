// Selection among solutions by the model itself: it is shown a problem's samples and
// says which is best. After GenSelect (Moshkov et al.: "AIMO-2 Winning Solution",
// arXiv 2504.16891, section 4): several judgments, the majority of which decides.
#ifndef QED_SOLVE_GENSELECT_H_
#define QED_SOLVE_GENSELECT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "solve/generator.h"
#include "solve/outcome.h"
#include "solve/problem.h"
#include "solve/task.h"
#include "solve/vote.h"

namespace qed {

struct SelectOptions {
  int32_t num_selections = 0;   // of each problem; 0: none, the vote decides
  int32_t max_candidates = 16;  // solutions shown
  int32_t max_chars = 5000;     // bytes of each solution shown
  int32_t max_tokens = 2048;    // of one judgment
  // Beside the problem's fields the prompt has {solutions}, {num_solutions} and
  // {max_idx}, the index of the last one.
  TaskOptions task;
};

// One judgment.
struct Selection {
  std::string problem_id;
  int32_t index = 0;  // among the problem's selections
  uint64_t seed = 0;
  std::vector<int32_t> candidates;  // Solution i of the prompt is sample candidates[i]
  std::string text;
  std::optional<int32_t> choice;  // as the text says it; none: it does not
  std::string answer_class;       // of the chosen solution; empty: none
  int32_t prompt_tokens = 0;
  int32_t generated_tokens = 0;
  double start_time = 0, end_time = 0;  // seconds since 1970
  double problem_seconds = 0;           // as in Sample
  double run_seconds = 0;               // as in Sample
};

// One line of selections.jsonl, and back.
std::string ToRecordLine(const Selection& selection);
Result<Selection> ParseSelectionLine(std::string_view line);

// The solution without the thinking before it: what follows the last "</think>",
// its last `max_bytes` at most, from the beginning of a line if there is one in
// their first half; never from within a character.
std::string SolutionSummary(std::string_view text, size_t max_bytes);

// Which samples to show: the first one of each class of answers, most voted classes
// first, then in turn one more of each class that has more, up to `max`; in the
// order of votes, a class's by index. Empty where there are not two classes.
std::vector<int32_t> ChooseCandidates(const ProblemOutcomes& outcomes, int32_t max);

struct SelectionPrompt {
  std::vector<int32_t> candidates;
  std::string text;
  int32_t tokens = 0;
  int32_t max_tokens = 0;  // for the judgment
};

// Shortens solutions (halving them down to 400 bytes), then chooses fewer, until a
// quarter of the context or max_tokens are left for the judgment. None where there
// is nothing to choose, or two solutions do not fit; an error where the prompt has
// other fields.
Result<std::optional<SelectionPrompt>> MakeSelectionPrompt(
    const SelectOptions& options, const Problem& problem, const ProblemOutcomes& outcomes,
    const std::map<int32_t, std::string>& summaries, const Generator& generator);

// The number behind the last "Judgment:" (or "Judgement:"), which may be in brackets
// or bold; none if there is none or it is not below `count`.
std::optional<int32_t> ParseJudgment(std::string_view text, int32_t count);

// The class that most selections chose; of equals the one with more votes. Empty where
// none of them chose.
std::string SelectedClass(const std::vector<Selection>& selections, const Tally& votes);

// What a problem's selections came to.
struct SelectionOutcome {
  int32_t selections = 0;  // made
  int32_t chosen = 0;      // of them for `answer_class`
  std::string answer;      // as the vote shows it; empty: no sample has an answer
  std::string answer_class;
  bool by_vote = true;  // none was made, or none said which
  std::optional<bool> correct;
  int64_t generated_tokens = 0;
};

SelectionOutcome DecideSelection(const std::vector<Selection>& selections, const Tally& votes,
                                 bool expected_is_known);

}  // namespace qed

#endif  // QED_SOLVE_GENSELECT_H_
