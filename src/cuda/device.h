// The GPU as the program sees it: is there one, is it fit, what is free on it.
//
// Headers of this folder include nothing of CUDA, so that host code which drives
// a GPU compiles anywhere. Built without QED_CUDA, everything here answers
// kUnsupported: "built without CUDA".
#ifndef QED_CUDA_DEVICE_H_
#define QED_CUDA_DEVICE_H_

#include <cstdint>
#include <string>

#include "base/status.h"

namespace qed::cuda {

struct DeviceInfo {
  int ordinal = 0;
  std::string name;
  int major = 0;  // compute capability
  int minor = 0;
  int num_sms = 0;
  int64_t l2_bytes = 0;
  int64_t shared_bytes_per_block = 0;  // most that a kernel may ask for
  int64_t total_bytes = 0;
};

struct DeviceMemory {
  int64_t free_bytes = 0;
  int64_t total_bytes = 0;
};

// Makes GPU `ordinal` the calling thread's and checks that this program can run
// on it. kUnsupported: built without CUDA, a GPU older than compute capability
// 8.0, a driver too old, or no machine code for this GPU. kUnavailable: no GPU,
// or another process has it for itself. kInvalidArgument: no such ordinal.
// Messages start with "cuda:N" and say what to do.
Result<DeviceInfo> OpenDevice(int ordinal);

// Makes an opened GPU the calling thread's: each thread that calls this folder
// starts on GPU 0. REQUIRES: OpenDevice(ordinal) was OK.
void UseDevice(int ordinal);

// Of the calling thread's GPU, at this moment.
Result<DeviceMemory> QueryMemory();

// Who else holds memory on the GPU, for messages: "process 4711 holds 70.1 GiB",
// several joined by ", "; empty where nobody does or the driver does not say.
std::string OtherMemoryHolders(int ordinal);

// Waits for all work of the calling thread's GPU. An error of anything launched
// before shows here; the GPU cannot be used after one.
Status Synchronize();

}  // namespace qed::cuda

#endif  // QED_CUDA_DEVICE_H_
