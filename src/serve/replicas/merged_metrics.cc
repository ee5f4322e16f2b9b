#include "serve/replicas/merged_metrics.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace qed {
namespace {

struct Family {
  std::string help;  // the lines "# HELP" and "# TYPE"
  std::string samples;
};

// "qed_x" of "# HELP qed_x What it is."
std::string_view NameOfComment(std::string_view line) {
  line.remove_prefix(std::min(line.find(' ', 2) + 1, line.size()));
  return line.substr(0, line.find(' '));
}

std::string Labelled(std::string_view sample, const std::string& label) {
  std::string text(sample);
  const size_t brace = text.find('{');
  if (brace != text.npos) return text.insert(brace + 1, label + ",");
  return text.insert(std::min(text.find(' '), text.size()), "{" + label + "}");
}

}  // namespace

std::string MergeMetrics(const std::vector<std::pair<int32_t, std::string>>& texts,
                         const std::vector<std::string>& without) {
  std::vector<Family> families;
  std::unordered_map<std::string, size_t> places;
  for (const auto& [replica, text] : texts) {
    const std::string label = "replica=\"" + std::to_string(replica) + "\"";
    Family* family = nullptr;
    bool is_new = false;
    for (std::string_view rest = text; !rest.empty();) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line.starts_with("# HELP ")) {
        const auto [place, added] =
            places.emplace(std::string(NameOfComment(line)), families.size());
        if (added) families.emplace_back();
        family = &families[place->second];
        is_new = added;
      }
      if (family == nullptr || line.empty()) continue;
      if (!line.starts_with("#")) {
        family->samples.append(Labelled(line, label)).append("\n");
      } else if (is_new) {
        family->help.append(line).append("\n");
      }
    }
  }
  std::string merged;
  for (const Family& family : families) {
    const std::string_view name = NameOfComment(family.help);
    if (std::ranges::find(without, name) == without.end()) merged += family.help + family.samples;
  }
  return merged;
}

}  // namespace qed
