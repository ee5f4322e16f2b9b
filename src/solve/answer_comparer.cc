#include "solve/answer_comparer.h"

#include <array>

#include "base/check.h"

namespace qed {
namespace {

struct NamedVerdict {
  Verdict verdict;
  const char* name;
};

constexpr std::array kVerdicts = {
    NamedVerdict{Verdict::kEqual, "equal"},
    NamedVerdict{Verdict::kDifferent, "different"},
    NamedVerdict{Verdict::kUnreadable, "unreadable"},
    NamedVerdict{Verdict::kTimeout, "timeout"},
    NamedVerdict{Verdict::kFailed, "failed"},
};

}  // namespace

const char* VerdictName(Verdict verdict) {
  for (const NamedVerdict& entry : kVerdicts) {
    if (entry.verdict == verdict) return entry.name;
  }
  QED_CHECK(false) << "unnamed verdict";
  return "";
}

Result<Verdict> ParseVerdict(const std::string& name) {
  for (const NamedVerdict& entry : kVerdicts) {
    if (entry.name == name) return entry.verdict;
  }
  return Corrupt("unknown verdict \"" + name + "\"");
}

}  // namespace qed
