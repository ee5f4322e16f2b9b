#include <cuda_runtime_api.h>

#include "cuda/error.cuh"
#include "cuda/stream.h"

namespace qed::cuda {

Result<Stream> Stream::Create() {
  Stream stream;
  QED_RETURN_IF_ERROR(
      ToStatus(cudaStreamCreateWithFlags(&stream.handle_, cudaStreamNonBlocking), "GPU stream"));
  return stream;
}

Stream::~Stream() {
  if (handle_ != nullptr) cudaStreamDestroy(handle_);
}

Status Stream::Synchronize() const { return ToStatus(cudaStreamSynchronize(handle_), "GPU"); }

void Stream::Wait(const Event& event) const {
  QED_CUDA_CHECK(cudaStreamWaitEvent(handle_, event.handle(), 0));
}

Result<Event> Event::Create(Timing timing) {
  Event event;
  const unsigned flags =
      cudaEventBlockingSync | (timing == Timing::kOn ? 0U : unsigned{cudaEventDisableTiming});
  QED_RETURN_IF_ERROR(ToStatus(cudaEventCreateWithFlags(&event.handle_, flags), "GPU event"));
  return event;
}

Event::~Event() {
  if (handle_ != nullptr) cudaEventDestroy(handle_);
}

void Event::Record(StreamHandle stream) const { QED_CUDA_CHECK(cudaEventRecord(handle_, stream)); }

Result<bool> Event::Passed() const {
  const cudaError_t error = cudaEventQuery(handle_);
  if (error == cudaErrorNotReady) return false;
  QED_RETURN_IF_ERROR(ToStatus(error, "GPU"));
  return true;
}

Status Event::Synchronize() const { return ToStatus(cudaEventSynchronize(handle_), "GPU"); }

float Event::Milliseconds(const Event& start, const Event& end) {
  float milliseconds = 0;
  QED_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, start.handle_, end.handle_));
  return milliseconds;
}

void CopyToDevice(void* device, const void* pinned, size_t bytes, StreamHandle stream) {
  QED_CUDA_CHECK(cudaMemcpyAsync(device, pinned, bytes, cudaMemcpyHostToDevice, stream));
}

void CopyToHost(void* pinned, const void* device, size_t bytes, StreamHandle stream) {
  QED_CUDA_CHECK(cudaMemcpyAsync(pinned, device, bytes, cudaMemcpyDeviceToHost, stream));
}

void CopyOnDevice(void* to, const void* from, size_t bytes, StreamHandle stream) {
  QED_CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream));
}

void Fill(void* device, uint8_t byte, size_t bytes, StreamHandle stream) {
  QED_CUDA_CHECK(cudaMemsetAsync(device, byte, bytes, stream));
}

Graph::~Graph() {
  if (exec_ != nullptr) cudaGraphExecDestroy(exec_);
}

Status Graph::Begin(StreamHandle stream) {
  return ToStatus(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal),
                  "capturing a GPU graph");
}

Result<Graph> Graph::End(StreamHandle stream) {
  cudaGraph_t recorded = nullptr;
  QED_RETURN_IF_ERROR(ToStatus(cudaStreamEndCapture(stream, &recorded), "capturing a GPU graph"));
  Graph graph;
  const cudaError_t error = cudaGraphInstantiate(&graph.exec_, recorded, 0);
  cudaGraphDestroy(recorded);
  QED_RETURN_IF_ERROR(ToStatus(error, "making a GPU graph ready"));
  // Its parts go to the GPU now, not at the first launch.
  QED_RETURN_IF_ERROR(ToStatus(cudaGraphUpload(graph.exec_, stream), "uploading a GPU graph"));
  return graph;
}

void Graph::Launch(StreamHandle stream) const { QED_CUDA_CHECK(cudaGraphLaunch(exec_, stream)); }

}  // namespace qed::cuda
