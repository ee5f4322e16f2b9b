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

// Text of phrases that come again, of this writer's and of the others', now and then
// with another word in them.
class Writer {
 public:
  explicit Writer(uint32_t seed) : random_(seed) {}
  int32_t Next() {
    if (place_ % kPhrase == 0) phrase_ = static_cast<int32_t>(random_() % kPhrases);
    const int32_t place = place_++ % kPhrase;
    if (random_() % 16 == 0) return static_cast<int32_t>(random_() % kWords);
    return (phrase_ * 331 + place * 17) % kWords;
  }

 private:
  static constexpr int32_t kPhrase = 12, kPhrases = 300, kWords = 3000;
  std::mt19937 random_;
  int32_t phrase_ = 0, place_ = 0;
};

void Run() {
  SuffixDrafter drafter;
  std::vector<int32_t> prompt(kPrompt);
  Writer of_prompt(1);
  for (int32_t& token : prompt) token = of_prompt.Next();
  std::vector<Writer> writers;
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
      const int32_t token = writers[s].Next();
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
