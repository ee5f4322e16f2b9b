#include "solve/answer_classes.h"

#include <algorithm>
#include <cctype>

#include "base/check.h"
#include "solve/answer.h"
#include "solve/number.h"

namespace qed {
namespace {

bool IsLetter(const std::string& form) {
  return form.size() == 1 && std::isalpha(static_cast<unsigned char>(form[0])) != 0;
}

// A canonical number's form is its own canonical number.
bool IsNumber(const std::string& form) { return CanonicalNumber(form) == form; }

// Of two different forms, whether that is all there is to say.
bool FormsTell(const std::string& a, const std::string& b) {
  return (IsNumber(a) && IsNumber(b)) || (IsLetter(a) && IsLetter(b));
}

}  // namespace

AnswerClasses::AnswerClasses(const std::optional<std::string>& expected) {
  if (expected) expected_ = Question{NormalizeAnswer(*expected), *expected, true};
}

const AnswerClasses::Place* AnswerClasses::Find(const std::string& form) const {
  const auto found = places_.find(form);
  return found == places_.end() ? nullptr : &found->second.second;
}

std::vector<AnswerClasses::Question> AnswerClasses::Questions(const std::string& form) const {
  std::vector<const Class*> ordered;
  for (const Class& known : classes_) {
    if (!FormsTell(form, known.place.representative)) ordered.push_back(&known);
  }
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const Class* a, const Class* b) { return a->samples > b->samples; });
  ordered.resize(std::min(ordered.size(), kMaxComparedClasses));
  std::vector<Question> questions;
  const bool needs_expected = expected_ && !IsExpected(form) && !FormsTell(form, expected_->form);
  if (needs_expected) questions.push_back(*expected_);
  for (const Class* known : ordered) {
    questions.push_back({known->place.representative, known->written, false});
  }
  return questions;
}

AnswerClasses::Place AnswerClasses::Add(const std::string& form, const std::string& written,
                                        const std::vector<Question>& questions,
                                        const AnswerComparer::Verdicts& verdicts) {
  Place place{form, std::nullopt};
  bool correct = IsExpected(form);
  for (size_t i = 0; i < std::min(questions.size(), verdicts.size()); ++i) {
    if (verdicts[i].verdict != Verdict::kEqual) continue;
    if (questions[i].expected) {
      correct = true;
      continue;
    }
    const Place* joined = Find(questions[i].form);
    if (joined == nullptr) continue;
    place.representative = joined->representative;
    correct = correct || joined->correct.value_or(false);
    break;
  }
  if (expected_) place.correct = correct;
  Restore(form, written, place);
  return place;
}

void AnswerClasses::Restore(const std::string& form, const std::string& written,
                            const Place& place) {
  auto known = std::find_if(classes_.begin(), classes_.end(), [&](const Class& candidate) {
    return candidate.place.representative == place.representative;
  });
  if (known == classes_.end()) {
    // Where only a later member is in the records, it stands for its class.
    known = classes_.insert(classes_.end(), Class{place, written, 0});
  }
  places_.emplace(form, std::pair(static_cast<size_t>(known - classes_.begin()), place));
}

void AnswerClasses::Count(const std::string& form) {
  const auto found = places_.find(form);
  QED_CHECK(found != places_.end()) << "an answer without a place";
  ++classes_[found->second.first].samples;
}

}  // namespace qed
