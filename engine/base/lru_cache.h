#pragma once

#include <cstddef>
#include <list>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace millrace {

// The entries that were used last, as many as fit into `cost_max`. What an entry costs is the
// caller's word: 1 to count them, or bytes. An entry that costs more than all is not kept.
// Not thread-safe.
template <typename Key, typename Value>
class LruCache {
 public:
  explicit LruCache(size_t cost_max) : cost_max_(cost_max) {}

  // The entry, which counts as used now, or nullptr. Valid until the next Put or Erase.
  Value* Find(const Key& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->value;
  }

  void Put(const Key& key, Value value, size_t cost = 1) {
    Erase(key);
    if (cost > cost_max_) return;
    entries_.push_front({.key = key, .value = std::move(value), .cost = cost});
    places_[key] = entries_.begin();
    cost_ += cost;
    while (cost_ > cost_max_) Erase(Key(entries_.back().key));
  }

  void Erase(const Key& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return;
    cost_ -= found->second->cost;
    entries_.erase(found->second);
    places_.erase(found);
  }

  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Key key;
    Value value;
    size_t cost = 0;
  };

  const size_t cost_max_;
  size_t cost_ = 0;
  std::list<Entry> entries_;  // the one used last comes first
  absl::flat_hash_map<Key, typename std::list<Entry>::iterator> places_;
};

}  // namespace millrace
