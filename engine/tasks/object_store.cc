#include "engine/tasks/object_store.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/base/hash.h"

namespace millrace {
namespace {

absl::Status NoBucket() { return absl::NotFoundError("The specified bucket does not exist"); }

}  // namespace

absl::StatusOr<std::string> MemoryObjectStore::Get(const std::string& bucket,
                                                   const std::string& key, size_t bytes_max) {
  const std::lock_guard lock(mutex_);
  const auto found = buckets_.find(bucket);
  if (found == buckets_.end()) return NoBucket();
  const auto object = found->second.find(key);
  if (object == found->second.end()) {
    return absl::NotFoundError("The specified key does not exist.");
  }
  if (object->second.body.size() > bytes_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("The object is larger than ", bytes_max, " bytes."));
  }
  return object->second.body;
}

absl::Status MemoryObjectStore::Put(const std::string& bucket, const std::string& key,
                                    absl::string_view body) {
  const std::lock_guard lock(mutex_);
  buckets_[bucket][key] = {.body = std::string(body), .changed_at = absl::Now()};
  return absl::OkStatus();
}

absl::StatusOr<std::vector<StoredObject>> MemoryObjectStore::List(const std::string& bucket,
                                                                  const std::string& prefix,
                                                                  size_t count_max) {
  const std::lock_guard lock(mutex_);
  const auto found = buckets_.find(bucket);
  if (found == buckets_.end()) return NoBucket();
  std::vector<StoredObject> objects;
  for (auto it = found->second.lower_bound(prefix); it != found->second.end(); ++it) {
    if (!absl::StartsWith(it->first, prefix) || objects.size() == count_max) break;
    objects.push_back({.key = it->first,
                       .bytes = static_cast<int64_t>(it->second.body.size()),
                       .etag = absl::BytesToHexString(Md5(it->second.body)),
                       .changed_at = it->second.changed_at});
  }
  return objects;
}

}  // namespace millrace
