# Arrow's C++ library, with which Parquet files are read and written. A build without it
# does all else: scripts/get-arrow fetches it.
set(QED_ARROW_DIR "${CMAKE_SOURCE_DIR}/third_party/arrow"
    CACHE PATH "What scripts/get-arrow unpacked")
set(arrow_library ${QED_ARROW_DIR}/pyarrow/libarrow.so.2600)
set(parquet_library ${QED_ARROW_DIR}/pyarrow/libparquet.so.2600)
if(NOT EXISTS ${arrow_library} OR NOT EXISTS ${parquet_library})
  message(STATUS "Parquet files are left out of this build: run scripts/get-arrow to have them")
  return()
endif()

add_library(qed_arrow SHARED IMPORTED)
set_target_properties(qed_arrow PROPERTIES
  IMPORTED_LOCATION ${arrow_library}
  INTERFACE_INCLUDE_DIRECTORIES ${QED_ARROW_DIR}/pyarrow/include
  INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${QED_ARROW_DIR}/pyarrow/include)
add_library(qed_arrow_parquet SHARED IMPORTED)
set_target_properties(qed_arrow_parquet PROPERTIES
  IMPORTED_LOCATION ${parquet_library}
  INTERFACE_LINK_LIBRARIES qed_arrow)
