// A persistent pool of threads for loops inside one engine step.
//
// The caller works too: ThreadPool(2) starts one thread. Chunks are handed out
// one by one, and the caller waits for unfinished chunks, not for threads: a
// worker that the operating system has taken off its core while it held no
// chunk costs nothing, and one that held a chunk is waited for by sleeping
// (after a short spin), so that the kernel can give it the caller's core.
//
// Threads: ParallelFor must be called by one thread at a time.
#ifndef QED_BASE_THREAD_POOL_H_
#define QED_BASE_THREAD_POOL_H_

#include <cstdint>
#include <memory>
#include <type_traits>

namespace qed {

class ThreadPool {
 public:
  // REQUIRES: threads >= 1 (counting the caller).
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const;

  // Calls fn(chunk) once for each chunk in [0, chunks), in no particular order,
  // on the caller and the workers; returns when all calls have. Writes made by
  // the calls are visible to the caller afterwards. Allocates nothing.
  // REQUIRES: fn does not throw and does not call ParallelFor.
  template <typename Fn>
  void ParallelFor(int64_t chunks, Fn&& fn) {
    using F = std::remove_reference_t<Fn>;
    Run(
        chunks, [](void* context, int64_t chunk) { (*static_cast<F*>(context))(chunk); },
        const_cast<void*>(static_cast<const void*>(&fn)));
  }

 private:
  struct Shared;
  void Run(int64_t chunks, void (*call)(void*, int64_t), void* context);
  std::unique_ptr<Shared> shared_;
};

}  // namespace qed

#endif  // QED_BASE_THREAD_POOL_H_
