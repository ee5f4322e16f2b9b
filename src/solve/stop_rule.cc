#include "solve/stop_rule.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "solve/posterior.h"

namespace qed {
namespace {

constexpr int32_t kMaxCount = 1 << 20;

Status BadRule(const std::string& text) {
  return InvalidArgument("--stop-when has \"" + text +
                         "\"; it is never, or some of agree:K, lead, posterior:P and done:N with "
                         "commas between them, K and N from 1, P between 0 and 1");
}

std::optional<double> ParseCount(std::string_view text) {
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc() && end == text.data() + text.size();
  if (!good || value < 1 || value > kMaxCount) return std::nullopt;
  return value;
}

std::optional<double> ParseProbability(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc() && end == text.data() + text.size();
  if (!good || !(value > 0 && value < 1)) return std::nullopt;
  return value;
}

// What the votes could be changed to at worst: every outstanding sample gives
// `answer`, which has `weight` now and was first given by sample `first`.
bool CanOvertake(const Standing& standing, double weight, int32_t first) {
  const Vote& leader = standing.tally.votes.front();
  const double most = weight + standing.outstanding;
  if (most != leader.weight) return most > leader.weight;
  const int32_t earliest =
      standing.outstanding > 0 ? std::min(first, standing.first_outstanding) : first;
  return earliest < leader.first_sample;
}

double LeaderPosterior(const Tally& tally) {
  std::vector<int32_t> others;
  for (size_t i = 1; i < tally.votes.size(); ++i) others.push_back(tally.votes[i].count);
  return ProbabilityOfMostLikely(tally.votes.front().count, others);
}

}  // namespace

bool LeaderIsSafe(const Standing& standing) {
  const std::vector<Vote>& votes = standing.tally.votes;
  if (votes.empty()) return standing.outstanding == 0;
  // An answer that nobody has given yet is nobody's without outstanding samples.
  if (standing.outstanding > 0 && CanOvertake(standing, 0, standing.first_outstanding)) {
    return false;
  }
  return std::none_of(votes.begin() + 1, votes.end(), [&](const Vote& vote) {
    return CanOvertake(standing, vote.weight, vote.first_sample);
  });
}

Result<StopRule> StopRule::Parse(const std::string& text) {
  StopRule rule;
  if (text == "never") return rule;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    QED_ASSIGN_OR_RETURN(Condition condition, ParseCondition(text.substr(begin, comma - begin)));
    rule.conditions_.push_back(std::move(condition));
    begin = comma + 1;
  }
  return rule;
}

Result<StopRule::Condition> StopRule::ParseCondition(const std::string& text) {
  const size_t colon = std::min(text.find(':'), text.size());
  const std::string_view name = std::string_view(text).substr(0, colon);
  if (name == "lead" && colon == text.size()) return Condition{Kind::kLead, 0, text};
  if (colon == text.size()) return BadRule(text);
  const std::string_view argument = std::string_view(text).substr(colon + 1);
  std::optional<double> value;
  Kind kind = Kind::kAgree;
  if (name == "agree") {
    value = ParseCount(argument);
  } else if (name == "done") {
    kind = Kind::kDone;
    value = ParseCount(argument);
  } else if (name == "posterior") {
    kind = Kind::kPosterior;
    value = ParseProbability(argument);
  }
  if (!value) return BadRule(text);
  return Condition{kind, *value, text};
}

bool StopRule::Holds(const Condition& condition, const Standing& standing) {
  const Tally& tally = standing.tally;
  switch (condition.kind) {
    case Kind::kAgree:
      return std::any_of(tally.votes.begin(), tally.votes.end(),
                         [&](const Vote& vote) { return vote.count >= condition.value; });
    case Kind::kLead:
      return LeaderIsSafe(standing);
    case Kind::kPosterior:
      return !tally.votes.empty() && LeaderPosterior(tally) > condition.value;
    case Kind::kDone:
      return tally.ballots >= condition.value;
  }
  return false;
}

std::optional<std::string> StopRule::Settled(const Standing& standing) const {
  for (const Condition& condition : conditions_) {
    if (Holds(condition, standing)) return condition.text;
  }
  return std::nullopt;
}

}  // namespace qed
