// Majority votes over the answers of a problem's samples.
#ifndef QED_SOLVE_VOTE_H_
#define QED_SOLVE_VOTE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace qed {

struct Ballot {
  int32_t sample = 0;    // index of the sample among its problem's
  std::string answer;    // normalised (solve/answer.h); empty: the sample has none
  double weight = 1;     // in (0, 1]; 1 where votes are not weighted
  bool partial = false;  // read from the text of a sample that a deadline cut short
  // The class of equal answers that it is in (solve/answer_classes.h); empty: it
  // stands for itself.
  std::string answer_class = "";
  std::optional<bool> correct = std::nullopt;
};

// For a class of equal answers.
struct Vote {
  // As most of the class gave it; of equals as the earliest sample (by index) did.
  std::string answer;
  int32_t count = 0;
  double weight = 0;         // sum of the ballots'
  int32_t partial = 0;       // of `count`
  int32_t first_sample = 0;  // lowest index of the samples that voted for it
  std::string answer_class = "";
  std::optional<bool> correct =
      std::nullopt;  // whether any of the ballots is; none where no one knows
};

struct Tally {
  // The winner first: most weight, and of equals the one that the earliest
  // sample (by index, not by time) gave. Does not depend on the ballots' order.
  std::vector<Vote> votes;
  int32_t ballots = 0;  // counted, missing answers included
};

Tally CountVotes(std::span<const Ballot> ballots);

}  // namespace qed

#endif  // QED_SOLVE_VOTE_H_
