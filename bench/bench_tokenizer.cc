// Bytes per second of the tokenizer on texts that are hard on it, at two sizes: how far
// the time is from linear shows in the last column (8 is linear).
//
// usage: bench_tokenizer MODEL
#include <cstdio>
#include <ctime>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "text/tokenizer.h"

namespace qed {
namespace {

constexpr size_t kSmall = size_t{1} << 20, kLarge = size_t{8} << 20;

// CPU time of this thread: others may use the machine.
double CpuSeconds() {
  timespec now = {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::string Repeat(const std::string& piece, size_t bytes) {
  std::string text;
  text.reserve(bytes + piece.size());
  while (text.size() < bytes) text += piece;
  return text;
}

std::string Random(const std::string& letters, size_t bytes) {
  std::mt19937 random(1);
  std::string text;
  while (text.size() < bytes) text += letters[random() % letters.size()];
  return text;
}

std::string RandomBytes(size_t bytes) {
  std::mt19937 random(2);
  std::string text;
  while (text.size() < bytes) text += static_cast<char>(random());
  return text;
}

std::vector<std::pair<const char*, std::string>> Texts(size_t bytes) {
  return {
      {"English", Repeat("The quick brown fox jumps over 13 lazy dogs, again and again.\n", bytes)},
      {"blanks", std::string(bytes, ' ')},
      {"one letter", std::string(bytes, 'a')},
      {"line ends", std::string(bytes, '\n')},
      {"blanks and line ends", Random(" \n", bytes)},
      {"one digit", std::string(bytes, '7')},
      {"one sign", std::string(bytes, '=')},
      {"a word without end", Random("etaoinshrdlu", bytes)},
      {"two letters", Random("ab", bytes)},
      {"apostrophes", Repeat("'s", bytes)},
      {"accents on one letter", "a" + Repeat("\xCC\x81", bytes)},
      {"accents in two classes", "a" + Repeat("\xCC\x81\xCC\xA3", bytes)},
      {"jamo", Repeat("\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8", bytes)},
      {"smileys", Repeat("\xF0\x9F\x98\x80", bytes)},
      {"no UTF-8", std::string(bytes, '\xFF')},
      {"random bytes", RandomBytes(bytes)},
      {"special tokens", Repeat("<|im_end|>", bytes)},
      {"nearly special tokens", Repeat("<|im_en", bytes)}};
}

double Measure(const Tokenizer& tokenizer, const std::string& text, size_t* tokens) {
  const double begin = CpuSeconds();
  *tokens = tokenizer.Encode(text).size();
  return CpuSeconds() - begin;
}

int Run(const char* path) {
  const Result<Checkpoint> checkpoint = OpenCheckpoint(path);
  if (!checkpoint.ok())
    return std::fprintf(stderr, "%s\n", checkpoint.status().message().c_str()), 1;
  const auto tokenizer = Tokenizer::Create(checkpoint->tokenizer);
  if (!tokenizer.ok()) return std::fprintf(stderr, "%s\n", tokenizer.status().message().c_str()), 1;
  std::printf("%-24s %10s %12s %12s %8s\n", "text", "tokens", "1 MiB, MB/s", "8 MiB, MB/s",
              "ratio");
  const auto small = Texts(kSmall), large = Texts(kLarge);
  for (size_t i = 0; i < small.size(); ++i) {
    size_t tokens = 0;
    const double first = Measure(**tokenizer, small[i].second, &tokens);
    const double second = Measure(**tokenizer, large[i].second, &tokens);
    std::printf("%-24s %10zu %12.1f %12.1f %8.1f\n", small[i].first, tokens,
                1e-6 * static_cast<double>(kSmall) / first,
                1e-6 * static_cast<double>(kLarge) / second, second / first);
  }
  return 0;
}

}  // namespace
}  // namespace qed

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: bench_tokenizer MODEL\n"), 2;
  return qed::Run(argv[1]);
}
