#include "solve/vote.h"

#include <algorithm>
#include <map>

namespace qed {

Tally CountVotes(std::span<const Ballot> ballots) {
  Tally tally;
  tally.ballots = static_cast<int32_t>(ballots.size());
  // By sample, so that sums of weights round the same way in every order.
  std::vector<const Ballot*> ordered;
  for (const Ballot& ballot : ballots) {
    if (!ballot.answer.empty()) ordered.push_back(&ballot);
  }
  std::sort(ordered.begin(), ordered.end(),
            [](const Ballot* a, const Ballot* b) { return a->sample < b->sample; });
  std::map<std::string, Vote> by_answer;
  for (const Ballot* ballot : ordered) {
    Vote& vote = by_answer[ballot->answer];
    if (vote.count == 0) vote.first_sample = ballot->sample;
    ++vote.count;
    vote.weight += ballot->weight;
    vote.partial += ballot->partial ? 1 : 0;
  }
  for (auto& [answer, vote] : by_answer) {
    vote.answer = answer;
    tally.votes.push_back(vote);
  }
  std::sort(tally.votes.begin(), tally.votes.end(), [](const Vote& a, const Vote& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.first_sample < b.first_sample;
  });
  return tally;
}

}  // namespace qed
