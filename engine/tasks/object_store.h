#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace millrace {

struct StoredObject {
  std::string key;
  int64_t bytes = 0;
  std::string etag;
  absl::Time changed_at;
};

// Where distributed Maps read their items and write their results: objects by key, in buckets.
// Thread-safe. Calls may block; NOT_FOUND is a bucket or an object that is not there, and anything
// else that fails has a text for the workflow's author.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;
  // RESOURCE_EXHAUSTED for an object of more than `bytes_max`.
  virtual absl::StatusOr<std::string> Get(const std::string& bucket, const std::string& key,
                                          size_t bytes_max) = 0;
  // Replaces what is there.
  virtual absl::Status Put(const std::string& bucket, const std::string& key,
                           absl::string_view body) = 0;
  // Those whose key begins with `prefix`, by key; at most `count_max`.
  virtual absl::StatusOr<std::vector<StoredObject>> List(const std::string& bucket,
                                                         const std::string& prefix,
                                                         size_t count_max) = 0;
};

// One that forgets when it is gone; a bucket is there from its first Put on.
class MemoryObjectStore : public ObjectStore {
 public:
  absl::StatusOr<std::string> Get(const std::string& bucket, const std::string& key,
                                  size_t bytes_max) override;
  absl::Status Put(const std::string& bucket, const std::string& key,
                   absl::string_view body) override;
  absl::StatusOr<std::vector<StoredObject>> List(const std::string& bucket,
                                                 const std::string& prefix,
                                                 size_t count_max) override;

 private:
  struct Object {
    std::string body;
    absl::Time changed_at;
  };
  std::mutex mutex_;  // guards buckets_
  std::map<std::string, std::map<std::string, Object>> buckets_;
};

}  // namespace millrace
