#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <mutex>
#include <vector>

#include "cuda/device.h"
#include "cuda/error.cuh"
#include "cuda/launch.cuh"

namespace qed::cuda {
namespace {

__global__ void ProbeKernel() {}

std::string DeviceName(int ordinal) { return "cuda:" + std::to_string(ordinal); }

std::string VersionText(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// Why there is no GPU to speak of.
Status NoDeviceStatus(cudaError_t error, int ordinal) {
  if (error == cudaErrorInsufficientDriver) {
    int driver = 0;
    cudaDriverGetVersion(&driver);
    if (driver == 0) {
      return Unavailable(DeviceName(ordinal) +
                         ": no NVIDIA driver is installed; install one or use --device cpu");
    }
    return Unsupported(DeviceName(ordinal) + ": the NVIDIA driver knows CUDA " +
                       VersionText(driver) + " and this program needs " +
                       VersionText(CUDART_VERSION) + "; update the driver or use --device cpu");
  }
  if (error == cudaErrorNoDevice) {
    return Unavailable(DeviceName(ordinal) + ": no NVIDIA GPU is there; use --device cpu");
  }
  return ToStatus(error, DeviceName(ordinal));
}

// Whether the program holds machine code that this GPU runs.
Status CheckMachineCode(const DeviceInfo& info) {
  cudaFuncAttributes attributes;
  const cudaError_t error = cudaFuncGetAttributes(&attributes, ProbeKernel);
  if (error == cudaErrorNoKernelImageForDevice) {
    cudaGetLastError();
    return Unsupported(DeviceName(info.ordinal) + " (" + info.name +
                       "): this program was built for other GPUs; build it with "
                       "-DCMAKE_CUDA_ARCHITECTURES=" +
                       std::to_string(info.major) + std::to_string(info.minor));
  }
  return ToStatus(error, DeviceName(info.ordinal) + " (" + info.name + ")");
}

// The few calls of NVIDIA's management library that are needed, by its stable
// binary interface: it comes with the driver, not with the toolkit.
struct Nvml {
  struct Process {
    unsigned pid;
    unsigned long long used_bytes;
    unsigned gpu_instance;
    unsigned compute_instance;
  };
  int (*init)() = nullptr;
  int (*device_by_bus_id)(const char*, void**) = nullptr;
  int (*compute_processes)(void*, unsigned*, Process*) = nullptr;

  static Nvml Load() {
    Nvml nvml;
    void* library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return nvml;
    nvml.init = reinterpret_cast<decltype(nvml.init)>(dlsym(library, "nvmlInit_v2"));
    nvml.device_by_bus_id = reinterpret_cast<decltype(nvml.device_by_bus_id)>(
        dlsym(library, "nvmlDeviceGetHandleByPciBusId_v2"));
    nvml.compute_processes = reinterpret_cast<decltype(nvml.compute_processes)>(
        dlsym(library, "nvmlDeviceGetComputeRunningProcesses_v3"));
    return nvml;
  }
  bool complete() const { return init && device_by_bus_id && compute_processes; }
};

// Of the calling thread's GPU; 0 where it cannot be asked.
int Attribute(cudaDeviceAttr attribute) {
  int device = 0, value = 0;
  const bool known = cudaGetDevice(&device) == cudaSuccess &&
                     cudaDeviceGetAttribute(&value, attribute, device) == cudaSuccess;
  return known ? value : 0;
}

}  // namespace

Result<DeviceInfo> OpenDevice(int ordinal) {
  int count = 0;
  if (const cudaError_t error = cudaGetDeviceCount(&count); error != cudaSuccess) {
    return NoDeviceStatus(error, ordinal);
  }
  if (ordinal < 0 || ordinal >= count) {
    return InvalidArgument(DeviceName(ordinal) + ": there are " + std::to_string(count) +
                           " GPUs, the first is cuda:0");
  }
  cudaDeviceProp properties;
  QED_RETURN_IF_ERROR(ToStatus(cudaGetDeviceProperties(&properties, ordinal), DeviceName(ordinal)));
  DeviceInfo info = {
      .ordinal = ordinal,
      .name = properties.name,
      .major = properties.major,
      .minor = properties.minor,
      .num_sms = properties.multiProcessorCount,
      .l2_bytes = properties.l2CacheSize,
      .shared_bytes_per_block = static_cast<int64_t>(properties.sharedMemPerBlockOptin),
      .total_bytes = static_cast<int64_t>(properties.totalGlobalMem)};
  if (info.major < 8) {
    return Unsupported(DeviceName(ordinal) + " (" + info.name + ") has compute capability " +
                       std::to_string(info.major) + "." + std::to_string(info.minor) +
                       "; at least 8.0 is needed; use --device cpu");
  }
  if (const cudaError_t error = cudaSetDevice(ordinal); error == cudaErrorDevicesUnavailable) {
    return Unavailable(DeviceName(ordinal) + " (" + info.name +
                       ") is held by another process for itself alone");
  } else if (error != cudaSuccess) {
    return ToStatus(error, DeviceName(ordinal) + " (" + info.name + ")");
  }
  QED_RETURN_IF_ERROR(CheckMachineCode(info));
  return info;
}

void UseDevice(int ordinal) { QED_CUDA_CHECK(cudaSetDevice(ordinal)); }

Result<DeviceMemory> QueryMemory() {
  size_t free_bytes = 0, total_bytes = 0;
  QED_RETURN_IF_ERROR(ToStatus(cudaMemGetInfo(&free_bytes, &total_bytes), "GPU memory"));
  return DeviceMemory{static_cast<int64_t>(free_bytes), static_cast<int64_t>(total_bytes)};
}

std::string OtherMemoryHolders(int ordinal) {
  static const Nvml nvml = Nvml::Load();
  std::array<char, 32> bus_id;
  void* device = nullptr;
  if (!nvml.complete() || nvml.init() != 0 ||
      cudaDeviceGetPCIBusId(bus_id.data(), bus_id.size(), ordinal) != cudaSuccess ||
      nvml.device_by_bus_id(bus_id.data(), &device) != 0) {
    return "";
  }
  std::vector<Nvml::Process> processes(64);
  auto count = static_cast<unsigned>(processes.size());
  if (nvml.compute_processes(device, &count, processes.data()) != 0) return "";
  std::string text;
  for (unsigned i = 0; i < std::min<size_t>(count, processes.size()); ++i) {
    if (processes[i].pid == static_cast<unsigned>(getpid())) continue;
    std::array<char, 64> line;
    std::snprintf(line.data(), line.size(), "process %u holds %.1f GiB", processes[i].pid,
                  static_cast<double>(processes[i].used_bytes) / (1 << 30));
    text += (text.empty() ? "" : ", ") + std::string(line.data());
  }
  return text;
}

Status Synchronize() { return ToStatus(cudaDeviceSynchronize(), "GPU"); }

bool DeviceOverlapsLaunches() {
  static const bool overlaps = Attribute(cudaDevAttrComputeCapabilityMajor) >= 9;
  return overlaps;
}

bool DeviceHasClusters() {
  static const bool has = Attribute(cudaDevAttrClusterLaunch) != 0;
  return has;
}

bool DeviceHasWarpgroupProducts() {
  static const bool has = Attribute(cudaDevAttrComputeCapabilityMajor) == 9;
  return has;
}

unsigned DeviceMultiprocessors() {
  static const int number = std::max(1, Attribute(cudaDevAttrMultiProcessorCount));
  return static_cast<unsigned>(number);
}

int DeviceSharedBytesPerBlock() {
  static const int bytes = Attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
  return bytes;
}

}  // namespace qed::cuda
