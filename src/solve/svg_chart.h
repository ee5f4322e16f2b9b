// Small charts as SVG text for a page that stands alone.
#ifndef QED_SOLVE_SVG_CHART_H_
#define QED_SOLVE_SVG_CHART_H_

#include <string>
#include <string_view>
#include <vector>

namespace qed {

// For text and quoted attributes of HTML and SVG: the five special characters
// become entities, control characters and broken UTF-8 become U+FFFD.
std::string EscapeHtml(std::string_view text);

struct Series {
  std::string name;
  std::vector<double> values;  // at 1, 2, 3, ...
};

// Lines over a count from 1, the vertical axis from 0 to `top`. Values that are
// not finite are left out. `what` names the horizontal axis.
std::string LineChart(const std::vector<Series>& series, double top, const std::string& what);

struct Bar {
  std::string name;  // shown when pointed at
  double value = 0;  // its height
  std::string note;  // behind the value, when pointed at
};

// One upright bar each, from 0 to the largest value.
std::string BarChart(const std::vector<Bar>& bars, const std::string& unit);

}  // namespace qed

#endif  // QED_SOLVE_SVG_CHART_H_
