// What the GPU's benchmarks share.
#ifndef QED_BENCH_GPU_TIMING_H_
#define QED_BENCH_GPU_TIMING_H_

#include <cstdint>
#include <utility>

#include "base/check.h"
#include "base/status.h"
#include "cuda/stream.h"

namespace qed::cuda {

inline void Check(const Status& status) { QED_CHECK(status.ok()) << status.message(); }

template <typename T>
T Must(Result<T> result) {
  Check(result.status());
  return std::move(result).value();
}

// Milliseconds of one call of work(run), the mean over 30 of them behind one another in
// a graph: as in the engine, the host's launches cost nothing.
template <typename Work>
double Time(const Stream& stream, Work&& work) {
  constexpr int32_t kRuns = 30;
  const Event start = Must(Event::Create(Event::Timing::kOn));
  const Event end = Must(Event::Create(Event::Timing::kOn));
  for (int32_t i = 0; i < 3; ++i) work(i);
  const Graph graph = Must(Graph::Capture(stream.handle(), [&] {
    for (int32_t i = 0; i < kRuns; ++i) work(i);
  }));
  graph.Launch(stream.handle());
  start.Record(stream.handle());
  graph.Launch(stream.handle());
  end.Record(stream.handle());
  Check(stream.Synchronize());
  return Event::Milliseconds(start, end) / kRuns;
}

}  // namespace qed::cuda

#endif  // QED_BENCH_GPU_TIMING_H_
