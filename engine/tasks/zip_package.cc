#include "engine/tasks/zip_package.h"

#include <archive.h>
#include <archive_entry.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/base/status_macros.h"

namespace millrace {
namespace {

constexpr size_t kPathBytesMax = 1024;
constexpr size_t kBlockBytes = 64 << 10;

struct ArchiveDeleter {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using ArchiveReader = std::unique_ptr<archive, ArchiveDeleter>;

struct ZipEntry {
  std::string path;  // relative, normalized
  bool is_folder = false;
};

// What a walk over an archive tells about: each entry, then the bytes of a file piece by piece.
struct ZipVisitor {
  absl::FunctionRef<absl::Status(const ZipEntry&)> on_entry;
  absl::FunctionRef<absl::Status(absl::string_view)> on_bytes;
};

absl::Status Refuse(absl::string_view path, absl::string_view rule) {
  return absl::InvalidArgumentError(absl::StrCat("The zip archive's entry '", path, "' ", rule));
}

absl::StatusOr<std::string> NormalizePath(absl::string_view path) {
  if (path.empty()) return Refuse(path, "has no name.");
  if (path.size() > kPathBytesMax) return Refuse(path.substr(0, 64), "has too long a path.");
  if (path.front() == '/') return Refuse(path, "has an absolute path.");
  if (absl::StrContains(path, '\\')) return Refuse(path, "has a backslash in its path.");
  std::vector<absl::string_view> parts;
  for (absl::string_view part : absl::StrSplit(path, '/')) {
    if (part == "..") return Refuse(path, "climbs out of its folder with '..'.");
    if (!part.empty() && part != ".") parts.push_back(part);
  }
  return absl::StrJoin(parts, "/");
}

absl::StatusOr<ZipEntry> CheckEntry(archive_entry* raw) {
  const char* name = archive_entry_pathname_utf8(raw);
  if (name == nullptr) name = archive_entry_pathname(raw);
  if (name == nullptr) return Refuse("?", "has a name that cannot be read.");
  ZipEntry entry;
  MILLRACE_ASSIGN_OR_RETURN(entry.path, NormalizePath(name));
  if (archive_entry_hardlink(raw) != nullptr) return Refuse(name, "is a hard link.");
  if (archive_entry_symlink(raw) != nullptr || archive_entry_filetype(raw) == AE_IFLNK) {
    return Refuse(name, "is a symbolic link.");
  }
  if (archive_entry_is_encrypted(raw)) return Refuse(name, "is encrypted.");
  entry.is_folder = archive_entry_filetype(raw) == AE_IFDIR;
  if (!entry.is_folder && archive_entry_filetype(raw) != AE_IFREG) {
    return Refuse(name, "is neither a file nor a folder.");
  }
  if (!entry.is_folder && entry.path.empty()) return Refuse(name, "has no name.");
  return entry;
}

absl::StatusOr<ArchiveReader> OpenZip(absl::string_view zip) {
  ArchiveReader reader(archive_read_new());
  // By the central directory, as zip tools read it, since only that tells links from files.
  archive_read_support_format_zip_seekable(reader.get());
  if (archive_read_open_memory(reader.get(), zip.data(), zip.size()) != ARCHIVE_OK) {
    return absl::InvalidArgumentError("The code is no zip archive that can be read.");
  }
  return reader;
}

// One walk over one archive.
class ZipWalk {
 public:
  ZipWalk(absl::string_view zip, const ZipLimits& limits, ZipVisitor visitor)
      : zip_(zip), limits_(limits), visitor_(visitor) {}

  absl::Status Run() {
    MILLRACE_ASSIGN_OR_RETURN(reader_, OpenZip(zip_));
    while (true) {
      archive_entry* raw = nullptr;
      const int code = archive_read_next_header(reader_.get(), &raw);
      if (code == ARCHIVE_EOF) return absl::OkStatus();
      // A warning is only about names that the server's locale cannot show.
      if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return Damaged();
      MILLRACE_RETURN_IF_ERROR(ReadEntry(raw));
    }
  }

