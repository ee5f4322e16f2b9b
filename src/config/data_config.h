// Which columns of a data file are meant.
#ifndef QED_CONFIG_DATA_CONFIG_H_
#define QED_CONFIG_DATA_CONFIG_H_

#include <string>

#include "config/knob.h"

namespace qed {

// Empty: the usual names, tried in turn (solve/problem.h).
struct ProblemFields {
  std::string problem;
  std::string answer;
};

template <typename Visitor>
void VisitKnobs(ProblemFields& c, Visitor&& visit) {
  visit(Knob{"problem-field", "",
             "column that holds the problem; by default problem, question, prompt or input"},
        c.problem, NoRange{});
  visit(Knob{"answer-field", "",
             "column that holds its answer; by default expected_answer, answer or final_answer"},
        c.answer, NoRange{});
}

}  // namespace qed

#endif  // QED_CONFIG_DATA_CONFIG_H_
