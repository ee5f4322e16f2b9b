// Which answers are equal: samples wait for the class of their answer.
#include <algorithm>
#include <utility>

#include "solve/solver.h"

namespace qed {

Status Solver::PlaceSample(size_t problem, Sample sample) {
  if (sample.answer.empty()) return Store(problem, sample);
  const int32_t index = sample.index;
  states_[problem].unplaced.emplace(index, std::move(sample));
  return OkStatus();
}

Status Solver::PlaceAnswers() {
  const std::vector<size_t> open(open_.begin(), open_.end());
  for (const size_t problem : open) QED_RETURN_IF_ERROR(PlaceAnswers(problem));
  return OkStatus();
}

// All that can be placed without waiting. While an answer is being compared no new
// class begins: it would be missed by that comparison.
Status Solver::PlaceAnswers(size_t problem) {
  ProblemState& state = states_[problem];
  if (!MayCompare(problem)) state.asked.reset();
  for (auto next = state.unplaced.begin(); next != state.unplaced.end();) {
    const Sample& sample = (next++)->second;
    if (state.classes.Find(sample.answer) == nullptr) {
      if (state.asked) continue;
      std::vector<AnswerClasses::Question> questions;
      if (MayCompare(problem)) questions = state.classes.Questions(sample.answer);
      if (!questions.empty()) {
        Ask(problem, sample, std::move(questions));
        continue;
      }
      state.classes.Add(sample.answer, sample.boxed, {}, {});
    }
    QED_RETURN_IF_ERROR(StorePlaced(problem, sample.index));
  }
  return OkStatus();
}

bool Solver::MayCompare(size_t problem) const {
  return parts_.comparer != nullptr && !draining_ &&
         states_[problem].stopped_by != kStoppedByTime && !bank_.Expired(problem);
}

void Solver::Ask(size_t problem, const Sample& sample,
                 std::vector<AnswerClasses::Question> questions) {
  ComparisonRequest request;
  request.problem = problem;
  request.answer = sample.boxed;
  for (const AnswerClasses::Question& question : questions) {
    request.others.push_back({question.written, question.expected});
  }
  const uint64_t id = next_id_++;
  states_[problem].asked = Asked{id, sample.index, std::move(questions)};
  parts_.comparer->Compare(std::move(request),
                           [this, id, problem](AnswerComparer::Verdicts verdicts) {
                             events_.Push(Event{id, Compared{problem, std::move(verdicts)}});
                           });
}

// It is stored with the tick's other answers.
void Solver::OnCompared(uint64_t id, Compared compared) {
  ProblemState& state = states_[compared.problem];
  // The problem's time may have been up before.
  if (!state.asked || state.asked->id != id) return;
  Sample& sample = state.unplaced.at(state.asked->sample);
  const std::vector<AnswerClasses::Question> questions =
      std::exchange(state.asked, std::nullopt)->questions;
  for (size_t i = 0; i < std::min(questions.size(), compared.verdicts.size()); ++i) {
    sample.comparisons.push_back(
        {questions[i].form, compared.verdicts[i].verdict, compared.verdicts[i].again});
  }
  state.classes.Add(sample.answer, sample.boxed, questions, compared.verdicts);
}

Status Solver::StorePlaced(size_t problem, int32_t index) {
  ProblemState& state = states_[problem];
  const auto node = state.unplaced.extract(index);
  Sample sample = std::move(node.mapped());
  const AnswerClasses::Place& place = *state.classes.Find(sample.answer);
  if (place.representative != sample.answer) sample.answer_class = place.representative;
  sample.correct = place.correct;
  state.classes.Count(sample.answer);
  return Store(problem, sample);
}

}  // namespace qed
