// For tests that need a GPU: they skip, with the reason, where there is none.
#ifndef QED_CUDA_TEST_DEVICE_H_
#define QED_CUDA_TEST_DEVICE_H_

#include "cuda/device.h"
#include "gtest/gtest.h"

#define QED_REQUIRE_DEVICE()                                                    \
  do {                                                                          \
    if (const auto qed_device = ::qed::cuda::OpenDevice(0); !qed_device.ok()) { \
      GTEST_SKIP() << qed_device.status().message();                            \
    }                                                                           \
  } while (false)

#endif  // QED_CUDA_TEST_DEVICE_H_
