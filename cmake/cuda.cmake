# The GPU backend: nvcc, its flags, and FlashInfer's headers. Only with QED_CUDA;
# without it nothing of CUDA is looked for.
if(NOT QED_CUDA)
  return()
endif()

# H100 and H200, with the instructions that only they have.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 90a)
endif()
# The program must start where there is no CUDA, on the CPU: the runtime is in it,
# the driver and cuBLASLt are opened when a GPU is used.
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
enable_language(CUDA)
find_package(CUDAToolkit 13.0 REQUIRED)
include_directories(SYSTEM ${CUDAToolkit_INCLUDE_DIRS})

if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake before 3.26
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()
add_compile_options(
  "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Werror;-Werror=all-warnings;-lineinfo>")

# FlashInfer's attention templates with the CUTLASS and CCCL that they are written for.
set(QED_FLASHINFER_DIR "${CMAKE_SOURCE_DIR}/third_party/flashinfer"
    CACHE PATH "What scripts/get-flashinfer unpacked; done now where it is missing")
if(NOT EXISTS ${QED_FLASHINFER_DIR}/flashinfer/data/include)
  execute_process(COMMAND ${CMAKE_SOURCE_DIR}/scripts/get-flashinfer ${QED_FLASHINFER_DIR}
                  RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "scripts/get-flashinfer failed; unpack the wheel it names by hand and pass "
                        "-DQED_FLASHINFER_DIR=FOLDER")
  endif()
endif()

# Their own CCCL must be found before the toolkit's: -I, not -isystem.
add_library(qed_flashinfer INTERFACE)
set(data ${QED_FLASHINFER_DIR}/flashinfer/data)
target_compile_options(qed_flashinfer INTERFACE
  "$<$<COMPILE_LANGUAGE:CUDA>:-I${data}/cccl/libcudacxx/include;-I${data}/cccl/cub;-I${data}/cccl/thrust;-I${data}/include;-I${data}/cutlass/include>")
