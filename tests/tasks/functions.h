#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/tasks/function_host.h"

namespace millrace {

// A function with this source, whose handler is `module.main_handler`.
inline std::shared_ptr<FunctionCode> MakeFunction(std::string source) {
  static std::atomic<int> next{0};
  auto code = std::make_shared<FunctionCode>();
  code->version_key = absl::StrCat("version-", next++);
  code->handler = "module.main_handler";
  code->source = std::move(source);
  code->timeout = absl::Seconds(60);
  return code;
}

// The same with `body` as the handler's only lines, which are indented by one space here.
inline std::shared_ptr<FunctionCode> MakeHandler(const std::string& body) {
  return MakeFunction(absl::StrCat("import os, sys\ndef main_handler(event, context):\n", body));
}

inline std::future<InvocationResult> Start(FunctionHost& host, std::shared_ptr<FunctionCode> code,
                                           Json event = Json(),
                                           const InvocationContext& context = {}) {
  auto promise = std::make_shared<std::promise<InvocationResult>>();
  std::future<InvocationResult> future = promise->get_future();
  host.Invoke(std::move(code), std::move(event), context,
              [promise](InvocationResult result) { promise->set_value(std::move(result)); });
  return future;
}

inline InvocationResult Call(FunctionHost& host, std::shared_ptr<FunctionCode> code,
                             Json event = Json(), const InvocationContext& context = {}) {
  return Start(host, std::move(code), std::move(event), context).get();
}

// The result's JSON text, or "error NAME".
inline std::string Text(const InvocationResult& result) {
  if (result.ok()) return result->ToText();
  return absl::StrCat("error ", result.error().name.value_or("?"));
}

struct ZipItem {
  std::string path;
  std::string content;
  unsigned type = AE_IFREG;
  std::string link = {};
};

inline std::string MakeZip(const std::vector<ZipItem>& items) {
  std::string zip(64 << 20, '\0');
  size_t used = 0;
  archive* writer = archive_write_new();
  archive_write_set_format_zip(writer);
  archive_write_open_memory(writer, zip.data(), zip.size(), &used);
  for (const ZipItem& item : items) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, item.path.c_str());
    archive_entry_set_filetype(entry, item.type);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, static_cast<la_int64_t>(item.content.size()));
    if (item.type == AE_IFLNK) archive_entry_set_symlink(entry, item.link.c_str());
    archive_write_header(writer, entry);
    archive_write_data(writer, item.content.data(), item.content.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  zip.resize(used);
  return zip;
}

}  // namespace millrace
