#include "serve/replicas/merged_metrics.h"

#include "base/metrics.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

std::string TextOf(int64_t steps, double seconds) {
  MetricsRegistry registry;
  registry.GetCounter("steps_total", "Steps, made {so far}.").Add(steps);
  registry.GetCounter("ends_total", "Ends.", {{"why", "a \"{ b"}}).Add(steps);
  registry.GetGauge("connections", "Left out.").Set(1);
  registry.GetHistogram("seconds", "Times.", {1, 2}).Observe(seconds);
  return registry.Text();
}

TEST(MergedMetricsTest, EachNameOnceAndEachReplicasSamples) {
  EXPECT_EQ(MergeMetrics({{0, TextOf(3, 0.5)}, {2, TextOf(5, 1.5)}}, {"connections"}),
            "# HELP steps_total Steps, made {so far}.\n"
            "# TYPE steps_total counter\n"
            "steps_total{replica=\"0\"} 3\n"
            "steps_total{replica=\"2\"} 5\n"
            "# HELP ends_total Ends.\n"
            "# TYPE ends_total counter\n"
            "ends_total{replica=\"0\",why=\"a \\\"{ b\"} 3\n"
            "ends_total{replica=\"2\",why=\"a \\\"{ b\"} 5\n"
            "# HELP seconds Times.\n"
            "# TYPE seconds histogram\n"
            "seconds_bucket{replica=\"0\",le=\"1\"} 1\n"
            "seconds_bucket{replica=\"0\",le=\"2\"} 1\n"
            "seconds_bucket{replica=\"0\",le=\"+Inf\"} 1\n"
            "seconds_sum{replica=\"0\"} 0.5\n"
            "seconds_count{replica=\"0\"} 1\n"
            "seconds_bucket{replica=\"2\",le=\"1\"} 0\n"
            "seconds_bucket{replica=\"2\",le=\"2\"} 1\n"
            "seconds_bucket{replica=\"2\",le=\"+Inf\"} 1\n"
            "seconds_sum{replica=\"2\"} 1.5\n"
            "seconds_count{replica=\"2\"} 1\n");
}

TEST(MergedMetricsTest, ANameThatOnlyOneKnows) {
  EXPECT_EQ(MergeMetrics({{0, "# HELP a A.\n# TYPE a gauge\na 1\n"},
                          {1, "# HELP b B.\n# TYPE b gauge\nb 2\n"}},
                         {}),
            "# HELP a A.\n# TYPE a gauge\na{replica=\"0\"} 1\n"
            "# HELP b B.\n# TYPE b gauge\nb{replica=\"1\"} 2\n");
  EXPECT_EQ(MergeMetrics({}, {}), "");
  EXPECT_EQ(MergeMetrics({{0, "no name 1\n\n#"}}, {}), "");
}

}  // namespace
}  // namespace qed
