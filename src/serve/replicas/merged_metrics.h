// The metrics of several processes as those of one.
#ifndef QED_SERVE_REPLICAS_MERGED_METRICS_H_
#define QED_SERVE_REPLICAS_MERGED_METRICS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace qed {

// Texts in Prometheus' format 0.0.4, as base/metrics.h writes it, by replica: one text with each
// name once and all its samples, each labelled replica="N". Names in `without` are left out.
std::string MergeMetrics(const std::vector<std::pair<int32_t, std::string>>& texts,
                         const std::vector<std::string>& without);

}  // namespace qed

#endif  // QED_SERVE_REPLICAS_MERGED_METRICS_H_
