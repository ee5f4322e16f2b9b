# The GPU backend: nvcc, its flags, and FlashInfer's headers. Only with QED_CUDA;
# without it nothing of CUDA is looked for.
if(NOT QED_CUDA)
  return()
endif()

# H100 and H200, with the instructions that only they have.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 90a)
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
# The program must start where there is no CUDA, on the CPU: the runtime is in it,
# the driver and cuBLASLt are opened when a GPU is used.
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
enable_language(CUDA)
find_package(CUDAToolkit 13.0 REQUIRED)
include_directories(SYSTEM ${CUDAToolkit_INCLUDE_DIRS})

add_compile_options(
  "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Werror;-Werror=all-warnings;-lineinfo>")

# FlashInfer's attention templates with the CUTLASS and CCCL that they are written
# for, out of its wheel: headers only, no Python runs.
set(QED_FLASHINFER_VERSION 0.6.13)
set(QED_FLASHINFER_SHA256 239e6ddc3cbbaf0bee251861a8c7c69438b1171830d69ddfa133ddea4494850d)
set(QED_FLASHINFER_DIR "${CMAKE_SOURCE_DIR}/third_party/flashinfer-${QED_FLASHINFER_VERSION}"
    CACHE PATH "The unpacked flashinfer-python wheel; fetched from PyPI where it is missing")

function(qed_fetch_flashinfer)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  set(download ${CMAKE_BINARY_DIR}/flashinfer)
  message(STATUS "Fetching flashinfer-python ${QED_FLASHINFER_VERSION} from PyPI")
  execute_process(
    COMMAND ${Python3_EXECUTABLE} -m pip download --no-deps --quiet --dest ${download}
            flashinfer-python==${QED_FLASHINFER_VERSION}
    RESULT_VARIABLE failed)
  set(wheel ${download}/flashinfer_python-${QED_FLASHINFER_VERSION}-py3-none-any.whl)
  if(failed OR NOT EXISTS ${wheel})
    message(FATAL_ERROR "flashinfer-python ${QED_FLASHINFER_VERSION} could not be fetched with pip; "
                        "unpack its wheel and pass -DQED_FLASHINFER_DIR=FOLDER")
  endif()
  file(SHA256 ${wheel} hash)
  if(NOT hash STREQUAL QED_FLASHINFER_SHA256)
    message(FATAL_ERROR "${wheel} has SHA-256 ${hash}, not ${QED_FLASHINFER_SHA256}")
  endif()
  file(ARCHIVE_EXTRACT INPUT ${wheel} DESTINATION ${QED_FLASHINFER_DIR}
       PATTERNS flashinfer/data/include/* flashinfer/data/cccl/* flashinfer/data/cutlass/include/*
                flashinfer_python-*.dist-info/*)
endfunction()

if(NOT EXISTS ${QED_FLASHINFER_DIR}/flashinfer/data/include)
  qed_fetch_flashinfer()
endif()

# Their own CCCL must be found before the toolkit's: -I, not -isystem.
add_library(qed_flashinfer INTERFACE)
set(data ${QED_FLASHINFER_DIR}/flashinfer/data)
target_compile_options(qed_flashinfer INTERFACE
  "$<$<COMPILE_LANGUAGE:CUDA>:-I${data}/cccl/libcudacxx/include;-I${data}/cccl/cub;-I${data}/cccl/thrust;-I${data}/include;-I${data}/cutlass/include>")
