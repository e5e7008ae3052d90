# What every target is compiled with: warnings as errors, sanitizers, ccache and mold where found.
add_library(millrace_options INTERFACE)
target_compile_options(millrace_options INTERFACE
  -Wall -Wextra -Werror -Wno-missing-field-initializers -Wno-unused-parameter)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 sees overruns in std::string's own inlined code (its bugs 105329 and 105651).
  target_compile_options(millrace_options INTERFACE -Wno-array-bounds -Wno-restrict
    -Wno-stringop-overflow)
else()
  # Clang warns of designated initializers that leave fields to their defaults.
  target_compile_options(millrace_options INTERFACE -Wno-missing-designated-field-initializers
    -Wno-unknown-warning-option -Wno-missing-braces -Wno-unused-private-field
    -Wno-unused-lambda-capture)
endif()
target_include_directories(millrace_options INTERFACE ${CMAKE_SOURCE_DIR})
# One level of file names in checks and logs, the same in every build folder.
add_compile_options(-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=)

if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  # -g1 keeps the line numbers that sanitizer reports need at a third of the link time.
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")
endif()
if(MILLRACE_SANITIZE)
  add_compile_options(-fsanitize=${MILLRACE_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MILLRACE_SANITIZE})
  # GCC's own diagnostics lose track of values under instrumentation.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(millrace_options INTERFACE -Wno-maybe-uninitialized -Wno-tsan)
  endif()
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE_PROGRAM})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  endif()
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()
