// Counters, gauges and histograms, and their Prometheus text. Source: the
// Prometheus text exposition format, version 0.0.4.
#ifndef QED_BASE_METRICS_H_
#define QED_BASE_METRICS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace qed {

// One number that only grows. Thread-safe, wait-free.
class Counter {
 public:
  void Add(int64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

// One number that goes up and down. Thread-safe.
class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  void Add(double by) { value_.fetch_add(by, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// How often values fell at or below each of `bounds`. Thread-safe.
class Histogram {
 public:
  // REQUIRES: bounds ascend.
  explicit Histogram(std::vector<double> bounds);
  void Observe(double value);

  struct Snapshot {
    std::vector<int64_t> cumulative;  // one more than bounds: the last is the count
    double sum = 0;
  };
  Snapshot Read() const;
  const std::vector<double>& bounds() const { return bounds_; }

 private:
  const std::vector<double> bounds_;
  mutable std::mutex mutex_;
  std::vector<int64_t> counts_;  // per bucket
  double sum_ = 0;
};

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

// Owns metrics. Names and labels are ours, never a client's: REQUIRES names and
// label names of letters, digits and "_". Asking again for a name and labels gives the
// same metric; REQUIRES it to be of the same kind. References stay valid as long
// as the registry. Thread-safe.
class MetricsRegistry {
 public:
  MetricsRegistry();
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  Counter& GetCounter(const std::string& name, const std::string& help,
                      const MetricLabels& labels = {});
  Gauge& GetGauge(const std::string& name, const std::string& help,
                  const MetricLabels& labels = {});
  Histogram& GetHistogram(const std::string& name, const std::string& help,
                          const std::vector<double>& bounds, const MetricLabels& labels = {});
  // A number that is asked for when the text is made: a gauge, or a counter kept
  // elsewhere. `read` may be called by any thread while the registry lives. Once for
  // a name and labels.
  void AddGauge(const std::string& name, const std::string& help, std::function<double()> read,
                const MetricLabels& labels = {});
  void AddCounter(const std::string& name, const std::string& help, std::function<double()> read,
                  const MetricLabels& labels = {});

  // Everything, in the order of first registration; content type
  // kMetricsContentType.
  std::string Text() const;

 private:
  struct Family;
  struct Series;
  Series& FindOrAdd(const std::string& name, const std::string& help, const char* type,
                    const MetricLabels& labels);

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Family>> families_;
};

inline constexpr char kMetricsContentType[] = "text/plain; version=0.0.4; charset=utf-8";

// Bounds for latencies in seconds, from 1 ms to 10 minutes.
std::vector<double> LatencyBounds();

}  // namespace qed

#endif  // QED_BASE_METRICS_H_
