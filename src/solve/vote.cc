#include "solve/vote.h"

#include <algorithm>
#include <map>
#include <utility>

namespace qed {
namespace {

// The forms of one class, in the order they came.
class Forms {
 public:
  void Count(const std::string& form) {
    const auto known = std::find_if(counts_.begin(), counts_.end(),
                                    [&](const auto& entry) { return entry.first == form; });
    if (known == counts_.end()) {
      counts_.emplace_back(form, 1);
    } else {
      ++known->second;
    }
  }
  const std::string& MostFrequent() const {
    return std::max_element(counts_.begin(), counts_.end(),
                            [](const auto& a, const auto& b) { return a.second < b.second; })
        ->first;
  }

 private:
  std::vector<std::pair<std::string, int32_t>> counts_;
};

}  // namespace

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
  std::map<std::string, Vote> by_class;
  std::map<std::string, Forms> forms;
  for (const Ballot* ballot : ordered) {
    const std::string& name = ballot->answer_class.empty() ? ballot->answer : ballot->answer_class;
    Vote& vote = by_class[name];
    if (vote.count == 0) vote.first_sample = ballot->sample;
    ++vote.count;
    vote.weight += ballot->weight;
    vote.partial += ballot->partial ? 1 : 0;
    if (ballot->correct) vote.correct = vote.correct.value_or(false) || *ballot->correct;
    forms[name].Count(ballot->answer);
  }
  for (auto& [name, vote] : by_class) {
    vote.answer = forms[name].MostFrequent();
    vote.answer_class = name;
    tally.votes.push_back(vote);
  }
  std::sort(tally.votes.begin(), tally.votes.end(), [](const Vote& a, const Vote& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.first_sample < b.first_sample;
  });
  return tally;
}

}  // namespace qed
