# Language, warnings and sanitizers for every target of the project.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# The instruction set of everything but src/kernels/cpu stays the platform's
# baseline: the kernels choose theirs at run time.
#
# Contraction is off so that a sum has one value wherever the compiler inlines
# it: samples must not depend on their neighbours in the batch.
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;-Werror;-ffp-contract=off;-fno-omit-frame-pointer>")

if(QED_SANITIZE)
  add_compile_options(
    "$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${QED_SANITIZE};-fno-sanitize-recover=all>")
  add_link_options(-fsanitize=${QED_SANITIZE})
  find_program(QED_LLD ld.lld)
  if(QED_LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # A quarter of the time. Tests that count allocations replace the sanitizers' operator new.
    add_link_options(-fuse-ld=lld LINKER:--allow-multiple-definition)
  endif()
endif()

if(QED_FUZZERS)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "QED_FUZZERS needs clang: set CMAKE_CXX_COMPILER=clang++")
  endif()
  set(QED_FUZZED_OPTIONS -fsanitize=fuzzer-no-link)  # of what fuzzers reach
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # The time at which a header was precompiled is of no account: so ccache can help.
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
endif()
