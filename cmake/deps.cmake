# Third-party libraries, all from the distribution's packages
# (scripts/install-deps lists them).
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Boost 1.74 REQUIRED)  # headers only
find_package(CURL 7.85 REQUIRED)   # headers only: the library is opened at run time
find_path(QED_XXHASH xxhash.h REQUIRED)  # headers only
# Linked into the program where it can be: a program that was built on one
# distribution then runs on another with another version of the library.
find_library(QED_YAML_CPP NAMES libyaml-cpp.a yaml-cpp REQUIRED)
find_library(QED_CRYPTO NAMES libcrypto.a crypto REQUIRED)  # OpenSSL's digests
find_package(GTest REQUIRED)
include(GoogleTest)
