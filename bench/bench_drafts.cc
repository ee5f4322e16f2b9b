// What suffix drafts cost a step: 32 samples of one prompt whose texts repeat themselves
// and each other. Times are of the thread's own processor time, medians over steps.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <random>
#include <vector>

#include "draft/suffix_drafter.h"

namespace qed {
namespace {

constexpr int kSequences = 32, kPrompt = 200, kTokens = 2000;

double ThreadMicroseconds() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return 1e6 * static_cast<double>(time.tv_sec) + 1e-3 * static_cast<double>(time.tv_nsec);
}

double Median(std::vector<double>& values) {
  std::ranges::nth_element(values, values.begin() + static_cast<int64_t>(values.size() / 2));
  return values[values.size() / 2];
}

// Text whose next token mostly follows from the two before it: phrases come again.
class Writer {
 public:
  explicit Writer(uint32_t seed) : random_(seed) {}
  int32_t Next(int32_t before, int32_t last) {
    const uint32_t choice = random_() % 8 == 0 ? random_() % 4 : 0;
    return static_cast<int32_t>(
        (static_cast<uint32_t>(before) * 31 + static_cast<uint32_t>(last) * 17 + choice * 101) %
        3000);
  }

 private:
  std::mt19937 random_;
};

void Run() {
  SuffixDrafter drafter;
  std::vector<int32_t> prompt(kPrompt);
  Writer of_prompt(1);
  for (size_t i = 2; i < prompt.size(); ++i)
    prompt[i] = of_prompt.Next(prompt[i - 2], prompt[i - 1]);
  std::vector<Writer> writers;
  std::vector<std::pair<int32_t, int32_t>> last(kSequences, {prompt[kPrompt - 2], prompt.back()});
  for (uint64_t s = 0; s < kSequences; ++s) {
    writers.emplace_back(static_cast<uint32_t>(s) + 2);
    drafter.Start(s, prompt);
  }
  std::vector<double> append_us, propose_us;
  int64_t drafts = 0;
  for (int step = 0; step < kTokens; ++step) {
    std::vector<DraftRequest> requests(kSequences);
    for (uint64_t s = 0; s < kSequences; ++s) requests[s] = {.sequence = s, .wanted = 4};
    const double begin = ThreadMicroseconds();
    for (uint64_t s = 0; s < kSequences; ++s) {
      auto& [before, newest] = last[s];
      const int32_t token = writers[s].Next(before, newest);
      before = newest;
      newest = token;
      drafter.Append(s, {&token, 1});
    }
    const double appended = ThreadMicroseconds();
    drafter.Propose(requests);
    propose_us.push_back(ThreadMicroseconds() - appended);
    append_us.push_back(appended - begin);
    for (const DraftRequest& request : requests) drafts += request.count;
  }
  std::printf("%d sequences, %lld tokens remembered, %.1f drafts a step\n", kSequences,
              static_cast<long long>(drafter.num_tokens()), static_cast<double>(drafts) / kTokens);
  std::printf("a step: %.1f us to look up, %.1f us to remember\n", Median(propose_us),
              Median(append_us));
}

}  // namespace
}  // namespace qed

int main() { qed::Run(); }
