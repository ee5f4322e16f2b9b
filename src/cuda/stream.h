// Streams, events, copies and captured graphs.
//
// Launching and copying cannot fail for reasons of input: a refused launch is a
// bug of ours or a dead GPU, and ends the program with a message (QED_CHECK).
// What goes wrong later, on the device, shows as a Status where one waits.
#ifndef QED_CUDA_STREAM_H_
#define QED_CUDA_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/status.h"

// CUDA's own handle types, without its headers.
struct CUstream_st;
struct CUevent_st;
struct CUgraphExec_st;

namespace qed::cuda {

using StreamHandle = ::CUstream_st*;  // cudaStream_t

class Event;

// Work in order. Not the default stream: never waits for it.
class Stream {
 public:
  Stream() = default;
  static Result<Stream> Create();
  ~Stream();
  Stream(Stream&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Stream& operator=(Stream&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }

  StreamHandle handle() const { return handle_; }
  // Waits until everything put into the stream so far is done.
  Status Synchronize() const;
  // Work put into this stream from now on waits for `event`.
  void Wait(const Event& event) const;

 private:
  StreamHandle handle_ = nullptr;
};

// A point in a stream.
class Event {
 public:
  enum class Timing : uint8_t { kOff, kOn };

  Event() = default;
  static Result<Event> Create(Timing timing = Timing::kOff);
  ~Event();
  Event(Event&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Event& operator=(Event&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }

  ::CUevent_st* handle() const { return handle_; }
  void Record(StreamHandle stream) const;
  // Whether the stream has passed the point; an error of the work before it shows here.
  Result<bool> Passed() const;
  // Waits for the point, asleep where the wait is long.
  Status Synchronize() const;
  // Milliseconds between two passed events made with Timing::kOn.
  static float Milliseconds(const Event& start, const Event& end);

 private:
  ::CUevent_st* handle_ = nullptr;
};

// Asynchronous copies, in the stream's order; `pinned` stays untouched until then.
void CopyToDevice(void* device, const void* pinned, size_t bytes, StreamHandle stream);
void CopyToHost(void* pinned, const void* device, size_t bytes, StreamHandle stream);
void CopyOnDevice(void* to, const void* from, size_t bytes, StreamHandle stream);
// Sets each byte.
void Fill(void* device, uint8_t byte, size_t bytes, StreamHandle stream);

// Work recorded once and launched again and again, with the same pointers.
class Graph {
 public:
  Graph() = default;
  ~Graph();
  Graph(Graph&& other) noexcept : exec_(std::exchange(other.exec_, nullptr)) {}
  Graph& operator=(Graph&& other) noexcept {
    std::swap(exec_, other.exec_);
    return *this;
  }

  // Records what `work()` puts into `stream` (nothing runs) and makes it ready.
  // kResourceExhausted where the GPU has no room for it. `work` must not
  // allocate, wait or copy from memory that is not pinned.
  template <typename Work>
  static Result<Graph> Capture(StreamHandle stream, Work&& work) {
    if (Status begun = Begin(stream); !begun.ok()) return begun;
    work();
    return End(stream);
  }

  void Launch(StreamHandle stream) const;
  bool empty() const { return exec_ == nullptr; }

 private:
  static Status Begin(StreamHandle stream);
  static Result<Graph> End(StreamHandle stream);
  ::CUgraphExec_st* exec_ = nullptr;
};

}  // namespace qed::cuda

#endif  // QED_CUDA_STREAM_H_
