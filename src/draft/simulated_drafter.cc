#include "draft/simulated_drafter.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/rng.h"

namespace qed {

Result<std::vector<double>> ParseAcceptance(const std::string& text) {
  std::vector<double> rates;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end || rates.empty()) {
    double rate = -1;
    const auto [next, error] = std::from_chars(at, end, rate);
    if (error != std::errc{} || !(rate >= 0 && rate <= 1) ||
        (next != end && (*next != ',' || next + 1 == end))) {
      return InvalidArgument("--acceptance " + text +
                             ": it must be rates from 0 to 1, as in 0.83,0.77,0.71");
    }
    rates.push_back(rate);
    at = next == end ? end : next + 1;
  }
  if (rates.size() > kMaxDrafts) {
    return InvalidArgument("--acceptance " + text + ": at most " + std::to_string(kMaxDrafts) +
                           " drafts");
  }
  return rates;
}

void SimulatedDrafter::Start(uint64_t sequence, std::span<const int32_t> prompt) {
  lengths_[sequence] = prompt.size();
}

void SimulatedDrafter::Append(uint64_t sequence, std::span<const int32_t> tokens) {
  lengths_[sequence] += tokens.size();
}

void SimulatedDrafter::Propose(std::span<DraftRequest> requests) {
  for (DraftRequest& request : requests) {
    request.count = static_cast<int32_t>(
        std::min({acceptance_.size(), request.known.size(), static_cast<size_t>(request.wanted)}));
    const uint64_t place = lengths_[request.sequence];
    for (int32_t i = 0; i < request.count; ++i) {
      const int32_t known = request.known[static_cast<size_t>(i)];
      const auto index = static_cast<size_t>(i);
      const bool right = UniformDouble(index, request.sequence, place) < acceptance_[index];
      request.drafts[index] = {right ? known : (known + 1) % vocab_size_, i};
    }
  }
}

}  // namespace qed
