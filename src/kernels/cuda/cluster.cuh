// Blocks that read each other's shared memory.
#ifndef QED_KERNELS_CUDA_CLUSTER_CUH_
#define QED_KERNELS_CUDA_CLUSTER_CUH_

// Blocks of a cluster start together, on one part of the GPU. Machine code for older
// GPUs has the kernels too but does not launch them.
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
#define QED_CLUSTER(blocks) __cluster_dims__(blocks, 1, 1)
#else
#define QED_CLUSTER(blocks)
#endif

#endif  // QED_KERNELS_CUDA_CLUSTER_CUH_
