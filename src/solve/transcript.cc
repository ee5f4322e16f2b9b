#include "solve/transcript.h"

#include <array>

namespace qed {
namespace {

struct FinishName {
  SampleFinish finish;
  const char* name;
};

constexpr std::array kFinishNames = {
    FinishName{SampleFinish::kStop, "stop"},
    FinishName{SampleFinish::kLength, "length"},
    FinishName{SampleFinish::kCodeLimit, "code_limit"},
    FinishName{SampleFinish::kUnmatchedCodeEnd, "unmatched_code_end"},
    FinishName{SampleFinish::kCancelled, "cancelled"},
    FinishName{SampleFinish::kDeadline, "deadline"},
    FinishName{SampleFinish::kPruned, "pruned"},
    FinishName{SampleFinish::kError, "error"},
};

}  // namespace

const char* SampleFinishName(SampleFinish finish) {
  for (const FinishName& entry : kFinishNames) {
    if (entry.finish == finish) return entry.name;
  }
  QED_CHECK(false) << "unnamed finish";
  return "";
}

Result<SampleFinish> ParseSampleFinish(const std::string& name) {
  for (const FinishName& entry : kFinishNames) {
    if (entry.name == name) return entry.finish;
  }
  return Corrupt("unknown finish reason \"" + name + "\"");
}

std::string Transcript::Text() const {
  std::string text;
  for (const TranscriptSegment& segment : segments) text += segment.text;
  return text;
}

}  // namespace qed
