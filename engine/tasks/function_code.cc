#include "engine/tasks/function_code.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <system_error>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"
#include "engine/tasks/zip_package.h"

namespace millrace {
namespace {

constexpr size_t kHandlerBytesMax = 256;

bool IsIdentifier(absl::string_view text) {
  if (text.empty() || absl::ascii_isdigit(text.front())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

// What Python 3.11 has loaded before it imports a function's module.
bool IsPythonsOwn(absl::string_view module) {
  static const auto* const kModules =
      new absl::flat_hash_set<absl::string_view>{"__main__",
                                                 "_abc",
                                                 "_codecs",
                                                 "_collections",
                                                 "_collections_abc",
                                                 "_functools",
                                                 "_imp",
                                                 "_io",
                                                 "_json",
                                                 "_operator",
                                                 "_signal",
                                                 "_sre",
                                                 "_stat",
                                                 "_thread",
                                                 "_warnings",
                                                 "_weakref",
                                                 "abc",
                                                 "builtins",
                                                 "codecs",
                                                 "collections",
                                                 "copyreg",
                                                 "encodings",
                                                 "enum",
                                                 "functools",
                                                 "genericpath",
                                                 "io",
                                                 "itertools",
                                                 "json",
                                                 "keyword",
                                                 "marshal",
                                                 "operator",
                                                 "os",
                                                 "posix",
                                                 "posixpath",
                                                 "re",
                                                 "reprlib",
                                                 "site",
                                                 "sitecustomize",
                                                 "stat",
                                                 "sys",
                                                 "time",
                                                 "types",
                                                 "usercustomize",
                                                 "zipimport",
                                                 "_frozen_importlib",
                                                 "_sitebuiltins",
                                                 "_frozen_importlib_external"};
  return kModules->contains(module);
}

std::string ModulePath(absl::string_view module) {
  return absl::StrReplaceAll(module, {{".", "/"}});
}

absl::Status HoldsModule(const std::vector<std::string>& paths, absl::string_view module) {
  const std::string file = absl::StrCat(ModulePath(module), ".py");
  const std::string package = absl::StrCat(ModulePath(module), "/__init__.py");
  for (const std::string& path : paths) {
    if (path == file || path == package) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("The zip archive has no '", file, "' for the handler's module '", module, "'."));
}

absl::Status WriteSource(const std::string& source, const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  std::ofstream file(path, std::ios::binary);
  file << source;
  file.close();
  if (file) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("Cannot write '", path.string(), "'."));
}

absl::Status GrantRead(const std::string& path, bool is_folder, std::optional<unsigned> group) {
  const mode_t mode = group ? (is_folder ? 0750 : 0640) : (is_folder ? 0700 : 0600);
  if ((group && chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0) ||
      chmod(path.c_str(), mode) != 0) {
    return absl::UnavailableError(absl::StrCat("Cannot set who may read '", path, "'."));
  }
  return absl::OkStatus();
}

// The server's umask and the modes in an archive have no say in who may read what.
absl::Status GrantReadToAll(const std::string& folder, std::optional<unsigned> group) {
  MILLRACE_RETURN_IF_ERROR(GrantRead(folder, true, group));
  std::error_code error;
  std::filesystem::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::end(entry); entry.increment(error)) {
    MILLRACE_RETURN_IF_ERROR(GrantRead(entry->path().string(), entry->is_directory(error), group));
  }
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("Cannot list '", folder, "': ", error.message()));
}

constexpr absl::string_view kFolderPrefix = "millrace-function-";

// The locked folder, if it is this user's and nobody else has locked it; else -1.
int LockLeftover(const std::string& path) {
  const int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder < 0) return -1;
  struct stat status {};
  if (fstat(folder, &status) == 0 && status.st_uid == geteuid() &&
      flock(folder, LOCK_EX | LOCK_NB) == 0) {
    return folder;
  }
  close(folder);
  return -1;
}

