#include "solve/genselect.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/json.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using nlohmann::json;

constexpr size_t kMinSolutionBytes = 400;
constexpr size_t kMinCandidates = 2;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

Selection FromJson(const json& object) {
  Selection selection;
  selection.problem_id = object.at("problem_id").get<std::string>();
  selection.index = object.at("selection").get<int32_t>();
  selection.seed = object.at("seed").get<uint64_t>();
  selection.candidates = object.at("candidates").get<std::vector<int32_t>>();
  selection.text = object.at("text").get<std::string>();
  if (!object.at("choice").is_null()) selection.choice = object.at("choice").get<int32_t>();
  selection.answer_class = object.at("answer_class").get<std::string>();
  selection.prompt_tokens = object.at("prompt_tokens").get<int32_t>();
  selection.generated_tokens = object.at("generated_tokens").get<int32_t>();
  selection.start_time = object.at("start_time").get<double>();
  selection.end_time = object.at("end_time").get<double>();
  selection.problem_seconds = object.at("problem_seconds").get<double>();
  selection.run_seconds = object.at("run_seconds").get<double>();
  return selection;
}

std::string FormatSolutions(const std::vector<int32_t>& candidates,
                            const std::map<int32_t, std::string>& summaries, size_t max_bytes) {
  std::string text;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const auto summary = summaries.find(candidates[i]);
    QED_CHECK(summary != summaries.end()) << "a candidate without a text";
    text += "Solution " + std::to_string(i) + ":\n";
    text += SolutionSummary(summary->second, max_bytes) + "\n\n";
  }
  return text;
}

}  // namespace

std::string ToRecordLine(const Selection& selection) {
  return DumpJson(json{
      {"problem_id", selection.problem_id},
      {"selection", selection.index},
      {"seed", selection.seed},
      {"candidates", selection.candidates},
      {"text", selection.text},
      {"choice", selection.choice ? json(*selection.choice) : json()},
      {"answer_class", selection.answer_class},
      {"prompt_tokens", selection.prompt_tokens},
      {"generated_tokens", selection.generated_tokens},
      {"start_time", selection.start_time},
      {"end_time", selection.end_time},
      {"problem_seconds", selection.problem_seconds},
      {"run_seconds", selection.run_seconds},
  });
}

Result<Selection> ParseSelectionLine(std::string_view line) {
  QED_ASSIGN_OR_RETURN(const json object, ParseJson(line));
  try {
    return FromJson(object);
  } catch (const json::exception&) {
    return Corrupt("not the record of a selection");
  }
}

std::string SolutionSummary(std::string_view text, size_t max_bytes) {
  constexpr std::string_view kThinkEnd = "</think>";
  if (const size_t end = text.rfind(kThinkEnd); end != std::string_view::npos) {
    text.remove_prefix(end + kThinkEnd.size());
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) {
    text.remove_prefix(1);
  }
  if (text.size() > max_bytes) {
    text.remove_prefix(text.size() - max_bytes);
    const size_t line = text.find('\n');
    if (line != std::string_view::npos && line < text.size() / 2) text.remove_prefix(line + 1);
    while (!text.empty() && IsContinuation(text.front())) text.remove_prefix(1);
  }
  return std::string(text);
}

std::vector<int32_t> ChooseCandidates(const ProblemOutcomes& outcomes, int32_t max) {
  const Tally tally = CountVotes(outcomes);
  if (tally.votes.size() < kMinCandidates) return {};
  std::vector<std::vector<int32_t>> classes;  // in the order of votes
  for (const Vote& vote : tally.votes) {
    std::vector<int32_t>& members = classes.emplace_back();
    for (size_t i = 0; i < outcomes.size(); ++i) {
      if (!outcomes[i] || !outcomes[i]->counts() || outcomes[i]->answer.empty()) continue;
      const SampleOutcome& outcome = *outcomes[i];
      const std::string& name =
          outcome.answer_class.empty() ? outcome.answer : outcome.answer_class;
      if (name == vote.answer_class) members.push_back(static_cast<int32_t>(i));
    }
  }
  std::vector<size_t> taken(classes.size(), 0);
  int32_t left = max;
  for (bool any = true; any && left > 0;) {
    any = false;
    for (size_t i = 0; i < classes.size() && left > 0; ++i) {
      if (taken[i] == classes[i].size()) continue;
      ++taken[i];
      --left;
      any = true;
    }
  }
  std::vector<int32_t> candidates;
  for (size_t i = 0; i < classes.size(); ++i) {
    candidates.insert(candidates.end(), classes[i].begin(),
                      classes[i].begin() + static_cast<ptrdiff_t>(taken[i]));
  }
  return candidates;
}

