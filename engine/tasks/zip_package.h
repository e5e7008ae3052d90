#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace millrace {

// What a zip archive may unpack to. The ratio is of unpacked to packed bytes, of the whole archive.
struct ZipLimits {
  int64_t unpacked_bytes_max = 50 << 20;
  int entries_max = 5000;
  int64_t ratio_max = 200;
};

// Reads the whole archive, checksums included, without writing anything, and returns the
// normalized paths of its files. INVALID_ARGUMENT names the rule that the archive breaks: it is
// damaged or encrypted, over a limit, or has an entry that is absolute, climbs with "..", repeats
// another one, or is no plain file or folder.
absl::StatusOr<std::vector<std::string>> ListZip(absl::string_view zip,
                                                 const ZipLimits& limits = {});

// Unpacks the archive into an existing, empty folder. The same rules hold for each entry before
// anything of it is written, so nothing is ever written outside the folder.
absl::Status UnpackZip(absl::string_view zip, const std::string& folder,
                       const ZipLimits& limits = {});

}  // namespace millrace
