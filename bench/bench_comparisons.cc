// How long comparing two answers takes, as the solver sees it: through the sandbox, in a
// warm session.
//
//   bench_comparisons PAIRS.jsonl [load]
//
// A line of PAIRS.jsonl is {"a": expected answer, "b": given answer, "equal": whether they
// mean the same}. Each pair is asked alone, the next one when it is answered; nothing is
// remembered, for no two are alike. `load` threads keep the processors busy meanwhile. The first
// pair, which waits for the session to start and to compile, is told apart. Verdicts that are
// not those of the file are printed.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "nlohmann/json.hpp"
#include "sandbox/local_sandbox.h"
#include "solve/answer.h"
#include "solve/sandbox_comparer.h"

namespace qed {
namespace {

struct Pair {
  std::string expected, given;
  bool equal = false;
};

Result<std::vector<Pair>> ReadPairs(const std::string& path) {
  QED_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, size_t{1} << 26));
  std::vector<Pair> pairs;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    QED_ASSIGN_OR_RETURN(const nlohmann::json pair, ParseJson(line));
    if (!pair.is_object() || !pair.contains("a") || !pair.contains("b") ||
        !pair.contains("equal") || !pair["equal"].is_boolean()) {
      return InvalidArgument(path + ": a line is not {\"a\", \"b\", \"equal\"}");
    }
    pairs.push_back(
        {pair["a"].get<std::string>(), pair["b"].get<std::string>(), pair["equal"].get<bool>()});
  }
  return pairs;
}

Judgement Ask(SandboxComparer& comparer, const Pair& pair) {
  ComparisonRequest request;
  request.answer = pair.given;
  request.others.push_back({pair.expected, true});
  std::promise<AnswerComparer::Verdicts> verdicts;
  comparer.Compare(std::move(request), [&verdicts](AnswerComparer::Verdicts found) {
    verdicts.set_value(std::move(found));
  });
  const AnswerComparer::Verdicts found = verdicts.get_future().get();
  return found.empty() ? Judgement(Verdict::kFailed) : found[0];
}

// Spins until it is destroyed.
class Load {
 public:
  explicit Load(int threads) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this] {
        while (!stop_.load(std::memory_order_relaxed)) {
        }
      });
    }
  }
  ~Load() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

Status Run(const std::string& path, int load) {
  QED_ASSIGN_OR_RETURN(const std::vector<Pair> pairs, ReadPairs(path));
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<LocalSandbox> sandbox,
                       LocalSandbox::Create(SandboxConfig()));
  SandboxComparer comparer(*sandbox);
  const Load spinning(load);
  std::vector<double> milliseconds;
  int by_form = 0, wrong = 0;
  for (const Pair& pair : pairs) {
    if (NormalizeAnswer(pair.expected) == NormalizeAnswer(pair.given)) {
      ++by_form;
      wrong += pair.equal ? 0 : 1;
      continue;
    }
    const auto start = std::chrono::steady_clock::now();
    const Judgement judged = Ask(comparer, pair);
    const std::chrono::duration<double, std::milli> passed =
        std::chrono::steady_clock::now() - start;
    milliseconds.push_back(passed.count());
    if ((judged.verdict == Verdict::kEqual) == pair.equal) continue;
    ++wrong;
    std::printf("%s: %s and %s\n", VerdictName(judged.verdict), pair.expected.c_str(),
                pair.given.c_str());
  }
  if (milliseconds.empty()) return InvalidArgument(path + " has no pair of two forms");
  const double first = milliseconds[0];
  milliseconds.erase(milliseconds.begin());
  std::sort(milliseconds.begin(), milliseconds.end());
  const auto at = [&](double share) {
    return milliseconds[static_cast<size_t>(share * static_cast<double>(milliseconds.size() - 1))];
  };
  std::printf("%zu pairs, %d of one form, %d judged otherwise than the file says; load %d\n",
              pairs.size(), by_form, wrong, load);
  if (milliseconds.empty()) return OkStatus();
  std::printf("first %.0f ms; then median %.2f ms, 90%% %.2f ms, 99%% %.2f ms, most %.2f ms\n",
              first, at(0.5), at(0.9), at(0.99), milliseconds.back());
  return OkStatus();
}

}  // namespace
}  // namespace qed

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: bench_comparisons PAIRS.jsonl [load]\n");
    return 2;
  }
  const qed::Status status = qed::Run(argv[1], argc == 3 ? std::atoi(argv[2]) : 0);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.message().c_str());
  return status.ok() ? 0 : 1;
}
