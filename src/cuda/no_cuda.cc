// This folder in a program built without QED_CUDA: there is no GPU to open, so
// whatever needs an opened one is never called.
#include "base/check.h"
#include "cuda/buffer.h"
#include "cuda/device.h"
#include "cuda/stream.h"

namespace qed::cuda {
namespace {

Status WithoutCuda() {
  return Unsupported("this program was built without CUDA; build it with -DQED_CUDA=ON");
}

}  // namespace

Result<DeviceInfo> OpenDevice(int ordinal) {
  return WithoutCuda().WithPrefix("cuda:" + std::to_string(ordinal));
}
void UseDevice(int) { QED_CHECK(false) << "no device was opened"; }
Result<DeviceMemory> QueryMemory() { return WithoutCuda(); }
std::string OtherMemoryHolders(int) { return ""; }
Status Synchronize() { return WithoutCuda(); }

Result<void*> internal::AllocateMemory(MemoryKind, size_t) { return WithoutCuda(); }
void internal::FreeMemory(MemoryKind, void*) {}

Result<Stream> Stream::Create() { return WithoutCuda(); }
Stream::~Stream() = default;
Status Stream::Synchronize() const { return WithoutCuda(); }
void Stream::Wait(const Event&) const { QED_CHECK(false) << "no device was opened"; }

Result<Event> Event::Create(Timing) { return WithoutCuda(); }
Event::~Event() = default;
void Event::Record(StreamHandle) const { QED_CHECK(false) << "no device was opened"; }
Result<bool> Event::Passed() const { return WithoutCuda(); }
Status Event::Synchronize() const { return WithoutCuda(); }
float Event::Milliseconds(const Event&, const Event&) {
  QED_CHECK(false) << "no device was opened";
  return 0;
}

void CopyToDevice(void*, const void*, size_t, StreamHandle) {
  QED_CHECK(false) << "no device was opened";
}
void CopyToHost(void*, const void*, size_t, StreamHandle) {
  QED_CHECK(false) << "no device was opened";
}
void CopyOnDevice(void*, const void*, size_t, StreamHandle) {
  QED_CHECK(false) << "no device was opened";
}
void Fill(void*, uint8_t, size_t, StreamHandle) { QED_CHECK(false) << "no device was opened"; }

Graph::~Graph() = default;
Status Graph::Begin(StreamHandle) { return WithoutCuda(); }
Result<Graph> Graph::End(StreamHandle) { return WithoutCuda(); }
void Graph::Launch(StreamHandle) const { QED_CHECK(false) << "no device was opened"; }

}  // namespace qed::cuda
