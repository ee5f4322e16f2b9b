#include "solve/sandbox_comparer.h"

#include <algorithm>
#include <optional>
#include <random>
#include <sstream>
#include <utility>

#include "base/check.h"
#include "base/json.h"
#include "nlohmann/json.hpp"
#include "solve/equality_program.h"

namespace qed {
namespace {

constexpr double kSetupSeconds = 60;   // to compile the program, on a machine that is busy
constexpr double kSparedSeconds = 10;  // of a call, for all but comparing
constexpr int32_t kMaxOutputCharacters = 1 << 16;
constexpr size_t kMaxKnown = size_t{1} << 16;
constexpr int kMaxLostSessions = 3;  // of one batch: then the sandbox cannot do it

std::string Key(const ComparisonRequest& request, size_t other) {
  return request.answer + '\0' + request.others[other].written +
         (request.others[other].expected ? "\1" : "\2");
}

// No other client of a sandbox server has a session by this name.
std::string SessionName() {
  std::random_device random;
  return "answers-" + std::to_string(random()) + "-" + std::to_string(random()) + "#";
}

// Whether a verdict is one on the answers, and not on this try.
bool IsLasting(Verdict verdict) {
  return verdict != Verdict::kTimeout && verdict != Verdict::kFailed;
}

}  // namespace

// A request on its way: which of its others still wait for a verdict.
struct SandboxComparer::Job {
  ComparisonRequest request;
  std::function<void(Verdicts)> done;
  std::vector<std::optional<Judgement>> verdicts;  // [other]

  // The others that are still to be asked: none behind a class that equals.
  std::vector<size_t> Open() const {
    std::vector<size_t> open;
    for (size_t i = 0; i < verdicts.size() && !EndsAt(i); ++i) {
      if (!verdicts[i]) open.push_back(i);
    }
    return open;
  }
  bool IsPlaced() const {
    for (size_t i = 0; i < verdicts.size(); ++i) {
      if (EndsAt(i)) return true;
    }
    return false;
  }
  bool EndsAt(size_t i) const {
    return verdicts[i] && verdicts[i]->verdict == Verdict::kEqual && !request.others[i].expected;
  }
  // Takes back what was cut off, if it has to be asked again.
  bool Reopen() {
    bool reopened = false;
    const bool placed = IsPlaced();
    for (size_t i = 0; i < verdicts.size(); ++i) {
      const bool cut_off = verdicts[i] && verdicts[i]->verdict == Verdict::kTimeout;
      if (!cut_off || verdicts[i]->again || (placed && !request.others[i].expected)) continue;
      verdicts[i].reset();
      reopened = true;
    }
    return reopened;
  }
};

// One thread with its session.
class SandboxComparer::Worker {
 public:
  Worker(SandboxComparer& comparer, std::string session)
      : comparer_(comparer), session_(std::move(session)) {}

  void Run() {
    while (true) {
      std::optional<std::unique_ptr<Job>> job =
          late_.empty() ? comparer_.jobs_.Pop() : comparer_.jobs_.TryPop();
      if (!job && late_.empty()) break;
      if (!job) {
        AskAgain();
        continue;
      }
      Jobs batch;
      size_t size = (*job)->request.others.size();
      batch.push_back(*std::move(job));
      while (size < kMaxBatch && (job = comparer_.jobs_.TryPop())) {
        size += (*job)->request.others.size();
        batch.push_back(*std::move(job));
      }
      AskFirst(std::move(batch));
    }
    Close();
  }

 private:
  void AskFirst(Jobs batch) {
    for (const std::unique_ptr<Job>& job : batch) comparer_.Recall(*job);
    Ask(batch, comparer_.options_.seconds, false);
    for (std::unique_ptr<Job>& job : batch) {
      comparer_.Remember(*job);
      if (job->Reopen()) {
        late_.push_back(std::move(job));
      } else {
        comparer_.Finish(*job);
      }
    }
  }

  void AskAgain() {
    Jobs batch;
    batch.push_back(std::move(late_.front()));
    late_.pop_front();
    Ask(batch, comparer_.options_.seconds_again, true);
    comparer_.Remember(*batch[0]);
    comparer_.Finish(*batch[0]);
  }

  // Asks for all that is open, call after call, until nothing is or the sandbox fails.
  void Ask(const Jobs& batch, double seconds, bool again) {
    int lost = 0;
    while (true) {
      std::vector<Job*> jobs;  // as the call numbers them
      size_t pairs = 0;
      nlohmann::json requests = nlohmann::json::array();
      for (const std::unique_ptr<Job>& job : batch) {
        const std::vector<size_t> open = job->Open();
        if (open.empty()) continue;
        nlohmann::json others = nlohmann::json::array();
        for (const size_t i : open) {
          others.push_back({job->request.others[i].written, job->request.others[i].expected});
        }
        requests.push_back({{"answer", job->request.answer}, {"others", std::move(others)}});
        jobs.push_back(job.get());
        pairs += open.size();
      }
      if (jobs.empty()) return;
      const nlohmann::json input = {{"limit", seconds}, {"requests", std::move(requests)}};
      const double timeout = kSparedSeconds + 2 * seconds * static_cast<double>(pairs);
      const Result<ExecuteResult> result = Call(DumpJson(input), timeout);
      if (!result.ok()) return MarkFirstOpen(jobs, Verdict::kFailed, again);
      ReadVerdicts(result->out, jobs, again);
      if (result->process_status == ExecuteResult::ProcessStatus::kCompleted) {
        // A program that ended early has nothing more to say.
        if (std::any_of(jobs.begin(), jobs.end(), [](Job* job) { return !job->Open().empty(); })) {
          MarkFirstOpen(jobs, Verdict::kFailed, again);
        }
        continue;
      }
      const bool timeout_of_call = result->process_status == ExecuteResult::ProcessStatus::kTimeout;
      MarkFirstOpen(jobs, timeout_of_call ? Verdict::kTimeout : Verdict::kFailed, again);
      Close();
      if (++lost == kMaxLostSessions) return;
    }
  }