Result<std::optional<SelectionPrompt>> MakeSelectionPrompt(
    const SelectOptions& options, const Problem& problem, const ProblemOutcomes& outcomes,
    const std::map<int32_t, std::string>& summaries, const Generator& generator) {
  SelectionPrompt prompt;
  prompt.candidates = ChooseCandidates(outcomes, options.max_candidates);
  const int32_t context = generator.max_seq_len();
  const int32_t needed = std::min(options.max_tokens, context / 4);
  size_t max_bytes = static_cast<size_t>(options.max_chars);
  while (prompt.candidates.size() >= kMinCandidates) {
    std::map<std::string, std::string> fields = problem.fields;
    fields["solutions"] = FormatSolutions(prompt.candidates, summaries, max_bytes);
    fields["num_solutions"] = std::to_string(prompt.candidates.size());
    fields["max_idx"] = std::to_string(prompt.candidates.size() - 1);
    QED_ASSIGN_OR_RETURN(prompt.text, MakePrompt(std::move(fields), options.task));
    prompt.tokens = generator.CountTokens(prompt.text);
    if (prompt.tokens <= context - needed) {
      prompt.max_tokens = std::min(options.max_tokens, context - prompt.tokens);
      return std::optional(std::move(prompt));
    }
    if (max_bytes > kMinSolutionBytes) {
      max_bytes = std::max(max_bytes / 2, kMinSolutionBytes);
    } else {
      prompt.candidates =
          ChooseCandidates(outcomes, static_cast<int32_t>(prompt.candidates.size()) - 1);
    }
  }
  return std::optional<SelectionPrompt>();
}

std::optional<int32_t> ParseJudgment(std::string_view text, int32_t count) {
  size_t at = std::string_view::npos;
  for (const std::string_view word : {"Judgment:", "Judgement:"}) {
    const size_t found = text.rfind(word);
    if (found == std::string_view::npos) continue;
    const size_t behind = found + word.size();
    if (at == std::string_view::npos || behind > at) at = behind;
  }
  if (at == std::string_view::npos) return std::nullopt;
  while (at < text.size() && std::string_view(" \t*[(").find(text[at]) != std::string_view::npos) {
    ++at;
  }
  int64_t number = -1;
  for (; at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0; ++at) {
    number = std::min<int64_t>(std::max<int64_t>(number, 0) * 10 + (text[at] - '0'), 1 << 30);
  }
  if (number < 0 || number >= count) return std::nullopt;
  return static_cast<int32_t>(number);
}

std::string SelectedClass(const std::vector<Selection>& selections, const Tally& votes) {
  std::map<std::string, int32_t> counts;
  for (const Selection& selection : selections) {
    if (!selection.answer_class.empty()) ++counts[selection.answer_class];
  }
  std::string best;
  int32_t most = 0;
  // In the order of votes, so that of equals the first stays.
  for (const Vote& vote : votes.votes) {
    const auto found = counts.find(vote.answer_class);
    if (found == counts.end() || found->second <= most) continue;
    best = vote.answer_class;
    most = found->second;
  }
  return best;
}

SelectionOutcome DecideSelection(const std::vector<Selection>& selections, const Tally& votes,
                                 bool expected_is_known) {
  SelectionOutcome outcome;
  outcome.selections = static_cast<int32_t>(selections.size());
  outcome.answer_class = SelectedClass(selections, votes);
  outcome.by_vote = outcome.answer_class.empty();
  if (expected_is_known) outcome.correct = false;
  for (const Selection& selection : selections) {
    outcome.generated_tokens += selection.generated_tokens;
    const bool agrees = !outcome.by_vote && selection.answer_class == outcome.answer_class;
    outcome.chosen += agrees ? 1 : 0;
  }
  for (const Vote& vote : votes.votes) {
    if (!outcome.by_vote && vote.answer_class != outcome.answer_class) continue;
    outcome.answer_class = vote.answer_class;
    outcome.answer = vote.answer;
    if (expected_is_known) outcome.correct = vote.correct.value_or(false);
    break;
  }
  return outcome;
}

}  // namespace qed
