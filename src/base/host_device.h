// Marks functions that the CPU and a GPU both run, from the same source, and the
// short loops in them that must be unrolled to keep their arrays in registers.
#ifndef QED_BASE_HOST_DEVICE_H_
#define QED_BASE_HOST_DEVICE_H_

#ifdef __CUDACC__
#define QED_HOST_DEVICE __host__ __device__
#else
#define QED_HOST_DEVICE
#endif

#ifdef __CUDA_ARCH__
#define QED_UNROLL _Pragma("unroll")
#else
#define QED_UNROLL
#endif

#endif  // QED_BASE_HOST_DEVICE_H_
