# Third-party libraries, all from the distribution's packages
# (scripts/install-deps lists them).
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Boost 1.74 REQUIRED)  # headers only
find_package(yaml-cpp REQUIRED)
find_package(GTest REQUIRED)
include(GoogleTest)
