// A finished sample and its lines in the result files.
#ifndef QED_SOLVE_SAMPLE_H_
#define QED_SOLVE_SAMPLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "solve/answer_classes.h"
#include "solve/problem.h"
#include "solve/transcript.h"
#include "text/prompt.h"

namespace qed {

struct Sample {
  std::string problem_id;
  int32_t index = 0;  // among the problem's samples
  uint64_t seed = 0;
  SampleFinish finish = SampleFinish::kStop;
  std::string stopped_by;  // the condition that cancelled it, or "time"; empty: it ended by itself
  std::string error;       // of kError
  Transcript transcript;

  std::string boxed;            // the answer as written; empty: none
  std::string answer;           // normalised; empty: none
  std::string answer_class;     // what votes: the class's representative; empty: `answer`
  std::optional<bool> correct;  // none where the expected answer is not known
  std::vector<AnswerComparison> comparisons;  // that placing its answer took

  double start_time = 0;          // seconds since 1970
  double end_time = 0;            // seconds since 1970
  double generation_seconds = 0;  // waiting for the generator
  double code_seconds = 0;        // waiting for the sandbox
  double problem_seconds = 0;     // charged to its problem until the end (solve/time_bank.h)
  double run_seconds = 0;  // the run's age at the end, earlier parts of a resumed one included
};

// Whether its answer is the last box of a text that a deadline cut short.
bool IsPartial(const Sample& sample);

// Fills boxed, answer and correct from the transcript, correct as far as the form
// of the answer tells; answer_class and comparisons are emptied. A cancelled or pruned
// sample has no answer: it was not allowed to finish. A box in a program that was cut off
// (by `tags`) is none. With a `modulo` (not 0)
// answers are AnswerModulo's, and the problem's expected one is such already.
void ReadAnswer(const Problem& problem, const CodeTags& tags, int64_t modulo, Sample& sample);

// One line of samples.jsonl, and back. Everything of a Sample is in it.
std::string ToRecordLine(const Sample& sample);
Result<Sample> ParseRecordLine(std::string_view line);

// One line of output-rs{seed}.jsonl as NeMo-Skills writes them: the keys of the
// problem's line, then "generation", "num_generated_tokens", "predicted_answer",
// "symbolic_correct" and so on.
std::string ToResultLine(const Problem& problem, const Sample& sample);

}  // namespace qed

#endif  // QED_SOLVE_SAMPLE_H_
