// Tiles of a matrix brought to shared memory by the copy engine (TMA, compute capability
// 9.0), and the barriers in shared memory on which they arrive. As PTX names them (ISA,
// "cp.async.bulk.tensor" and "mbarrier").
#ifndef QED_KERNELS_CUDA_COPY_ENGINE_CUH_
#define QED_KERNELS_CUDA_COPY_ENGINE_CUH_

#include <cuda.h>
#include <cuda_runtime.h>

#include <cstdint>

namespace qed::cuda {

// A barrier in shared memory. It has passed phase 0 once `count` arrivals and all bytes
// that were announced have come, then phase 1, and so on.
class ArrivalBarrier {
 public:
  __device__ void Init(uint32_t count) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;\n" ::"r"(Address()), "r"(count)
                 : "memory");
  }

  // Makes barriers that this thread has set up known to the copy engine.
  __device__ static void EndInit() {
    asm volatile("fence.mbarrier_init.release.cluster;\n" ::: "memory");
  }

  __device__ void Arrive() {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];\n" ::"r"(Address()) : "memory");
  }

  // Arrives, and announces bytes that copies will bring.
  __device__ void ArriveAndExpect(uint32_t bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;\n" ::"r"(Address()),
                 "r"(bytes)
                 : "memory");
  }

  // Waits until the phase of this parity has passed.
  __device__ void Wait(uint32_t parity) {
    uint32_t passed = 0;
    while (passed == 0) {
      asm volatile(
          "{\n.reg .pred p;\n"
          "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
          "selp.u32 %0, 1, 0, p;\n}\n"
          : "=r"(passed)
          : "r"(Address()), "r"(parity)
          : "memory");
    }
  }

  __device__ uint32_t Address() const {
    return static_cast<uint32_t>(__cvta_generic_to_shared(&state_));
  }

 private:
  uint64_t state_;
};

// What the second-level cache does with the bytes of a copy.
enum class CachePolicy : uint64_t {
  kReadOnce = 0x12F0000000000000,  // they go first when it needs room
  kReadAgain = 0x14F0000000000000,
};

// Brings the tile whose first element is (row, column) to shared memory; its bytes arrive
// at `barrier`. One thread calls it.
__device__ __forceinline__ void CopyTile(uint32_t to, const CUtensorMap& matrix, int column,
                                         int row, const ArrivalBarrier& barrier,
                                         CachePolicy policy) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes"
      ".L2::cache_hint [%0], [%1, {%2, %3}], [%4], %5;\n" ::"r"(to),
      "l"(&matrix), "r"(column), "r"(row), "r"(barrier.Address()),
      "l"(static_cast<uint64_t>(policy))
      : "memory");
}

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_COPY_ENGINE_CUH_