bool DefinesMainHandler(absl::string_view source) {
  for (absl::string_view line : absl::StrSplit(source, '\n')) {
    if (absl::StartsWith(line, "async ")) {
      line = absl::StripLeadingAsciiWhitespace(line.substr(6));
    }
    if (!absl::ConsumePrefix(&line, "def ")) continue;
    line = absl::StripLeadingAsciiWhitespace(line);
    if (!absl::ConsumePrefix(&line, "main_handler")) continue;
    if (absl::StartsWith(absl::StripLeadingAsciiWhitespace(line), "(")) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<HandlerName> ParseHandlerName(absl::string_view handler) {
  const std::vector<absl::string_view> parts = absl::StrSplit(handler, '.');
  if (handler.size() > kHandlerBytesMax || parts.size() < 2 ||
      !std::all_of(parts.begin(), parts.end(), IsIdentifier)) {
    return absl::InvalidArgumentError(
        absl::StrCat("The handler '", handler.substr(0, kHandlerBytesMax),
                     "' must have the form 'module.function', of ASCII letters, digits and '_'."));
  }
  if (IsPythonsOwn(parts.front())) {
    return absl::InvalidArgumentError(
        absl::StrCat("The handler's module cannot be called '", parts.front(),
                     "': Python has a module of this name loaded already."));
  }
  const size_t module_bytes = handler.size() - parts.back().size() - 1;
  return HandlerName{.module = std::string(handler.substr(0, module_bytes)),
                     .function = std::string(parts.back())};
}

absl::Status ValidateFunctionCode(const FunctionCode& code) {
  MILLRACE_ASSIGN_OR_RETURN(const HandlerName handler, ParseHandlerName(code.handler));
  if (code.source.empty() == code.zip.empty()) {
    return absl::InvalidArgumentError("Exactly one of source and zip must be set.");
  }
  if (code.timeout <= absl::ZeroDuration() || code.memory_bytes_max <= 0) {
    return absl::InvalidArgumentError("The timeout and the memory limit must be positive.");
  }
  if (code.zip.empty()) return absl::OkStatus();
  MILLRACE_ASSIGN_OR_RETURN(const std::vector<std::string> paths, ListZip(code.zip));
  return HoldsModule(paths, handler.module);
}

absl::StatusOr<std::shared_ptr<FunctionCode>> LoadFunctionFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) {
    return absl::NotFoundError(absl::StrCat("Cannot read the function file '", path, "'."));
  }
  auto code = std::make_shared<FunctionCode>();
  code->source = text.str();
  code->version_key =
      absl::StrCat("file:", path, ":", absl::Hex(std::hash<std::string>()(code->source)));
  // A function may be called what no module can be called.
  std::string module = std::filesystem::path(path).stem().string();
  std::replace(module.begin(), module.end(), '-', '_');
  code->handler =
      absl::StrCat(module, DefinesMainHandler(code->source) ? ".main_handler" : ".handler");
  MILLRACE_RETURN_IF_ERROR(ValidateFunctionCode(*code));
  return code;
}

absl::StatusOr<CodeFolder> CodeFolder::Make(const FunctionCode& code, const std::string& parent,
                                            std::optional<FunctionUser> reader) {
  MILLRACE_ASSIGN_OR_RETURN(const HandlerName handler, ParseHandlerName(code.handler));
  std::string path = absl::StrCat(parent, "/millrace-making-XXXXXX");
  if (mkdtemp(path.data()) == nullptr) {
    return absl::UnavailableError(absl::StrCat("Cannot make a folder in '", parent, "'."));
  }
  CodeFolder folder(std::move(path));
  MILLRACE_RETURN_IF_ERROR(folder.Lock());
  if (code.zip.empty()) {
    MILLRACE_RETURN_IF_ERROR(WriteSource(
        code.source, absl::StrCat(folder.path_, "/", ModulePath(handler.module), ".py")));
  } else {
    MILLRACE_RETURN_IF_ERROR(UnpackZip(code.zip, folder.path_));
  }
  folder.reader_ = std::move(reader);
  MILLRACE_RETURN_IF_ERROR(GrantReadToAll(folder.path_, folder.reader()));
  return folder;
}

CodeFolder& CodeFolder::operator=(CodeFolder&& other) noexcept {
  if (this != &other) {
    Remove();
    path_ = std::exchange(other.path_, {});
    lock_ = std::exchange(other.lock_, -1);
    reader_ = std::move(other.reader_);
  }
  return *this;
}

// The folder gets the name under which leftovers are looked for only when it is locked.
absl::Status CodeFolder::Lock() {
  lock_ = open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::string::size_type suffix = path_.rfind('-');
  const std::string::size_type name = path_.rfind('/') + 1;
  std::string locked = absl::StrCat(path_.substr(0, name), kFolderPrefix, path_.substr(suffix + 1));
  if (lock_ < 0 || flock(lock_, LOCK_EX | LOCK_NB) != 0 ||
      rename(path_.c_str(), locked.c_str()) != 0) {
    return absl::UnavailableError(absl::StrCat("Cannot lock the folder '", path_, "'."));
  }
  path_ = std::move(locked);
  return absl::OkStatus();
}

void CodeFolder::Remove() {
  if (path_.empty()) return;
  std::error_code ignored;  // the next server's start tries again
  std::filesystem::remove_all(path_, ignored);
  path_.clear();
  if (lock_ >= 0) close(std::exchange(lock_, -1));
}

void CodeFolder::RemoveLeftovers(const std::string& parent) {
  std::error_code error;
  std::filesystem::directory_iterator entry(parent, error);
  for (; !error && entry != std::filesystem::end(entry); entry.increment(error)) {
    if (!absl::StartsWith(entry->path().filename().string(), kFolderPrefix)) continue;
    const int lock = LockLeftover(entry->path().string());
    if (lock < 0) continue;
    CodeFolder leftover(entry->path().string());
    leftover.lock_ = lock;
  }
}

}  // namespace millrace
