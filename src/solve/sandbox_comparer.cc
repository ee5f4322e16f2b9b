#include "solve/sandbox_comparer.h"

#include <sstream>
#include <utility>

#include "base/check.h"
#include "base/embed.h"
#include "base/json.h"
#include "nlohmann/json.hpp"

QED_EMBED(answer_parser, QED_SOLVE_SOURCE_DIR "/answer_parser.py")
QED_EMBED(answer_equality, QED_SOLVE_SOURCE_DIR "/answer_equality.py")

namespace qed {
namespace {

// A word a line, for the most others that are asked at a time.
constexpr int32_t kMaxOutputCharacters = 4096;

std::string Program() {
  std::string program(QED_EMBEDDED(answer_parser));
  program += QED_EMBEDDED(answer_equality);
  return program;
}

// The lines that are verdicts, up to the first that is none: what a time-out or a
// lack of memory adds comes behind them.
AnswerComparer::Verdicts ReadVerdicts(const std::string& out, size_t most) {
  AnswerComparer::Verdicts verdicts;
  std::istringstream lines(out);
  std::string line;
  while (verdicts.size() < most && std::getline(lines, line)) {
    const Result<Verdict> verdict = ParseVerdict(line);
    if (!verdict.ok()) break;
    verdicts.push_back(*verdict);
    if (*verdict == Verdict::kEqual) break;
  }
  return verdicts;
}

}  // namespace

SandboxComparer::SandboxComparer(SandboxClient& sandbox, SandboxComparerOptions options)
    : sandbox_(sandbox), options_(options) {
  QED_CHECK_GE(options.threads, 1);
  for (int32_t i = 0; i < options.threads; ++i) {
    threads_.emplace_back([this] {
      while (std::optional<std::function<void()>> job = jobs_.Pop()) (*job)();
    });
  }
}

SandboxComparer::~SandboxComparer() { Stop(); }

void SandboxComparer::Compare(ComparisonRequest request, std::function<void(Verdicts)> done) {
  jobs_.Push([this, request = std::move(request), done = std::move(done)] {
    Verdicts verdicts = Ask(request);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!stopped_) done(std::move(verdicts));
  });
}

void SandboxComparer::Stop() {
  std::set<std::string> sessions;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (std::exchange(stopped_, true)) return;
    sessions = sessions_;
  }
  for (const std::string& session : sessions) sandbox_.CloseSession(session);
  jobs_.Close();
  for (std::thread& thread : threads_) thread.join();
}

Result<ExecuteResult> SandboxComparer::Execute(const std::string& input) {
  ExecuteRequest request;
  request.generated_code = Program();
  request.timeout = options_.timeout;
  request.max_output_characters = kMaxOutputCharacters;
  request.language = CodeLanguage::kPython;
  request.std_input = input;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stopped_) return Cancelled("stopped");
    request.session_id = "answers#" + std::to_string(next_session_++);
    sessions_.insert(request.session_id);
  }
  Result<ExecuteResult> result = sandbox_.Execute(request);
  const std::lock_guard<std::mutex> lock(mutex_);
  sessions_.erase(request.session_id);
  return result;
}

AnswerComparer::Verdicts SandboxComparer::Ask(const ComparisonRequest& request) {
  Verdicts verdicts;
  int timeouts = 0;
  while (verdicts.size() < request.others.size() && timeouts < kMaxTimeouts) {
    const std::vector<std::string> rest(
        request.others.begin() + static_cast<ptrdiff_t>(verdicts.size()), request.others.end());
    const nlohmann::json input = {{"answer", request.answer}, {"others", rest}};
    const Result<ExecuteResult> result = Execute(DumpJson(input));
    if (!result.ok()) {
      verdicts.push_back(Verdict::kFailed);
      return verdicts;
    }
    const Verdicts read = ReadVerdicts(result->out, rest.size());
    verdicts.insert(verdicts.end(), read.begin(), read.end());
    if (!verdicts.empty() && verdicts.back() == Verdict::kEqual) return verdicts;
    if (read.size() == rest.size()) return verdicts;
    const bool timeout = result->process_status == ExecuteResult::ProcessStatus::kTimeout;
    verdicts.push_back(timeout ? Verdict::kTimeout : Verdict::kFailed);
    ++timeouts;
  }
  verdicts.resize(request.others.size(), Verdict::kTimeout);
  return verdicts;
}

}  // namespace qed
