#include "cli/nearest.h"

#include <algorithm>
#include <utility>

namespace qed {

size_t EditDistance(std::string_view a, std::string_view b) {
  // rows[i][j]: from the first i letters of `a` to the first j of `b`.
  std::vector<std::vector<size_t>> rows(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      size_t& best = rows[i][j];
      if (i == 0 || j == 0) {
        best = i + j;
        continue;
      }
      best = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      best = std::min({best, rows[i - 1][j] + 1, rows[i][j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) best = std::min(best, rows[i - 2][j - 2] + 1);
    }
  }
  return rows[a.size()][b.size()];
}

std::vector<std::string> NearestNames(std::string_view name,
                                      const std::vector<std::string>& known) {
  constexpr size_t kMost = 3, kLongestName = 100, kLeastPart = 3;
  if (name.empty() || name.size() > kLongestName) return {};
  std::vector<std::pair<size_t, std::string>> near;
  for (const std::string& candidate : known) {
    size_t distance = EditDistance(name, candidate);
    const bool is_part = name.size() >= kLeastPart && candidate.find(name) != std::string::npos;
    if (is_part) distance = std::min<size_t>(distance, 2);
    if (distance <= std::max<size_t>(2, name.size() / 3) && distance < name.size()) {
      near.emplace_back(distance, candidate);
    }
  }
  std::ranges::sort(near);
  std::vector<std::string> names;
  for (auto& [distance, candidate] : near) {
    if (names.size() < kMost) names.push_back(std::move(candidate));
  }
  return names;
}

}  // namespace qed
