#include "solve/vote.h"

#include <algorithm>
#include <map>

namespace qed {

Tally CountVotes(std::span<const Ballot> ballots) {
  std::map<std::string, Vote> by_answer;
  for (const Ballot& ballot : ballots) {
    if (ballot.answer.empty()) continue;
    Vote& vote = by_answer[ballot.answer];
    vote.first_sample =
        vote.count == 0 ? ballot.sample : std::min(vote.first_sample, ballot.sample);
    ++vote.count;
  }
  Tally tally;
  tally.ballots = static_cast<int32_t>(ballots.size());
  for (auto& [answer, vote] : by_answer) {
    vote.answer = answer;
    tally.votes.push_back(vote);
  }
  std::sort(tally.votes.begin(), tally.votes.end(), [](const Vote& a, const Vote& b) {
    return a.count != b.count ? a.count > b.count : a.first_sample < b.first_sample;
  });
  return tally;
}

}  // namespace qed
