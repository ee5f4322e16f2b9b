# qed_module(NAME SOURCES a.cc ... [TESTS a_test.cc ...] [LINK lib ...]
#            [CUDA_SOURCES a.cu ...] [CUDA_TESTS b_test.cc ...] [CUDA_LINK lib ...]
#            [NO_CUDA_SOURCES c.cc ...] [OPTIMIZED])
#
# One call per folder of src/: the folder is the static library qed_NAME, its
# tests the program NAME_test. What it links is read from tools/layers.txt, so
# that the linker and the layer check tell the same story. What starts with CUDA_
# is for builds with QED_CUDA, what starts with NO_CUDA_ for those without. OPTIMIZED
# folders are optimized under sanitizers too, where nothing else may be: they compute, or
# call themselves so deeply that larger frames would not fit the stack.
file(STRINGS ${CMAKE_SOURCE_DIR}/tools/layers.txt QED_LAYERS REGEX "^[a-z]+:")
set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
             ${CMAKE_SOURCE_DIR}/tools/layers.txt)

set(QED_UNIT_FOLDER ${CMAKE_SOURCE_DIR}/src)

# Tests are compiled quickly, what they test as it is used. (With a little optimization GCC 12
# takes sums of strings for writes out of bounds.)
set(QED_TEST_OPTIONS $<$<CONFIG:Release>:-O0>)

# The headers that most files read, or that take long, are compiled once: for sources, and
# with GoogleTest's for tests.
set(QED_PRECOMPILED <nlohmann/json.hpp> <algorithm> <chrono> <condition_variable> <filesystem>
    <functional> <map> <memory> <mutex> <optional> <set> <string> <thread> <utility> <vector>)
set(QED_JSON_ONCE ${CMAKE_SOURCE_DIR}/src/base/json_once.h)
file(WRITE ${CMAKE_BINARY_DIR}/precompiled.cc "")
add_library(qed_precompiled OBJECT ${CMAKE_BINARY_DIR}/precompiled.cc)
target_precompile_headers(qed_precompiled PRIVATE ${QED_PRECOMPILED})
if(QED_SANITIZE)
  target_precompile_headers(qed_precompiled PRIVATE ${QED_JSON_ONCE})
endif()
target_compile_options(qed_precompiled PRIVATE ${QED_FUZZED_OPTIONS})
add_library(qed_precompiled_tests OBJECT ${CMAKE_BINARY_DIR}/precompiled.cc)
target_precompile_headers(qed_precompiled_tests PRIVATE ${QED_PRECOMPILED} <gmock/gmock.h>
                          <gtest/gtest.h> ${QED_JSON_ONCE})
target_compile_options(qed_precompiled_tests PRIVATE ${QED_TEST_OPTIONS})
target_link_libraries(qed_precompiled_tests PRIVATE GTest::gmock)

function(qed_layer_deps name out)
  set(found "")
  foreach(line IN LISTS QED_LAYERS)
    if(line MATCHES "^${name}:(.*)$")
      string(STRIP "${CMAKE_MATCH_1}" deps)
      string(REGEX REPLACE "[ \t]+" ";" deps "${deps}")
      foreach(dep IN LISTS deps)
        list(APPEND found qed_${dep})
      endforeach()
      set(${out} "${found}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "folder ${name} is not in tools/layers.txt")
endfunction()

function(qed_module name)
  cmake_parse_arguments(ARG "OPTIMIZED" ""
    "SOURCES;TESTS;LINK;CUDA_SOURCES;CUDA_TESTS;CUDA_LINK;NO_CUDA_SOURCES" ${ARGN})
  if(QED_CUDA)
    list(APPEND ARG_SOURCES ${ARG_CUDA_SOURCES})
    list(APPEND ARG_TESTS ${ARG_CUDA_TESTS})
    list(APPEND ARG_LINK ${ARG_CUDA_LINK})
  else()
    list(APPEND ARG_SOURCES ${ARG_NO_CUDA_SOURCES})
  endif()
  qed_layer_deps(${name} deps)
  if(ARG_SOURCES)
    add_library(qed_${name} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
  else()
    add_library(qed_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(qed_${name} ${scope} ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(qed_${name} ${scope} ${deps} ${ARG_LINK} Threads::Threads)
  if(ARG_SOURCES)
    if(ARG_OPTIMIZED AND QED_SANITIZE)
      target_compile_options(qed_${name} PRIVATE -O1)
    endif()
    # What is compiled with flags of its own can share no precompiled header.
    if(NOT name STREQUAL "kernels")  # which reads no input that is worth following
      target_compile_options(qed_${name} PRIVATE ${QED_FUZZED_OPTIONS})
      if(NOT ARG_OPTIMIZED OR NOT QED_SANITIZE)
        target_precompile_headers(qed_${name} REUSE_FROM qed_precompiled)
      endif()
    endif()
  endif()
  if(ARG_TESTS)
    qed_test(${name}_test SOURCES ${ARG_TESTS} LINK qed_${name})
  endif()
endfunction()

# Builds every unit test, the programs that lie beside their sources in src/.
add_custom_target(unit_tests)
# Builds every fuzzer.
add_custom_target(fuzzers)

# qed_test(NAME SOURCES ... LINK ... [TIMEOUT seconds]): a GoogleTest program,
# each of its tests a test of ctest, those in src/ with the label "unit".
function(qed_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(QED_SANITIZE)
    math(EXPR ARG_TIMEOUT "5 * ${ARG_TIMEOUT}")
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
  target_compile_definitions(${name} PRIVATE QED_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest_main GTest::gmock)
  cmake_path(IS_PREFIX QED_UNIT_FOLDER "${CMAKE_CURRENT_SOURCE_DIR}" is_unit)
  if(is_unit)
    set(labels unit)
    add_dependencies(unit_tests ${name})
  else()
    set(labels cross)
    set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)
  endif()
  target_compile_options(${name} PRIVATE ${QED_TEST_OPTIONS})
  target_precompile_headers(${name} REUSE_FROM qed_precompiled_tests)
  gtest_discover_tests(${name} TEST_PREFIX "${name}/" DISCOVERY_MODE PRE_TEST
                       PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS ${labels})
endfunction()

# qed_fuzzer(NAME SOURCE x_fuzz.cc LINK ...): a libFuzzer program (QED_FUZZERS).
function(qed_fuzzer name)
  cmake_parse_arguments(ARG "" "SOURCE" "LINK" ${ARGN})
  if(QED_FUZZERS)
    add_executable(${name} ${ARG_SOURCE})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
    target_compile_options(${name} PRIVATE ${QED_FUZZED_OPTIONS})
    target_link_libraries(${name} PRIVATE ${ARG_LINK})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers ${name})
  endif()
endfunction()
