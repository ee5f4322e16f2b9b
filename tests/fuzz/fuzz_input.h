// What fuzzers share: the first inputs of a corpus, and inputs of several parts.
#ifndef QED_TESTS_FUZZ_FUZZ_INPUT_H_
#define QED_TESTS_FUZZ_FUZZ_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace qed {

inline std::string_view FuzzText(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A finding: what must hold for every input does not.
inline void FuzzCheck(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "does not hold: " << what << "\n";
  std::abort();
}

// Parts of an input lie between these. Bytes that chance does not bring forth, so that
// the parts of a seed stay what they are for long.
inline constexpr std::string_view kFuzzSeparator = "\x01%%\x02";

inline std::string JoinParts(const std::vector<std::string>& parts) {
  std::string joined;
  for (const std::string& part : parts) {
    if (&part != &parts.front()) joined += kFuzzSeparator;
    joined += part;
  }
  return joined;
}

// The parts of an input; those that are not there are empty.
inline std::vector<std::string_view> SplitParts(std::string_view input, size_t count) {
  std::vector<std::string_view> parts(count);
  for (size_t i = 0; i < count && !input.empty(); ++i) {
    const size_t end = i + 1 < count ? input.find(kFuzzSeparator) : input.npos;
    parts[i] = input.substr(0, end);
    input.remove_prefix(end == input.npos ? input.size() : end + kFuzzSeparator.size());
  }
  return parts;
}

// To be called from LLVMFuzzerInitialize: puts inputs that reach far into the first folder
// among the arguments, the corpus. libFuzzer starts from there.
inline void WriteSeeds(int argc, char** argv, const std::vector<std::string>& seeds) {
  for (int i = 1; i < argc; ++i) {
    const std::string folder = argv[i];
    if (!std::filesystem::is_directory(folder)) continue;
    for (size_t seed = 0; seed < seeds.size(); ++seed) {
      std::ofstream(folder + "/seed-" + std::to_string(seed), std::ios::binary) << seeds[seed];
    }
    return;
  }
}

}  // namespace qed

#endif  // QED_TESTS_FUZZ_FUZZ_INPUT_H_
