// The answers of a problem's samples, grouped by what they mean.
//
// A class is known by its representative: the form (solve/answer.h) of the first
// answer in it. An answer whose form is in a class belongs there. Any other is
// compared with the expected answer, and with one answer of each class, those with the
// most samples first; it joins the first class that it equals, or begins one. Two plain numbers, or
// two single letters, of different forms are different without being compared.
#ifndef QED_SOLVE_ANSWER_CLASSES_H_
#define QED_SOLVE_ANSWER_CLASSES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "solve/answer_comparer.h"

namespace qed {

// Classes that a new answer is compared with; in the others it cannot be.
inline constexpr size_t kMaxComparedClasses = 16;

// A comparison of a sample's answer that was made.
struct AnswerComparison {
  std::string with;  // a form
  Verdict verdict = Verdict::kDifferent;
  bool again = false;  // see Judgement

  bool operator==(const AnswerComparison&) const = default;
};

// Not thread-safe.
class AnswerClasses {
 public:
  struct Place {
    std::string representative;
    std::optional<bool> correct;  // none where the expected answer is not known
  };
  struct Question {
    std::string form;
    std::string written;
    bool expected = false;  // the expected answer, not a class
  };

  AnswerClasses() = default;  // the expected answer is not known
  // The expected answer as it was written, if it is known.
  explicit AnswerClasses(const std::optional<std::string>& expected);

  // Where answers of this form belong; null if that is not known yet.
  const Place* Find(const std::string& form) const;

  // What an answer of unknown place is to be compared with, in this order.
  std::vector<Question> Questions(const std::string& form) const;

  // Places it by the verdicts on `questions`, one each up to the first class that it
  // equals; missing ones count as different.
  Place Add(const std::string& form, const std::string& written,
            const std::vector<Question>& questions, const AnswerComparer::Verdicts& verdicts);

  // An answer whose place an earlier part of the run found.
  void Restore(const std::string& form, const std::string& written, const Place& place);

  // One more sample gave an answer of this form, which has a place.
  void Count(const std::string& form);

 private:
  struct Class {
    Place place;
    std::string written;  // by its representative
    int32_t samples = 0;
  };

  bool IsExpected(const std::string& form) const { return expected_ && expected_->form == form; }

  std::optional<Question> expected_;
  std::vector<Class> classes_;                              // in the order they began
  std::map<std::string, std::pair<size_t, Place>> places_;  // form: its class, and its place
};

}  // namespace qed

#endif  // QED_SOLVE_ANSWER_CLASSES_H_