  static void MarkFirstOpen(const std::vector<Job*>& jobs, Verdict verdict, bool again) {
    for (Job* job : jobs) {
      const std::vector<size_t> open = job->Open();
      if (open.empty()) continue;
      job->verdicts[open[0]] = Judgement{verdict, again};
      return;
    }
  }

  // Lines "<job> <verdict>"; what a time-out or a lack of memory adds is none.
  static void ReadVerdicts(const std::string& out, const std::vector<Job*>& jobs, bool again) {
    std::istringstream lines(out);
    std::string line;
    while (std::getline(lines, line)) {
      const size_t space = line.find(' ');
      const std::string number = line.substr(0, space);
      if (space == std::string::npos || number.empty() || number.size() > 4 ||
          number.find_first_not_of("0123456789") != std::string::npos) {
        return;
      }
      const Result<Verdict> verdict = ParseVerdict(line.substr(space + 1));
      const size_t index = static_cast<size_t>(std::stoi(number));
      if (!verdict.ok() || index >= jobs.size()) return;
      const std::vector<size_t> open = jobs[index]->Open();
      if (!open.empty()) jobs[index]->verdicts[open[0]] = Judgement{*verdict, again};
    }
  }

  Result<ExecuteResult> Call(const std::string& input, double timeout) {
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (!ready_) QED_RETURN_IF_ERROR(SetUp());
      Result<ExecuteResult> result = Execute(EqualityCall(), input, timeout);
      if (!result.ok() || !result->new_session_created) return result;
      ready_ = false;  // it was lost meanwhile, and what was compiled there
    }
    return Unavailable("the session that compares answers was lost again and again");
  }

  Status SetUp() {
    QED_ASSIGN_OR_RETURN(const ExecuteResult result,
                         Execute(EqualitySetup(), EqualityModules(), kSetupSeconds));
    if (result.process_status != ExecuteResult::ProcessStatus::kCompleted) {
      Close();
      return Unavailable("the program that compares answers did not start: " + result.out +
                         result.err);
    }
    ready_ = true;
    return OkStatus();
  }

  Result<ExecuteResult> Execute(std::string code, const std::string& input, double timeout) {
    if (!comparer_.OpenSession(session_)) return Cancelled("stopped");
    ExecuteRequest request;
    request.session_id = session_;
    request.generated_code = std::move(code);
    request.std_input = input;
    request.timeout = timeout;
    request.max_output_characters = kMaxOutputCharacters;
    return comparer_.sandbox_.Execute(request);
  }

  void Close() {
    ready_ = false;
    if (comparer_.ForgetSession(session_)) comparer_.sandbox_.CloseSession(session_);
  }

  SandboxComparer& comparer_;
  const std::string session_;
  bool ready_ = false;  // the program is compiled there
  std::deque<std::unique_ptr<Job>> late_;
};

SandboxComparer::SandboxComparer(SandboxClient& sandbox, SandboxComparerOptions options)
    : sandbox_(sandbox), options_(options) {
  QED_CHECK_GE(options.threads, 1);
  const std::string name = SessionName();
  for (int32_t i = 0; i < options.threads; ++i) {
    threads_.emplace_back([this, name, i] { Worker(*this, name + std::to_string(i)).Run(); });
  }
}

SandboxComparer::~SandboxComparer() { Stop(); }

void SandboxComparer::Compare(ComparisonRequest request, std::function<void(Verdicts)> done) {
  auto job = std::make_unique<Job>();
  job->verdicts.resize(request.others.size());
  job->request = std::move(request);
  job->done = std::move(done);
  jobs_.Push(std::move(job));
}

void SandboxComparer::Stop() {
  std::set<std::string> sessions;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (std::exchange(stopped_, true)) return;
    sessions.swap(sessions_);
  }
  for (const std::string& session : sessions) sandbox_.CloseSession(session);
  jobs_.Close();
  for (std::thread& thread : threads_) thread.join();
}

bool SandboxComparer::OpenSession(const std::string& id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (stopped_) return false;
  sessions_.insert(id);
  return true;
}

bool SandboxComparer::ForgetSession(const std::string& id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return sessions_.erase(id) != 0;
}

void SandboxComparer::Recall(Job& job) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (size_t i = 0; i < job.verdicts.size(); ++i) {
    const auto found = known_.find(Key(job.request, i));
    if (found != known_.end()) job.verdicts[i] = found->second;
    if (job.EndsAt(i)) return;
  }
}

void SandboxComparer::Remember(const Job& job) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (known_.size() > kMaxKnown) known_.clear();
  for (size_t i = 0; i < job.verdicts.size(); ++i) {
    if (!job.verdicts[i] || !IsLasting(job.verdicts[i]->verdict)) continue;
    known_.emplace(Key(job.request, i), job.verdicts[i]->verdict);
  }
}

// One verdict each, up to the first class that equals or the first that could not be had.
void SandboxComparer::Finish(Job& job) {
  Verdicts verdicts;
  for (size_t i = 0; i < job.verdicts.size() && job.verdicts[i]; ++i) {
    verdicts.push_back(*job.verdicts[i]);
    if (job.EndsAt(i)) break;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!stopped_) job.done(std::move(verdicts));
}

}  // namespace qed
