#include "base/metrics.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/check.h"

namespace qed {
namespace {

bool IsName(const std::string& name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
  };
  return !name.empty() && is_letter(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9');
  });
}

std::string FormatNumber(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char text[64];
  const auto [end, error] = std::to_chars(text, text + sizeof(text), value);
  QED_CHECK(error == std::errc()) << "64 characters hold every double";
  return std::string(text, end);
}

std::string EscapeHelp(const std::string& help) {
  std::string out;
  for (const char c : help) out += c == '\\' ? "\\\\" : c == '\n' ? "\\n" : std::string(1, c);
  return out;
}

// a="1",b="2"
std::string FormatLabels(const MetricLabels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    QED_CHECK(IsName(name)) << "label " << name;
    if (!out.empty()) out += ',';
    out += name + "=\"";
    for (const char c : value) {
      out += c == '"' ? "\\\"" : c == '\\' ? "\\\\" : c == '\n' ? "\\n" : std::string(1, c);
    }
    out += '"';
  }
  return out;
}

void AppendSample(std::string& out, const std::string& name, const std::string& labels,
                  double value) {
  out.append(name);
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out.append(" ").append(FormatNumber(value)).append("\n");
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {
  QED_CHECK(std::is_sorted(bounds_.begin(), bounds_.end()));
}

void Histogram::Observe(double value) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  const std::lock_guard<std::mutex> lock(mutex_);
  ++counts_[static_cast<size_t>(bucket)];
  sum_ += value;
}

Histogram::Snapshot Histogram::Read() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  Snapshot snapshot{counts_, sum_};
  for (size_t i = 1; i < snapshot.cumulative.size(); ++i) {
    snapshot.cumulative[i] += snapshot.cumulative[i - 1];
  }
  return snapshot;
}

// One set of labels. Exactly one of the members is set.
struct MetricsRegistry::Series {
  std::string labels;
  std::unique_ptr<Counter> counter;
  std::unique_ptr<Gauge> gauge;
  std::unique_ptr<Histogram> histogram;
  std::function<double()> read;

  void AppendTo(std::string& out, const std::string& name) const {
    if (histogram == nullptr) {
      const double value = counter ? static_cast<double>(counter->value())
                           : gauge ? gauge->value()
                                   : read();
      AppendSample(out, name, labels, value);
      return;
    }
    const Histogram::Snapshot snapshot = histogram->Read();
    const std::string prefix = labels.empty() ? "" : labels + ",";
    for (size_t i = 0; i < snapshot.cumulative.size(); ++i) {
      const bool last = i == histogram->bounds().size();
      const std::string bound = last ? "+Inf" : FormatNumber(histogram->bounds()[i]);
      AppendSample(out, name + "_bucket", prefix + "le=\"" + bound + "\"",
                   static_cast<double>(snapshot.cumulative[i]));
    }
    AppendSample(out, name + "_sum", labels, snapshot.sum);
    AppendSample(out, name + "_count", labels, static_cast<double>(snapshot.cumulative.back()));
  }
};

// All series of one name.
struct MetricsRegistry::Family {
  std::string name;
  std::string help;
  std::string type;
  std::vector<std::unique_ptr<Series>> series;
};

MetricsRegistry::MetricsRegistry() = default;
MetricsRegistry::~MetricsRegistry() = default;

// REQUIRES: mutex_ is held.
MetricsRegistry::Series& MetricsRegistry::FindOrAdd(const std::string& name,
                                                    const std::string& help, const char* type,
                                                    const MetricLabels& labels) {
  auto family = std::find_if(families_.begin(), families_.end(),
                             [&](const auto& one) { return one->name == name; });
  if (family == families_.end()) {
    QED_CHECK(IsName(name)) << "metric " << name;
    families_.push_back(std::make_unique<Family>(Family{name, help, type, {}}));
    family = families_.end() - 1;
  }
  QED_CHECK_EQ((*family)->type, type) << name;
  const std::string text = FormatLabels(labels);
  for (const auto& series : (*family)->series) {
    if (series->labels == text) return *series;
  }
  (*family)->series.push_back(std::make_unique<Series>());
  (*family)->series.back()->labels = text;
  return *(*family)->series.back();
}

Counter& MetricsRegistry::GetCounter(const std::string& name, const std::string& help,
                                     const MetricLabels& labels) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Series& series = FindOrAdd(name, help, "counter", labels);
  if (series.counter == nullptr) series.counter = std::make_unique<Counter>();
  return *series.counter;
}

Gauge& MetricsRegistry::GetGauge(const std::string& name, const std::string& help,
                                 const MetricLabels& labels) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Series& series = FindOrAdd(name, help, "gauge", labels);
  if (series.gauge == nullptr) series.gauge = std::make_unique<Gauge>();
  return *series.gauge;
}

Histogram& MetricsRegistry::GetHistogram(const std::string& name, const std::string& help,
                                         const std::vector<double>& bounds,
                                         const MetricLabels& labels) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Series& series = FindOrAdd(name, help, "histogram", labels);
  if (series.histogram == nullptr) series.histogram = std::make_unique<Histogram>(bounds);
  return *series.histogram;
}

void MetricsRegistry::AddGauge(const std::string& name, const std::string& help,
                               std::function<double()> read, const MetricLabels& labels) {
  const std::lock_guard<std::mutex> lock(mutex_);
  FindOrAdd(name, help, "gauge", labels).read = std::move(read);
}

void MetricsRegistry::AddCounter(const std::string& name, const std::string& help,
                                 std::function<double()> read, const MetricLabels& labels) {
  const std::lock_guard<std::mutex> lock(mutex_);
  FindOrAdd(name, help, "counter", labels).read = std::move(read);
}

std::string MetricsRegistry::Text() const {
  // Read without the lock: who is asked for a number may hold locks that others hold
  // when they come here.
  std::vector<std::pair<const Family*, std::vector<const Series*>>> shown;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& family : families_) {
      shown.emplace_back(family.get(), std::vector<const Series*>());
      for (const auto& series : family->series) shown.back().second.push_back(series.get());
    }
  }
  std::string out;
  for (const auto& [family, all_series] : shown) {
    out += "# HELP " + family->name + " " + EscapeHelp(family->help) + "\n";
    out += "# TYPE " + family->name + " " + family->type + "\n";
    for (const Series* series : all_series) series->AppendTo(out, family->name);
  }
  return out;
}

std::vector<double> LatencyBounds() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
          1,     2.5,    5,     10,   30,    60,   120, 300,  600};
}

}  // namespace qed
