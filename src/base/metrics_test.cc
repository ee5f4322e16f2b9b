#include "base/metrics.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace qed {
namespace {

TEST(MetricsTest, TextIsInThePrometheusFormat) {
  MetricsRegistry registry;
  registry.GetCounter("qed_requests_total", "Requests.", {{"status", "200"}}).Add(3);
  registry.GetCounter("qed_requests_total", "Requests.", {{"status", "400"}}).Add();
  registry.GetGauge("qed_running", "Running now.").Set(2.5);
  Histogram& seconds = registry.GetHistogram("qed_seconds", "Time.", {0.1, 1}, {{"op", "x"}});
  for (const double value : {0.1, 0.5, 7.0}) seconds.Observe(value);
  registry.AddGauge("qed_free", "Asked for.", [] { return 1e300; });
  EXPECT_EQ(registry.Text(),
            "# HELP qed_requests_total Requests.\n"
            "# TYPE qed_requests_total counter\n"
            "qed_requests_total{status=\"200\"} 3\n"
            "qed_requests_total{status=\"400\"} 1\n"
            "# HELP qed_running Running now.\n"
            "# TYPE qed_running gauge\n"
            "qed_running 2.5\n"
            "# HELP qed_seconds Time.\n"
            "# TYPE qed_seconds histogram\n"
            "qed_seconds_bucket{op=\"x\",le=\"0.1\"} 1\n"
            "qed_seconds_bucket{op=\"x\",le=\"1\"} 2\n"
            "qed_seconds_bucket{op=\"x\",le=\"+Inf\"} 3\n"
            "qed_seconds_sum{op=\"x\"} 7.6\n"
            "qed_seconds_count{op=\"x\"} 3\n"
            "# HELP qed_free Asked for.\n"
            "# TYPE qed_free gauge\n"
            "qed_free 1e+300\n");
}

TEST(MetricsTest, ValuesOfLabelsAreEscaped) {
  MetricsRegistry registry;
  registry.GetCounter("a", "b", {{"name", "x\"y\\z\nw"}});
  EXPECT_NE(registry.Text().find("a{name=\"x\\\"y\\\\z\\nw\"} 0\n"), std::string::npos);
}

TEST(MetricsTest, TheSameNameAndLabelsGiveTheSameMetric) {
  MetricsRegistry registry;
  Counter& first = registry.GetCounter("a", "b", {{"c", "d"}});
  for (int i = 0; i < 100; ++i) registry.GetCounter("a", "b", {{"c", std::to_string(i)}});
  EXPECT_EQ(&first, &registry.GetCounter("a", "b", {{"c", "d"}}));
}

TEST(MetricsTest, AddsFromManyThreadsAllCount) {
  MetricsRegistry registry;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&registry] {
      for (int i = 0; i < 1000; ++i) {
        registry.GetCounter("a", "b").Add();
        registry.GetGauge("g", "b").Add(1);
        registry.GetHistogram("h", "b", LatencyBounds()).Observe(0.5);
        if (i % 100 == 0) {
          EXPECT_FALSE(registry.Text().empty());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(registry.GetCounter("a", "b").value(), 4000);
  EXPECT_EQ(registry.GetGauge("g", "b").value(), 4000);
  EXPECT_EQ(registry.GetHistogram("h", "b", {}).Read().cumulative.back(), 4000);
}

}  // namespace
}  // namespace qed