 private:
  absl::Status ReadEntry(archive_entry* raw) {
    if (++entries_ > limits_.entries_max) {
      return absl::InvalidArgumentError(
          absl::StrCat("The zip archive has more than ", limits_.entries_max, " entries."));
    }
    MILLRACE_ASSIGN_OR_RETURN(const ZipEntry entry, CheckEntry(raw));
    if (!entry.is_folder && !paths_.insert(entry.path).second) {
      return Refuse(entry.path, "is there twice.");
    }
    MILLRACE_RETURN_IF_ERROR(visitor_.on_entry(entry));
    return entry.is_folder ? absl::OkStatus() : ReadContent();
  }

  absl::Status ReadContent() {
    while (true) {
      const la_ssize_t size = archive_read_data(reader_.get(), block_.data(), block_.size());
      if (size == 0) return absl::OkStatus();
      if (size < 0) return Damaged();
      unpacked_bytes_ += size;
      MILLRACE_RETURN_IF_ERROR(CheckSize());
      MILLRACE_RETURN_IF_ERROR(visitor_.on_bytes({block_.data(), static_cast<size_t>(size)}));
    }
  }

  // Counted as bytes come, because the sizes that an archive states may be lies.
  absl::Status CheckSize() const {
    if (unpacked_bytes_ > limits_.unpacked_bytes_max) {
      return absl::InvalidArgumentError(absl::StrCat("The zip archive unpacks to more than ",
                                                     limits_.unpacked_bytes_max, " bytes."));
    }
    if (unpacked_bytes_ > limits_.ratio_max * static_cast<int64_t>(zip_.size())) {
      return absl::InvalidArgumentError(absl::StrCat("The zip archive unpacks to more than ",
                                                     limits_.ratio_max, " times its size."));
    }
    return absl::OkStatus();
  }

  absl::Status Damaged() const {
    const char* reason = archive_error_string(reader_.get());
    return absl::InvalidArgumentError(absl::StrCat("The zip archive is damaged: ",
                                                   reason == nullptr ? "no reason given" : reason));
  }

  const absl::string_view zip_;
  const ZipLimits limits_;
  const ZipVisitor visitor_;
  ArchiveReader reader_;
  std::vector<char> block_ = std::vector<char>(kBlockBytes);
  absl::flat_hash_set<std::string> paths_;
  int entries_ = 0;
  int64_t unpacked_bytes_ = 0;
};

absl::Status MakeFolders(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("Cannot make the folder '", folder.string(), "': ", error.message()));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ListZip(absl::string_view zip, const ZipLimits& limits) {
  std::vector<std::string> paths;
  const auto keep_path = [&paths](const ZipEntry& entry) {
    if (!entry.is_folder) paths.push_back(entry.path);
    return absl::OkStatus();
  };
  const auto skip_bytes = [](absl::string_view) { return absl::OkStatus(); };
  MILLRACE_RETURN_IF_ERROR(
      ZipWalk(zip, limits, {.on_entry = keep_path, .on_bytes = skip_bytes}).Run());
  return paths;
}

absl::Status UnpackZip(absl::string_view zip, const std::string& folder, const ZipLimits& limits) {
  const std::filesystem::path root(folder);
  std::ofstream file;
  const auto open_entry = [&](const ZipEntry& entry) {
    file.close();
    const std::filesystem::path path = root / entry.path;
    if (entry.is_folder) return MakeFolders(path);
    MILLRACE_RETURN_IF_ERROR(MakeFolders(path.parent_path()));
    file.clear();
    file.open(path, std::ios::binary | std::ios::trunc);
    return file ? absl::OkStatus() : Refuse(entry.path, "cannot be written.");
  };
  const auto write_bytes = [&](absl::string_view bytes) {
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return file ? absl::OkStatus() : absl::UnavailableError("No room to unpack a zip archive.");
  };
  MILLRACE_RETURN_IF_ERROR(
      ZipWalk(zip, limits, {.on_entry = open_entry, .on_bytes = write_bytes}).Run());
  if (file.is_open()) file.close();
  return file ? absl::OkStatus() : absl::UnavailableError("No room to unpack a zip archive.");
}

}  // namespace millrace
